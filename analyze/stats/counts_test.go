package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestBinomialLower(t *testing.T) {
	for _, c := range []struct {
		k, n   int64
		chance float64
		want   float64
	}{
		{0, 10, 0.5, 1.0 / 1024}, {5, 10, 0.5, 638.0 / 1024}, {10, 10, 0.5, 1}, {-1, 10, 0.5, 0},
		{2, 3, 0.25, 1 - 1.0/64}, {3, 9, 0, 1}, {3, 9, 1, 0},
		{13, 39, 0.5, 0.0266}, // R: pbinom(13, 39, 0.5)
	} {
		near(t, "BinomialLower", BinomialLower(c.k, c.n, c.chance), c.want, 1e-3)
	}
}

func TestDispersion(t *testing.T) {
	// R: chisq.test(c(10, 20, 30), p = c(1, 1, 1)/3): X² = 10, df = 2, p = 0.006738
	near(t, "Dispersion", Dispersion([]float64{10, 20, 30}, []float64{1, 1, 1}), 0.006738, 1e-5)
	near(t, "Dispersion in proportion", Dispersion([]float64{10, 20, 30}, []float64{1, 2, 3}), 1, 1e-9)
	near(t, "Dispersion without exposure", Dispersion([]float64{10, 20, 30}, []float64{1, 2, 0}), Dispersion([]float64{10, 20}, []float64{1, 2}), 0)
	for _, c := range [][2][]float64{{nil, nil}, {{3}, {1}}, {{0, 0}, {1, 1}}, {{3, 4}, {0, 1}}} {
		near(t, "Dispersion of nothing", Dispersion(c[0], c[1]), 1, 0)
	}
}

// At one rate p falls below 5 % in 5 % of the cases.
func TestDispersionKeepsItsLevel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const runs = 4000
	rejected := 0
	for range runs {
		counts, exposures := make([]float64, 6), make([]float64, 6)
		for i := range counts {
			exposures[i] = 5 + 10*rng.Float64()
			for at := rng.ExpFloat64(); at < 3*exposures[i]; at += rng.ExpFloat64() {
				counts[i]++
			}
		}
		if Dispersion(counts, exposures) < 0.05 {
			rejected++
		}
	}
	near(t, "level of the dispersion test", float64(rejected)/runs, 0.05, 4*math.Sqrt(0.05*0.95/runs))
}
