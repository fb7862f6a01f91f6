package inflight

import (
	"slices"

	"go-debug/analyze/evidence"
)

// turnover is the share of arrivals from which on goroutines that left make a backlog of a line, and no leak.
const turnover = 0.05

// mostGrown is the line at which most goroutines were added from the first to the last snapshot; nil when
// none were. Handlers count too: some go on after their request was answered, as under a timeout.
func (w *waits) mostGrown() *site {
	var best *site
	better := func(s *site) {
		if s.growth() > 0 && (best == nil || s.growth() > best.growth()) {
			best = s
		}
	}
	for i := range w.others {
		better(&w.others[i])
	}
	for _, s := range w.sites {
		better(s)
	}
	return best
}

// turnsOver reports a line whose goroutines leave while more come: work that is done too slowly, such as jobs
// started in the background. Without all ids, and for handlers, it is false: the line may be a leak.
func (w *waits) turnsOver(s *site) bool {
	var before []uint64
	arrived, left := 0, 0
	for i, snap := range w.snapshots {
		now, whole := idsAt(snap, s)
		if !snap.HasIDs {
			continue // the cheap first snapshot of a capture
		}
		if !whole {
			return false
		}
		if before != nil && i > 0 {
			stayed := 0
			for _, id := range before {
				if _, ok := slices.BinarySearch(now, id); ok {
					stayed++
				}
			}
			left += len(before) - stayed
			arrived += len(now) - stayed
		}
		before = now
	}
	return arrived > 0 && float64(left) > turnover*float64(arrived)
}

// idsAt are the goroutines that stand at a line in a snapshot, ascending, and whether those are all.
func idsAt(snap *evidence.Snapshot, s *site) (ids []uint64, whole bool) {
	whole = true
	key := s.key()
	for i := range snap.Groups {
		g := &snap.Groups[i]
		frame, ok := otherFrame(g)
		if !ok || lineKey(frame)+" "+string(g.Wait) != key {
			continue
		}
		ids = append(ids, g.IDs...)
		whole = whole && g.IDsDropped == 0
	}
	slices.Sort(ids)
	return ids, whole
}
