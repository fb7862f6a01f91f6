package stats

import (
	"math"

	"go-debug/analyze/evidence"
)

// BracketMethod names the quantiles of classic histograms.
const BracketMethod = "classic histogram: the bucket that holds the nearest rank; value is its upper bound, interval its bounds"

// NativeMethod is the same of native ones, whose buckets grow by a constant factor.
const NativeMethod = "native histogram: the bucket that holds the nearest rank; value is its upper bound, interval its bounds"

// Bracket is what a classic histogram says of a quantile: it lies above Lo and at most at Hi.
// Hi is +Inf when the rank falls into the last bucket. A point inside is not known: with
// common bucket layouts, interpolation is wrong by tens of per cent.
type Bracket struct{ Lo, Hi float64 }

// QuantileBracket finds the bucket that holds the nearest rank of quantile q among cumulative
// buckets in ascending order of LE, the last being +Inf (math.MaxFloat64). ok is false when
// the buckets are empty or their counts descend.
func QuantileBracket(buckets []evidence.LatencyBucket, q float64) (b Bracket, ok bool) {
	if len(buckets) == 0 {
		return Bracket{}, false
	}
	total := buckets[len(buckets)-1].Count
	if !(total > 0) || math.IsInf(total, 0) {
		return Bracket{}, false
	}
	rank := q * total
	if total >= 1 && total < math.MaxInt64/2 { // differences of counters are whole numbers of requests
		rank = float64(NearestRank(q, int64(total)))
	}
	lower, seen, found := 0.0, 0.0, -1
	for i, bk := range buckets {
		if bk.Count < seen {
			return Bracket{}, false
		}
		seen = bk.Count
		if found < 0 && bk.Count >= rank {
			found = i
		}
	}
	if found < 0 {
		return Bracket{}, false
	}
	if found > 0 {
		lower = buckets[found-1].LE
	}
	upper := buckets[found].LE
	if upper >= math.MaxFloat64 {
		upper = math.Inf(1)
	}
	return Bracket{Lo: lower, Hi: upper}, true
}
