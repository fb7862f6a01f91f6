package trace

import (
	"fmt"
	"math"

	"go-debug/analyze/evidence"
)

// tables are the strings and stacks of one generation by their ids there. Strings are slices of
// the generation's data; stacks are resolved when something first asks for them.
type tables struct {
	whole   bool
	strings idTable // values are indexes of texts
	texts   [][]byte
	stacks  idTable // values are indexes of entries
	entries []stackEntry
}

// stackEntry is a stack as it stands in the file.
type stackEntry struct {
	frames []byte
	n      int
}

// idTable maps the ids of a generation, which the runtime counts from 1 upwards. Ids far
// beyond their number, which a hostile trace may hold, go to a map.
type idTable struct {
	dense  []int32 // index+1, 0 for none
	sparse map[uint64]int32
}

const denseSlack = 1 << 16

func (t *idTable) reset() {
	clear(t.dense)
	t.dense, t.sparse = t.dense[:0], nil
}

// insert is false when the id is taken.
func (t *idTable) insert(id uint64, index, count int) bool {
	if id > uint64(count)*4+denseSlack {
		if t.sparse == nil {
			t.sparse = map[uint64]int32{}
		}
		if _, ok := t.sparse[id]; ok {
			return false
		}
		t.sparse[id] = int32(index)
		return true
	}
	for uint64(len(t.dense)) <= id {
		t.dense = append(t.dense, 0)
	}
	if t.dense[id] != 0 {
		return false
	}
	t.dense[id] = int32(index) + 1
	return true
}

func (t *idTable) get(id uint64) (int, bool) {
	if id < uint64(len(t.dense)) {
		return int(t.dense[id]) - 1, t.dense[id] != 0
	}
	i, ok := t.sparse[id]
	return int(i), ok
}

// The types of table entries, and the runtime's bounds.
const (
	stackEvent     = 3
	stringEvent    = 5
	cpuSampleEvent = 7
	maxStringSize  = 1 << 10
)

// read takes the tables of a generation. In a cut generation, the entry at the cut is lost.
func (t *tables) read(g *generation) error {
	t.whole = g.cut == nil
	t.strings.reset()
	t.stacks.reset()
	t.texts, t.entries = t.texts[:0], t.entries[:0]
	for _, b := range g.strings {
		if err := t.readStrings(b); err != nil && g.cut == nil {
			return err
		}
	}
	for _, b := range g.stacks {
		if err := t.readStacks(b); err != nil && g.cut == nil {
			return err
		}
	}
	return t.checkFrames()
}

func (t *tables) readStrings(b batch) error {
	c := cursor{b: b.data[:b.n], i: 1}
	for c.more() {
		if kind := c.byte(); kind != stringEvent {
			return fmt.Errorf("a table of strings holds an event of type %d", kind)
		}
		id, n := c.uvarint(), c.uvarint()
		if c.err != nil || n > maxStringSize || uint64(len(c.b)-c.i) < n {
			return fmt.Errorf("string %d of %d bytes is cut or longer than %d", id, n, maxStringSize)
		}
		if !t.strings.insert(id, len(t.texts), len(t.texts)) {
			return fmt.Errorf("string %d is there twice", id)
		}
		t.texts = append(t.texts, c.b[c.i:c.i+int(n)])
		c.i += int(n)
	}
	return c.err
}

func (t *tables) readStacks(b batch) error {
	c := cursor{b: b.data[:b.n], i: 1}
	for c.more() {
		if kind := c.byte(); kind != stackEvent {
			return fmt.Errorf("a table of stacks holds an event of type %d", kind)
		}
		id, n := c.uvarint(), c.uvarint()
		if n > maxDepth {
			return fmt.Errorf("stack %d has %d frames, the format allows %d", id, n, maxDepth)
		}
		from := c.i
		for range 4 * n {
			c.uvarint()
		}
		if c.err != nil {
			return fmt.Errorf("stack %d is cut", id)
		}
		if !t.stacks.insert(id, len(t.entries), len(t.entries)) {
			return fmt.Errorf("stack %d is there twice", id)
		}
		t.entries = append(t.entries, stackEntry{c.b[from:c.i], int(n)})
	}
	return c.err
}

// checkFrames makes sure that the strings of all frames are there, as a whole generation's are.
func (t *tables) checkFrames() error {
	if !t.whole {
		return nil
	}
	for _, e := range t.entries {
		c := cursor{b: e.frames}
		for range e.n {
			c.uvarint()
			for range 2 {
				if id := c.uvarint(); !t.hasString(id) {
					return fmt.Errorf("a frame refers to string %d, which is not there", id)
				}
			}
			c.uvarint()
		}
	}
	return nil
}

func (t *tables) hasString(id uint64) bool {
	_, ok := t.strings.get(id)
	return ok || id == 0
}

// text is the string with an id; empty when it is not there.
func (t *tables) text(id uint64) string {
	i, ok := t.strings.get(id)
	if !ok {
		return ""
	}
	return string(t.texts[i])
}

// stackKey identifies a stack by the program counters of its frames, which are the same in
// every generation of a trace; ids are not.
type stackKey struct{ a, b uint64 }

func (t *tables) key(e stackEntry) stackKey {
	k := stackKey{a: 0x9e3779b97f4a7c15 + uint64(e.n), b: 0xc2b2ae3d27d4eb4f}
	c := cursor{b: e.frames}
	for range e.n {
		pc := c.uvarint()
		fn, file, line := c.uvarint(), c.uvarint(), c.uvarint()
		_, _ = fn, file
		k.a = (k.a ^ pc) * 0xff51afd7ed558ccd
		k.a ^= k.a >> 32
		k.b = (k.b ^ pc ^ line<<40) * 0xc4ceb9fe1a85ec53
		k.b ^= k.b >> 29
	}
	return k
}

// frames resolves a stack.
func (t *tables) frames(e stackEntry) []evidence.Frame {
	out := make([]evidence.Frame, 0, e.n)
	c := cursor{b: e.frames}
	for range e.n {
		c.uvarint()
		fn, file, line := c.uvarint(), c.uvarint(), c.uvarint()
		out = append(out, evidence.Frame{Function: t.text(fn), File: t.text(file), Line: int(min(line, math.MaxInt32))})
	}
	return out
}
