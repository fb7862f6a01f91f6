package trace

import (
	"fmt"
	"math"
	"time"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// window gathers one trace. Times in it are nanoseconds since a base, which is about the window's start.
type window struct {
	limits budget.Budget

	started     bool
	cut         bool        // the last generation ends in the middle
	start       xtrace.Time // where times count from
	first       int64       // the start of the window, which may lie a little before that: 0 or less
	now         int64
	wall        time.Time // of the start; zero when the trace has no clock
	events      int64
	syncs       int
	generations int   // begun
	completed   int   // read to their last event
	offset      int64 // behind the last of them
	lostNS      int64 // known to be covered by what was not analysed; 0 when that is not known

	stacks      *stackTable
	goroutines  map[xtrace.GoID]*goroutine
	procs       map[xtrace.ProcID]struct{}
	lastProc    xtrace.ProcID
	blocks      map[blockKey]*evidence.BlockSite
	wakes       map[wakeKey]*evidence.WakeEdge
	syscalls    map[int32]*evidence.SyscallSite
	sites       map[siteKey]*creationSite
	samples     map[int32]int64
	ranges      map[rangeKey]openRange
	spans       map[spanKey]*span
	assists     map[int32]*evidence.AssistSite
	maxProcs    int // GOMAXPROCS as stated last
	tasks       map[xtrace.TaskID]openSpan
	requests    *requestWindow
	openRegions int
	sched       evidence.Sched
	gc          evidence.GC
	heap        int64
	series      *series

	foldedSites, foldedSpans int64
	assumed                  int64 // events of a cut generation that depend on what is missing
	crowded                  error // the limit, where events were passed over to keep it
}

func newWindow(b budget.Budget) *window {
	return &window{
		limits:     b,
		stacks:     newStackTable(b.Stacks, b.Memory/stringShare),
		goroutines: map[xtrace.GoID]*goroutine{},
		procs:      map[xtrace.ProcID]struct{}{},
		blocks:     map[blockKey]*evidence.BlockSite{},
		wakes:      map[wakeKey]*evidence.WakeEdge{},
		syscalls:   map[int32]*evidence.SyscallSite{},
		sites:      map[siteKey]*creationSite{},
		lastProc:   xtrace.NoProc,
		samples:    map[int32]int64{},
		ranges:     map[rangeKey]openRange{},
		spans:      map[spanKey]*span{},
		assists:    map[int32]*evidence.AssistSite{},
		tasks:      map[xtrace.TaskID]openSpan{},
		series:     newSeries(),
		requests:   newRequestWindow(),
	}
}

const (
	// stringShare is the part of the memory budget that names of functions and files may take.
	stringShare = 8
	// liveCost is about what one live goroutine, task or range costs here and in the reader.
	liveCost = 512
)

// event takes one event. The error is for what no later event can be read after.
func (w *window) event(ev *xtrace.Event) error {
	w.events++
	if !w.started {
		w.started, w.start = true, ev.Time()
	}
	// The reader promises rising times; a corrupt clock may still overflow.
	w.now = max(w.now, int64(ev.Time()-w.start))
	return w.apply(ev)
}

// apply takes an event that happens now.
func (w *window) apply(ev *xtrace.Event) error {
	if p := ev.Proc(); p != xtrace.NoProc && p != w.lastProc {
		w.procs[p] = struct{}{}
		w.lastProc = p // events of one proc come in runs
	}
	switch ev.Kind() {
	case xtrace.EventSync:
		w.sync(ev.Sync())
	case xtrace.EventStateTransition:
		w.transition(ev)
	case xtrace.EventRangeBegin, xtrace.EventRangeActive, xtrace.EventRangeEnd:
		w.rangeEvent(ev)
	case xtrace.EventMetric:
		w.metric(ev.Metric())
	case xtrace.EventTaskBegin, xtrace.EventTaskEnd:
		w.task(ev)
	case xtrace.EventRegionBegin, xtrace.EventRegionEnd:
		w.region(ev)
	case xtrace.EventStackSample:
		w.samples[w.stacks.intern(ev.Stack())]++
	}
	if live := int64(len(w.goroutines)+len(w.tasks)+w.openRegions+len(w.ranges)+len(w.procs)) * liveCost; live > w.limits.Memory {
		return budget.OverMemory("memory for live goroutines and tasks", w.limits.Memory)
	}
	return nil
}

// sync ends a generation and, unless it is the last sync, begins one. Stacks of the
// reader are comparable within a generation only.
func (w *window) sync(s xtrace.Sync) {
	w.syncs++
	w.completed = w.generations
	w.stacks.forget()
	if s.ExperimentalBatches == nil {
		return // a sync that begins a generation comes with its tables
	}
	w.generations++
	if c := s.ClockSnapshot; c != nil && w.wall.IsZero() {
		w.setWall(c.Wall, c.Trace)
	}
}

// setWall sets the time of the start from a moment that both clocks show.
func (w *window) setWall(wall time.Time, at xtrace.Time) {
	start := wall.Add(-time.Duration(at - w.start - xtrace.Time(w.first))).UTC()
	// A year that JSON cannot hold is a corrupt clock.
	if y := start.Year(); y >= 1970 && y <= 9999 {
		w.wall = start
	}
}

// analysed is the offset up to which the input was wholly read.
func (w *window) analysed(in *input) int64 {
	switch {
	case w.offset > 0:
		return w.offset
	case in.gens != nil && w.completed > 0:
		return min(in.gens.end(w.completed), in.n)
	case in.gens == nil && w.completed > 0:
		return in.n
	}
	return 0
}

func (w *window) metric(m xtrace.Metric) {
	if m.Name == "/sched/gomaxprocs:threads" {
		w.maxProcs = int(min(m.Value.Uint64(), math.MaxInt32))
	}
	if m.Name != "/memory/classes/heap/objects:bytes" {
		return
	}
	w.heap = int64(m.Value.Uint64())
	w.gc.MaxHeapBytes = max(w.gc.MaxHeapBytes, w.heap)
	w.series.setHeap(w.now, w.heap)
}

// finish closes what is still open and returns the evidence.
func (w *window) finish() *evidence.Trace {
	w.closeRequests()
	w.closeGoroutines()
	w.closeRanges()
	w.closeTasks()
	t := &evidence.Trace{Frames: w.stacks.frames, Stacks: w.stacks.stacks, Sched: w.sched, GC: w.gc}
	for k, b := range w.blocks {
		b.Stack, b.Wait = k.stack, k.wait
		t.Blocks = append(t.Blocks, *b)
	}
	for k, e := range w.wakes {
		e.Waker, e.Woken, e.Wait = k.waker, k.woken, k.wait
		t.Wakes = append(t.Wakes, *e)
	}
	for stack, s := range w.syscalls {
		s.Stack, s.Cgo = stack, w.stacks.classes[stack].cgo
		t.Syscalls = append(t.Syscalls, *s)
	}
	for stack, a := range w.assists {
		a.Stack = stack
		t.GC.AssistSites = append(t.GC.AssistSites, *a)
	}
	for k, s := range w.sites {
		t.Sites = append(t.Sites, s.evidence(k))
	}
	for k, s := range w.spans {
		s.Kind, s.Name = k.kind, k.name
		t.Spans = append(t.Spans, s.Span)
	}
	course := w.requests.course()
	t.Requests = w.requests.evidence(w, course)
	for stack, n := range w.samples {
		t.Samples = append(t.Samples, evidence.StackCount{Stack: stack, Count: n})
	}
	t.Windows = []evidence.TraceWindow{{
		DurationNS:  w.now - w.first,
		Events:      w.events,
		Generations: w.completed,
		Procs:       len(w.procs),
		Goroutines:  len(w.goroutines),
		Warnings:    w.warnings(),
		MaxProcs:    w.maxProcs,
		Series:      w.series.evidence(w.now),
		Spans:       w.spanSeries(),
		Requests:    w.requests.window(w, course),
	}}
	if w.first < 0 {
		fromStart(t, w.first)
	}
	return t
}

// fromStart makes the times of exemplars count from the start of the window.
func fromStart(t *evidence.Trace, start int64) {
	lists := [][]evidence.Exemplar{t.Sched.Exemplars}
	for i := range t.Blocks {
		lists = append(lists, t.Blocks[i].Exemplars)
	}
	for i := range t.Syscalls {
		lists = append(lists, t.Syscalls[i].Exemplars)
	}
	for i := range t.Sites {
		lists = append(lists, t.Sites[i].LifetimeExemplars, t.Sites[i].LatencyExemplars)
	}
	for i := range t.Spans {
		lists = append(lists, t.Spans[i].Exemplars)
	}
	for i := range t.GC.AssistSites {
		lists = append(lists, t.GC.AssistSites[i].Exemplars)
	}
	for _, list := range t.GC.STWExemplars {
		lists = append(lists, list)
	}
	for _, list := range lists {
		for i := range list {
			list[i].AtNS -= start
		}
	}
}

func (w *window) warnings() []string {
	var out []string
	if n := w.stacks.dropped; n > 0 {
		out = append(out, fmt.Sprintf("%d stacks beyond the limit of %d distinct ones count as unknown", n, w.limits.Stacks))
	}
	if w.assumed > 0 {
		out = append(out, fmt.Sprintf("%d events at the cut depend on events that are missing: the times around them are not counted", w.assumed))
	}
	if w.crowded != nil {
		out = append(out, fmt.Sprintf("events were taken out of order, and some times are not counted: %v (raise it with %s)", w.crowded, budget.MemoryFlag))
	}
	if w.foldedSites > 0 {
		out = append(out, fmt.Sprintf("%d entries beyond the limit of %d distinct sites lost their stack", w.foldedSites, w.limits.Stacks))
	}
	if ns := w.requests.blindNS; ns > 0 {
		out = append(out, fmt.Sprintf("requests of %.3g s could not be rebuilt: the tables that name the functions are cut off, or came behind more events than %s lets a stream keep", float64(ns)/1e9, budget.MemoryFlag))
	}
	if w.foldedSpans > 0 {
		out = append(out, fmt.Sprintf("%d tasks or regions beyond %d distinct names count as %q", w.foldedSpans, maxSpans, otherName))
	}
	return out
}
