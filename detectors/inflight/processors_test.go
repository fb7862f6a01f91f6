package inflight

import (
	"testing"

	"go-debug/analyze/evidence"
)

// What scrapes say of the processors is the cause of requests that pile up, where no stack says more.
func TestProcessorsOfScrapes(t *testing.T) {
	for _, c := range []struct {
		name                      string
		cpu, cycles, goal, stated float64 // per second; the goal in bytes
		procs                     int
		want                      string
	}{
		{"all processors in use", 1.95, 1, 20e6, -1, 2, causeCPU},
		{"not all", 1.5, 1, 20e6, -1, 2, ""},
		{"nobody says how many there are", 1.95, 1, 20e6, -1, 0, ""},
		{"many collections of a large heap", 1.95, 10, 150e6, -1, 2, causeGC},
		{"as many, but stated to take little", 1.95, 10, 150e6, 0.1, 2, causeCPU},
		{"stated to take much", 1, 1, 20e6, 0.3, 2, causeGC},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := scraped(30, func(i int) second {
				q := 100 + 150*float64(i)
				return second{q, 950, q / 950, 60 + 2*q}
			})
			for i := range l.Points {
				at := float64(i)
				cpu, cycles, goal, stated := at*c.cpu, at*c.cycles, c.goal, at*c.stated
				p := &l.Points[i]
				p.CPUSeconds, p.GCCycles, p.HeapGoal = &cpu, &cycles, &goal
				if c.stated >= 0 {
					p.CollectorSeconds = &stated
				}
			}
			set := &evidence.Set{Loads: []evidence.Load{l}, Inputs: []evidence.Input{{Kind: evidence.Metrics, MaxProcs: c.procs}}}
			if got := analyse(t, set).Load[0].Cause; got != c.want {
				t.Errorf("cause %q, want %q", got, c.want)
			}
		})
	}
}
