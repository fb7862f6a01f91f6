package leak

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

var simRuns = flag.Int("runs", 25, "simulated captures for each kind of program")

// A kind is a kind of program, with the least share of its captures in which it must be found at possible or above
// and at likely or above if it leaks, or else the largest in which it may be.
type kind struct {
	name             string
	setUp            func(w *world)
	possible, likely float64
}

var forever = fixed(math.Inf(1))

func leakingKinds() []kind {
	at := fixed(0.001)
	steady := func(perS, share float64, stay func(w *world) func() float64) func(w *world) {
		return func(w *world) {
			w.stream(w.site(evidence.WaitChanSend, 0), simLead, perS, constant(perS), w.exp(0.01), w.stuck(share, stay(w)))
		}
	}
	short := func(w *world) func() float64 { return w.exp(0.05) }
	all := func(perS, wakes float64) func(w *world) {
		return func(w *world) {
			w.stream(w.site(evidence.WaitChanRecv, wakes), simLead, perS, constant(perS), at, forever)
		}
	}
	return []kind{
		{"0.1 % of 600/s stay", steady(600, 0.001, short), 0.88, 0.7},
		{"0.5 % of 600/s stay", steady(600, 0.005, short), 0.98, 0.98},
		{"1.5 % of 600/s stay", steady(600, 0.015, short), 0.98, 0.95},
		{"5 % of 50/s stay", steady(50, 0.05, short), 0.95, 0.95},
		{"1.5 % of 600/s stay, the others up to seconds", steady(600, 0.015, func(w *world) func() float64 { return w.lognormal(0.2, 1) }), 0.98, 0.95},
		{"5 % of 100/s stay, the others 2 s", steady(100, 0.05, func(w *world) func() float64 { return w.exp(2) }), 0.92, 0.9},
		{"block after 2 s of work", func(w *world) {
			w.stream(w.site(evidence.WaitChanSend, 0), simLead, 10, constant(10), w.exp(2), forever)
		}, 0.98, 0.9},
		{"one a second", all(1, 0), 0.93, 0.93},
		{"one in 2 s", all(0.5, 0), 0.74, 0.48},
		{"one in 5 s", all(0.2, 0), 0.18, 0},
		{"3/s that tick once a second", all(3, 1), 0.97, 0},
		{"2/s beside 500 idle ones", func(w *world) {
			s := w.site(evidence.WaitSelect, 0)
			w.pool(s, 500)
			w.stream(s, simLead, 2, constant(2), at, forever)
		}, 0.94, 0.94},
		{"5 % of sine load, other work goes with it", func(w *world) {
			load := func(t float64) float64 { return 40 * (1.2 + math.Sin(t/5)) }
			w.stream(w.site(evidence.WaitChanSend, 0), simLead, 90, load, at, w.stuck(0.05, w.exp(0.05)))
			w.stream(w.site(evidence.WaitSelect, 0), simLead, 90, load, at, w.exp(0.05))
		}, 0.95, 0.95},
		{"20 at a time, every 5 s", func(w *world) {
			s := w.site(evidence.WaitChanSend, 0)
			for t := simLead + w.rng.Float64()*5; t < w.until; t += 5 {
				w.batch(s, t, 20)
			}
		}, 0.98, 0.98},
		{"10/s, load began when the capture did", func(w *world) {
			w.stream(w.site(evidence.WaitChanSend, 0), 0, 10, constant(10), at, forever)
		}, 0.98, 0.93},
		{"load grows from 5 to 50/s", func(w *world) {
			w.stream(w.site(evidence.WaitChanSend, 0), simLead, 50, func(t float64) float64 { return 5 + 45*max(0, t)/simWindow }, at, w.stuck(0.3, w.exp(0.05)))
		}, 0.98, 0.98},
	}
}

