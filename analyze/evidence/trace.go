package evidence

// Trace is what execution traces yield: aggregates per stack, never events. Several
// traces fold into one Trace (see MergeTraces); Windows lists what each contributed.
//
// All durations are nanoseconds. Stack ids index Stacks; stack 0 is the empty stack.
type Trace struct {
	Windows []TraceWindow `json:"windows"`

	// Frames and Stacks are the symbol tables: a stack is frame ids, innermost first.
	Frames []Frame   `json:"frames"`
	Stacks [][]int32 `json:"stacks"`

	Blocks   []BlockSite    `json:"blocks"`
	Wakes    []WakeEdge     `json:"wakes"`
	Syscalls []SyscallSite  `json:"syscalls"`
	Sites    []CreationSite `json:"sites"`
	Sched    Sched          `json:"sched"`
	GC       GC             `json:"gc"`
	Spans    []Span         `json:"spans"`
	Samples  []StackCount   `json:"samples"` // CPU samples
	Requests []Requests     `json:"requests,omitempty"`
}

// TraceWindow is one trace: what it covers and how much of it was read.
type TraceWindow struct {
	Position
	Version     string `json:"version"` // Go version of the wire format: "go1.26"
	DurationNS  int64  `json:"duration_ns"`
	Bytes       int64  `json:"bytes"`
	Events      int64  `json:"events"`
	Generations int    `json:"generations"`
	Procs       int    `json:"procs"` // distinct Ps seen: a lower bound of GOMAXPROCS
	// MaxProcs is GOMAXPROCS as the trace last states it, 0 when it does not.
	MaxProcs   int `json:"max_procs,omitempty"`
	Goroutines int `json:"goroutines"` // alive at the end, as far as the trace shows
	// Complete is false when the trace was cut or its end could not be read.
	Complete  bool     `json:"complete"`
	LostBytes int64    `json:"lost_bytes"`
	Warnings  []string `json:"warnings,omitempty"`
	// Series is empty beyond MaxSeries windows. Spans are the tasks and regions over time, in bins of
	// Series, at most MaxSpanSeries of them.
	Series Series       `json:"series"`
	Spans  []SpanSeries `json:"spans,omitempty"`
	// Requests is nil where no goroutine was seen to serve any.
	Requests *RequestWindow `json:"requests,omitempty"`
}

// MaxSeries bounds the windows of one Trace that keep their Series, the first ones in order, so that
// the memory for a thousand traces does not grow with their number.
const MaxSeries = 16

// SpanSeries is one type of task or region in time buckets, as long as those of Series.
type SpanSeries struct {
	Kind     string  `json:"kind"` // task or region
	Name     string  `json:"name"`
	Started  []int64 `json:"started"`
	Ended    []int64 `json:"ended"`
	InFlight []int64 `json:"in_flight"` // at the end of the bin; those never seen to begin or end are not in it
}

// MaxSpanSeries bounds the types of tasks and regions with a series, the most frequent ones.
const MaxSpanSeries = 32

// BlockSite is the waits of one blocking stack for one reason.
type BlockSite struct {
	Stack int32 `json:"stack"`
	Wait  Wait  `json:"wait"`
	// Ended are the waits that ended in the window and whose start was seen.
	Ended Histogram `json:"ended"`
	// Unseen are waits that ended in the window but began before it: lower bounds.
	Unseen Histogram `json:"unseen"`
	// Open are the waits still open at the end, with their age so far; those that span the
	// whole window are in Silent as well.
	Open      Histogram  `json:"open"`
	Silent    int64      `json:"silent"`
	Exemplars []Exemplar `json:"exemplars,omitempty"`
	// OpenIDs are goroutines of Open, ascending, at most MaxGroupIDs. MovedIDs are those of them whose
	// wait began within the window; the others were silent for the whole of it.
	OpenIDs  []uint64 `json:"open_ids,omitempty"`
	MovedIDs []uint64 `json:"moved_ids,omitempty"`
}

