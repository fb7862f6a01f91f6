package leak

import (
	"cmp"
	"slices"

	"go-debug/analyze/evidence"
)

// A life is what a set shows of one process, from its start to its end: goroutine ids mean
// something within one life only.
type life struct {
	snapshots []*evidence.Snapshot // whole ones of kind Goroutine, in time order
	dumps     []*evidence.Snapshot // those of snapshots that have ids
	settled   []*evidence.Snapshot // whole ones that were taken after the load had stopped
	marked    []*evidence.Snapshot // those that may hold the runtime's leak marks
	trace     *evidence.Trace
	loads     []evidence.Load
	cut       int // snapshots that are not whole and were left out
	restarted int // dumps of other lives of the same program that were left out
}

// livesOf splits a set by the programs that it was captured from. Traces and loads are merged
// when sets are, so with several programs only what can belong to one is used. Dumps of the dead are left out.
func livesOf(set *evidence.Set, dead map[*evidence.Snapshot]bool) []*life {
	target := map[string]string{}
	for _, in := range set.Inputs {
		target[in.Source] = in.Target
	}
	var lives []*life
	index := map[string]*life{}
	of := func(source string) *life {
		t := target[source]
		if index[t] == nil {
			index[t] = &life{}
			lives = append(lives, index[t])
		}
		return index[t]
	}
	for i := range set.Snapshots {
		if snap := &set.Snapshots[i]; !dead[snap] {
			of(snap.Source).add(snap)
		}
	}
	if t := set.Trace; t != nil && len(t.Windows) > 0 {
		l := of(t.Windows[0].Source)
		if !slices.ContainsFunc(t.Windows, func(w evidence.TraceWindow) bool { return of(w.Source) != l }) {
			l.trace = t
		}
	}
	if len(lives) == 1 {
		lives[0].loads = set.Loads
	}
	for _, l := range lives {
		l.snapshots = evidence.InOrder(l.snapshots)
		l.dumps = slices.DeleteFunc(slices.Clone(l.snapshots), func(s *evidence.Snapshot) bool { return !s.HasIDs })
		l.keepOne()
	}
	return lives
}

func (l *life) add(snap *evidence.Snapshot) {
	l.marked = append(l.marked, snap)
	switch {
	case snap.Kind != evidence.Goroutine:
	case !snap.Complete:
		l.cut++ // goroutines missing from a cut dump would count as gone
	case snap.Phase == evidence.Settled:
		l.settled = append(l.settled, snap)
	default:
		l.snapshots = append(l.snapshots, snap)
	}
}

// keepOne keeps the longest run of dumps without a restart between them, the latest of
// equally long ones.
func (l *life) keepOne() {
	starts := append(restarts(l.dumps), len(l.dumps))
	if len(starts) == 1 {
		return
	}
	from, lo, hi := 0, 0, 0
	for _, at := range starts {
		if at-from >= hi-lo {
			lo, hi = from, at
		}
		from = at
	}
	l.restarted = len(l.dumps) - (hi - lo)
	// The dumps are among the snapshots, in the same order, which need not be that of their positions.
	first, end := 0, len(l.snapshots)
	if lo > 0 {
		first = slices.Index(l.snapshots, l.dumps[lo])
	}
	if hi < len(l.dumps) {
		end = slices.Index(l.snapshots, l.dumps[hi])
	}
	l.snapshots = l.snapshots[first:end]
	if l.trace != nil && !l.covers(l.dumps[lo], l.dumps[hi-1]) {
		l.trace = nil
	}
	if hi < len(l.dumps) {
		l.settled = nil // of a later life
	}
	l.dumps = l.dumps[lo:hi]
}

// covers reports whether the trace lies between two dumps as far as times are known.
func (l *life) covers(first, last *evidence.Snapshot) bool {
	for _, w := range l.trace.Windows {
		if w.At.IsZero() || w.At.Before(first.At) || w.At.After(last.At) {
			return false
		}
	}
	return true
}

// restarts are the indices of dumps that show another life than the one before: an id that
// both have belongs to goroutines that were started in different places.
func restarts(dumps []*evidence.Snapshot) []int {
	if len(dumps) < 2 {
		return nil // a dump of a million goroutines is not sorted for nothing
	}
	creators := map[string]int32{"": unknownCreator}
	var out []int
	var before []born
	for i, snap := range dumps {
		now := bornIn(snap, creators)
		k := 0
		for _, b := range now {
			for k < len(before) && before[k].id < b.id {
				k++
			}
			if k < len(before) && before[k].id == b.id && before[k].by != b.by && before[k].by != unknownCreator && b.by != unknownCreator {
				out = append(out, i)
				break
			}
		}
		before = now
	}
	return out
}

// A born is a goroutine with a number for the function that started it.
type born struct {
	id uint64
	by int32
}

const unknownCreator = 0

// bornIn lists the goroutines of a dump by id. New creators get the next number.
func bornIn(snap *evidence.Snapshot, creators map[string]int32) []born {
	n := 0
	for i := range snap.Groups {
		n += len(snap.Groups[i].IDs)
	}
	out := make([]born, 0, n)
	for i := range snap.Groups {
		g := &snap.Groups[i]
		by, known := creators[g.CreatedBy.Function]
		if !known {
			by = int32(len(creators))
			creators[g.CreatedBy.Function] = by
		}
		for _, id := range g.IDs {
			out = append(out, born{id, by})
		}
	}
	slices.SortFunc(out, func(a, b born) int { return cmp.Compare(a.id, b.id) })
	return out
}

// times are the times of snapshots in seconds from the first; ok is false, and the times
// are plain numbers, when they are unknown or out of order.
func times(snaps []*evidence.Snapshot) (x []float64, ok bool) {
	x = make([]float64, len(snaps))
	ok = len(snaps) > 1
	for i, s := range snaps {
		if s.At.IsZero() || i > 0 && !s.At.After(snaps[i-1].At) {
			ok = false
			break
		}
		x[i] = s.At.Sub(snaps[0].At).Seconds()
	}
	if !ok {
		for i := range x {
			x[i] = float64(i)
		}
	}
	return x, ok
}
