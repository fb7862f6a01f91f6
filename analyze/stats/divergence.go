package stats

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// DivergenceMethod names the test of concurrency against arrivals.
const DivergenceMethod = "D = log((L+0.5)/(λ+1)), last third against first third: Bartlett-HAC t-test, Cliff's δ"

// DivergenceLimits are the thresholds of the test; all must be reached.
type DivergenceLimits struct {
	Fold    float64 // least factor by which L/λ must have grown
	P       float64 // largest one-sided p of the t-test
	Delta   float64 // least Cliff's δ between the thirds
	FinalL  float64 // least mean concurrency in the last third
	MinBins int     // fewer bins are not tested
}

// Divergence is the result of the test.
type Divergence struct {
	Bins     int
	Tested   bool    // false: too few bins
	Fold     float64 // growth of L/λ from the first to the last third
	T, P     float64 // one-sided
	Delta    float64 // Cliff's δ of D, last against first third: −1 to 1
	FinalL   float64 // mean L of the last third
	Diverges bool
}

// Diverge tests whether concurrency grew out of proportion to arrivals. It tests L/λ and not L: in a
// ramp both rise and cancel. The variance of the means allows for autocorrelation (Newey and West
// 1987, Bartlett kernel), because the length of a queue is a strongly correlated series. l and
// lambda are per bin, in time order, and equally long.
func Diverge(l, lambda []float64, lim DivergenceLimits) Divergence {
	out := Divergence{Bins: min(len(l), len(lambda)), P: 1, Fold: math.NaN(), FinalL: math.NaN()}
	third := out.Bins / 3
	if third < 1 {
		return out
	}
	d := Disproportion(l[:out.Bins], lambda[:out.Bins])
	first, last := d[:third], d[out.Bins-third:]
	meanFirst, meanLast := stat.Mean(first, nil), stat.Mean(last, nil)
	out.Fold = math.Exp(meanLast - meanFirst)
	out.Delta = CliffsDelta(last, first)
	out.FinalL = stat.Mean(l[out.Bins-third:out.Bins], nil)
	if out.Bins < lim.MinBins || third < 2 {
		return out
	}
	out.Tested = true
	se := math.Sqrt(longRunVariance(first)/float64(third) + longRunVariance(last)/float64(third))
	switch diff := meanLast - meanFirst; {
	case se > 0:
		out.T = diff / se
		out.P = distuv.StudentsT{Sigma: 1, Nu: float64(2*third - 2)}.Survival(out.T)
	case diff > 0: // two constant levels: no noise to test against
		out.P = 0
	}
	out.Diverges = out.Fold >= lim.Fold && out.P < lim.P && out.Delta >= lim.Delta && out.FinalL >= lim.FinalL
	return out
}

// Disproportion is D = log((L+0.5)/(λ+1)) for each bin: the log of concurrency per arrival,
// with offsets that keep idle bins finite.
func Disproportion(l, lambda []float64) []float64 {
	out := make([]float64, len(l))
	for i := range l {
		out[i] = math.Log((max(l[i], 0) + 0.5) / (max(lambda[i], 0) + 1))
	}
	return out
}

// CliffsDelta is P(a > b) − P(a < b) over all pairs: 1 when every a is above every b (Cliff 1993).
func CliffsDelta(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	a, b = thin(a), thin(b)
	sum := 0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				sum++
			case x < y:
				sum--
			}
		}
	}
	return float64(sum) / float64(len(a)*len(b))
}

// longRunVariance is the Newey–West estimate with Bartlett weights and the lag ⌊4(n/100)^(2/9)⌋
// of Newey and West 1994, never below the plain variance: negative autocorrelation in a
// short sample is noise.
func longRunVariance(x []float64) float64 {
	n := len(x)
	mean, plain := stat.MeanVariance(x, nil)
	lags := min(int(4*math.Pow(float64(n)/100, 2.0/9)), n-1)
	v := plain
	for k := 1; k <= lags; k++ {
		var c float64
		for i := k; i < n; i++ {
			c += (x[i] - mean) * (x[i-k] - mean)
		}
		v += 2 * (1 - float64(k)/float64(lags+1)) * c / float64(n-1)
	}
	return max(v, plain)
}
