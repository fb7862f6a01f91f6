package leak

import (
	"math"
	"slices"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// A series is a number of goroutines per snapshot.
type series []int

func (s series) first() int { return s[0] }
func (s series) last() int  { return s[len(s)-1] }

func (s series) gained() int {
	if len(s) == 0 {
		return 0
	}
	return s.last() - s.first()
}

func (s series) floats() []float64 {
	out := make([]float64, len(s))
	for i, v := range s {
		out[i] = float64(v)
	}
	return out
}

// steps are the increases from one snapshot to the next, negative ones as 0.
func (s series) steps() []int {
	var out []int
	for i := 1; i < len(s); i++ {
		out = append(out, max(0, s[i]-s[i-1]))
	}
	return out
}

// seriesOf counts the goroutines of which a predicate holds, per snapshot.
func seriesOf(snaps []*evidence.Snapshot, match func(*evidence.Group) bool) series {
	out := make(series, len(snaps))
	for i, snap := range snaps {
		for j := range snap.Groups {
			if g := &snap.Groups[j]; match(g) {
				out[i] += g.Count
			}
		}
	}
	return out
}

// A growth is a count that rose over snapshots without ids.
type growth struct {
	counts  series
	verdict verdict
	slope   stats.Slope
}

// readCounts tests counts per site where too few snapshots have ids for a trend of cohorts.
func (s *survey) readCounts() {
	if len(s.dumps) >= trendDumps || len(s.snapshots) < 2 || len(s.dumps) == len(s.snapshots) {
		return
	}
	counts := map[string]series{}
	sites := map[string]site{}
	for i, snap := range s.snapshots {
		for j := range snap.Groups {
			g := &snap.Groups[j]
			if isMainGroup(g) {
				continue
			}
			at, ok := siteOf(g.Wait, g.Stack, g.CreatedBy)
			// Requests that queue grow too, and only ids show that they leave.
			if !ok || servesRequests(g.Stack) {
				continue
			}
			if counts[at.key] == nil {
				counts[at.key] = make(series, len(s.snapshots))
			}
			counts[at.key][i] += g.Count
			if old, seen := sites[at.key]; seen && at.creator.IsZero() {
				at.creator = old.creator
			}
			sites[at.key] = at
		}
	}
	t := timelineOf(s.snapshots, s.demand)
	for key, c := range counts {
		if g := judgeCounts(c, t, s.limits()); g != nil {
			s.at(sites[key]).growth = g
		}
	}
}

// judgeCounts asks for growth at every snapshot, of at least pairGrowth and beyond the noise of
// goroutines that pass through. It returns nil for anything else.
func judgeCounts(c series, t timeline, l limits) *growth {
	gained := c.gained()
	noise := countNoise * math.Sqrt(float64(c.first()+c.last()))
	if gained < max(pairGrowth, l.growth) || float64(gained) < noise {
		return nil
	}
	v := c.floats()
	if len(c) == 2 {
		if c.last() < 2*c.first() || gained < 5*pairGrowth {
			return nil
		}
	} else if !risesEachTime(v) || len(c) >= trendDumps && stats.MannKendall(v).PUp >= l.p {
		return nil
	}
	g := &growth{counts: c, verdict: growing, slope: stats.TheilSen(t.x, v, 0.95)}
	if half, _ := slowsDown(c.steps(), t.exposure(c.steps())); half {
		g.verdict = stopped
	}
	return g
}

// countNoise is how many standard deviations of the difference of two Poisson counts growth must have: the
// number of goroutines that pass through a line varies like that. Bursts vary more, but not upward each time.
const countNoise = 3

// inStep reports growth that requests explain: as many of them came into flight, by the metrics of the
// program. Where it has none the goroutines that serve requests or hold connections are counted instead,
// in number or in proportion; those of another server in the same process are among them. Both are counted in
// the same snapshots: between the counts with which a capture begins and its first dump a wave of requests may end.
func (s *survey) inStep(snaps []*evidence.Snapshot, gained, first int) bool {
	if inFlight, known := s.demand.gainedInFlight(snaps); known {
		return float64(gained) <= stepSlack*inFlight
	}
	held := seriesOf(snaps, func(g *evidence.Group) bool { return servesRequests(g.Stack) })
	// A connection that was idle takes a new request and is not one more.
	handled := seriesOf(snaps, func(g *evidence.Group) bool {
		_, user := g.Stack.User()
		return user && servesRequests(g.Stack)
	})
	return held.explains(gained, first) || handled.explains(gained, first)
}

// explains reports that as many others came, in number or in proportion.
func (s series) explains(gained, first int) bool {
	if s.gained() < pairGrowth {
		return false
	}
	proportion := float64(gained) / float64(max(first, 1))
	return float64(gained) <= stepSlack*float64(s.gained()) ||
		proportion <= stepSlack*float64(s.gained())/float64(max(s.first(), 1))
}

// stepSlack allows for a quarter more goroutines than requests: snapshots and requests are not
// counted at the same moment.
const stepSlack = 1.25

// readClusters looks for many goroutines at one line in the only snapshot.
func (s *survey) readClusters() {
	if len(s.snapshots) != 1 {
		return
	}
	counts := map[string]*candidate{}
	for i := range s.snapshots[0].Groups {
		g := &s.snapshots[0].Groups[i]
		at, ok := siteOf(g.Wait, g.Stack, g.CreatedBy)
		_, user := g.Stack.User()
		// Connections of the standard library are as many as there are peers.
		if !ok || !user || isMainGroup(g) {
			continue
		}
		c := counts[at.key]
		if c == nil {
			c = &candidate{site: at}
			counts[at.key] = c
		}
		c.count += g.Count
		c.minutes = max(c.minutes, g.MaxMinutes)
	}
	p := s.p
	for _, c := range counts {
		many := int(p.Param("min-cluster"))
		if code := codeOf(p.Evidence.Code, &c.site); code != nil && code.Certain {
			many = min(many, pairGrowth)
		}
		waited := c.count >= many && c.minutes >= int(p.Param("min-minutes"))
		if !waited && c.count < int(p.Param("large-cluster")) {
			continue
		}
		at := s.at(c.site)
		at.cluster, at.count, at.minutes = true, c.count, max(at.minutes, c.minutes)
	}
}

// countLast fills in how many goroutines the last snapshot has at each candidate.
func (s *survey) countLast() {
	if len(s.snapshots) == 0 {
		return
	}
	last := s.snapshots[len(s.snapshots)-1]
	counts := map[string]int{}
	for i := range last.Groups {
		g := &last.Groups[i]
		if at, ok := siteOf(g.Wait, g.Stack, g.CreatedBy); ok && !isMainGroup(g) {
			counts[at.key] += g.Count
		}
	}
	for key, c := range s.candidates {
		c.count = counts[key]
	}
}

// biggest returns the groups of the last dump that a placer puts under one key, the most
// populous first.
func (s *survey) biggest(where placer, key string) []*evidence.Group {
	var out []*evidence.Group
	last := s.dumps[len(s.dumps)-1]
	for i := range last.Groups { // ordered by count
		g := &last.Groups[i]
		if at, ok := where(g); ok && at.key == key {
			out = append(out, g)
		}
	}
	slices.SortStableFunc(out, func(a, b *evidence.Group) int { return b.Count - a.Count })
	return out
}
