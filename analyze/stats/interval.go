package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Names of the intervals of shares and rates.
const (
	WilsonMethod  = "Wilson score interval, 95 %"
	PoissonMethod = "exact Poisson interval, 95 % (Garwood)"
)

// Wilson is the score interval of the share k/n (Wilson 1927; Newcombe 1998, method 3). It stays
// within [0, 1] and is usable for small n and extreme shares. It is [0, 1] for n ≤ 0.
func Wilson(k, n int64, confidence float64) (lo, hi float64) {
	if n <= 0 {
		return 0, 1
	}
	k = min(max(k, 0), n)
	lo, hi = WilsonShare(float64(k)/float64(n), float64(n), confidence)
	// The bounds at the ends are 0 and 1 by algebra, and only nearly so in floating point.
	if k == 0 {
		lo = 0
	}
	if k == n {
		hi = 1
	}
	return lo, hi
}

// WilsonShare is Wilson for a share p of an effective number of samples, which is less than their
// count where they depend on each other: n divided by the square of how much wider their spread is.
func WilsonShare(p, n, confidence float64) (lo, hi float64) {
	if n <= 0 {
		return 0, 1
	}
	z := mathext.NormalQuantile(1 - (1-confidence)/2)
	mid := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	return max((mid-half)/scale, 0), min((mid+half)/scale, 1)
}

// PoissonRate is the exact interval of the rate, per unit of exposure, of events that were
// counted over an exposure (Garwood 1936). It takes the events as independent; arrivals that
// come in bursts vary more. Both ends are NaN when the exposure is not positive.
func PoissonRate(count int64, exposure, confidence float64) (lo, hi float64) {
	if exposure <= 0 || count < 0 {
		return math.NaN(), math.NaN()
	}
	tail := (1 - confidence) / 2
	k := float64(count)
	if count > 0 {
		lo = mathext.GammaIncRegInv(k, tail) / exposure
	}
	return lo, mathext.GammaIncRegCompInv(k+1, tail) / exposure
}

// ClopperPearsonMethod names the exact interval of a share.
const ClopperPearsonMethod = "exact binomial interval, 95 % (Clopper–Pearson)"

// ClopperPearson is the exact interval of the share k/n (Clopper and Pearson, Biometrika 26, 1934): it covers the
// true share at least as often as it says. It is [0, 1] for n ≤ 0.
func ClopperPearson(k, n int64, confidence float64) (lo, hi float64) {
	if n <= 0 {
		return 0, 1
	}
	tail := (1 - confidence) / 2
	hi = 1
	if k > 0 {
		lo = mathext.InvRegIncBeta(float64(k), float64(n-k+1), tail)
	}
	if k < n {
		hi = mathext.InvRegIncBeta(float64(k+1), float64(n-k), 1-tail)
	}
	return lo, hi
}
