package stats

import (
	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// DispersionMethod names the test whether counts share one rate.
const DispersionMethod = "Poisson dispersion test"

// Dispersion tests whether counts over the given exposures share one rate (Fisher 1950: χ² of the counts
// against the pooled rate). It returns p, the chance of counts at least as uneven from independent events at
// one rate; 1 when there is nothing to compare. Exposures that are not positive are left out together
// with their counts.
func Dispersion(counts, exposures []float64) float64 {
	var events, exposure float64
	n := 0
	for i := range min(len(counts), len(exposures)) {
		if exposures[i] > 0 {
			events += counts[i]
			exposure += exposures[i]
			n++
		}
	}
	if n < 2 || events <= 0 {
		return 1
	}
	chi := 0.0
	for i := range min(len(counts), len(exposures)) {
		if exposures[i] > 0 {
			expected := events * exposures[i] / exposure
			chi += (counts[i] - expected) * (counts[i] - expected) / expected
		}
	}
	return distuv.ChiSquared{K: float64(n - 1)}.Survival(chi)
}

// BinomialLower is P(X ≤ k) of n trials with the given chance of success each.
func BinomialLower(k, n int64, chance float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n || chance <= 0:
		return 1
	case chance >= 1:
		return 0
	}
	return mathext.RegIncBeta(float64(n-k), float64(k+1), 1-chance)
}
