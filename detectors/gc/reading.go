package gc

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// reading is what the evidence says of the collector.
type reading struct {
	pass      *analyze.Pass
	cpu       *signature.Profile
	taken     bool    // there is a CPU profile, maybe an empty one
	doubted   bool    // its shares are to be distrusted
	unusable  string  // why it says nothing of Go's functions; empty where it may
	requestsS float64 // requests per second, 0 when unknown

	traced    *trace              // nil without a trace
	allocated []*evidence.Profile // of the allocs profiles, those that count nothing twice
	sites     []signature.Site    // bytes allocated, by line
	bytes     int64               // allocated, of all sites
	windowS   float64             // over which; 0: since the program began
}

// trace is what the execution traces say of the collector.
type trace struct {
	*evidence.GC
	windowS   float64
	procs     int // 0 when unknown
	runningNS int64
	markingNS int64 // of that, of the collector's own goroutines
	// growth is how much larger the heap was at its largest than at its smallest, less 1; 0 when unknown.
	growth  float64
	largest int64 // the heap's largest size in bytes, 0 when unknown
	// growing is set where the heap ends larger than it was through most of a window.
	growing bool
	forced  []signature.Site // collections that the program asked for, by line
	harness int64            // collections that the testing package asked for, around what it measures
	bench   bool             // it is of a benchmark
	assists []assist
	// inRequests are the assists on goroutines that serve requests: those that clients wait for.
	inRequests evidence.Histogram
	slowest    slowest
}

// slowest is the slowest task or region of a trace that assisted the collector.
type slowest struct {
	span     string
	exemplar evidence.Exemplar
}

// assist is the mark assists at one line of the program.
type assist struct {
	location evidence.Frame
	stack    evidence.Stack
	duration evidence.Histogram
}

func read(p *analyze.Pass) *reading {
	set := p.Evidence
	r := &reading{pass: p, cpu: signature.Read(set), taken: set.Has(evidence.CPU, 1), requestsS: signature.RequestRate(set)}
	r.doubted = r.cpu.Doubted()
	switch doubts := r.cpu.Doubts(); {
	case r.taken && !slices.ContainsFunc(set.ProfilesOf(evidence.CPU), signature.IsGo):
		r.unusable = "the CPU profile is not of a Go program"
	case slices.ContainsFunc(doubts, func(d signature.Doubt) bool { return d.Kind == signature.Difference }):
		r.unusable = "the CPU profile is the difference of two, and has no shares"
	}
	if r.unusable != "" {
		r.cpu = signature.Read(&evidence.Set{})
	}
	if t := set.Trace; t != nil && t.DurationNS() > 0 {
		r.traced = readTrace(t)
	}
	r.readAllocs(set)
	return r
}

// readAllocs takes the profiles over a window where there are any, else the last of those since the
// program began, which count the same bytes again.
func (r *reading) readAllocs(set *evidence.Set) {
	var over []*evidence.Profile
	all := set.ProfilesOf(evidence.Allocs)
	for _, prof := range all {
		if prof.DurationNS > 0 {
			over = append(over, prof)
			r.windowS += float64(prof.DurationNS) / 1e9
		}
	}
	if len(over) == 0 {
		if len(all) == 0 {
			all = set.ProfilesOf(evidence.Heap)
		}
		over = all[max(len(all)-1, 0):]
	}
	r.allocated, r.sites = over, signature.ByLine(over, "alloc_space")
	for _, prof := range over {
		r.bytes += prof.Total(prof.Column("alloc_space"))
	}
}

func readTrace(t *evidence.Trace) *trace {
	out := &trace{GC: &t.GC, windowS: float64(t.DurationNS()) / 1e9, runningNS: t.Sched.RunningNS}
	for i := range t.Windows {
		w := &t.Windows[i]
		out.procs = max(out.procs, w.MaxProcs, w.Procs)
		growth, growing := heapGrowth(w.Series.HeapBytes)
		out.growth = max(out.growth, growth)
		for _, bytes := range w.Series.HeapBytes {
			out.largest = max(out.largest, bytes)
		}
		out.growing = out.growing || growing
	}
	out.readForced(t)
	for i := range t.Sites {
		for _, f := range t.StackOf(t.Sites[i].Start) {
			if f.Function == "runtime.gcBgMarkWorker" {
				out.markingNS += t.Sites[i].RunNS
			}
			out.bench = out.bench || strings.HasPrefix(f.Function, "testing.(*B).")
		}
	}
	out.assists = assistsByLine(t)
	for i := range t.GC.AssistSites {
		if s := &t.GC.AssistSites[i]; signature.InRequest(t.StackOf(s.Stack)) {
			out.inRequests.Merge(&s.Duration)
		}
	}
	out.slowest = slowestAssisting(t.Spans)
	return out
}

