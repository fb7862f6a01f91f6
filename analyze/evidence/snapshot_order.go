package evidence

import (
	"cmp"
	"slices"
	"sort"
)

// InOrder puts snapshots of one process in the order of their times where some have one and others do not, as when goroutine
// profiles, which say when they were taken, stand beside dumps in text, which do not: the names of their files then say
// nothing of which came first. Those without a time go where they change least, by the number of goroutines: no snapshot
// makes a growth of its own by its place, or hides one. Several in one place are ordered by their largest goroutine ids,
// which rise in a process, and where these are not known by the number of goroutines, up or down as it goes there. With
// fewer than two times the order stays.
func InOrder(snaps []*Snapshot) []*Snapshot {
	if !mixed(snaps) {
		return snaps
	}
	var dated, undated []*Snapshot
	for _, s := range snaps {
		if s.At.IsZero() {
			undated = append(undated, s)
		} else {
			dated = append(dated, s)
		}
	}
	slices.SortStableFunc(dated, func(a, b *Snapshot) int { return a.At.Compare(b.At) })
	up, down := make([]int, len(dated)), make([]int, len(dated))
	for i, s := range dated {
		up[i], down[i] = s.Total, -s.Total
	}
	upward, downward := courseOf(up), courseOf(down)
	gaps := make([][]*Snapshot, len(dated)+1)
	for _, s := range undated {
		gap := 0
		if s.Total >= up[len(up)-1] {
			gap = upward.gapOf(s.Total)
		} else {
			gap = downward.gapOf(-s.Total)
		}
		gaps[gap] = append(gaps[gap], s)
	}
	out := make([]*Snapshot, 0, len(snaps))
	for gap, between := range gaps {
		// At the ends it goes on as it goes beside them.
		k := min(max(gap, 1), len(up)-1)
		orderGap(between, cmp.Compare(up[k], up[k-1]))
		out = append(out, between...)
		if gap < len(dated) {
			out = append(out, dated[gap])
		}
	}
	return out
}

// mixed reports snapshots without a time beside at least two that have one.
func mixed(snaps []*Snapshot) bool {
	dated := 0
	for _, s := range snaps {
		if !s.At.IsZero() {
			dated++
		}
	}
	return dated >= 2 && dated < len(snaps)
}

// A course is a number over time, with the highest that is still to come: highest[i] is that of totals[i:].
type course struct{ totals, highest []int }

func courseOf(totals []int) course {
	highest := slices.Clone(totals)
	for i := len(highest) - 2; i >= 0; i-- {
		highest[i] = max(highest[i], highest[i+1])
	}
	return course{totals, highest}
}

// gapOf is where one more number, which is not below the last one, makes the course go up and down least: before
// totals[gap], or after all of them. Of equally good gaps it is the last one.
func (c course) gapOf(total int) int {
	n, top := len(c.totals), c.highest[0]
	passes := func(level int) int { return sort.Search(n, func(i int) bool { return c.highest[i] < level }) }
	if total <= top {
		return passes(total)
	}
	best, least := passes(top), 2*(total-top) // up from there and down again
	if end := total - c.totals[n-1]; end <= least {
		best, least = n, end
	}
	if start := total - c.totals[0]; start < least {
		best = 0
	}
	return best
}

// orderGap orders snapshots without a time that belong between the same two others. The direction is 1 where the number
// of goroutines rises there, -1 where it falls and 0 where it does neither.
func orderGap(snaps []*Snapshot, direction int) {
	if len(snaps) < 2 {
		return
	}
	slices.SortStableFunc(snaps, func(a, b *Snapshot) int { return direction * cmp.Compare(a.Total, b.Total) })
	type numbered struct {
		snap   *Snapshot
		newest uint64
	}
	var places []int
	var known []numbered
	for i, s := range snaps {
		if id, ok := s.newest(); ok {
			places, known = append(places, i), append(known, numbered{s, id})
		}
	}
	slices.SortStableFunc(known, func(a, b numbered) int { return cmp.Compare(a.newest, b.newest) })
	for i, at := range places {
		snaps[at] = known[i].snap
	}
}

// newest is the largest goroutine id; ok is false where it is not known, or may have been left out.
func (s *Snapshot) newest() (id uint64, ok bool) {
	if !s.HasIDs || !s.Complete || s.Dropped > 0 {
		return 0, false
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		if g.IDsDropped > 0 {
			return 0, false
		}
		if n := len(g.IDs); n > 0 {
			id = max(id, g.IDs[n-1])
		}
	}
	return id, id > 0
}

// ordered puts snapshots of a set in order, those of each target among themselves: of several programs one says nothing
// of when another had so many goroutines.
func (s *Set) ordered(snaps []*Snapshot) []*Snapshot {
	if !mixed(snaps) {
		return snaps
	}
	target := map[string]string{}
	for i := range s.Inputs {
		target[s.Inputs[i].Source] = s.Inputs[i].Target
	}
	places, of := map[string][]int{}, map[string][]*Snapshot{}
	for i, snap := range snaps {
		t := target[snap.Source]
		places[t], of[t] = append(places[t], i), append(of[t], snap)
	}
	for t, one := range of {
		for i, snap := range InOrder(one) {
			snaps[places[t][i]] = snap
		}
	}
	return snaps
}
