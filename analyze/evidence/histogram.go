package evidence

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Histogram counts non-negative integers (nanoseconds, mostly) in log-linear buckets:
// exact below 64, then 32 buckets an octave, so that a bucket is at most 1/32 of its
// value wide and a quantile is within 1.6 % of the sample it stands for. Count, Sum,
// Min and Max are exact. The counts are integers, so merging is exactly associative and
// commutative: the same samples give the same bytes however they were split.
//
// The zero value is an empty histogram.
type Histogram struct {
	Count int64
	Sum   int64
	Min   int64
	Max   int64
	// octaves are allocated when first hit: most sites span few of them.
	octaves [numOctaves]*[subBuckets]int64
}

const (
	subBits    = 5
	subBuckets = 1 << subBits
	numOctaves = 64 - subBits // the first holds 0..31, each next doubles
)

// HistogramMethod names how quantiles of a Histogram are taken.
const HistogramMethod = "log-linear histogram, 32 buckets an octave (±1.6 %)"

// Add counts one value; negative values count as 0. It is AddN(v, 1) written out, because the
// trace decoder calls it for most events.
func (h *Histogram) Add(v int64) {
	if v < 0 {
		v = 0
	}
	if h.Count == 0 || v < h.Min {
		h.Min = v
	}
	if v > h.Max {
		h.Max = v
	}
	h.Count++
	h.Sum += v
	o, s := bucketOf(v)
	if oct := h.octaves[o]; oct != nil {
		oct[s]++
		return
	}
	h.octaves[o] = new([subBuckets]int64)
	h.octaves[o][s]++
}

// AddN counts a value n times.
func (h *Histogram) AddN(v, n int64) {
	if n <= 0 {
		return
	}
	if v < 0 {
		v = 0
	}
	if h.Count == 0 || v < h.Min {
		h.Min = v
	}
	if v > h.Max {
		h.Max = v
	}
	h.Count += n
	h.Sum += v * n
	o, s := bucketOf(v)
	if h.octaves[o] == nil {
		h.octaves[o] = new([subBuckets]int64)
	}
	h.octaves[o][s] += n
}

func bucketOf(v int64) (octave, sub int) {
	if v < subBuckets {
		return 0, int(v)
	}
	shift := bits.Len64(uint64(v)) - subBits - 1
	return shift + 1, int(v>>shift) & (subBuckets - 1)
}

// bucketBounds is the range [lo, hi] of the values in a bucket.
func bucketBounds(octave, sub int) (lo, hi int64) {
	if octave == 0 {
		return int64(sub), int64(sub)
	}
	shift := octave - 1
	lo = int64(subBuckets+sub) << shift
	return lo, lo + (1<<shift - 1)
}

// Counts are the buckets of a histogram by themselves, for a loop in which keeping all of a Histogram with
// each value costs too much. A row holds four octaves, and is nil until something is counted there. No
// bucket may be hit more than 4 294 967 295 times.
type Counts [countRows]*[CountColumns]uint32

// CountColumns is the length of a row.
const (
	CountColumns = 4 * subBuckets
	countRows    = 16
)

// BucketOf is the bucket of a value, which must not be negative: its row, times CountColumns, and its column.
func BucketOf(v int64) uint {
	shift := uint(bits.Len64(uint64(v)|(2*subBuckets-1))) - subBits - 1
	return shift<<subBits + uint(v)>>(shift&63)
}

// Add counts in a bucket.
func (c *Counts) Add(bucket uint) {
	row := &c[bucket/CountColumns]
	if *row == nil {
		*row = new([CountColumns]uint32)
	}
	(*row)[bucket%CountColumns]++
}

// AddCounts adds values that were counted outside, whose sum, least and greatest are given.
func (h *Histogram) AddCounts(c *Counts, sum, least, greatest int64) {
	more := Histogram{Sum: sum, Min: least, Max: greatest}
	for i, row := range c {
		if row == nil {
			continue
		}
		for j, n := range row {
			if n == 0 {
				continue
			}
			at := i*CountColumns + j
			octave := &more.octaves[at/subBuckets]
			if *octave == nil {
				*octave = new([subBuckets]int64)
			}
			(*octave)[at%subBuckets] = int64(n)
			more.Count += int64(n)
		}
	}
	h.Merge(&more)
}

// Merge adds the counts of another histogram.
func (h *Histogram) Merge(o *Histogram) {
	if o == nil || o.Count == 0 {
		return
	}
	if h.Count == 0 || o.Min < h.Min {
		h.Min = o.Min
	}
	h.Max = max(h.Max, o.Max)
	h.Count += o.Count
	h.Sum += o.Sum
	for i, oct := range o.octaves {
		if oct == nil {
			continue
		}
		if h.octaves[i] == nil {
			h.octaves[i] = new([subBuckets]int64)
		}
		for j, n := range oct {
			h.octaves[i][j] += n
		}
	}
}

// Clone returns a copy that shares nothing with h.
func (h *Histogram) Clone() *Histogram {
	c := &Histogram{}
	c.Merge(h)
	return c
}

