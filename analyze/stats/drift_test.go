package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestDriftOf(t *testing.T) {
	for _, c := range []struct {
		name   string
		steps  []float64
		events float64 // per bin
		below  bool    // P below 0.005
	}{
		{"a backlog that grows evenly", []float64{35, 51, 35, 28, 30, 22, 28, 38, 27, 31}, 230, true},
		{"one that grows in bursts", []float64{80, -10, 75, 5, 60, 0, 70, 10, 65, 20}, 200, true},
		{"no growth", []float64{9, -12, 4, -7, 11, -3, 0, 5, -8, 2}, 200, false},
		{"one jump", []float64{0, 1, -1, 300, 0, 2, -2, 1, 0, 1}, 200, false},
		{"even, but within what so few events vary by", slices.Repeat([]float64{1}, 10), 40, false},
		{"shrinks", slices.Repeat([]float64{-30}, 10), 40, false},
		{"nothing happens", slices.Repeat([]float64{0}, 10), 0, false},
		{"too few", slices.Repeat([]float64{50}, 4), 10, false},
	} {
		d := DriftOf(c.steps, slices.Repeat([]float64{c.events}, len(c.steps)))
		if d.P < 0.005 != c.below || math.IsNaN(d.P) || d.P < 0 || d.P > 1 {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
}

// Arrivals and completions of equal rate are a queue at the brink of capacity, the worst that is no overload.
func TestDriftOfACriticalQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const runs = 2000
	fired := 0
	for range runs {
		var steps, events []float64
		for range 10 {
			var in, out float64
			for range 400 {
				if rng.IntN(2) == 0 {
					in++
				} else {
					out++
				}
			}
			steps, events = append(steps, in-out), append(events, in+out)
		}
		if DriftOf(steps, events).P < 0.01 {
			fired++
		}
	}
	if fired > runs/100 {
		t.Errorf("fired on %d of %d", fired, runs)
	}
}
