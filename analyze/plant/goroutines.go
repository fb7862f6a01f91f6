package plant

import (
	"slices"

	"go-debug/analyze/evidence"
)

// Crowd is goroutines to plant in snapshots. What stands on their stacks is the same in all.
type Crowd struct {
	Wait      evidence.Wait
	Stack     evidence.Stack
	CreatedBy evidence.Frame
}

// states are waits in the runtime's wording.
var states = map[evidence.Wait]string{
	evidence.WaitChanSend: "chan send", evidence.WaitChanRecv: "chan receive", evidence.WaitNilChan: "chan receive (nil chan)",
	evidence.WaitSelect: "select", evidence.WaitMutex: "sync.Mutex.Lock", evidence.WaitIO: "IO wait",
}

// Grow adds goroutines to the snapshots of the kinds in time order: the first gets from, each one after it step
// more. Nobody leaves. It returns the ids of those in each snapshot, for snapshots that have ids.
func (c *Crowd) Grow(set *evidence.Set, from, step int, kinds ...evidence.Kind) [][]uint64 {
	var at []int
	for _, kind := range kinds {
		for _, s := range set.SnapshotsOf(kind) {
			at = append(at, slices.IndexFunc(set.Snapshots, func(o evidence.Snapshot) bool {
				return o.Position == s.Position && o.Part == s.Part && o.Kind == s.Kind
			}))
		}
	}
	next := newest(set) + 1
	var out [][]uint64
	for k, i := range at {
		n := from + k*step
		if n <= 0 {
			out = append(out, nil)
			continue
		}
		out = append(out, c.add(&set.Snapshots[i], n, next))
	}
	return out
}

// add puts n goroutines into a snapshot; their ids begin at next.
func (c *Crowd) add(s *evidence.Snapshot, n int, next uint64) (ids []uint64) {
	g := evidence.Group{Wait: c.Wait, Stack: c.Stack, Count: n}
	if s.HasStates {
		g.State = states[c.Wait]
	}
	if s.HasCreators {
		g.CreatedBy = c.CreatedBy
	}
	if s.HasIDs {
		for k := range n {
			ids = append(ids, next+uint64(k))
		}
		g.IDs = ids
	}
	s.Groups = append(slices.Clip(s.Groups), g)
	s.Total += n
	if s.Declared > 0 {
		s.Declared += n
	}
	return ids
}

// newest is the highest id of a goroutine in any snapshot.
func newest(set *evidence.Set) uint64 {
	var top uint64
	for i := range set.Snapshots {
		for j := range set.Snapshots[i].Groups {
			if ids := set.Snapshots[i].Groups[j].IDs; len(ids) > 0 {
				top = max(top, ids[len(ids)-1])
			}
		}
	}
	return top
}

// Silent adds goroutines to the trace that wait at the stack for the whole of it.
func Silent(t *evidence.Trace, wait evidence.Wait, stack evidence.Stack, ids []uint64) {
	b := evidence.BlockSite{Stack: Stack(t, stack), Wait: wait, Silent: int64(len(ids)), OpenIDs: ids}
	b.Open.AddN(t.DurationNS(), int64(len(ids)))
	t.Blocks = append(t.Blocks, b)
}

// Before is how many of the snapshots of a kind were taken before the trace began; all where no times are
// known.
func Before(set *evidence.Set, kind evidence.Kind) int {
	all := set.SnapshotsOf(kind)
	if set.Trace == nil || len(set.Trace.Windows) == 0 {
		return len(all)
	}
	began := set.Trace.Windows[0].At
	i := slices.IndexFunc(all, func(s *evidence.Snapshot) bool { return !began.IsZero() && !s.At.IsZero() && s.At.After(began) })
	if i < 0 {
		return len(all)
	}
	return i
}
