package leak

import (
	"math"
	"slices"

	"go-debug/analyze/evidence"
)

// A traceSite is what traces show of one site.
type traceSite struct {
	open   int64 // waits open at the end
	silent int64 // of those, for the whole window
	ended  int64
	ids    []uint64 // of open, ascending
}

// traceSites adds up the blocking stacks of a trace by site.
func traceSites(t *evidence.Trace) map[string]*traceSite {
	out := map[string]*traceSite{}
	if t == nil {
		return out
	}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		at, ok := siteOf(b.Wait, t.StackOf(b.Stack), evidence.Frame{})
		if !ok {
			continue
		}
		ts := out[at.key]
		if ts == nil {
			ts = &traceSite{}
			out[at.key] = ts
		}
		ts.open += b.Open.Count
		ts.silent += b.Silent
		ts.ended += b.Ended.Count + b.Unseen.Count
		ts.ids = append(ts.ids, b.OpenIDs...)
	}
	for _, ts := range out {
		slices.Sort(ts.ids)
		ts.ids = slices.Compact(ts.ids)
	}
	return out
}

// silence is the share of the given goroutines (ascending ids) that waited here for the
// whole trace, and how many of them the trace could have shown: those up to the newest
// that was alive before it began. It is a lower bound: open waits that began in the window are taken to be
// theirs as far as newer goroutines don't explain them.
func (ts *traceSite) silence(ids []uint64, newest uint64) (share float64, n int) {
	n, found := slices.BinarySearch(ids, newest)
	if found {
		n++
	}
	ids = ids[:n]
	if ts == nil || n == 0 {
		return 0, n
	}
	here, newer := int64(0), int64(0)
	for _, id := range ts.ids {
		if _, ok := slices.BinarySearch(ids, id); ok {
			here++
		} else if id > ids[n-1] {
			newer++
		}
	}
	moved := max(0, ts.open-ts.silent-newer)
	return float64(max(0, here-moved)) / float64(n), n
}

// newestBefore is the newest goroutine of the last dump before the trace. Where times are
// unknown nothing is left out: goroutines that came later then count as having moved, which
// errs to the safe side.
func (s *survey) newestBefore() uint64 {
	t := s.p.Evidence.Trace
	if t == nil || len(t.Windows) == 0 || t.Windows[0].At.IsZero() {
		return math.MaxUint64
	}
	var newest uint64
	for _, d := range s.dumps {
		if d.At.IsZero() || d.At.After(t.Windows[0].At) {
			continue
		}
		for i := range d.Groups {
			if ids := d.Groups[i].IDs; len(ids) > 0 {
				newest = max(newest, ids[len(ids)-1])
			}
		}
	}
	return newest
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
	t := s.p.Evidence.Trace
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
			if f, ok := made.User(); ok {
				creator = f
			}
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
