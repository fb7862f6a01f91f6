package pprof

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
)

// stackTable sums values by stack. A stack is a sequence of ids, innermost first, each
// encoded as a varint: of locations while the profile is read, of frames afterwards. What
// the ids stand for need not be known, so that a stack costs its bytes and no more.
//
// The table is bounded in entries and bytes. When it is full, the lightest stacks are cut to
// their innermost ids and folded (see shorten): no value is lost, and what a profile is
// asked about first, the innermost frames, stays as it was.
type stackTable struct {
	columns    int
	maxEntries int
	maxBytes   int

	entries []stackEntry
	values  []int64   // columns for each entry
	labels  [][]int32 // ids of the labels that all samples of an entry share; nil when untracked
	arena   []byte    // the keys
	index   []uint64  // the hash of a key, and below it its entry + 1; a power of two long
	seed    maphash.Seed

	depth int // what shorten cut to last
	*losses
}

// stackEntry is a distinct stack.
type stackEntry struct {
	at, size uint32 // its key in the arena
	cut      bool   // its outermost ids are gone: the key ends in a 0, which is no id
	count    int64
}

// losses is what the bounds cost, per column, and in samples.
type losses struct {
	cut, dropped        []int64
	cutCount, dropCount int64
	overflow            bool // a sum did not fit into 64 bits
}

// whole reports whether all stacks are there as they were.
func (l *losses) whole() bool { return l.cutCount == 0 && l.dropCount == 0 }

func newStackTable(columns, maxEntries, maxBytes int, tracked bool, l *losses) *stackTable {
	t := &stackTable{columns: columns, maxEntries: maxEntries, maxBytes: maxBytes,
		index: make([]uint64, 256), seed: maphash.MakeSeed(), depth: firstCut, losses: l}
	if tracked {
		t.labels = [][]int32{}
	}
	return t
}

// reserve makes room for n stacks with keys of size bytes in all.
func (t *stackTable) reserve(n, size int) {
	slots := len(t.index)
	for slots < 2*n {
		slots *= 2
	}
	t.index = make([]uint64, slots)
	t.entries, t.arena, t.values = make([]stackEntry, 0, n), make([]byte, 0, size), make([]int64, 0, n*t.columns)
}

func (t *stackTable) key(e *stackEntry) []byte { return t.arena[e.at : e.at+e.size] }

func (t *stackTable) valuesOf(i int) []int64 {
	return t.values[i*t.columns : (i+1)*t.columns : (i+1)*t.columns]
}

// add folds in count samples of one stack. labels are in ascending order.
func (t *stackTable) add(key []byte, values []int64, count int64, labels []int32) {
	t.put(key, values, count, labels, false)
	if len(t.entries) > t.maxEntries || len(t.arena) > t.maxBytes {
		t.shorten(t.maxEntries/2, t.maxBytes/2)
	}
}

// put is add without the bounds.
func (t *stackTable) put(key []byte, values []int64, count int64, labels []int32, cut bool) {
	hash := uint32(maphash.Bytes(t.seed, key))
	slot := t.slot(key, hash)
	if id := uint32(t.index[slot]); id != 0 {
		i := int(id - 1)
		t.entries[i].count += count
		t.sum(t.valuesOf(i), values)
		if t.labels != nil {
			t.labels[i] = intersect(t.labels[i], labels)
		}
		return
	}
	t.index[slot] = uint64(hash)<<32 | uint64(len(t.entries)+1)
	t.entries = append(t.entries, stackEntry{at: uint32(len(t.arena)), size: uint32(len(key)), cut: cut, count: count})
	t.arena = append(t.arena, key...)
	t.values = append(t.values, values...)
	if t.labels != nil {
		t.labels = append(t.labels, slices.Clone(labels))
	}
	if len(t.entries)*2 > len(t.index) {
		t.rehash()
	}
}

// slot is where in the index a key is, or where it is to be put.
func (t *stackTable) slot(key []byte, hash uint32) uint32 {
	mask := uint32(len(t.index) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		known := t.index[at]
		if known == 0 || uint32(known>>32) == hash && bytes.Equal(t.key(&t.entries[uint32(known)-1]), key) {
			return at
		}
	}
}

func (t *stackTable) rehash() {
	old := t.index
	t.index = make([]uint64, 2*len(old))
	mask := uint32(len(t.index) - 1)
	for _, known := range old {
		if known == 0 {
			continue
		}
		at := uint32(known>>32) & mask
		for t.index[at] != 0 {
			at = (at + 1) & mask
		}
		t.index[at] = known
	}
}

// sum adds values to a running sum that stops at the ends of int64 instead of wrapping.
func (l *losses) sum(into, values []int64) {
	for i, v := range values {
		sum, whole := saturated(into[i], v)
		into[i], l.overflow = sum, l.overflow || !whole
	}
}

// saturated adds, and stops at what 64 bits hold; whole is false where it did.
func saturated(a, b int64) (sum int64, whole bool) {
	switch sum = a + b; {
	case (sum > a) == (b > 0) || b == 0:
		return sum, true
	case b < 0:
		return math.MinInt64, false
	}
	return math.MaxInt64, false
}

func (l *losses) drop(values []int64, count int64) {
	if l.dropped == nil {
		l.dropped = make([]int64, len(values))
	}
	l.sum(l.dropped, values)
	l.dropCount += count
}

func (l *losses) cutAway(values []int64, count int64) {
	if l.cut == nil {
		l.cut = make([]int64, len(values))
	}
	l.sum(l.cut, values)
	l.cutCount += count
}

// prefix is the innermost n ids of a key.
func prefix(key []byte, n int) []byte {
	for i, c := range key {
		if c < 0x80 {
			if n--; n == 0 {
				return key[:i+1]
			}
		}
	}
	return key
}

// appendID appends an id to a key.
func appendID(key []byte, id uint64) []byte { return binary.AppendUvarint(key, id) }
