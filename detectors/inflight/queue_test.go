package inflight

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

// simulate scrapes a queue of 200 services a second by the given number of servers, once a second after
// a warm-up, while the offered load is utilisation(t) of that, t running from 0 to 1 (negative in the warm-up).
func simulate(rng *rand.Rand, servers, scrapes int, utilisation func(t float64) float64) evidence.Load {
	const service, warmUp = 200.0, 60.0
	l := evidence.Load{Source: "metrics", Kind: evidence.Metrics, Route: "all"}
	now, next := -warmUp, 0.0
	var waiting []float64 // arrival times, first come first served
	var done, sum float64
	for len(l.Points) < scrapes {
		offered := service * utilisation(now/float64(scrapes))
		busy := service * float64(min(len(waiting), servers)) / float64(servers)
		now += rng.ExpFloat64() / (offered + busy)
		for now >= next && len(l.Points) < scrapes {
			flight, d, s := float64(len(waiting)), done, sum
			l.Points = append(l.Points, evidence.LoadPoint{At: time.Unix(1760000000, int64(next*1e9)), InFlight: &flight, Requests: &d, LatencyCount: &d, LatencySumS: &s})
			next++
		}
		if rng.Float64()*(offered+busy) < offered {
			waiting = append(waiting, now)
			continue
		}
		done++
		sum += now - waiting[0]
		waiting = waiting[1:]
	}
	return l
}

// TestSimulatedQueues holds the share of windows that are called diverging: near none of stable
// queues and ramps within capacity, nearly all of overloads.
func TestSimulatedQueues(t *testing.T) {
	after := func(start, before, after float64) func(float64) float64 {
		return func(t float64) float64 {
			if t < start {
				return before
			}
			return after
		}
	}
	constant := func(u float64) func(float64) float64 { return after(0, u, u) }
	for _, c := range []struct {
		name           string
		servers        int
		utilisation    func(float64) float64
		scrapes        int
		atLeast, below float64
	}{
		{"M/M/1 at 50 %", 1, constant(0.5), 60, 0, 0.001},
		{"M/M/1 at 80 %", 1, constant(0.8), 30, 0, 0.02},
		{"M/M/1 at 90 %", 1, constant(0.9), 60, 0, 0.04},
		{"M/M/8 at 80 %", 8, constant(0.8), 60, 0, 0.001},
		{"M/M/1 at 80 %, 8 scrapes", 1, constant(0.8), 8, 0, 0.02},
		{"M/M/1 at 90 %, 13 scrapes", 1, constant(0.9), 13, 0, 0.15},
		{"ramp from 10 to 70 %", 8, func(t float64) float64 { return 0.1 + 0.6*max(t, 0) }, 60, 0, 0.01},
		{"overload of 20 %", 8, after(0, 0.6, 1.2), 30, 0.9, 1.01},
		{"overload of 20 %, 13 scrapes", 8, after(-0.1, 0.6, 1.2), 13, 0.9, 1.01},
		{"overload of 5 %", 8, after(0, 0.6, 1.05), 60, 0.9, 1.01},
		{"M/M/1 at 90 %, 11 scrapes", 1, constant(0.9), 11, 0, 0.15},
		{"M/M/1 at 95 %, 11 scrapes", 1, constant(0.95), 11, 0, 0.2},
		{"M/M/8 at 90 %, 11 scrapes", 8, constant(0.9), 11, 0, 0.1},
		{"ramp from 10 to 70 %, 11 scrapes", 8, func(t float64) float64 { return 0.1 + 0.6*max(t, 0) }, 11, 0, 0.02},
		{"ramp from 50 to 75 %, 11 scrapes", 1, func(t float64) float64 { return 0.5 + 0.25*max(t, 0) }, 11, 0, 0.05},
		{"ramp from 60 to 85 %, 11 scrapes", 8, func(t float64) float64 { return 0.6 + 0.25*max(t, 0) }, 11, 0, 0.05},
		{"ramp from 60 to 85 %", 8, func(t float64) float64 { return 0.6 + 0.25*max(t, 0) }, 60, 0, 0.05},
		{"half a wave, 11 scrapes", 8, func(t float64) float64 { return 0.5 - 0.4*math.Cos(math.Pi*max(t, 0)) }, 11, 0, 0.05},
		{"overload of 20 %, 11 scrapes", 8, after(-0.3, 0.6, 1.2), 11, 0.9, 1.01},
		{"overload of 25 % that is 5 s old, 11 scrapes", 8, after(-0.45, 0.6, 1.25), 11, 0.95, 1.01},
		{"overload with waves, 11 scrapes", 8, func(t float64) float64 { return after(-0.2, 0.6, 1.3+0.5*math.Sin(40*t))(t) }, 11, 0.8, 1.01},
		{"overload that begins", 8, after(0.4, 0.6, 1.3), 30, 0.9, 1.01},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(21, 22))
			const runs = 60
			fired := 0
			for range runs {
				res := analyse(t, &evidence.Set{Loads: []evidence.Load{simulate(rng, c.servers, c.scrapes, c.utilisation)}})
				if len(res.Findings) > 0 {
					fired++
				}
			}
			share := float64(fired) / runs
			t.Logf("%.0f %%", share*100)
			if share < c.atLeast || share >= c.below {
				t.Errorf("diverging in %.2f of the runs, want [%.2f, %.2f)", share, c.atLeast, c.below)
			}
		})
	}
}