func healthyKinds() []kind {
	at := fixed(0.001)
	stream := func(from, perS float64, stay func(w *world) func() float64) func(w *world) {
		return func(w *world) {
			w.stream(w.site(evidence.WaitSelect, 0), from, perS, constant(perS), at, stay(w))
		}
	}
	exp := func(mean float64) func(w *world) func() float64 {
		return func(w *world) func() float64 { return w.exp(mean) }
	}
	exactly := func(s float64) func(w *world) func() float64 { return func(*world) func() float64 { return fixed(s) } }
	ramp := func(perS, constant, wakes float64) func(w *world) {
		return func(w *world) {
			w.stream(w.site(evidence.WaitChanRecv, wakes), -2, perS, func(t float64) float64 { return perS * math.Exp(-(t+2)/constant) }, at, forever)
		}
	}
	return []kind{
		{"12,000 idle workers", func(w *world) { w.pool(w.site(evidence.WaitSelect, 0), 12000) }, 0, 0},
		{"300 busy workers", func(w *world) { w.pool(w.site(evidence.WaitChanRecv, 2), 300) }, 0, 0},
		{"600/s for 50 ms", stream(simLead, 600, exp(0.05)), 0, 0},
		{"100/s for 1 s", stream(simLead, 100, exp(1)), 0, 0},
		{"20/s for 5 s", stream(simLead, 20, exp(5)), 0, 0},
		{"20/s for exactly 8 s", stream(simLead, 20, exactly(8)), 0, 0},
		{"20/s for exactly 15 s, 2 s after the start", stream(-2, 20, exactly(15)), 0, 0},
		{"5/s for a second, some for a minute", stream(simLead, 5, func(w *world) func() float64 { return w.lognormal(1, 1.5) }), 0.05, 0},
		{"50/s for a second, some for a minute, 5 s after the start", stream(-5, 50, func(w *world) func() float64 { return w.lognormal(1, 1.5) }), 0, 0},
		{"sine load of 2 s", func(w *world) {
			w.stream(w.site(evidence.WaitSelect, 0), simLead, 80, func(t float64) float64 { return 40 * (1 + math.Sin(t/6)) }, at, w.exp(2))
		}, 0, 0},
		{"100 jobs at once, every 10 s, for 4 to 8 s", func(w *world) {
			s := w.site(evidence.WaitSelect, 0)
			for t := simLead + w.rng.Float64()*10; t < w.until; t += 10 {
				for range 100 {
					w.born = append(w.born, mortal{site: s, birth: t, from: t, end: t + 4 + 4*w.rng.Float64()})
				}
			}
		}, 0, 0},
		{"a queue that grows, first in first out", func(w *world) {
			s, next := w.site(evidence.WaitChanSend, 0), simLead
			for t := simLead; t < w.until; t += w.rng.ExpFloat64() / 30 {
				next = max(next, t) + w.rng.ExpFloat64()/25
				w.born = append(w.born, mortal{site: s, birth: t, from: t, end: next})
			}
		}, 0, 0},
		{"a ramp of 300, time constant 3 s", ramp(100, 3, 0), 0, 0},
		{"a ramp of 400, time constant 8 s", ramp(50, 8, 0), 0, 0},
		{"a ramp of 450, time constant 15 s", ramp(30, 15, 0), 0.02, 0},
		{"a ramp of 450 at work, time constant 15 s", ramp(30, 15, 0.5), 0.02, 0},
		{"a linear ramp that ends halfway", func(w *world) {
			w.stream(w.site(evidence.WaitChanRecv, 0), -2, 10, func(t float64) float64 { return 10 * step(14-t) }, at, forever)
		}, 0, 0},
		{"a worker for each of 300 tenants, met at 20/s", func(w *world) { w.tenants(300, 20) }, 0.02, 0},
		{"a worker for each of 60 tenants, met at 20/s", func(w *world) { w.tenants(60, 20) }, 0, 0},
		// In most captures nothing tells these from a leak: the source does.
		{"a silent helper for each of 200 customers, some met seldom", func(w *world) { w.customers(200, 30, 23) }, 0.85, 0.85},
		{"a restart", func(w *world) {
			s := w.site(evidence.WaitChanRecv, 0)
			w.pool(s, 50)
			w.stream(w.site(evidence.WaitSelect, 0), simLead, 40, constant(40), at, w.exp(0.5))
			w.restart = 6 + 18*w.rng.Float64()
		}, 0, 0},
	}
}

