package inflight

import (
	"cmp"
	"math"
	"slices"

	"go-debug/analyze/evidence"
)

// addSparse adds what two scrapes of a native histogram differ by. Bounds that one of them does not list bound nothing
// in it: its count there is that at the bound below. When the resolution was lowered in between, counts at the finer
// bounds would fall, and the interval is left out.
func (f *flow) addSparse(a, b []evidence.LatencyBucket) {
	bounds := mergedBounds(a, b)
	diff := make([]evidence.LatencyBucket, len(bounds))
	before := 0.0
	for i, le := range bounds {
		diff[i] = evidence.LatencyBucket{LE: le, Count: countAt(b, le) - countAt(a, le)}
		if diff[i].Count < before {
			return
		}
		before = diff[i].Count
	}
	all := mergedBounds(f.buckets, diff)
	sum := make([]evidence.LatencyBucket, len(all))
	for i, le := range all {
		sum[i] = evidence.LatencyBucket{LE: le, Count: countAt(f.buckets, le) + countAt(diff, le)}
	}
	f.buckets = sum
}

func mergedBounds(a, b []evidence.LatencyBucket) []float64 {
	var out []float64
	for _, bk := range slices.Concat(a, b) {
		if !math.IsNaN(bk.LE) {
			out = append(out, bk.LE)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// countAt is the cumulative count at a bound.
func countAt(buckets []evidence.LatencyBucket, le float64) float64 {
	i, found := slices.BinarySearchFunc(buckets, le, func(b evidence.LatencyBucket, le float64) int { return cmp.Compare(b.LE, le) })
	if found {
		return buckets[i].Count
	}
	if i == 0 {
		return 0
	}
	return buckets[i-1].Count
}
