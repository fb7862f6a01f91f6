package leak

import "go-debug/analyze/evidence"

// readMarks reads the runtime's own leak detection. A goroutineleak capture without states
// lists leaked goroutines alone; a dump with states lists all and marks the leaked.
func (s *survey) readMarks() {
	for i := range s.p.Evidence.Snapshots {
		snap := &s.p.Evidence.Snapshots[i]
		at := map[string]int{}
		for j := range snap.Groups {
			g := &snap.Groups[j]
			n := g.Leaked
			if snap.Kind == evidence.GoroutineLeak && !snap.HasStates {
				n = g.Count
			}
			// A program that blocks in main on purpose is marked like any other.
			if n == 0 || isMainGroup(g) {
				continue
			}
			where, ok := siteOf(g.Wait, g.Stack, g.CreatedBy)
			if !ok {
				continue
			}
			at[where.key] += n
			c := s.at(where)
			c.from = "runtime leak detection"
			c.leaked = max(c.leaked, at[where.key])
			c.minutes = max(c.minutes, g.MaxMinutes)
		}
	}
}

// readForever counts the waits that no event can end in the last capture that shows them.
func (s *survey) readForever() {
	for _, snap := range s.p.Evidence.SnapshotsOf(evidence.Goroutine) {
		for _, c := range s.candidates {
			c.forever = 0
		}
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
}
