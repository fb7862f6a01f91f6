package pprof

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

const (
	// maxLabelPairs bounds the distinct labels that are told apart, maxLabelKeys the distinct
	// keys that are counted where values are not: one bit each.
	maxLabelPairs = 1 << 16
	maxLabelKeys  = 64
	maxLabelKeep  = 1000
	// maxLabel cuts a label's key and value.
	maxLabel = 256
	costPair = 160 // a distinct label: table entry, map slot, text
)

// labelPair is a label as encoded: indices into the string table, or a number.
type labelPair struct {
	key, str uint32
	num      int64
}

// labelTable counts labels. Which are told apart is decided by the first sample: all of a
// profile with one column, whose stacks may turn out to be goroutines, which keep the labels
// that they share; those of other profiles only where somebody asked. Else only the keys are
// counted: a program may well set a value per request.
type labelTable struct {
	tracked bool
	max     int // distinct labels told apart
	pairs   []labelPair
	ids     map[labelPair]int32
	counts  []int64
	lost    int64 // labels beyond max
	keys    [maxLabelKeys]struct {
		key uint32
		n   int64
	}
	keyCount int

	sample     []int32 // the labels of the sample at hand
	sampleKeys uint64  // its keys, a bit each, where values are not told apart
}

// add counts a label of the sample at hand.
func (t *labelTable) add(m *memory, strings *stringTable, p labelPair) error {
	if !t.tracked {
		return t.addKey(strings, p.key)
	}
	id, ok := t.ids[p]
	if !ok {
		if len(t.pairs) >= t.max {
			t.lost++
			return nil
		}
		if err := m.charge(costPair); err != nil {
			return err
		}
		if t.ids == nil {
			t.ids = map[labelPair]int32{}
		}
		id = int32(len(t.pairs))
		t.pairs, t.counts = append(t.pairs, p), append(t.counts, 0)
		t.ids[p] = id
		if err := cmp.Or(strings.refer(p.key), strings.refer(p.str)); err != nil {
			return err
		}
	}
	t.sample = append(t.sample, id)
	return nil
}

func (t *labelTable) addKey(strings *stringTable, key uint32) error {
	for i := range t.keys[:t.keyCount] {
		if t.keys[i].key == key {
			t.sampleKeys |= 1 << i
			return nil
		}
	}
	if t.keyCount == len(t.keys) {
		t.lost++
		return nil
	}
	t.keys[t.keyCount].key = key
	t.sampleKeys |= 1 << t.keyCount
	t.keyCount++
	return strings.refer(key)
}

// ofSample returns the labels of the sample at hand in order, counts them for as much as the sample stands for,
// and makes ready for the next.
func (t *labelTable) ofSample(weight int64) []int32 {
	for ; t.sampleKeys != 0; t.sampleKeys &= t.sampleKeys - 1 {
		k := &t.keys[bits.TrailingZeros64(t.sampleKeys)]
		k.n, _ = saturated(k.n, weight)
	}
	s := t.sample
	t.sample = t.sample[:0]
	if len(s) > 1 {
		slices.Sort(s)
		s = slices.Compact(s)
	}
	for _, id := range s {
		t.counts[id], _ = saturated(t.counts[id], weight)
	}
	return s
}

// names are the labels that are told apart, as "key=value", by id.
func (t *labelTable) names(strings *stringTable) ([]string, error) {
	out := make([]string, len(t.pairs))
	for i, p := range t.pairs {
		key, err := strings.label(p.key)
		if err != nil {
			return nil, err
		}
		if p.str == 0 {
			out[i] = fmt.Sprintf("%s=%d", key, p.num)
			continue
		}
		value, err := strings.label(p.str)
		if err != nil {
			return nil, err
		}
		out[i] = key + "=" + value
	}
	return out, nil
}

func (t *stringTable) label(index uint32) (string, error) {
	text, err := t.get(index)
	return string(text[:min(len(text), maxLabel)]), err
}

// kept are the most frequent labels, or the keys where values are not told apart, with the
// first value of the samples that carry each: CPU samples, contentions, objects.
func (t *labelTable) kept(strings *stringTable, names []string) (map[string]int64, error) {
	sum := map[string]int64{} // long labels may be equal once cut
	for i, name := range names {
		sum[name] += t.counts[i]
	}
	for _, k := range t.keys[:t.keyCount] {
		name, err := strings.label(k.key)
		if err != nil {
			return nil, err
		}
		sum[name] += k.n
	}
	if len(sum) == 0 {
		return nil, nil
	}
	if len(sum) > maxLabelKeep {
		order := make([]string, 0, len(sum))
		for name := range sum {
			order = append(order, name)
		}
		slices.SortFunc(order, func(x, y string) int {
			return cmp.Or(cmp.Compare(sum[y], sum[x]), cmp.Compare(x, y))
		})
		for _, name := range order[maxLabelKeep:] {
			delete(sum, name)
		}
	}
	return sum, nil
}

// intersect keeps the ids of a that are in b too, both ascending. It reuses a.
func intersect(a, b []int32) []int32 {
	return slices.DeleteFunc(a, func(id int32) bool {
		_, ok := slices.BinarySearch(b, id)
		return !ok
	})
}
