package pprof

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

const (
	// maxDepth cuts stacks at their outermost end. The runtime records at most 1024
	// frames, before inlined calls are spread out.
	maxDepth = 4096
	// maxName cuts function and file names; the longest in real programs, instantiated
	// generics, stay well under it.
	maxName = 4096
)

// aggregate folds samples into distinct stacks. It knows nothing of how profiles are
// parsed: its input is call sites (the frames that one address stands for, inlined calls
// included) and sequences of them.
type aggregate struct {
	columns int
	key     int // the column that orders stacks

	frames   []evidence.Frame
	frameIDs map[evidence.Frame]int32
	sites    [][]int32 // frame ids of each call site, innermost first
	siteIDs  map[string]int32

	stacks   []stackSum
	stackIDs map[string]int32
	scratch  []byte

	totals   []int64
	dropped  []int64
	records  int64 // samples added
	lost     int64 // samples in dropped
	overflow bool  // a sum did not fit into 64 bits
	cut      bool  // a stack was deeper than maxDepth, or a name longer than maxName

	held, limit int64 // bytes of stacks before they are resolved
}

// stackSum is the sum of the samples with one stack.
type stackSum struct {
	sites  []int32
	frames []int32 // set by resolve
	values []int64
	count  int64
	labels []int32 // label ids that all samples of the stack share, ascending
}

func newAggregate(columns, key int, limit int64) *aggregate {
	return &aggregate{columns: columns, key: key, limit: limit,
		frameIDs: map[evidence.Frame]int32{}, siteIDs: map[string]int32{}, stackIDs: map[string]int32{},
		totals: make([]int64, columns)}
}

// frame interns one frame.
func (a *aggregate) frame(f evidence.Frame) int32 {
	f.Function, f.File = a.name(f.Function), a.name(f.File)
	id, ok := a.frameIDs[f]
	if !ok {
		id = int32(len(a.frames))
		a.frames = append(a.frames, f)
		a.frameIDs[f] = id
	}
	return id
}

func (a *aggregate) name(s string) string {
	if len(s) <= maxName {
		return s
	}
	a.cut = true
	return strings.Clone(s[:maxName]) // lets go of the long one
}

// site interns a call site: two addresses of one line are one site.
func (a *aggregate) site(frames []int32) int32 {
	a.scratch = appendIDs(a.scratch[:0], frames)
	id, ok := a.siteIDs[string(a.scratch)]
	if !ok {
		id = int32(len(a.sites))
		a.sites = append(a.sites, slices.Clone(frames))
		a.siteIDs[string(a.scratch)] = id
	}
	return id
}

func appendIDs(b []byte, ids []int32) []byte {
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return b
}

// add folds in one sample: its call sites innermost first, a value per column, and its
// label ids in any order.
func (a *aggregate) add(sites []int32, values []int64, labels []int32) {
	a.records++
	a.sum(a.totals, values)
	a.scratch = appendIDs(a.scratch[:0], sites)
	if id, ok := a.stackIDs[string(a.scratch)]; ok {
		s := &a.stacks[id]
		a.sum(s.values, values)
		s.count++
		s.labels = intersect(s.labels, labels)
		return
	}
	cost := int64(2*len(a.scratch) + 8*len(values) + 4*len(labels) + 160)
	if a.held+cost > a.limit {
		a.drop(values, 1)
		return
	}
	a.held += cost
	a.stackIDs[string(a.scratch)] = int32(len(a.stacks))
	a.stacks = append(a.stacks, stackSum{sites: slices.Clone(sites), values: slices.Clone(values), count: 1,
		labels: sorted(labels)})
}

func (a *aggregate) drop(values []int64, samples int64) {
	if a.dropped == nil {
		a.dropped = make([]int64, a.columns)
	}
	a.sum(a.dropped, values)
	a.lost += samples
}

// sum adds values to a running sum that stops at the ends of int64 instead of wrapping.
func (a *aggregate) sum(into, values []int64) {
	for i, v := range values {
		s := into[i] + v
		if (s > into[i]) != (v > 0) && v != 0 {
			a.overflow = true
			s = math.MaxInt64
			if v < 0 {
				s = math.MinInt64
			}
		}
		into[i] = s
	}
}

