package evidence

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestHistogramQuantileIsWithinItsBucket(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var values []int64
	for range 20_000 {
		v := int64(math.Exp(rng.Float64() * 30))
		values = append(values, v)
		h.Add(v)
	}
	slices.Sort(values)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1} {
		rank := max(int(math.Ceil(q*float64(len(values)))), 1)
		exact := values[rank-1]
		got := h.Quantile(q)
		if diff := math.Abs(float64(got-exact)) / float64(max(exact, 1)); diff > 1.0/63 {
			t.Errorf("q%v = %d, exact %d: off by %.2f %%", q, got, exact, 100*diff)
		}
	}
	if h.Min != values[0] || h.Max != values[len(values)-1] || h.Quantile(1) != h.Max {
		t.Errorf("min %d max %d, want %d and %d", h.Min, h.Max, values[0], values[len(values)-1])
	}
}

func TestHistogramBucketsTileTheIntegers(t *testing.T) {
	next := int64(0)
	for o := range numOctaves {
		for s := range subBuckets {
			lo, hi := bucketBounds(o, s)
			if lo != next {
				t.Fatalf("bucket %d/%d starts at %d, want %d", o, s, lo, next)
			}
			for _, v := range []int64{lo, hi} {
				if go_, gs := bucketOf(v); go_ != o || gs != s {
					t.Fatalf("bucketOf(%d) = %d/%d, want %d/%d", v, go_, gs, o, s)
				}
			}
			if hi == math.MaxInt64 {
				return
			}
			next = hi + 1
		}
	}
	t.Fatal("the buckets do not reach the largest int64")
}

// TestCountsMakeTheSameHistogram: counting in buckets alone gives what Add gives.
func TestCountsMakeTheSameHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var added, counted Histogram
	var counts Counts
	var sum int64
	least, greatest := int64(math.MaxInt64), int64(0)
	values := []int64{0, 1, 31, 32, 63, 64, 65, 127, 128, 1<<40 - 1, 1 << 40, 1 << 61}
	for range 5000 {
		values = append(values, rng.Int64N(1<<(1+rng.IntN(50))))
	}
	for _, v := range values {
		added.Add(v)
		counts.Add(BucketOf(v))
		sum, least, greatest = sum+v, min(least, v), max(greatest, v)
	}
	counted.AddCounts(&counts, sum, least, greatest)
	want, _ := json.Marshal(added)
	if got, _ := json.Marshal(counted); string(got) != string(want) {
		t.Errorf("counted: %s\nadded: %s", got, want)
	}
	if b := BucketOf(math.MaxInt64); b != numOctaves*subBuckets-1 {
		t.Errorf("the largest value is in bucket %d", b)
	}
	counted.AddCounts(&Counts{}, 0, 0, 0)
	if got, _ := json.Marshal(counted); string(got) != string(want) {
		t.Error("adding nothing changed something")
	}
}

func TestHistogramMergeIsAssociativeAndCommutative(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	parts := make([]Histogram, 3)
	var whole Histogram
	for range 3000 {
		v := rng.Int64N(1 << (1 + rng.IntN(40)))
		parts[rng.IntN(3)].Add(v)
		whole.Add(v)
	}
	sum := func(order ...int) string {
		var m Histogram
		for _, i := range order {
			m.Merge(&parts[i])
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want, _ := json.Marshal(whole)
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		if got := sum(order...); got != string(want) {
			t.Errorf("merging in order %v gives other bytes than adding all", order)
		}
	}
}

func TestHistogramJSON(t *testing.T) {
	var h Histogram
	for _, v := range []int64{0, 5, 5, 1 << 40, math.MaxInt64, -3} {
		h.Add(v)
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var back Histogram
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	again, _ := json.Marshal(back)
	if string(again) != string(b) {
		t.Errorf("read back and written again:\n%s\n%s", b, again)
	}
	for _, bad := range []string{`{"count":1,"buckets":[]}`, `{"count":1,"buckets":[[99999,1]]}`, `{"count":-1,"buckets":[[1,-1]]}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestHistogramCountAbove(t *testing.T) {
	var h Histogram
	for v := range int64(60) {
		h.Add(v)
	}
	if got := h.CountAbove(49); got != 10 {
		t.Errorf("CountAbove(49) = %d, want 10", got)
	}
	if empty := new(Histogram); empty.Quantile(0.5) != 0 || !math.IsNaN(empty.Mean()) {
		t.Error("an empty histogram must give 0 and NaN")
	}
}

// The text of a histogram reads back to the same, merges like the original, and what is none is refused.
func TestHistogramText(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var whole, merged Histogram
	for range 5 {
		var part Histogram
		for range 200 {
			v := int64(1) << rng.IntN(62)
			part.Add(v + rng.Int64N(v))
		}
		whole.Merge(&part)
		text, err := part.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Histogram
		if err := back.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		merged.Merge(&back)
	}
	a, _ := whole.MarshalText()
	b, _ := merged.MarshalText()
	if string(a) != string(b) {
		t.Errorf("%s\n%s", a, b)
	}
	for _, text := range []string{"", "1 2 3", "1 2 3 x", "1 2 2 2", "2 2 2 2 1:1", "1 1 1 1 1:x", "1 1 1 1 1", "1 1 1 1 99999:1", "1 1 1 1 -1:1", "1 1 1 1 1:-1 1:2"} {
		if err := new(Histogram).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a histogram", text)
		}
	}
}
