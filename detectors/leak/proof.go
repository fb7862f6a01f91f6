package leak

import "go-debug/analyze/evidence"

// readMarks reads the runtime's own leak detection. A goroutineleak capture without states
// lists leaked goroutines alone; a dump with states lists all and marks the leaked.
func (s *survey) readMarks() {
	for _, snap := range s.marked {
		at := map[string]int{}
		for i := range snap.Groups {
			g := &snap.Groups[i]
			n := g.Leaked
			if snap.Kind == evidence.GoroutineLeak && !snap.HasStates {
				n = g.Count
			}
			// A program that blocks in main on purpose is marked like any other.
			if n == 0 || isMainGroup(g) || cutAtDepth(g) {
				continue
			}
			where, ok := siteOf(g.Wait, g.Stack, g.CreatedBy)
			if !ok {
				continue
			}
			at[where.key] += n
			c := s.at(where)
			c.leaked = max(c.leaked, at[where.key])
			c.minutes = max(c.minutes, g.MaxMinutes)
		}
	}
}

// profileDepth is how many frames profiles keep of a stack (runtime/pprof, go1.23 and later).
const profileDepth = 128

// cutAtDepth reports a lone stack without its outermost frames, in a format without ids: it may be
// that of goroutine 1.
func cutAtDepth(g *evidence.Group) bool {
	return g.Count == 1 && len(g.IDs) == 0 && g.CreatedBy.IsZero() && len(g.Stack) >= profileDepth
}

// readForever counts the waits that no event can end in the last capture that shows them; after
// tests in all, as each is of another process.
func (s *survey) readForever() {
	if s.end != nil && s.end.tests {
		for _, snap := range s.end.snaps {
			s.addForever(snap)
		}
		return
	}
	for _, snap := range s.snapshots {
		for _, c := range s.candidates {
			c.forever = 0
		}
		s.addForever(snap)
	}
}

func (s *survey) addForever(snap *evidence.Snapshot) {
	for i := range snap.Groups {
		g := &snap.Groups[i]
		if isMainGroup(g) {
			continue
		}
		where, ok := siteOf(g.Wait, g.Stack, g.CreatedBy)
		if !ok || where.class != evidence.WaitNilChan && where.class != evidence.WaitNoCases {
			continue
		}
		c := s.at(where)
		c.forever += g.Count
		c.minutes = max(c.minutes, g.MaxMinutes)
	}
}
