package trace

import "math"

// tally is what one generation yields, under the generation's own ids. It refers to nothing
// outside of it, so generations can be worked through in any order, or at the same time.
type tally struct {
	events  int64
	assumed int64 // events of a cut generation that were applied without what they depend on
	last    int64 // the latest time

	blocks   keyed[blockTally] // stack<<32 | reason
	byStack  []*blockTally     // the block used last for a stack
	wakes    keyed[wakeTally]  // index of the block<<32 | stack of the waker
	syscalls keyed[durations]  // by stack
	assists  keyed[durations]  // by stack
	sites    keyed[siteTally]  // creation<<32 | root
	own      keyed[siteTally]  // of carried goroutines that start often, by slot: latency only
	running  int64
	series   *series

	// stackless are waits without a stack.
	stackless []waitMark
	// carried are the goroutines that were there before, by slot, and latencies theirs, whose
	// creation sites are not known here.
	carried   []uint64
	latencies chunked[latencyMark]

	gc       gcTally
	tasks    map[uint64]taskMark
	taskEnds []taskMark
	spans    map[spanID]*spanTally
	folded   int64 // spans that share the tally of otherSpan
	procs    procsMark
	regions  []regionEnd // of regions begun before
	samples  map[uint64]int64
}

type blockTally struct {
	index, reason uint32
	waker         uint64
	wake          *wakeTally // of the last waker
	ended         durations
}

type wakeTally struct{ count, delay int64 }

type siteTally struct {
	created, ended, runNS int64
	lifetime, latency     durations
}

type waitMark struct {
	g             uint64
	since, ns     int64
	root          uint32 // of a goroutine made in the generation
	reason, waker uint32
}

// latencyMark is the time from runnable to running.
type latencyMark struct {
	slot   uint32
	at, ns int64
}

// spanID is a kind of task or region; the name is the generation's.
type spanID struct {
	task bool
	name uint64
}

// otherSpan is where tasks and regions are counted once there are maxSpans names.
var otherSpan = spanID{name: math.MaxUint64}

// procsMark is GOMAXPROCS as it was stated last.
type procsMark struct {
	at int64
	n  uint64
}

type gcTally struct {
	cycles, markNS, sweepNS int64
	maxHeap                 int64
	stw                     map[uint32]*durations
	// mark is the state at the end; markSince since when, headEnd the end of a mark phase that was
	// carried in, math.MinInt64 for none.
	mark             rangeState
	markSince        int64
	headEnd          int64
	carried          bool
	sweepEnds        []sweepMark // sweeps that began before
	assistEnds, ends []gMark     // assists and pauses that began before
}

type sweepMark struct {
	proc uint64
	at   int64
}

type gMark struct {
	g  uint64
	at int64
}

type taskMark struct {
	id, g, name uint64
	at          int64
}

type regionEnd struct {
	g, name uint64
	at      int64
}

// keyed is a hash table of 64-bit keys that hands out stable pointers in chunks.
type keyed[V any] struct {
	slots  []int32 // index+1
	keys   []uint64
	chunks [][]V
	lastK  uint64
	lastV  *V
}

const keyedChunk = 64

func (k *keyed[V]) at(i int) *V { return &k.chunks[i/keyedChunk][i%keyedChunk] }

func (k *keyed[V]) reset() {
	clear(k.slots)
	k.keys, k.chunks, k.lastV = k.keys[:0], k.chunks[:0], nil
}

// get returns the value of a key, zero when it is new, and its index.
func (k *keyed[V]) get(key uint64) *V {
	if k.lastV != nil && k.lastK == key {
		return k.lastV
	}
	v := k.at(k.index(key))
	k.lastK, k.lastV = key, v
	return v
}

func (k *keyed[V]) index(key uint64) int {
	if len(k.keys)*2 >= len(k.slots) {
		k.grow()
	}
	mask := uint64(len(k.slots) - 1)
	for i := mix64(key) & mask; ; i = (i + 1) & mask {
		s := k.slots[i]
		if s == 0 {
			return k.insert(i, key)
		}
		if k.keys[s-1] == key {
			return int(s - 1)
		}
	}
}

func (k *keyed[V]) insert(slot, key uint64) int {
	n := len(k.keys)
	k.keys = append(k.keys, key)
	k.slots[slot] = int32(n + 1)
	if n/keyedChunk == len(k.chunks) {
		k.chunks = append(k.chunks, make([]V, keyedChunk))
	}
	return n
}

func (k *keyed[V]) grow() {
	k.slots = make([]int32, max(256, 2*len(k.slots)))
	mask := uint64(len(k.slots) - 1)
	for n, key := range k.keys {
		i := mix64(key) & mask
		for k.slots[i] != 0 {
			i = (i + 1) & mask
		}
		k.slots[i] = int32(n + 1)
	}
}

func mix64(x uint64) uint64 {
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

// chunked is a list that grows without copying and keeps its memory.
type chunked[V any] struct {
	chunks [][]V
	n      int
}

const listChunk = 8192

func (c *chunked[V]) add(v V) {
	i := c.n / listChunk
	if i == len(c.chunks) {
		c.chunks = append(c.chunks, make([]V, listChunk))
	}
	c.chunks[i][c.n%listChunk] = v
	c.n++
}

func (c *chunked[V]) each(f func(V)) {
	for i, left := 0, c.n; left > 0; i, left = i+1, left-listChunk {
		for _, v := range c.chunks[i][:min(left, listChunk)] {
			f(v)
		}
	}
}