// Exemplar is one of the slowest of its kind, so that a report can say where to look.
type Exemplar struct {
	Goroutine  uint64 `json:"goroutine"`
	AtNS       int64  `json:"at_ns"` // start, since the start of the window
	DurationNS int64  `json:"duration_ns"`
	// Parts splits the duration of a task or region by what its goroutine did. It is nil for
	// all else, and where it is not known: the task ended on another goroutine, or the span crosses
	// generations of the trace.
	Parts *Parts `json:"parts,omitempty"`
}

// Parts splits a time of one goroutine: RunningNS, RunnableNS, SyscallNS and the waits add up to it.
type Parts struct {
	RunningNS  int64 `json:"running_ns"`
	RunnableNS int64 `json:"runnable_ns"`
	SyscallNS  int64 `json:"syscall_ns"`
	// Blocked are the waits by reason, the longest first.
	Blocked []WaitTime `json:"blocked,omitempty"`
	// AssistNS is the time spent assisting the collector, which is part of the others.
	AssistNS int64 `json:"assist_ns"`
}

// WaitTime is the time waited for one reason.
type WaitTime struct {
	Wait Wait  `json:"wait"`
	NS   int64 `json:"ns"`
}

// MaxExemplars bounds the exemplars kept for one site.
const MaxExemplars = 3

// WakeEdge counts how often code at one stack made goroutines waiting at another runnable.
type WakeEdge struct {
	Waker int32 `json:"waker"`
	Woken int32 `json:"woken"` // the stack at which the goroutine had blocked
	Wait  Wait  `json:"wait"`
	Count int64 `json:"count"`
	// DelayNS is the time that the woken goroutines had waited, in total.
	DelayNS int64 `json:"delay_ns"`
}

// SyscallSite is the system calls made at one stack.
type SyscallSite struct {
	Stack    int32     `json:"stack"`
	Duration Histogram `json:"duration"` // ended, start seen
	// Unseen are calls that ended in the window but began before it: lower bounds.
	Unseen Histogram `json:"unseen"`
	Open   Histogram `json:"open"` // still in the call at the end
	// Cgo is true for calls into C, which the runtime traces as system calls.
	Cgo       bool       `json:"cgo,omitempty"`
	Exemplars []Exemplar `json:"exemplars,omitempty"` // of Duration
}

// CreationSite is the goroutines that start in one function, created at one stack.
type CreationSite struct {
	Stack    int32     `json:"stack"`    // the go statement; 0 when the creation was not seen
	Start    int32     `json:"start"`    // stack of the start function
	AtStart  int64     `json:"at_start"` // alive when the window began
	Created  int64     `json:"created"`
	Ended    int64     `json:"ended"`
	AtEnd    int64     `json:"at_end"`
	Lifetime Histogram `json:"lifetime"` // of those created and ended in the window
	RunNS    int64     `json:"run_ns"`
	// Latency is runnable to running.
	Latency Histogram `json:"latency"`
	// The slowest of Lifetime and of Latency.
	LifetimeExemplars []Exemplar `json:"lifetime_exemplars,omitempty"`
	LatencyExemplars  []Exemplar `json:"latency_exemplars,omitempty"`
	// Parked says where the goroutines alive at the end are waiting.
	Parked []Parked `json:"parked,omitempty"`
}

// Parked is goroutines that wait, or are in a system call, at a stack: how many, and for how long they have been.
type Parked struct {
	Stack int32 `json:"stack"`
	Count int64 `json:"count"`
	NS    int64 `json:"ns"` // all of them together
	MaxNS int64 `json:"max_ns"`
}

// Add counts others at the same stack.
func (p *Parked) Add(o Parked) {
	p.Count += o.Count
	p.NS += o.NS
	p.MaxNS = max(p.MaxNS, o.MaxNS)
}

