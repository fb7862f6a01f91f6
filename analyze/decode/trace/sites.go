package trace

import "go-debug/analyze/evidence"

type (
	blockKey struct {
		stack int32
		wait  evidence.Wait
	}
	wakeKey struct {
		waker, woken int32
		wait         evidence.Wait
	}
	siteKey struct{ stack, start int32 }
)

// creationSite is an evidence.CreationSite with Parked as a map.
type creationSite struct {
	evidence.CreationSite
	parked map[int32]*evidence.Parked
}

// park notes a goroutine that waits at a stack when the window ends, and has for some time.
func (s *creationSite) park(stack int32, age int64) {
	if s.parked == nil {
		s.parked = map[int32]*evidence.Parked{}
	}
	if s.parked[stack] == nil {
		s.parked[stack] = &evidence.Parked{Stack: stack}
	}
	s.parked[stack].Add(evidence.Parked{Count: 1, NS: age, MaxNS: age})
}

func (s *creationSite) evidence(k siteKey) evidence.CreationSite {
	out := s.CreationSite
	out.Stack, out.Start = k.stack, k.start
	for _, p := range s.parked {
		out.Parked = append(out.Parked, *p)
	}
	return out
}

// bounded returns the entry of a key. Beyond the limit new keys share the entry of the
// fallback, so that totals stay exact while memory does not grow.
func bounded[K comparable, V any](w *window, m map[K]*V, k, fallback K) *V {
	if v, ok := m[k]; ok {
		return v
	}
	if len(m) >= w.limits.Stacks {
		w.foldedSites++
		k = fallback
		if v, ok := m[k]; ok {
			return v
		}
	}
	v := new(V)
	m[k] = v
	return v
}

func (w *window) block(g *goroutine) *evidence.BlockSite {
	return bounded(w, w.blocks, blockKey{g.stack, g.wait}, blockKey{0, g.wait})
}

func (w *window) wake(waker int32, g *goroutine) *evidence.WakeEdge {
	return bounded(w, w.wakes, wakeKey{waker, g.stack, g.wait}, wakeKey{0, 0, g.wait})
}

func (w *window) syscall(stack int32) *evidence.SyscallSite {
	return bounded(w, w.syscalls, stack, 0)
}

func (w *window) creationSite(stack, start int32) *creationSite {
	return bounded(w, w.sites, siteKey{stack, start}, siteKey{})
}