func sorted(ids []int32) []int32 {
	if len(ids) == 0 {
		return nil
	}
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}

// intersect keeps the ids of a that are in b too. It reuses a.
func intersect(a, b []int32) []int32 {
	if len(a) == 0 {
		return nil
	}
	b = sorted(b)
	return slices.DeleteFunc(a, func(id int32) bool {
		_, ok := slices.BinarySearch(b, id)
		return !ok
	})
}

// resolve spreads call sites out into frames, merges the stacks that are then equal
// (f inlined into g here, called by it there), and returns at most maxStacks of them with
// at most maxFrames frames in all; the others go to dropped. Stacks are ordered by the
// key column (descending), then by frames; frame ids are in the order of the frames'
// names, files and lines.
func (a *aggregate) resolve(maxStacks int, maxFrames int64) []stackSum {
	a.stackIDs = nil
	a.sortFrames()
	// The heaviest first, so that a bound cuts the lightest; the sort is stable, so ties
	// fall as they stood in the file.
	slices.SortStableFunc(a.stacks, func(x, y stackSum) int { return cmp.Compare(a.weight(y), a.weight(x)) })
	ids := map[string]int32{}
	var out []stackSum
	var frames []int32
	for _, s := range a.stacks {
		frames = a.spread(frames[:0], s.sites)
		a.scratch = appendIDs(a.scratch[:0], frames)
		if id, ok := ids[string(a.scratch)]; ok {
			t := &out[id]
			a.sum(t.values, s.values)
			t.count += s.count
			t.labels = intersect(t.labels, s.labels)
			continue
		}
		if len(out) >= maxStacks || maxFrames < int64(len(frames)) {
			a.drop(s.values, s.count)
			continue
		}
		maxFrames -= int64(len(frames))
		ids[string(a.scratch)] = int32(len(out))
		s.frames, s.sites = slices.Clone(frames), nil
		out = append(out, s)
	}
	a.stacks = nil
	slices.SortFunc(out, func(x, y stackSum) int {
		return cmp.Or(cmp.Compare(a.weight(y), a.weight(x)), slices.Compare(x.frames, y.frames))
	})
	return out
}

func (a *aggregate) weight(s stackSum) int64 {
	if a.key < len(s.values) {
		return s.values[a.key]
	}
	return 0
}

func (a *aggregate) spread(into []int32, sites []int32) []int32 {
	for _, site := range sites {
		into = append(into, a.sites[site]...)
		if len(into) > maxDepth {
			a.cut = true
			return into[:maxDepth]
		}
	}
	return into
}

// sortFrames renumbers frames by content, so that comparing ids compares frames.
func (a *aggregate) sortFrames() {
	order := make([]int32, len(a.frames))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int { return compareFrames(a.frames[x], a.frames[y]) })
	rank := make([]int32, len(order))
	table := make([]evidence.Frame, len(order))
	for r, id := range order {
		rank[id] = int32(r)
		table[r] = a.frames[id]
	}
	a.frames = table
	a.frameIDs = nil
	for _, site := range a.sites {
		for i, id := range site {
			site[i] = rank[id]
		}
	}
}

func compareFrames(x, y evidence.Frame) int {
	return cmp.Or(cmp.Compare(x.Function, y.Function), cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line))
}

// usedFrames is the frame table without the frames of no kept stack; the stacks are
// renumbered to it.
func (a *aggregate) usedFrames(stacks []stackSum) []evidence.Frame {
	renumber := make([]int32, len(a.frames))
	for _, s := range stacks {
		for _, id := range s.frames {
			renumber[id] = 1
		}
	}
	var table []evidence.Frame
	for id, used := range renumber {
		if used != 0 {
			renumber[id] = int32(len(table))
			table = append(table, a.frames[id])
		}
	}
	for _, s := range stacks {
		for i, id := range s.frames {
			s.frames[i] = renumber[id]
		}
	}
	return table
}
