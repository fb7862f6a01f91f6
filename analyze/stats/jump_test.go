package stats

import (
	"math/rand/v2"
	"testing"
)

func TestJump(t *testing.T) {
	level := func(n int, v float64) (out []float64) {
		for range n {
			out = append(out, v)
		}
		return out
	}
	set := func(v []float64, from int, to ...float64) []float64 {
		copy(v[from:], to)
		return v
	}
	for _, c := range []struct {
		name           string
		arrived, ended []float64
		found          bool
	}{
		{"a dependency that came to take longer", level(12, 80), set(level(12, 80), 4, 20), true},
		{"in steps", level(12, 80), set(level(12, 80), 4, 30, 50), true},
		{"a stall that is made up for", level(12, 80), set(level(12, 80), 4, 20, 140), false},
		{"a stall that is made up for in steps", level(12, 80), set(level(12, 80), 3, 20, 90, 90, 90, 90, 90, 90), false},
		{"a stall in the last quarter", level(12, 80), set(level(12, 80), 10, 20), false},
		{"a burst of arrivals that stay", set(level(12, 80), 4, 160), level(12, 80), false},
		{"as far as a queue at the brink wanders", level(12, 80), set(level(12, 80), 4, 45), false},
		{"a window that begins idle", set(level(12, 80), 0, 0, 0, 0, 0), set(level(12, 80), 0, 0, 0, 0, 0, 20), false},
		{"too few intervals", level(4, 80), set(level(4, 80), 1, 20), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := JumpOf(c.arrived, c.ended, level(len(c.arrived), 1)); (got.P < 0.001) != c.found {
				t.Errorf("%+v, want found %v", got, c.found)
			}
		})
	}
}

// Independent arrivals and services at the brink of capacity, whose queue nothing draws back, make no jump.
func TestJumpAtTheBrink(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const runs, bins = 2000, 48
	found := 0
	for range runs {
		arrived, ended, seconds := make([]float64, bins), make([]float64, bins), make([]float64, bins)
		queue := 5
		for i := range bins {
			seconds[i] = 0.2
			for range 80 { // events at random: half of them arrivals
				switch {
				case rng.IntN(2) == 0:
					queue++
					arrived[i]++
				case queue > 0:
					queue--
					ended[i]++
				}
			}
		}
		if JumpOf(arrived, ended, seconds).P < 0.001 {
			found++
		}
	}
	if found > runs/200 {
		t.Errorf("%d of %d queues at the brink are said to jump", found, runs)
	}
}
