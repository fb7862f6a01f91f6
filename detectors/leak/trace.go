package leak

import (
	"fmt"
	"slices"

	"go-debug/analyze/evidence"
)

// A traceSite is what traces show of one site.
type traceSite struct {
	open   int64 // waits open at the end
	silent int64 // of those, for the whole window
	ended  int64
	still  []uint64 // goroutines of silent, ascending
}

// traceSites adds up the blocking stacks of a trace by site. Stacks that are no site, and unknown
// ones, are kept by themselves: goroutines are looked for by id wherever they are.
func traceSites(t *evidence.Trace) map[string]*traceSite {
	sites := map[string]*traceSite{}
	if t == nil {
		return sites
	}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		key := fmt.Sprintf("stack %d %s", b.Stack, b.Wait)
		if at, ok := siteOf(b.Wait, t.StackOf(b.Stack), evidence.Frame{}); ok {
			key = at.key
		}
		ts := sites[key]
		if ts == nil {
			ts = &traceSite{}
			sites[key] = ts
		}
		ts.open += b.Open.Count
		ts.silent += b.Silent
		ts.ended += b.Ended.Count + b.Unseen.Count
		for _, id := range b.OpenIDs {
			if _, moved := slices.BinarySearch(b.MovedIDs, id); !moved {
				ts.still = append(ts.still, id)
			}
		}
	}
	for _, ts := range sites {
		slices.Sort(ts.still)
		ts.still = slices.Compact(ts.still)
	}
	return sites
}

// A watch is what a trace says of the goroutines of a cohort that it could show: n of them,
// of which silent did nothing in the whole window.
type watch struct{ n, silent int }

// still reports goroutines of which none moved. One in fifty is allowed: others come back to a line that
// a few leak at, and a dump cannot tell them apart.
func (w watch) still() bool { return w.n >= minWatched && w.n-w.silent <= w.n/50 }

// minWatched is the fewest goroutines whose silence means something.
const minWatched = 3

// watch looks up those of a cohort that were at their site before the trace began, each by its id.
func (s *survey) watch(c *cohort) watch {
	if s.trace == nil || c == nil {
		return watch{}
	}
	var w watch
	for _, m := range c.history.old {
		if int(m.since) > s.beforeTrace {
			continue
		}
		w.n++
		for _, ts := range s.traces {
			if _, ok := slices.BinarySearch(ts.still, m.id); ok {
				w.silent++
				break
			}
		}
	}
	return w
}

// lastBefore is the index of the last dump before the trace. Where times are unknown it is that of
// the last dump: goroutines that came after the trace then count as having moved, which errs to
// the safe side.
func lastBefore(t *evidence.Trace, dumps []*evidence.Snapshot) int {
	if t == nil || len(t.Windows) == 0 {
		return -1
	}
	last := -1
	for i, d := range dumps {
		for _, w := range t.Windows {
			if w.At.IsZero() || d.At.IsZero() {
				return len(dumps) - 1
			}
			if d.At.After(w.At) {
				return last
			}
		}
		last = i
	}
	return last
}

// A creation is what a trace alone shows: goroutines made at one go statement that do not
// end and wait at one site.
type creation struct {
	created, ended int64
	parked         int64
	windowS        float64
}

// readTrace looks for go statements whose goroutines do not end, where there are no
// snapshots to follow them.
func (s *survey) readTrace() {
	t := s.trace
	if t == nil || len(s.snapshots) >= 2 || startsUp(t) {
		return
	}
	l := s.limits()
	for i := range t.Sites {
		cs := &t.Sites[i]
		net := cs.Created - cs.Ended
		if net < max(pairGrowth, int64(l.growth)) || float64(cs.Ended) > l.exits*float64(cs.Created) {
			continue
		}
		var creator evidence.Frame
		if made := t.StackOf(cs.Stack); len(made) > 0 {
			creator = made[0]
		}
		for _, park := range cs.Parked {
			stack := t.StackOf(park.Stack)
			at, ok := siteOf(evidence.WaitNone, stack, creator)
			if !ok || park.Count*2 < net || servesRequests(stack) {
				continue
			}
			s.at(at).created = &creation{created: cs.Created, ended: cs.Ended, parked: park.Count,
				windowS: float64(t.DurationNS()) / 1e9}
		}
	}
}

// startsUp reports a trace in which goroutines are made at the beginning and hardly any
// later: a pool being filled. Sites have no timeline of their own.
func startsUp(t *evidence.Trace) bool {
	var early, late int64
	for i := range t.Windows {
		made := t.Windows[i].Series.Created
		for j, n := range made {
			if j < (len(made)+1)/2 {
				early += n
			} else {
				late += n
			}
		}
	}
	return 2*late <= early // also when there is no series to tell
}
