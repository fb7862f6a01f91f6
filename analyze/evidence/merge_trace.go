package evidence

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// MergeTraces folds two traces into one; either may be nil. It is associative and
// commutative: symbol tables are joined by content and sorted, ids are given out anew,
// counts and histograms are added, and of exemplars the slowest stay. Neither argument is
// changed and the result shares no memory with them unless one is nil.
func MergeTraces(a, b *Trace) *Trace {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	f := newTraceFold()
	f.add(a)
	f.add(b)
	return f.finish()
}

// Canonical returns the trace in the one form that depends on its content alone: tables
// sorted and free of duplicates, stack 0 the empty stack, every list in order.
func (t *Trace) Canonical() *Trace {
	f := newTraceFold()
	f.add(t)
	return f.finish()
}

// AddExemplar keeps the MaxExemplars longest of a list and e, the longest first. Ties go
// to the earlier start, then to the lower goroutine id.
func AddExemplar(list []Exemplar, e Exemplar) []Exemplar {
	if n := len(list); n >= MaxExemplars && e.DurationNS < list[n-1].DurationNS {
		return list // as are nearly all
	}
	at, _ := slices.BinarySearchFunc(list, e, compareExemplars)
	if at >= MaxExemplars {
		return list
	}
	list = slices.Insert(list, at, e)
	return list[:min(len(list), MaxExemplars)]
}

func compareExemplars(a, b Exemplar) int {
	return cmp.Or(cmp.Compare(b.DurationNS, a.DurationNS), cmp.Compare(a.AtNS, b.AtNS), cmp.Compare(a.Goroutine, b.Goroutine))
}

type (
	blockKey struct {
		stack int32
		wait  Wait
	}
	wakeKey struct {
		waker, woken int32
		wait         Wait
	}
	siteKey struct{ stack, start int32 }
	spanKey struct{ kind, name string }
)

// traceFold adds traces up under provisional ids; finish sorts and renumbers.
type traceFold struct {
	out *Trace

	frameIDs map[Frame]int32
	frames   []Frame
	stackIDs map[string]int32 // the frame ids of a stack, as bytes
	stacks   [][]int32

	blocks   map[blockKey]*BlockSite
	wakes    map[wakeKey]*WakeEdge
	syscalls map[int32]*SyscallSite
	sites    map[siteKey]*CreationSite
	parked   map[siteKey]map[int32]*Parked
	spans    map[spanKey]*Span
	samples  map[int32]int64
	assists  map[int32]*AssistSite
	requests requestFold
}

func newTraceFold() *traceFold {
	f := &traceFold{
		out:      &Trace{},
		frameIDs: map[Frame]int32{},
		stackIDs: map[string]int32{},
		blocks:   map[blockKey]*BlockSite{},
		wakes:    map[wakeKey]*WakeEdge{},
		syscalls: map[int32]*SyscallSite{},
		sites:    map[siteKey]*CreationSite{},
		parked:   map[siteKey]map[int32]*Parked{},
		spans:    map[spanKey]*Span{},
		samples:  map[int32]int64{},
		assists:  map[int32]*AssistSite{},
		requests: requestFold{},
	}
	f.stack(nil) // stack 0 is the empty one
	return f
}

func (f *traceFold) frame(fr Frame) int32 {
	id, ok := f.frameIDs[fr]
	if !ok {
		id = int32(len(f.frames))
		f.frameIDs[fr] = id
		f.frames = append(f.frames, fr)
	}
	return id
}

func (f *traceFold) stack(ids []int32) int32 {
	key := make([]byte, 0, 4*len(ids))
	for _, id := range ids {
		key = binary.LittleEndian.AppendUint32(key, uint32(id))
	}
	id, ok := f.stackIDs[string(key)]
	if !ok {
		id = int32(len(f.stacks))
		f.stackIDs[string(key)] = id
		f.stacks = append(f.stacks, ids)
	}
	return id
}

// remap is the trace's stack ids as provisional ids of the fold. An id beyond the table
// maps to the empty stack.
func (f *traceFold) remap(t *Trace) func(int32) int32 {
	table := make([]int32, len(t.Stacks))
	for i, stack := range t.Stacks {
		ids := make([]int32, 0, len(stack))
		for _, fr := range stack {
			if fr >= 0 && int(fr) < len(t.Frames) {
				ids = append(ids, f.frame(t.Frames[fr]))
			}
		}
		table[i] = f.stack(ids)
	}
	return func(id int32) int32 {
		if id < 0 || int(id) >= len(table) {
			return 0
		}
		return table[id]
	}
}

