package pprof

import (
	"cmp"
	"math"
	"slices"
)

// firstCut is how many ids the lightest stacks keep at first. It halves whenever that does
// not make room: at 32 most of what tells requests and libraries apart is still there.
const firstCut = 32

// shorten makes room: the heaviest stacks stay whole, in at most half of n entries and size
// bytes, the others are cut to their innermost ids and folded, as deep as the rest holds. If
// even one id each is too much, the lightest go, and only their totals are kept.
func (t *stackTable) shorten(n, size int) {
	weights := t.weights()
	whole := t.heaviest(weights, n/2, size/2)
	for depth := t.depth; depth > 0; depth /= 2 {
		next, ok := t.folded(whole, depth, n, size)
		if ok {
			for i := range t.entries {
				if e := &t.entries[i]; !whole[i] && !e.cut && len(prefix(t.key(e), depth)) < int(e.size) {
					t.cutAway(t.valuesOf(i), e.count)
				}
			}
			next.depth = depth
			*t = *next
			return
		}
	}
	whole = t.heaviest(weights, n, size)
	next, _ := t.folded(whole, 0, n, size)
	for i := range t.entries {
		if !whole[i] {
			t.drop(t.valuesOf(i), t.entries[i].count)
		}
	}
	next.depth = 1
	*t = *next
}

// folded is the table with all but the whole stacks cut to depth ids, or left out at depth 0.
// It gives up when it holds more than n entries or size bytes.
func (t *stackTable) folded(whole []bool, depth, n, size int) (*stackTable, bool) {
	next := newStackTable(t.columns, t.maxEntries, t.maxBytes, t.labels != nil, t.losses)
	next.seed = t.seed
	next.reserve(min(n, len(t.entries)), min(size, len(t.arena)))
	var short []byte
	for i := range t.entries {
		e := &t.entries[i]
		key, cut := t.key(e), e.cut
		if !whole[i] {
			if depth == 0 {
				continue
			}
			if p := prefix(key, depth); len(p) < len(key) {
				short = append(append(short[:0], p...), 0)
				key, cut = short, true
			}
		}
		var labels []int32
		if t.labels != nil {
			labels = t.labels[i]
		}
		next.put(key, t.valuesOf(i), e.count, labels, cut)
		if len(next.entries) > n || len(next.arena) > size {
			return nil, false
		}
	}
	return next, true
}

// weights is what each stack holds of the table's values: the sum of its shares of every
// column, so that a stack counts that is heavy in any of them.
func (t *stackTable) weights() []float64 {
	total := make([]float64, t.columns)
	for i, v := range t.values {
		total[i%t.columns] += math.Abs(float64(v))
	}
	weights := make([]float64, len(t.entries))
	for i := range weights {
		for c, v := range t.valuesOf(i) {
			if v != 0 {
				weights[i] += math.Abs(float64(v)) / total[c]
			}
		}
	}
	return weights
}

// heaviest marks the heaviest stacks: at most n of them in at most size bytes. Of equals the
// earlier ones count as heavier.
func (t *stackTable) heaviest(weights []float64, n, size int) []bool {
	order := make([]int32, len(weights))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int {
		return cmp.Or(cmp.Compare(weights[y], weights[x]), cmp.Compare(x, y))
	})
	marked := make([]bool, len(weights))
	for _, i := range order {
		if n--; n < 0 {
			break
		}
		if size -= int(t.entries[i].size); size < 0 {
			break
		}
		marked[i] = true
	}
	return marked
}