func step(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

func (w *world) batch(site int, at float64, n int) {
	for range n {
		w.born = append(w.born, mortal{site: site, birth: at, from: at, end: math.Inf(1)})
	}
}

// tenants has requests for tenants met at random; the first for each starts a worker that stays and
// wakes for each further one.
func (w *world) tenants(n int, perS float64) {
	idle := w.site(evidence.WaitChanRecv, perS/float64(n))
	passing := w.site(evidence.WaitSelect, 0)
	known := map[int]bool{}
	for t := -3.0; t < w.until; t += w.rng.ExpFloat64() / perS {
		w.born = append(w.born, mortal{site: passing, birth: t, from: t, end: t + 0.01})
		if id := w.rng.IntN(n); !known[id] {
			known[id] = true
			w.batch(idle, t, 1)
		}
	}
}

// customers is like tenants, but some customers are met much more often than others, and what the first request
// of each starts does nothing for a long time. The load began so many seconds ago.
func (w *world) customers(n int, perS, ago float64) {
	idle := w.site(evidence.WaitSelect, 0)
	passing := w.site(evidence.WaitSelect, 0)
	known := map[uint64]bool{}
	zipf := rand.NewZipf(w.rng, 1.2, 1, uint64(n-1))
	for t := -ago; t < w.until; t += w.rng.ExpFloat64() / perS {
		w.born = append(w.born, mortal{site: passing, birth: t, from: t, end: t + 0.01})
		if id := zipf.Uint64(); !known[id] {
			known[id] = true
			w.batch(idle, t, 1)
		}
	}
}

// Seeds are fixed: what is measured is the same on every machine. Figures for the documentation:
//
//	go test ./detectors/leak -run Simulated -runs 500 -v
func TestSimulatedLeaksAreFound(t *testing.T) {
	for _, k := range leakingKinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			p, l := simulate(t, k)
			if p < k.possible || l < k.likely {
				t.Errorf("found in %.3f of the captures, at likely in %.3f; want %.2f and %.2f", p, l, k.possible, k.likely)
			}
		})
	}
}

func TestSimulatedHealthIsLeftAlone(t *testing.T) {
	for _, k := range healthyKinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			p, l := simulate(t, k)
			if p > k.possible || l > k.likely {
				t.Errorf("a leak in %.3f of the captures, at likely in %.3f; want at most %.2f and %.2f", p, l, k.possible, k.likely)
			}
		})
	}
}

// simulate returns the shares of captures with a finding at possible or above and at likely or above.
func simulate(t *testing.T, k kind) (possible, likely float64) {
	t.Helper()
	n := 0.0
	for seed := range *simRuns {
		w := newWorld(uint64(seed))
		k.setUp(w)
		var sure analyze.Confidence
		for _, f := range analyzeSet(t, w.capture()).Findings {
			sure = max(sure, f.Confidence)
		}
		n++
		possible += step(float64(sure) - float64(analyze.Possible) + 0.5)
		likely += step(float64(sure) - float64(analyze.Likely) + 0.5)
	}
	t.Logf("%s: possible and up %.3f, likely and up %.3f of %v captures", k.name, possible/n, likely/n, n)
	return possible / n, likely / n
}

// Without ids nobody can tell who left: counts find the plain leaks, call a growing queue one, and are never sure.
func TestSimulatedCounts(t *testing.T) {
	found := func(kinds []kind, except string) (possible float64) {
		n := 0.0
		for _, k := range kinds {
			for seed := range *simRuns / 4 {
				w := newWorld(uint64(seed))
				k.setUp(w)
				sure := surest(analyzeSet(t, w.countsOnly()))
				if sure > analyze.Possible {
					t.Errorf("%s: %s", k.name, sure)
				}
				if k.name != except {
					n++
					possible += step(float64(sure) - float64(analyze.Possible) + 0.5)
				}
			}
		}
		t.Logf("possible in %.3f of %v captures", possible/n, n)
		return possible / n
	}
	if share := found(leakingKinds(), ""); share < 0.55 {
		t.Errorf("leaks are found in %.2f of the captures", share)
	}
	if share := found(healthyKinds(), "a queue that grows, first in first out"); share > 0.02 {
		t.Errorf("health is called a leak in %.2f of the captures", share)
	}
}

// countsOnly is what debug=0 shows of a capture.
func (w *world) countsOnly() *evidence.Set {
	set := w.capture()
	set.Trace = nil
	for i, s := range set.Snapshots {
		set.Snapshots[i] = counted(i, s.Groups...)
		set.Snapshots[i].At = s.At
	}
	return set
}