// Mean is Sum/Count, NaN when empty.
func (h *Histogram) Mean() float64 {
	if h.Count == 0 {
		return math.NaN()
	}
	return float64(h.Sum) / float64(h.Count)
}

// Quantile is the smallest bucket's midpoint at which at least q of the values lie at or
// below (nearest rank), kept within Min and Max. It returns 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) int64 {
	if h.Count == 0 {
		return 0
	}
	rank := min(max(int64(math.Ceil(q*float64(h.Count))), 1), h.Count)
	return h.AtRank(rank)
}

// AtRank is the value of the given rank (1 is the smallest), to bucket precision.
func (h *Histogram) AtRank(rank int64) int64 {
	switch {
	case h.Count == 0:
		return 0
	case rank <= 1:
		return h.Min
	case rank >= h.Count:
		return h.Max
	}
	var seen int64
	for o, oct := range h.octaves {
		if oct == nil {
			continue
		}
		for s, n := range oct {
			if seen += n; seen >= rank {
				lo, hi := bucketBounds(o, s)
				return min(max(lo+(hi-lo)/2, h.Min), h.Max)
			}
		}
	}
	return h.Max
}

// CountAbove is the number of values in buckets wholly above v.
func (h *Histogram) CountAbove(v int64) int64 {
	var n int64
	for o, oct := range h.octaves {
		if oct == nil {
			continue
		}
		for s, c := range oct {
			if lo, _ := bucketBounds(o, s); lo > v {
				n += c
			}
		}
	}
	return n
}

// histogramJSON is the serial form: non-empty buckets as [octave*32+sub, count] pairs.
type histogramJSON struct {
	Count   int64      `json:"count"`
	Sum     int64      `json:"sum"`
	Min     int64      `json:"min"`
	Max     int64      `json:"max"`
	Buckets [][2]int64 `json:"buckets"`
}

// MarshalJSON writes the non-empty buckets in ascending order.
func (h Histogram) MarshalJSON() ([]byte, error) {
	out := histogramJSON{Count: h.Count, Sum: h.Sum, Min: h.Min, Max: h.Max, Buckets: [][2]int64{}}
	for o, oct := range h.octaves {
		if oct == nil {
			continue
		}
		for s, n := range oct {
			if n != 0 {
				out.Buckets = append(out.Buckets, [2]int64{int64(o*subBuckets + s), n})
			}
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (h *Histogram) UnmarshalJSON(data []byte) error {
	var in histogramJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	return h.fill(&in)
}

// fill makes the histogram that a serial form describes.
func (h *Histogram) fill(in *histogramJSON) error {
	*h = Histogram{Count: in.Count, Sum: in.Sum, Min: in.Min, Max: in.Max}
	var n int64
	for _, b := range in.Buckets {
		if b[0] < 0 || b[0] >= numOctaves*subBuckets || b[1] < 0 {
			return fmt.Errorf("histogram bucket %d with count %d is out of range", b[0], b[1])
		}
		o := b[0] / subBuckets
		if h.octaves[o] == nil {
			h.octaves[o] = new([subBuckets]int64)
		}
		h.octaves[o][b[0]%subBuckets] += b[1]
		n += b[1]
	}
	if n != in.Count {
		return fmt.Errorf("histogram buckets hold %d values, count says %d", n, in.Count)
	}
	return nil
}

// MarshalText writes a histogram in one line: count, sum, min and max, then each non-empty bucket as its
// distance from the one before and its count. It is what reports hold: the JSON form takes a line a number there.
func (h Histogram) MarshalText() ([]byte, error) {
	out := fmt.Appendf(nil, "%d %d %d %d", h.Count, h.Sum, h.Min, h.Max)
	last := 0
	for o, oct := range h.octaves {
		if oct == nil {
			continue
		}
		for s, n := range oct {
			if n != 0 {
				at := o*subBuckets + s
				out = fmt.Appendf(out, " %d:%d", at-last, n)
				last = at
			}
		}
	}
	return out, nil
}

// UnmarshalText reads what MarshalText wrote.
func (h *Histogram) UnmarshalText(text []byte) error {
	words := strings.Fields(string(text))
	if len(words) < 4 {
		return fmt.Errorf("histogram has %d words, want count, sum, min and max at least", len(words))
	}
	in := histogramJSON{}
	for i, v := range []*int64{&in.Count, &in.Sum, &in.Min, &in.Max} {
		n, err := strconv.ParseInt(words[i], 10, 64)
		if err != nil {
			return fmt.Errorf("histogram: %q is no number", words[i])
		}
		*v = n
	}
	at := int64(0)
	for _, w := range words[4:] {
		step, count, _ := strings.Cut(w, ":")
		d, err := strconv.ParseInt(step, 10, 16)
		n, err2 := strconv.ParseInt(count, 10, 64)
		if err != nil || err2 != nil {
			return fmt.Errorf("histogram: %q is no bucket", w)
		}
		at += d
		in.Buckets = append(in.Buckets, [2]int64{at, n})
	}
	return h.fill(&in)
}
