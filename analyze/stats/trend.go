package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// MannKendallMethod names the trend test.
const MannKendallMethod = "Mann–Kendall trend test, tie-corrected"

// maxTrendPoints bounds the pairs that the quadratic tests look at; longer series are
// thinned to evenly spaced points.
const maxTrendPoints = 1024

// exactTrendPoints is up to where the distribution of S is counted rather than
// approximated: the normal approximation is good from there on (Kendall 1975).
const exactTrendPoints = 10

// Trend is the result of a Mann–Kendall test.
type Trend struct {
	N   int
	S   float64 // concordant minus discordant pairs
	Tau float64 // Kendall's tau-b against time: −1 to 1
	Var float64 // of S when there is no trend, corrected for ties
	Z   float64 // continuity-corrected, 0 when Var is 0
	// P is two-sided, PUp the chance of so large an S without a trend.
	P, PUp float64
}

// MannKendall tests a series in time order for a monotone trend (Mann 1945, Kendall 1975). It
// takes the values as independent: autocorrelated series, such as the length of a queue, reject
// too often. Up to 10 values without ties the distribution is exact. Values that are not
// finite must not be passed.
func MannKendall(series []float64) Trend {
	y := thin(series)
	n := len(y)
	t := Trend{N: n, P: 1, PUp: 1}
	if n < 3 {
		return t
	}
	for i := range y {
		for j := i + 1; j < n; j++ {
			switch {
			case y[j] > y[i]:
				t.S++
			case y[j] < y[i]:
				t.S--
			}
		}
	}
	nf := float64(n)
	pairs := nf * (nf - 1) / 2
	tieVar, tiePairs := tieTerms(y)
	t.Var = (nf*(nf-1)*(2*nf+5) - tieVar) / 18
	if d := math.Sqrt(pairs * (pairs - tiePairs)); d > 0 {
		t.Tau = t.S / d
	}
	if t.Var <= 0 {
		return t
	}
	switch {
	case t.S > 0:
		t.Z = (t.S - 1) / math.Sqrt(t.Var)
	case t.S < 0:
		t.Z = (t.S + 1) / math.Sqrt(t.Var)
	}
	if n <= exactTrendPoints && tiePairs == 0 {
		t.PUp = exactKendallUpper(n, int(t.S))
		t.P = min(1, 2*min(t.PUp, exactKendallUpper(n, int(-t.S))))
		return t
	}
	t.PUp = normalUpper((t.S - 1) / math.Sqrt(t.Var))
	t.P = min(1, 2*normalUpper(math.Abs(t.Z)))
	return t
}

// tieTerms are Σt(t−1)(2t+5) and Σt(t−1)/2 over the groups of equal values.
func tieTerms(y []float64) (variance, pairs float64) {
	s := slices.Sorted(slices.Values(y))
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] == s[i] {
			j++
		}
		g := float64(j - i)
		variance += g * (g - 1) * (2*g + 5)
		pairs += g * (g - 1) / 2
		i = j
	}
	return variance, pairs
}

// exactKendallUpper is P(S ≥ s) over all orders of n distinct values. An order with k
// inversions has S = n(n−1)/2 − 2k; the orders by inversions are the Mahonian numbers.
func exactKendallUpper(n, s int) float64 {
	pairs := n * (n - 1) / 2
	counts := []float64{1}
	for m := 2; m <= n; m++ {
		next := make([]float64, len(counts)+m-1)
		for k, c := range counts {
			for d := range m {
				next[k+d] += c
			}
		}
		counts = next
	}
	var hit, all float64
	for k, c := range counts {
		all += c
		if pairs-2*k >= s {
			hit += c
		}
	}
	return hit / all
}

func normalUpper(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// TheilSenMethod names the slope.
const TheilSenMethod = "Theil–Sen slope, 95 % interval (Sen)"

// Slope is a robust line through points.
type Slope struct {
	N         int
	Value     float64 // y per unit of x; NaN when there is none
	Lo, Hi    float64 // NaN when there are too few points for an interval
	Intercept float64 // median of y − slope·x
}

// TheilSen is the median of the slopes between all pairs of points with different x (Theil
// 1950), with the interval of Sen 1968: the slopes at ranks (N ∓ z·√Var(S))/2. x must ascend and be as
// long as y.
func TheilSen(x, y []float64, confidence float64) Slope {
	x, y = thin(x), thin(y)
	out := Slope{N: len(y), Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Intercept: math.NaN()}
	if len(x) != len(y) {
		return out
	}
	var slopes []float64
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			if dx := x[j] - x[i]; dx != 0 {
				slopes = append(slopes, (y[j]-y[i])/dx)
			}
		}
	}
	if len(slopes) == 0 {
		return out
	}
	slices.Sort(slopes)
	out.Value = median(slopes)
	rest := make([]float64, len(y))
	for i := range y {
		rest[i] = y[i] - out.Value*x[i]
	}
	slices.Sort(rest)
	out.Intercept = median(rest)

	tieVar, _ := tieTerms(y)
	n, count := float64(len(y)), float64(len(slopes))
	c := mathext.NormalQuantile(1-(1-confidence)/2) * math.Sqrt((n*(n-1)*(2*n+5)-tieVar)/18)
	lo, hi := int(math.Floor((count-c)/2)), int(math.Ceil((count+c)/2))
	if lo >= 1 && hi < len(slopes) {
		out.Lo, out.Hi = slopes[lo-1], slopes[hi]
	}
	return out
}

func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// Median is the middle of the values, or the mean of the two middle ones; NaN when there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return median(slices.Sorted(slices.Values(values)))
}

func thin(y []float64) []float64 {
	if len(y) <= maxTrendPoints {
		return y
	}
	out := make([]float64, maxTrendPoints)
	for i := range out {
		out[i] = y[i*(len(y)-1)/(maxTrendPoints-1)]
	}
	return out
}
