package stats

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"go-debug/analyze/evidence"
)

// Names of the methods of capacity.
const (
	SupportsMethod    = "P99 of requests grouped by how many were in flight on arrival; binomial upper bound, 95 % one-sided"
	KneeMethod        = "Kneedle (Satopää et al. 2011), sensitivity 1"
	USLMethod         = "universal scalability law (Gunther), least squares; used only where it misses by less than 5 %"
	OperationalMethod = "operational bounds, X ≤ min(N/D, 1/Dmax) (Denning and Buzen 1978)"
)

// OperationalBound is the most that n customers can complete per second in a system whose requests need the time
// total in all of its stations and most in the one they need longest, in seconds.
func OperationalBound(n, total, most float64) float64 {
	if !(n > 0) || !(total > 0) || !(most > 0) {
		return math.NaN()
	}
	return min(n/total, 1/most)
}

// UpperRank is the 1-based rank at or above which quantile q lies with the given one-sided confidence, whatever the
// distribution. ok is false when n is too small: P99 needs 299 values at 95 %, P95 needs 59.
func UpperRank(n int64, q, confidence float64) (rank int64, ok bool) {
	if n <= 0 || !(q > 0 && q < 1) || !(confidence > 0 && confidence < 1) {
		return 0, false
	}
	x := distuv.Binomial{N: float64(n), P: q}
	rank = smallest(n, func(k int64) bool { return x.CDF(float64(k)) >= confidence }) + 1
	return rank, rank <= n
}

// Support is what is known of a server's capacity at a limit on P99.
type Support struct {
	InFlight int   // all groups up to here keep the limit
	Bound    int64 // the upper bound of P99 of the last of them, ns
	N        int64 // its requests
	// Limited is true when the next group was seen and does not keep it; else no more were ever in flight with
	// requests enough to tell.
	Limited bool
}

// Supports is the largest concurrency up to which P99 is below the limit with 95 % confidence. Groups with too few
// requests for a bound are joined with the next. ok is false when even the first group does not keep the limit, or has too
// few requests.
func Supports(groups []evidence.Met, limitNS int64) (s Support, ok bool) {
	var pool evidence.Histogram
	for _, g := range groups {
		pool.Merge(&g.Latencies)
		rank, enough := UpperRank(pool.Count, 0.99, DefaultConfidence)
		if !enough {
			continue
		}
		bound := pool.AtRank(rank)
		if bound >= limitNS {
			s.Limited = ok
			return s, ok
		}
		s, ok = Support{InFlight: g.InFlight, Bound: bound, N: pool.Count}, true
		pool = evidence.Histogram{}
	}
	return s, ok
}

// Knee finds where a curve that rises ever less turns: the index of the point farthest above the line between its ends, in
// units of both ranges (Kneedle, for concave increasing curves). x must ascend strictly. ok is false for fewer than
// five points, curves that do not rise, and straight ones.
func Knee(x, y []float64) (i int, ok bool) {
	n := len(x)
	if n < 5 || len(y) != n || !(x[n-1] > x[0]) {
		return 0, false
	}
	lo, hi := y[0], y[0]
	for _, v := range y {
		lo, hi = min(lo, v), max(hi, v)
	}
	if !(hi > lo) || y[0] > lo+(hi-lo)/2 {
		return 0, false
	}
	const least = 0.1 // of the range: less is noise on a line
	best := least
	for k := 1; k < n-1; k++ {
		if d := (y[k]-lo)/(hi-lo) - (x[k]-x[0])/(x[n-1]-x[0]); d > best {
			i, best, ok = k, d, true
		}
	}
	return i, ok
}

// USL is a fit of X(N) = λN/(1 + σ(N−1) + κN(N−1)).
type USL struct {
	Lambda float64 // per second, at N = 1
	Sigma  float64 // contention
	Kappa  float64 // coherency
	// Residual is the root mean square of the relative error.
	Residual float64
	// Peak is the N with the largest throughput; +Inf when there is none.
	Peak float64
}

// maxUSLResidual is how much a fit may miss by.
const maxUSLResidual = 0.05

// FitUSL fits throughput over concurrency. ok is false below six points, for points that do not span a factor of
// four, and for a fit that misses by 5 % or more: the law has three parameters and bends to anything.
func FitUSL(n, x []float64) (u USL, ok bool) {
	if len(n) < 6 || len(x) != len(n) {
		return u, false
	}
	lo, hi := math.Inf(1), 0.0
	for i := range n {
		if !(n[i] > 0) || !(x[i] > 0) {
			return u, false
		}
		lo, hi = min(lo, n[i]), max(hi, n[i])
	}
	if hi < 4*lo {
		return u, false
	}
	u.Residual = math.Inf(1)
	// N/X = (1 + σ(N−1) + κN(N−1))/λ is linear in three coefficients, none of them negative. With so few,
	// the constrained optimum is the best of the unconstrained ones over subsets.
	for subset := range 4 {
		if fit, fine := fitUSL(n, x, subset&1 != 0, subset&2 != 0); fine && fit.Residual < u.Residual {
			u = fit
		}
	}
	return u, u.Residual < maxUSLResidual
}

func fitUSL(n, x []float64, sigma, kappa bool) (u USL, ok bool) {
	columns := []func(float64) float64{func(float64) float64 { return 1 }}
	if sigma {
		columns = append(columns, func(n float64) float64 { return n - 1 })
	}
	if kappa {
		columns = append(columns, func(n float64) float64 { return n * (n - 1) })
	}
	a, b := mat.NewDense(len(n), len(columns), nil), mat.NewVecDense(len(n), nil)
	for i := range n {
		w := x[i] / n[i] // weighs relative errors alike
		for j, c := range columns {
			a.Set(i, j, c(n[i])*w)
		}
		b.SetVec(i, 1)
	}
	var c mat.VecDense
	if err := c.SolveVec(a, b); err != nil {
		return u, false
	}
	for j := range columns {
		if !(c.AtVec(j) >= 0) || math.IsInf(c.AtVec(j), 0) {
			return u, false
		}
	}
	if !(c.AtVec(0) > 0) {
		return u, false
	}
	u.Lambda = 1 / c.AtVec(0)
	j := 1
	if sigma {
		u.Sigma = c.AtVec(j) * u.Lambda
		j++
	}
	if kappa {
		u.Kappa = c.AtVec(j) * u.Lambda
	}
	u.Peak = math.Inf(1)
	if u.Kappa > 0 {
		u.Peak = math.Sqrt(max(1-u.Sigma, 0) / u.Kappa)
	}
	sum := 0.0
	for i := range n {
		e := u.Throughput(n[i])/x[i] - 1
		sum += e * e
	}
	u.Residual = math.Sqrt(sum / float64(len(n)))
	return u, true
}

// Throughput is X(N) of the fit.
func (u USL) Throughput(n float64) float64 {
	return u.Lambda * n / (1 + u.Sigma*(n-1) + u.Kappa*n*(n-1))
}