// StackCount is a number of something at a stack.
type StackCount struct {
	Stack int32 `json:"stack"`
	Count int64 `json:"count"`
}

// Sched is the scheduler's latency: how long goroutines were runnable before they ran.
type Sched struct {
	Latency Histogram `json:"latency"`
	// RunningNS is the total time goroutines ran; with the window and Procs it gives utilisation.
	RunningNS int64 `json:"running_ns"`
	// Exemplars are the slowest of Latency.
	Exemplars []Exemplar `json:"exemplars,omitempty"`
}

// GC is what the garbage collector cost.
type GC struct {
	Cycles       int64                 `json:"cycles"`
	MarkNS       int64                 `json:"mark_ns"`       // wall time with a mark phase running
	STW          map[string]Histogram  `json:"stw,omitempty"` // by kind, as the runtime names it
	STWExemplars map[string][]Exemplar `json:"stw_exemplars,omitempty"`
	Assist       Histogram             `json:"assist"`
	AssistSites  []AssistSite          `json:"assist_sites,omitempty"`
	SweepNS      int64                 `json:"sweep_ns"`
	MaxHeapBytes int64                 `json:"max_heap_bytes"`
}

// AssistSite is the mark assists that began at one stack: code that allocates while the collector
// is behind. Its share is Duration.Sum of GC.Assist.Sum.
type AssistSite struct {
	Stack     int32      `json:"stack"`
	Duration  Histogram  `json:"duration"`
	Exemplars []Exemplar `json:"exemplars,omitempty"`
}

// Span is a user task or region type.
type Span struct {
	Kind      string     `json:"kind"` // task or region
	Name      string     `json:"name"`
	Duration  Histogram  `json:"duration"` // ended, start seen
	Open      Histogram  `json:"open"`     // still open at the end
	Unseen    int64      `json:"unseen"`   // ended, start not seen
	Exemplars []Exemplar `json:"exemplars,omitempty"`
}

// Series are counters in time buckets of one width. All slices have the same length.
type Series struct {
	BinNS      int64   `json:"bin_ns"`
	Created    []int64 `json:"created"`    // goroutines made in the bin
	Ended      []int64 `json:"ended"`      // goroutines ended in the bin
	Goroutines []int64 `json:"goroutines"` // alive at the end of the bin
	RunningNS  []int64 `json:"running_ns"` // goroutine time running
	RunnableNS []int64 `json:"runnable_ns"`
	HeapBytes  []int64 `json:"heap_bytes"` // last value in the bin, 0 when none was seen yet
}

// QueueLength is the mean number of goroutines that were runnable and not running in a bin.
func (s *Series) QueueLength(bin int) float64 { return perBin(s.RunnableNS, bin, s.BinNS) }

// Utilisation is the share of procs (GOMAXPROCS) that ran a goroutine in a bin, 0 to 1. The last bin
// may be shorter than the others, and show less.
func (s *Series) Utilisation(bin, procs int) float64 {
	return perBin(s.RunningNS, bin, s.BinNS*int64(procs))
}

func perBin(values []int64, bin int, per int64) float64 {
	if bin < 0 || bin >= len(values) || per <= 0 {
		return 0
	}
	return float64(values[bin]) / float64(per)
}

// MaxBins bounds a Series; the bin width doubles when a trace outgrows it.
const MaxBins = 512

// StackOf resolves a stack id.
func (t *Trace) StackOf(id int32) Stack {
	if id < 0 || int(id) >= len(t.Stacks) {
		return nil
	}
	out := make(Stack, len(t.Stacks[id]))
	for i, f := range t.Stacks[id] {
		out[i] = t.Frames[f]
	}
	return out
}

// DurationNS is the time that all windows cover together.
func (t *Trace) DurationNS() int64 {
	var d int64
	for i := range t.Windows {
		d += t.Windows[i].DurationNS
	}
	return d
}