// readForced counts the collections that were asked for. A call waits at several places of runtime.GC, at each
// once: those are the frames beneath it, and the largest count of them is that of the calls.
func (t *trace) readForced(from *evidence.Trace) {
	type call struct {
		at    evidence.Frame
		ok    bool
		count int64
		stack evidence.Stack
	}
	calls := map[string]*call{}
	for i := range from.Blocks {
		b := &from.Blocks[i]
		stack := from.StackOf(b.Stack)
		asks := slices.IndexFunc(stack, func(f evidence.Frame) bool { return f.Function == "runtime.GC" })
		if b.Wait != evidence.WaitGC || asks < 0 {
			continue
		}
		key := strings.Join(stack[asks:].Functions(), "\n")
		c := calls[key]
		if c == nil {
			c = &call{stack: stack}
			c.at, c.ok = signature.Own(stack)
			calls[key] = c
		}
		c.count = max(c.count, b.Ended.Count+b.Unseen.Count+b.Open.Count)
	}
	lines := map[evidence.Frame]*signature.Site{}
	for _, key := range slices.Sorted(maps.Keys(calls)) {
		c := calls[key]
		switch {
		case !c.ok:
			t.harness += c.count
		case lines[c.at] == nil:
			lines[c.at] = &signature.Site{Location: c.at, Stack: c.stack, Samples: c.count}
		default:
			lines[c.at].Samples += c.count
		}
	}
	for _, s := range lines {
		t.forced = append(t.forced, *s)
	}
	slices.SortFunc(t.forced, func(a, b signature.Site) int {
		return cmp.Or(cmp.Compare(b.Samples, a.Samples), compareFrames(a.Location, b.Location))
	})
}

// heapGrowth is the range of the heap's size within a window, and whether it ends larger than it ever was
// before the last quarter: the sawtooth of collections does not.
func heapGrowth(bins []int64) (growth float64, growing bool) {
	known := slices.DeleteFunc(slices.Clone(bins), func(n int64) bool { return n <= 0 })
	if len(known) < 4 {
		return 0, false
	}
	lo, hi := slices.Min(known), slices.Max(known)
	cut := len(known) * 3 / 4
	before := slices.Max(known[:cut])
	return float64(hi)/float64(lo) - 1, float64(slices.Max(known[cut:])) > 1.05*float64(before)
}

// assistsByLine sums the assists of a trace by line of the program, the longest in total first.
func assistsByLine(t *evidence.Trace) []assist {
	lines := map[evidence.Frame]*assist{}
	longest := map[evidence.Frame]int64{}
	for i := range t.GC.AssistSites {
		s := &t.GC.AssistSites[i]
		stack := t.StackOf(s.Stack)
		at, ok := signature.Own(stack)
		if !ok {
			continue
		}
		a := lines[at]
		if a == nil {
			a = &assist{location: at}
			lines[at] = a
		}
		a.duration.Merge(&s.Duration)
		if a.stack == nil || s.Duration.Sum > longest[at] {
			longest[at], a.stack = s.Duration.Sum, stack
		}
	}
	out := make([]assist, 0, len(lines))
	for _, a := range lines {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b assist) int {
		return cmp.Or(cmp.Compare(b.duration.Sum, a.duration.Sum), compareFrames(a.location, b.location))
	})
	return out
}

func slowestAssisting(spans []evidence.Span) (out slowest) {
	for i := range spans {
		for _, e := range spans[i].Exemplars {
			if e.Parts != nil && e.Parts.AssistNS > 0 && e.DurationNS > out.exemplar.DurationNS {
				out = slowest{spans[i].Name, e}
			}
		}
	}
	return out
}

func compareFrames(a, b evidence.Frame) int {
	return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// tells reports whether the profile has samples enough for shares.
func (r *reading) tells() bool { return r.cpu.Enough() }

// above reports whether a share is above a threshold for sure, and costs enough to act on.
func (r *reading) above(s signature.Share, param string) bool {
	return r.exceeds(s, r.pass.Param(param))
}

func (r *reading) exceeds(s signature.Share, threshold float64) bool {
	cost := s.CoresOf(s.Samples)
	return s.Above(threshold, signature.Overdispersion) && (s.WindowNS <= 0 || cost >= r.pass.Param("min-cost"))
}

// lowered is a confidence less one where the profile's shares are to be distrusted.
func (r *reading) lowered(c analyze.Confidence) analyze.Confidence {
	if r.doubted && c > analyze.Weak {
		return c - 1
	}
	return c
}

// allocating names the line that allocates most, and the words for it.
func (r *reading) allocating() (at signature.Site, words string, ok bool) {
	if top, found := signature.Top(r.sites); found && r.bytes > 0 && top.Samples > 0 {
		return top, percent(float64(top.Samples)/float64(r.bytes)) + " of the bytes are allocated here", true
	}
	if s := r.cpu.Of(sigAllocating); s.Samples > 0 {
		if top, found := signature.Top(s.Sites); found {
			return top, percent(float64(top.Samples)/float64(s.Samples)) + " of the allocator's CPU is spent from here", true
		}
	}
	if r.traced != nil && len(r.traced.assists) > 0 {
		a := r.traced.assists[0]
		return signature.Site{Location: a.location, Stack: a.stack}, "the longest assists are here", true
	}
	return signature.Site{}, "", false
}
