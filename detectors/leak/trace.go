package leak

import (
	"fmt"
	"math"
	"slices"

	"go-debug/analyze/evidence"
)

// A traceSite is what traces show of one site.
type traceSite struct {
	key     string
	open    int64 // waits open at the end
	silent  int64 // of those, for the whole window
	newborn int64 // of open: goroutines that were made within the window
	ended   int64
	ids     []uint64 // of open, ascending
}

// traceSites adds up the blocking stacks of a trace by site. Stacks that are no site, and unknown
// ones, are kept by themselves: goroutines are looked for by id wherever they are.
func traceSites(t *evidence.Trace) (byKey map[string]*traceSite, byStack map[int32]*traceSite) {
	byKey, byStack = map[string]*traceSite{}, map[int32]*traceSite{}
	if t == nil {
		return byKey, byStack
	}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		key := fmt.Sprintf("stack %d %s", b.Stack, b.Wait)
		if at, ok := siteOf(b.Wait, t.StackOf(b.Stack), evidence.Frame{}); ok {
			key = at.key
		}
		ts := byKey[key]
		if ts == nil {
			ts = &traceSite{key: key}
			byKey[key] = ts
		}
		byStack[b.Stack] = ts
		ts.open += b.Open.Count
		ts.silent += b.Silent
		ts.ended += b.Ended.Count + b.Unseen.Count
		ts.ids = append(ts.ids, b.OpenIDs...)
	}
	for i := range t.Sites {
		for _, park := range newborn(&t.Sites[i]) {
			if ts := byStack[park.Stack]; ts != nil {
				ts.newborn += park.Count
			}
		}
	}
	for _, ts := range byKey {
		slices.Sort(ts.ids)
		ts.ids = slices.Compact(ts.ids)
	}
	return byKey, byStack
}

// newborn is where the goroutines wait that were made within the window. Those that were there
// before have creation sites of their own, without a go statement.
func newborn(cs *evidence.CreationSite) []evidence.StackCount {
	if cs.Stack == 0 {
		return nil
	}
	return cs.Parked
}

// A watch is what a trace says of the goroutines of a cohort that it could show: n of them,
// of which silent did nothing in the whole window, as far as can be told.
type watch struct{ n, silent int }

// still reports goroutines of which none moved. One in fifty is allowed, from ten on at least one:
// a goroutine that is made just before the window and blocks in it cannot be told from them.
func (w watch) still() bool {
	slack := w.n / 50
	if w.n >= 10 {
		slack = max(slack, 1)
	}
	return w.n >= minWatched && w.n-w.silent <= slack
}

// minWatched is the fewest goroutines whose silence means something.
const minWatched = 3

// watch looks up those of a cohort that were at their site before the trace began.
func (s *survey) watch(c *cohort) watch {
	if s.trace == nil || c == nil {
		return watch{}
	}
	var ids []uint64
	for _, m := range c.history.old {
		if int(m.since) <= s.beforeTrace {
			ids = append(ids, m.id)
		}
	}
	w := watch{n: len(ids)}
	arriving := s.arriving(c)
	for _, ts := range s.traces {
		w.silent += ts.silentOf(ids, arriving)
	}
	return w
}

// silentOf is how many of the given goroutines (ascending ids) waited here for the whole trace. The
// trace counts the waits that began in the window and does not say whose they are: they are taken to
// be theirs, except those of goroutines that were made in the window or that were on their way here.
func (ts *traceSite) silentOf(ids []uint64, arriving float64) int {
	if len(ids) == 0 || ts.silent == 0 {
		return 0
	}
	here := 0
	for _, id := range ts.ids {
		if _, ok := slices.BinarySearch(ids, id); ok {
			here++
		}
	}
	moved := max(0, ts.open-ts.silent-ts.newborn-int64(arriving))
	return max(0, here-int(min(moved, math.MaxInt32)))
}

// arriving is how many goroutines, at most, came to a cohort's site within the trace although they
// were made before it: the usual number of newcomers, as far as those made in the window show that they
// take their time on the way.
func (s *survey) arriving(c *cohort) float64 {
	if _, timed := times(s.dumps); !timed || !(c.slope.Value > 0) || len(c.history.stack) == 0 {
		return 0
	}
	root := c.history.stack[len(c.history.stack)-1].Function
	var alive, arrived float64
	for i := range s.trace.Sites {
		cs := &s.trace.Sites[i]
		start := s.trace.StackOf(cs.Start)
		if cs.Stack == 0 || len(start) == 0 || start[len(start)-1].Function != root {
			continue
		}
		alive += float64(cs.Created - cs.Lifetime.Count)
		for _, park := range cs.Parked {
			if ts := s.byStack[park.Stack]; ts != nil && ts.key == c.history.key {
				arrived += float64(park.Count)
			}
		}
	}
	onTheWay := 1.0
	if alive > 0 {
		onTheWay = max(0, 1-arrived/alive)
	}
	expected := c.slope.Value * float64(s.trace.DurationNS()) / 1e9
	return onTheWay * (expected + 2*math.Sqrt(expected))
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