func (f *traceFold) add(t *Trace) {
	id := f.remap(t)
	f.out.Windows = append(f.out.Windows, t.Windows...)
	f.addBlocks(t, id)
	f.addSites(t, id)
	for _, w := range t.Wakes {
		k := wakeKey{id(w.Waker), id(w.Woken), w.Wait}
		have := entry(f.wakes, k)
		have.Count += w.Count
		have.DelayNS += w.DelayNS
	}
	for i := range t.Syscalls {
		have := entry(f.syscalls, id(t.Syscalls[i].Stack))
		have.Duration.Merge(&t.Syscalls[i].Duration)
		have.Unseen.Merge(&t.Syscalls[i].Unseen)
		have.Open.Merge(&t.Syscalls[i].Open)
		have.Cgo = have.Cgo || t.Syscalls[i].Cgo
		have.Exemplars = addExemplars(have.Exemplars, t.Syscalls[i].Exemplars)
	}
	for i := range t.GC.AssistSites {
		a := &t.GC.AssistSites[i]
		have := entry(f.assists, id(a.Stack))
		have.Duration.Merge(&a.Duration)
		have.Exemplars = addExemplars(have.Exemplars, a.Exemplars)
	}
	for i := range t.Spans {
		s := &t.Spans[i]
		have := entry(f.spans, spanKey{s.Kind, s.Name})
		have.Duration.Merge(&s.Duration)
		have.Open.Merge(&s.Open)
		have.Unseen += s.Unseen
		have.Exemplars = addExemplars(have.Exemplars, s.Exemplars)
	}
	for _, s := range t.Samples {
		f.samples[id(s.Stack)] += s.Count
	}
	f.requests.add(t, id)
	f.out.Sched.Latency.Merge(&t.Sched.Latency)
	f.out.Sched.RunningNS += t.Sched.RunningNS
	f.out.Sched.Exemplars = addExemplars(f.out.Sched.Exemplars, t.Sched.Exemplars)
	f.addGC(&t.GC)
}

func (f *traceFold) addBlocks(t *Trace, id func(int32) int32) {
	for i := range t.Blocks {
		b := &t.Blocks[i]
		have := entry(f.blocks, blockKey{id(b.Stack), b.Wait})
		have.Ended.Merge(&b.Ended)
		have.Unseen.Merge(&b.Unseen)
		have.Open.Merge(&b.Open)
		have.Silent += b.Silent
		have.Exemplars = addExemplars(have.Exemplars, b.Exemplars)
		have.OpenIDs = mergeIDs(have.OpenIDs, b.OpenIDs)
		have.MovedIDs = mergeIDs(have.MovedIDs, b.MovedIDs)
	}
}

// mergeIDs keeps the lowest ids of both, so that what is kept of a subset covers what is kept of the whole.
func mergeIDs(have, more []uint64) []uint64 {
	have = append(have, more...)
	slices.Sort(have)
	return have[:min(len(have), MaxGroupIDs)]
}

func (f *traceFold) addSites(t *Trace, id func(int32) int32) {
	for i := range t.Sites {
		s := &t.Sites[i]
		k := siteKey{id(s.Stack), id(s.Start)}
		have := entry(f.sites, k)
		have.AtStart += s.AtStart
		have.Created += s.Created
		have.Ended += s.Ended
		have.AtEnd += s.AtEnd
		have.RunNS += s.RunNS
		have.Lifetime.Merge(&s.Lifetime)
		have.Latency.Merge(&s.Latency)
		have.LifetimeExemplars = addExemplars(have.LifetimeExemplars, s.LifetimeExemplars)
		have.LatencyExemplars = addExemplars(have.LatencyExemplars, s.LatencyExemplars)
		if f.parked[k] == nil {
			f.parked[k] = map[int32]*Parked{}
		}
		for _, p := range s.Parked {
			entry(f.parked[k], id(p.Stack)).Add(p)
		}
	}
}

func (f *traceFold) addGC(gc *GC) {
	have := &f.out.GC
	have.Cycles += gc.Cycles
	have.MarkNS += gc.MarkNS
	have.SweepNS += gc.SweepNS
	have.MaxHeapBytes = max(have.MaxHeapBytes, gc.MaxHeapBytes)
	have.Assist.Merge(&gc.Assist)
	for name, h := range gc.STW {
		if have.STW == nil {
			have.STW = map[string]Histogram{}
		}
		old := have.STW[name]
		sum := old.Clone()
		sum.Merge(&h)
		have.STW[name] = *sum
	}
	for name, list := range gc.STWExemplars {
		if have.STWExemplars == nil {
			have.STWExemplars = map[string][]Exemplar{}
		}
		have.STWExemplars[name] = addExemplars(have.STWExemplars[name], list)
	}
}

