package evidence

import "slices"

// InOrder puts snapshots in the order of their times where some have one and others do not, as when goroutine profiles, which
// say when they were taken, stand beside dumps in text, which do not: the names of their files then say nothing of which
// came first. Those without a time go where they change least, by the number of goroutines: no snapshot makes a
// growth of its own by its place, or hides one. With fewer than two times the order stays.
func InOrder(snaps []*Snapshot) []*Snapshot {
	undated := slices.DeleteFunc(slices.Clone(snaps), func(s *Snapshot) bool { return !s.At.IsZero() })
	if len(undated) == 0 || len(snaps)-len(undated) < 2 {
		return snaps
	}
	out := slices.DeleteFunc(slices.Clone(snaps), func(s *Snapshot) bool { return s.At.IsZero() })
	slices.SortStableFunc(out, func(a, b *Snapshot) int { return a.At.Compare(b.At) })
	dated := slices.Clone(out)
	gaps := make([][]*Snapshot, len(dated)+1)
	for _, s := range undated {
		best, least := 0, -1
		for gap := range gaps {
			if cost := detour(dated, gap, s.Total); least < 0 || cost <= least {
				best, least = gap, cost
			}
		}
		gaps[best] = append(gaps[best], s)
	}
	out = out[:0]
	for gap, between := range gaps {
		out = append(out, between...)
		if gap < len(dated) {
			out = append(out, dated[gap])
		}
	}
	return out
}

// detour is by how much further the number of goroutines goes up and down with one more snapshot of so many.
func detour(dated []*Snapshot, gap, total int) int {
	distance := func(a, b int) int { return max(a-b, b-a) }
	switch {
	case gap == 0:
		return distance(total, dated[0].Total)
	case gap == len(dated):
		return distance(total, dated[gap-1].Total)
	}
	before, after := dated[gap-1].Total, dated[gap].Total
	return distance(before, total) + distance(total, after) - distance(before, after)
}
