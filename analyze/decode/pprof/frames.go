package pprof

import (
	"cmp"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// maxName cuts function and file names; the longest in real programs, instantiated
// generics, stay well under it.
const maxName = 4096

// frameTable interns frames.
type frameTable struct {
	frames []evidence.Frame
	ids    map[frameKey]uint32
	names  map[string]uint32
	texts  []string // by name id
	cut    bool     // a name was longer than maxName
	held   int64    // bytes, roughly
}

// frameKey is a frame by the ids of its names.
type frameKey struct {
	function, file uint32
	line           int
}

// maxHint bounds what is reserved for frames that a profile only claims to have.
const maxHint = 1 << 14

// newFrameTable makes a table for about so many functions and places in them.
func newFrameTable(functions, places int) *frameTable {
	return &frameTable{ids: make(map[frameKey]uint32, min(places, maxHint)), names: make(map[string]uint32, min(functions, maxHint))}
}

// name interns a function's or a file's name.
func (t *frameTable) name(text []byte) uint32 {
	if len(text) > maxName {
		t.cut = true
		text = text[:maxName]
	}
	id, ok := t.names[string(text)]
	if !ok {
		id = uint32(len(t.texts))
		s := string(text)
		t.names[s] = id
		t.texts = append(t.texts, s)
		t.held += int64(len(s)) + 64
	}
	return id
}

// frame interns a frame. Its id is never 0.
func (t *frameTable) frame(function, file uint32, line int64) uint32 {
	k := frameKey{function, file, int(max(line, 0))}
	id, ok := t.ids[k]
	if !ok {
		t.frames = append(t.frames, evidence.Frame{Function: t.texts[function], File: t.texts[file], Line: k.line})
		id = uint32(len(t.frames))
		t.ids[k] = id
		t.held += frameBytes + 48
	}
	return id
}

// stack is a distinct stack of resolved frames.
type stack struct {
	frames []int32 // innermost first
	values []int64
	count  int64
	labels []int32
}

// sorted turns a table of stacks over frame ids into the stacks of the evidence: ordered by
// the key column (descending), then by frames, and the frames that occur in them, ordered by
// function, file and line. whole says that no frame of the table was left out of a stack.
func (t *frameTable) sorted(s *stackTable, key int, whole bool) ([]stack, []evidence.Frame) {
	s.joinCut()
	table, rank := t.used(s, whole)
	out := make([]stack, len(s.entries))
	frames := make([]int32, 0, countIDs(s.arena))
	for i := range s.entries {
		e := &s.entries[i]
		first := len(frames)
		c := cursor{b: s.key(e)}
		for c.more() {
			frames = append(frames, rank[c.uvarint()-1])
		}
		out[i] = stack{frames: frames[first:len(frames):len(frames)], values: s.valuesOf(i), count: e.count}
		if s.labels != nil {
			out[i].labels = s.labels[i]
		}
	}
	slices.SortFunc(out, func(x, y stack) int {
		if a, b := weight(x.values, key), weight(y.values, key); a != b {
			return cmp.Compare(b, a)
		}
		return slices.Compare(x.frames, y.frames)
	})
	return out, table
}

func weight(values []int64, column int) int64 {
	if column < len(values) {
		return values[column]
	}
	return 0
}

// joinCut strips the mark off the keys of cut stacks, and joins them with whole ones that are
// the same then.
func (t *stackTable) joinCut() {
	if t.cutCount == 0 {
		return
	}
	next := newStackTable(t.columns, t.maxEntries, t.maxBytes, t.labels != nil, t.losses)
	next.reserve(len(t.entries), len(t.arena))
	for i := range t.entries {
		e := &t.entries[i]
		key := t.key(e)
		if e.cut {
			key = key[:len(key)-1]
		}
		var labels []int32
		if t.labels != nil {
			labels = t.labels[i]
		}
		next.put(key, t.valuesOf(i), e.count, labels, false)
	}
	*t = *next
}

// used is the frames that occur in a table of stacks, in order, and the place of each by id.
func (t *frameTable) used(s *stackTable, whole bool) (table []evidence.Frame, rank []int32) {
	rank = make([]int32, len(t.frames))
	if !whole {
		for i := range s.entries {
			c := cursor{b: s.key(&s.entries[i])}
			for c.more() {
				rank[c.uvarint()-1] = 1
			}
		}
	}
	order := make([]int32, 0, len(rank))
	for id, n := range rank {
		if n != 0 || whole {
			order = append(order, int32(id))
		}
	}
	slices.SortFunc(order, func(x, y int32) int { return compareFrames(t.frames[x], t.frames[y]) })
	table = make([]evidence.Frame, len(order))
	for i, id := range order {
		rank[id] = int32(i)
		table[i] = t.frames[id]
	}
	return table, rank
}

func compareFrames(x, y evidence.Frame) int {
	if x.Function != y.Function {
		return strings.Compare(x.Function, y.Function)
	}
	if x.File != y.File {
		return strings.Compare(x.File, y.File)
	}
	return cmp.Compare(x.Line, y.Line)
}

// countIDs counts the ids of a key.
func countIDs(key []byte) (n int) {
	for _, c := range key {
		if c < 0x80 {
			n++
		}
	}
	return n
}
