package leak

import (
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// A survival is what is left at a site when the load has stopped and goroutines have had time to
// end.
type survival struct {
	n      int   // goroutines that came with the load
	births []int // of them, by the interval between two dumps; nil when only the end was captured
	newer  int   // goroutines that came after the load
}

// A loadEnd is how the load is seen to have ended.
type loadEnd struct {
	snaps  []*evidence.Snapshot // when it had settled
	newest []uint64             // newest goroutine of each dump under load
	quiet  bool                 // hardly any goroutine came after it
	tests  bool                 // there are no dumps under load: tests, which are over
	where  map[uint64]string    // site of each goroutine that is left, empty for those at none; nil for tests
}

// maxLateBirths is the share of goroutines that may come after the load, of those that came under
// it, for it to have stopped: housekeeping goes on.
const maxLateBirths = 0.2

func (s *survey) readLoadEnd() {
	snaps := s.settled
	if len(snaps) == 0 {
		return
	}
	end := &loadEnd{snaps: snaps, tests: len(s.snapshots) == 0}
	if !end.tests {
		for _, d := range s.dumps {
			end.newest = append(end.newest, newestID(d))
		}
		if len(end.newest) < 2 || !snaps[len(snaps)-1].HasIDs {
			return // without ids nobody can say who came with the load
		}
		first, last := end.newest[0], end.newest[len(end.newest)-1]
		late := newestID(snaps[len(snaps)-1]) - min(last, newestID(snaps[len(snaps)-1]))
		end.quiet = float64(late) <= maxLateBirths*float64(last-min(first, last))
		end.snaps = snaps[len(snaps)-1:]
	}
	s.end = end
}

func newestID(d *evidence.Snapshot) uint64 {
	var newest uint64
	for i := range d.Groups {
		if ids := d.Groups[i].IDs; len(ids) > 0 {
			newest = max(newest, ids[len(ids)-1])
		}
	}
	return newest
}

// readSurvivors counts by site who came with the load and is still there.
func (s *survey) readSurvivors() {
	if s.end == nil {
		return
	}
	if !s.end.tests {
		s.end.where = map[uint64]string{}
	}
	for _, snap := range s.end.snaps {
		for i := range snap.Groups {
			g := &snap.Groups[i]
			where, ok := siteOf(g.Wait, g.Stack, g.CreatedBy)
			if !s.end.tests {
				for _, id := range g.IDs {
					s.end.where[id] = where.key
				}
			}
			if !ok || isMainGroup(g) || s.end.tests && startedByInit(g.CreatedBy) {
				continue
			}
			c := s.at(where)
			if c.left == nil {
				c.left = &survival{}
			}
			c.left.add(g, s.end)
			c.minutes = max(c.minutes, g.MaxMinutes)
		}
	}
}

func (l *survival) add(g *evidence.Group, end *loadEnd) {
	if end.tests {
		l.n += g.Count
		return
	}
	if l.births == nil {
		l.births = make([]int, len(end.newest)-1)
	}
	for _, id := range g.IDs {
		// The first dump is from before the load: who is in it, or was there with it, is older.
		switch i, _ := slices.BinarySearch(end.newest, id); i {
		case 0:
		case len(end.newest):
			l.newer++
		default:
			l.n++
			l.births[i-1]++
		}
	}
}

// startedByInit reports a goroutine that package initialisation started: it lives as long as the
// process.
func startedByInit(creator evidence.Frame) bool {
	_, name, _ := strings.Cut(creator.Function[strings.LastIndexByte(creator.Function, '/')+1:], ".")
	return name == "init" || strings.HasPrefix(name, "init.")
}

// survived judges who is left. After tests everybody who is left is a leak: tests have no idle
// pools, unless the pool is one that nobody stops. After a load a pool that grew with it is left too;
// it fills up and is full, where a leak goes on.
func (s *survey) survived(c *candidate) analyze.Confidence {
	l := c.left
	if l == nil || l.n == 0 {
		return 0
	}
	if s.end.tests {
		if _, ok := c.stack.User(); !ok {
			return analyze.Possible // a connection or a pool of the standard library
		}
		return analyze.Likely
	}
	line := timelineOf(s.dumps, s.demand)
	exposure := line.exposure(l.births)
	half, fades := slowsDown(l.births, exposure)
	switch {
	case !s.end.quiet || float64(l.newer) > maxLateBirths*float64(l.n) || l.n < s.limits().growth:
		return 0
	case !keepsComing(l.births, line.requests) || half || onlyTheLatest(l.births, exposure):
		return 0
	case (fades || total(l.births) < minHalves || quietByNature(c.class) || c.keyed()) && !c.certain():
		return analyze.Possible
	}
	return analyze.Likely
}

// onlyTheLatest reports survivors of whom the early ones are gone: they end too, only later than we
// looked.
func onlyTheLatest(births []int, exposure []float64) bool {
	births, exposure = slices.Clone(births), slices.Clone(exposure[:len(births)])
	slices.Reverse(births)
	slices.Reverse(exposure)
	half, _ := slowsDown(births, exposure)
	return half
}

// gone is the share of a cohort that stayed to the last dump under load and has left by now.
func (s *survey) gone(c *candidate) float64 {
	if s.end == nil || s.end.where == nil || c.cohort == nil || len(c.cohort.history.old) == 0 {
		return 0
	}
	n := 0
	for _, m := range c.cohort.history.old {
		// Those that move between lines are gone when they have ended.
		if at, alive := s.end.where[m.id]; !alive || !c.moving && at != c.key {
			n++
		}
	}
	return float64(n) / float64(len(c.cohort.history.old))
}

// endedShare of a cohort is more than those that pass slowly: its goroutines end.
const endedShare = 0.2

func (s *survey) survivalSentence(c *candidate) string {
	who := quantity(c.left.n)
	if s.end.tests {
		verb := "outlive"
		if c.left.n == 1 {
			verb = "outlives"
		}
		return who + " in " + waitingIn(c) + " " + verb + " the tests"
	}
	return who + " in " + waitingIn(c) + " came under load and stayed when it had stopped"
}

// survivalMeasure counts the survivors; of a load, over its dumps.
func (s *survey) survivalMeasure(c *candidate) stats.Measure {
	if s.end.tests {
		return count("survivors", c.left.n, int64(len(s.end.snaps)), "goroutine dumps when the tests were over and had settled")
	}
	m := count("survivors", c.left.n, int64(len(s.dumps)), "born between the first and the last dump under load, there when it had stopped and settled; by goroutine id")
	if x, timed := times(s.dumps); timed {
		m = m.Over(x[len(x)-1])
	}
	return m
}
