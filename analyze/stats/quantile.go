package stats

import (
	"math"

	"go-debug/analyze/evidence"

	"gonum.org/v1/gonum/stat/distuv"
)

// DefaultConfidence is the level of every interval whose method names no other.
const DefaultConfidence = 0.95

// NearestRankMethod names how percentiles of a sorted sample are taken.
const NearestRankMethod = "nearest rank"

// OrderStatisticMethod names the intervals of quantiles.
const OrderStatisticMethod = "95 % order-statistic interval (binomial)"

// Quantile is a quantile with the interval that its sample size allows. Lo and Hi are NaN
// when the sample is too small for an interval at that quantile.
type Quantile struct{ Value, Lo, Hi float64 }

// Interval is the interval as a Measure wants it, nil when there is none.
func (q Quantile) Interval() *[2]float64 {
	if math.IsNaN(q.Lo) || math.IsNaN(q.Hi) {
		return nil
	}
	return &[2]float64{q.Lo, q.Hi}
}

// NearestRank is the 1-based rank of quantile q among n values: ⌈q·n⌉, at least 1 and at
// most n (Hyndman and Fan 1996, definition 1). It returns 0 for n ≤ 0.
func NearestRank(q float64, n int64) int64 {
	if n <= 0 {
		return 0
	}
	// 0.07·100 is 7.000000000000001 in binary: the slack keeps exact ranks exact.
	exact := q * float64(n)
	return min(max(int64(math.Ceil(exact-1e-9*max(1, exact))), 1), n)
}

// QuantileRanks are the 1-based ranks [lo, hi] between which the true quantile q lies with at
// least the given confidence, whatever the distribution: P(X < lo) ≤ α/2 and P(X ≥ hi) ≤ α/2
// for X ~ Binomial(n, q) (Hahn and Meeker, Statistical Intervals, section 5.2). ok is false
// when n is too small: the 99th percentile needs 368 values at 95 %.
func QuantileRanks(n int64, q, confidence float64) (lo, hi int64, ok bool) {
	if n <= 0 || !(q > 0 && q < 1) || !(confidence > 0 && confidence < 1) {
		return 0, 0, false
	}
	tail := (1 - confidence) / 2
	x := distuv.Binomial{N: float64(n), P: q}
	// The smallest k with CDF(k) > tail is the largest lower rank: P(X < k) ≤ tail.
	lo = smallest(n, func(k int64) bool { return x.CDF(float64(k)) > tail })
	hi = smallest(n, func(k int64) bool { return x.CDF(float64(k)) >= 1-tail }) + 1
	return lo, hi, lo >= 1 && hi <= n
}

// smallest is the smallest k in [0, n] at which a monotone condition holds, n when none does.
func smallest(n int64, holds func(int64) bool) int64 {
	lo, hi := int64(0), n
	for lo < hi {
		mid := lo + (hi-lo)/2
		if holds(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// SampleQuantile is quantile q of an ascending sample by nearest rank, with its
// order-statistic interval. All fields are NaN for an empty sample.
func SampleQuantile(sorted []float64, q, confidence float64) Quantile {
	n := int64(len(sorted))
	return quantileAt(n, q, confidence, func(rank int64) float64 { return sorted[rank-1] })
}

// HistogramQuantile is quantile q of a histogram by nearest rank, to the histogram's bucket
// precision, with its order-statistic interval. All fields are NaN for an empty one.
func HistogramQuantile(h *evidence.Histogram, q, confidence float64) Quantile {
	return quantileAt(h.Count, q, confidence, func(rank int64) float64 { return float64(h.AtRank(rank)) })
}

func quantileAt(n int64, q, confidence float64, at func(int64) float64) Quantile {
	out := Quantile{math.NaN(), math.NaN(), math.NaN()}
	if n == 0 {
		return out
	}
	out.Value = at(NearestRank(q, n))
	if lo, hi, ok := QuantileRanks(n, q, confidence); ok {
		out.Lo, out.Hi = at(lo), at(hi)
	}
	return out
}

// FromHistogram is a measure whose value is quantile q of a histogram, with p50, p90, p95,
// p99, max and the interval of q. The unit is that of the histogram's values.
func FromHistogram(name, unit string, h *evidence.Histogram, q float64) Measure {
	m := Measure{Name: name, Unit: unit, N: h.Count,
		Method: NearestRankMethod + " of a " + evidence.HistogramMethod + ", " + OrderStatisticMethod}
	if h.Count == 0 {
		return m.Warn("no samples")
	}
	v := HistogramQuantile(h, q, DefaultConfidence)
	m.Value, m.Interval = v.Value, v.Interval()
	at := func(q float64) *float64 { return Float(float64(h.AtRank(NearestRank(q, h.Count)))) }
	m.P50, m.P90, m.P95, m.P99 = at(0.50), at(0.90), at(0.95), at(0.99)
	m.Max = Float(float64(h.Max))
	if m.Interval == nil {
		m = m.Warn("too few samples for an interval at this quantile")
	}
	return m
}
