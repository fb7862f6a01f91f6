package metrics

import (
	"cmp"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// maxNative bounds the buckets of a native histogram. client_golang keeps 160 by default.
const maxNative = 1024

// native is a native histogram: buckets that hold something, of a width that grows with the value. Counts are
// those of each bucket, not cumulative.
type native struct {
	count, sum float64
	buckets    []nativeBucket
	tooMany    bool // or one that is none: no distribution can be told
}

// nativeBucket holds what is above lo and at most hi.
type nativeBucket struct{ lo, hi, count float64 }

// valid is false of buckets that end before they begin or hold less than nothing.
func (b nativeBucket) valid() bool { return b.lo <= b.hi && b.count >= 0 && finite(b.count) }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// add sums histograms. Those of different resolution share the bounds of the coarser one.
func (n *native) add(o *native) {
	if o == nil {
		return
	}
	if !finite(o.count) || !finite(o.sum) {
		n.tooMany = true
		return
	}
	n.count += o.count
	n.sum += o.sum
	n.tooMany = n.tooMany || o.tooMany
	for _, b := range o.buckets {
		i, found := slices.BinarySearchFunc(n.buckets, b, compareNative)
		switch {
		case !b.valid():
			n.tooMany = true
		case found:
			n.buckets[i].count += b.count
		case len(n.buckets) >= maxNative:
			n.tooMany = true
		default:
			n.buckets = slices.Insert(n.buckets, i, b)
		}
	}
}

func compareNative(a, b nativeBucket) int {
	return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo))
}

// cell is the histogram in the form of a classic one, with a bucket for each bound that is none inside another
// bucket. Latencies are not negative: what lies below 0 counts as 0.
func (n *native) cell() *cell {
	c := &cell{native: n, sum: n.sum, count: n.count, hasSum: true, hasCount: true, tooMany: n.tooMany}
	seen := 0.0
	bound := func(le float64) {
		if !slices.ContainsFunc(n.buckets, func(b nativeBucket) bool { return b.lo < le && le < b.hi }) {
			c.buckets = append(c.buckets, bucket{le, seen, 1})
		}
	}
	for i, b := range n.buckets {
		if lo := max(b.lo, 0); i == 0 && lo > 0 || i > 0 && n.buckets[i-1].hi < lo {
			bound(lo)
		}
		seen += b.count
		if i+1 == len(n.buckets) || n.buckets[i+1].hi > b.hi {
			bound(max(b.hi, 0))
		}
	}
	if k := len(c.buckets); k == 0 || !math.IsInf(c.buckets[k-1].le, 1) {
		c.buckets = append(c.buckets, bucket{math.Inf(1), max(seen, n.count), 1})
	}
	return c
}

// nativeOf reads a native histogram of the protobuf format; nil for a classic one.
func nativeOf(h *dto.Histogram) *native {
	if h == nil || h.Schema == nil || h.GetSchema() < -4 || h.GetSchema() > 8 {
		return nil
	}
	n := &native{count: float64(h.GetSampleCount()), sum: h.GetSampleSum()}
	if h.SampleCountFloat != nil {
		n.count = h.GetSampleCountFloat()
	}
	zero := float64(h.GetZeroCount())
	if h.ZeroCountFloat != nil {
		zero = h.GetZeroCountFloat()
	}
	if below := spansTotal(h.GetNegativeSpan(), h.GetNegativeDelta(), h.GetNegativeCount()); zero+below > 0 {
		n.buckets = append(n.buckets, nativeBucket{0, h.GetZeroThreshold(), zero + below})
	}
	// Bucket i ends at 2^(i·2^-schema).
	edge := func(i int64) float64 { return math.Exp2(math.Ldexp(float64(i), -int(h.GetSchema()))) }
	spans(h.GetPositiveSpan(), h.GetPositiveDelta(), h.GetPositiveCount(), func(i int64, count float64) bool {
		if len(n.buckets) >= maxNative {
			n.tooMany = true
			return false
		}
		if count > 0 {
			n.buckets = append(n.buckets, nativeBucket{edge(i - 1), edge(i), count})
		}
		return true
	})
	return n
}

func spansTotal(s []*dto.BucketSpan, deltas []int64, counts []float64) float64 {
	total := 0.0
	spans(s, deltas, counts, func(_ int64, count float64) bool {
		total += count
		return true
	})
	return total
}

// spans calls f with the number and count of each bucket until it returns false. Counts are given as differences
// from bucket to bucket, or by themselves.
func spans(s []*dto.BucketSpan, deltas []int64, counts []float64, f func(i int64, count float64) bool) {
	var i int64
	var count float64
	k := 0
	for _, span := range s {
		i += int64(span.GetOffset())
		for range span.GetLength() {
			switch {
			case k < len(deltas):
				count += float64(deltas[k])
			case k < len(counts):
				count = counts[k]
			default:
				return
			}
			if k++; !f(i, count) {
				return
			}
			i++
		}
	}
}