// finish puts everything into the order of its content.
func (f *traceFold) finish() *Trace {
	t := f.out
	id := f.sortTables()
	for k, b := range f.blocks {
		b.Stack, b.Wait = id[k.stack], k.wait
		t.Blocks = append(t.Blocks, *b)
	}
	slices.SortFunc(t.Blocks, func(a, b BlockSite) int {
		return cmp.Or(cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.Wait, b.Wait))
	})
	for k, w := range f.wakes {
		w.Waker, w.Woken, w.Wait = id[k.waker], id[k.woken], k.wait
		t.Wakes = append(t.Wakes, *w)
	}
	slices.SortFunc(t.Wakes, func(a, b WakeEdge) int {
		return cmp.Or(cmp.Compare(a.Waker, b.Waker), cmp.Compare(a.Woken, b.Woken), cmp.Compare(a.Wait, b.Wait))
	})
	for stack, s := range f.syscalls {
		s.Stack = id[stack]
		t.Syscalls = append(t.Syscalls, *s)
	}
	slices.SortFunc(t.Syscalls, func(a, b SyscallSite) int { return cmp.Compare(a.Stack, b.Stack) })
	for k, s := range f.sites {
		s.Stack, s.Start = id[k.stack], id[k.start]
		s.Parked = sortedParked(f.parked[k], id)
		t.Sites = append(t.Sites, *s)
	}
	slices.SortFunc(t.Sites, func(a, b CreationSite) int {
		return cmp.Or(cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.Start, b.Start))
	})
	for k, s := range f.spans {
		s.Kind, s.Name = k.kind, k.name
		t.Spans = append(t.Spans, *s)
	}
	slices.SortFunc(t.Spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	for stack, a := range f.assists {
		a.Stack = id[stack]
		t.GC.AssistSites = append(t.GC.AssistSites, *a)
	}
	slices.SortFunc(t.GC.AssistSites, func(a, b AssistSite) int { return cmp.Compare(a.Stack, b.Stack) })
	t.Samples = sortedCounts(f.samples, id)
	t.Requests = f.requests.finish(id, len(t.Windows))
	slices.SortStableFunc(t.Windows, compareWindows)
	for i := MaxSeries; i < len(t.Windows); i++ {
		t.Windows[i].Series, t.Windows[i].Spans = Series{}, nil
		if r := t.Windows[i].Requests; r != nil {
			without := *r
			without.Series = RequestSeries{}
			t.Windows[i].Requests = &without
		}
	}
	return t
}

// sortTables sorts frames and stacks and returns the final id of each provisional one.
func (f *traceFold) sortTables() (stackID []int32) {
	frameID := rankOf(f.frames, compareFrames)
	f.out.Frames = slices.SortedFunc(slices.Values(f.frames), compareFrames)
	stacks := make([][]int32, len(f.stacks))
	for i, stack := range f.stacks {
		stacks[i] = make([]int32, len(stack))
		for j, fr := range stack {
			stacks[i][j] = frameID[fr]
		}
	}
	stackID = rankOf(stacks, slices.Compare[[]int32])
	f.out.Stacks = slices.SortedFunc(slices.Values(stacks), slices.Compare[[]int32])
	return stackID
}

// rankOf is the place of each element (all distinct) in sorted order.
func rankOf[E any](list []E, compare func(a, b E) int) []int32 {
	order := make([]int32, len(list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return compare(list[a], list[b]) })
	rank := make([]int32, len(list))
	for r, i := range order {
		rank[i] = int32(r)
	}
	return rank
}

// compareWindows goes on after the position so that even windows of one source have an order.
func compareWindows(a, b TraceWindow) int {
	return cmp.Or(comparePositions(a.Position, b.Position), a.At.Compare(b.At), cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.DurationNS, b.DurationNS), cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.Events, b.Events),
		cmp.Compare(a.Generations, b.Generations), cmp.Compare(a.Procs, b.Procs), cmp.Compare(a.Goroutines, b.Goroutines),
		cmp.Compare(a.LostBytes, b.LostBytes), slices.Compare(a.Warnings, b.Warnings), cmp.Compare(a.Series.BinNS, b.Series.BinNS),
		slices.Compare(a.Series.Goroutines, b.Series.Goroutines), slices.Compare(a.Series.RunningNS, b.Series.RunningNS),
		slices.Compare(a.Series.Created, b.Series.Created), slices.Compare(a.Series.RunnableNS, b.Series.RunnableNS),
		slices.Compare(a.Series.HeapBytes, b.Series.HeapBytes))
}

func entry[K comparable, V any](m map[K]*V, k K) *V {
	v, ok := m[k]
	if !ok {
		v = new(V)
		m[k] = v
	}
	return v
}

func addExemplars(list, more []Exemplar) []Exemplar {
	for _, e := range more {
		list = AddExemplar(list, e)
	}
	return list
}

func sortedParked(at map[int32]*Parked, id []int32) []Parked {
	var out []Parked
	for stack, p := range at {
		p.Stack = id[stack]
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Parked) int { return cmp.Compare(a.Stack, b.Stack) })
	return out
}

func sortedCounts(counts map[int32]int64, id []int32) []StackCount {
	var out []StackCount
	for stack, n := range counts {
		out = append(out, StackCount{Stack: id[stack], Count: n})
	}
	slices.SortFunc(out, func(a, b StackCount) int { return cmp.Compare(a.Stack, b.Stack) })
	return out
}
