package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestRateRise(t *testing.T) {
	for _, tt := range []struct {
		before        int64
		exposure      float64
		after         int64
		exposureAfter float64
		want          float64
	}{
		{0, 1, 0, 1, 1},
		{5, 1, 0, 1, 1},
		{0, 1, 1, 1, 0.5},
		{0, 1, 5, 1, 1.0 / 32},           // five of five on one side
		{1, 1, 4, 1, 6.0 / 32},           // 4 or 5 heads of 5
		{3, 1, 4, 1, 0.5},                // 4 to 7 heads of 7
		{0, 3, 2, 1, 1.0 / 16},           // a quarter of the exposure
		{10, 10, 100, 100, 0.56},         // the same rate over ten times the time: near a half
		{1000, 1000, 1200, 1000, 1.1e-5}, // 20 % more
	} {
		got := RateRise(tt.before, tt.exposure, tt.after, tt.exposureAfter)
		if math.Abs(got-tt.want) > 0.05*tt.want {
			t.Errorf("%+v: %g", tt, got)
		}
	}
	for _, bad := range []float64{RateRise(1, 0, 1, 1), RateRise(1, 1, 1, -1), RateRise(-1, 1, 1, 1), RateRise(1, math.NaN(), 1, 1)} {
		if !math.IsNaN(bad) {
			t.Errorf("%g, want NaN", bad)
		}
	}
}

// Two counts of one rate must not be told apart more often than the level says, whatever the
// exposures are.
func TestRateRiseKeepsItsLevel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, mean := range []float64{2, 20, 300} {
		for _, ratio := range []float64{0.3, 1, 4} {
			false05, runs := 0, 4000
			for range runs {
				if RateRise(poisson(rng, mean), 1, poisson(rng, mean*ratio), ratio) < 0.05 {
					false05++
				}
			}
			if share := float64(false05) / float64(runs); share > 0.06 {
				t.Errorf("mean %g, exposure %g: %.3f of equal rates are called a rise", mean, ratio, share)
			}
		}
	}
}

func poisson(rng *rand.Rand, mean float64) int64 {
	var n int64
	for sum := rng.ExpFloat64(); sum < mean; sum += rng.ExpFloat64() {
		n++
	}
	return n
}
