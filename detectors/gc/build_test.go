package gc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// stack makes frames, innermost first; those of package main are on line 66.
func stack(names ...string) evidence.Stack {
	var s evidence.Stack
	for _, n := range names {
		f := evidence.Frame{Function: n, File: "/go/src/std.go", Line: 1}
		if strings.HasPrefix(n, "main.") {
			f.File, f.Line = "/src/app/main.go", 66
		}
		s = append(s, f)
	}
	return s
}

// row is the value of one stack of a profile.
type row struct {
	stack evidence.Stack
	value int64
}

func profile(kind evidence.Kind, types []string, scale []int64, seconds float64, rows []row) *evidence.Profile {
	p := &evidence.Profile{Kind: kind, DurationNS: int64(seconds * 1e9), Totals: make([]int64, len(types))}
	for _, t := range types {
		p.SampleTypes = append(p.SampleTypes, evidence.ValueType{Type: t})
	}
	for _, r := range rows {
		vs := evidence.ValueStack{Count: 1}
		for i := range types {
			vs.Values = append(vs.Values, r.value*scale[i])
			p.Totals[i] += r.value * scale[i]
		}
		for _, f := range r.stack {
			vs.Frames = append(vs.Frames, int32(len(p.Frames)))
			p.Frames = append(p.Frames, f)
		}
		p.Stacks = append(p.Stacks, vs)
	}
	return p
}

// cpu is a CPU profile of 10 s at 100 samples a second.
func cpu(rows ...row) *evidence.Profile {
	return profile(evidence.CPU, []string{"samples", "cpu"}, []int64{1, 1e7}, 10, rows)
}

func allocs(rows ...row) *evidence.Profile {
	return profile(evidence.Allocs, []string{"alloc_objects", "alloc_space"}, []int64{1, 1024}, 10, rows)
}

// mixed is a profile whose stacks have allocated several sizes.
func mixed(p *evidence.Profile) *evidence.Profile {
	for i := range p.Stacks {
		p.Stacks[i].Count = 2
	}
	return p
}

// giants is a profile whose last stack allocates pieces of 256 MB.
func giants(p *evidence.Profile) *evidence.Profile {
	last := p.Stacks[len(p.Stacks)-1].Values
	last[1] = last[0] << 28
	return p
}

// large is a trace with long pauses in a large heap.
func large() *traced {
	return newTrace().cycles(9, 0.1, 3e8, 4e8).pauses("GC mark termination", 40, 1e5, 8, 12e6)
}

var (
	work     = stack("main.render", "net/http.(*conn).serve")
	marking  = stack("runtime.scanobject", "runtime.gcDrain", "runtime.gcDrainMarkWorkerDedicated", "runtime.gcBgMarkWorker")
	idleMark = stack("runtime.scanobject", "runtime.gcDrain", "runtime.gcDrainMarkWorkerIdle", "runtime.gcBgMarkWorker")
	oldMark  = stack("runtime.scanobject", "runtime.gcDrain", "runtime.gcBgMarkWorker")
	assists  = stack("runtime.gcDrainN", "runtime.gcAssistAlloc", "runtime.mallocgc", "main.decode", "main.handle")
	sweeps   = stack("runtime.(*sweepLocked).sweep", "runtime.(*mcentral).cacheSpan", "runtime.mallocgc", "main.decode")
	sweeper  = stack("runtime.goschedIfBusy", "runtime.bgsweep")
	mallocs  = stack("runtime.nextFreeFast", "runtime.mallocgc", "main.decode", "main.handle")
	// go1.27 calls the allocator for a size class without mallocgc.
	mallocs127 = stack("runtime.mallocgcSmallNoScanSC4", "main.decode", "main.handle")
	finalizing = stack("runtime.addspecial", "runtime.SetFinalizer", "main.open")
	closing    = stack("main.(*file).close", "runtime.runFinalizers")
	closing120 = stack("main.(*file).close", "runtime.runfinq")
	barriers   = stack("runtime.wbBufFlush1", "runtime.wbBufFlush", "runtime.gcWriteBarrier2", "main.link")
	collecting = stack("runtime.sweepone", "runtime.GC", "main.tidy")
	memstats   = stack("runtime.futex", "runtime.startTheWorldWithSema", "runtime.ReadMemStats", "main.watch")
	benchmark  = stack("runtime.futex", "runtime.startTheWorldWithSema", "runtime.ReadMemStats", "testing.(*B).StopTimer", "main.BenchmarkX")
	hashing    = stack("crypto/internal/fips140/sha512.blockAVX2", "crypto/internal/fips140/sha512.(*Digest).Write", "main.sum")
	copying    = stack("runtime.memmove", "runtime.growslice", "main.merge")
	searching  = stack("internal/bytealg.IndexByte", "bytes.IndexByte", "main.find")
	preempted  = stack("runtime.asyncPreempt", "main.render")
)

// traced is a second of a trace that a test fills in.
type traced struct{ evidence.Trace }

func newTrace() *traced {
	t := &traced{evidence.Trace{Stacks: [][]int32{{}}, Windows: []evidence.TraceWindow{{DurationNS: 1e9, MaxProcs: 2}}}}
	t.Sched.RunningNS = 1e9
	return t
}

func (t *traced) id(s evidence.Stack) int32 {
	var ids []int32
	for _, f := range s {
		ids = append(ids, int32(len(t.Frames)))
		t.Frames = append(t.Frames, f)
	}
	t.Stacks = append(t.Stacks, ids)
	return int32(len(t.Stacks) - 1)
}

// cycles are collections that mark for a share of the time, while the heap swings between two sizes.
func (t *traced) cycles(n int64, markShare float64, lo, hi int64) *traced {
	t.GC.Cycles, t.GC.MarkNS = n, int64(markShare*1e9)
	for i := range 100 {
		t.Windows[0].Series.HeapBytes = append(t.Windows[0].Series.HeapBytes, lo+(hi-lo)*int64(i%10)/9)
	}
	return t
}

// marking is time that the collector's own goroutines run.
func (t *traced) marking(ns int64) *traced {
	t.Sites = append(t.Sites, evidence.CreationSite{Start: t.id(stack("runtime.gcBgMarkWorker")), RunNS: ns})
	return t
}

func (t *traced) goroutine(start string) *traced {
	t.Sites = append(t.Sites, evidence.CreationSite{Start: t.id(stack(start)), RunNS: 1})
	return t
}

// forced are calls of runtime.GC, which wait twice each.
func (t *traced) forced(n int64) *traced { return t.forcedBy(n, "main.tidy") }

func (t *traced) forcedBy(n int64, caller string) *traced {
	for _, at := range []string{"runtime.gcWaitOnMark", "runtime.gcStart"} {
		b := evidence.BlockSite{Stack: t.id(stack(at, "runtime.GC", caller)), Wait: evidence.WaitGC}
		b.Ended.AddN(1e6, n)
		t.Blocks = append(t.Blocks, b)
	}
	return t
}

// pauses are stops of a kind, most short and some long.
func (t *traced) pauses(kind string, short, shortNS, long, longNS int64) *traced {
	var h evidence.Histogram
	h.AddN(shortNS, short)
	h.AddN(longNS, long)
	if t.GC.STW == nil {
		t.GC.STW = map[string]evidence.Histogram{}
	}
	t.GC.STW[kind] = h
	return t
}

// task is the slowest of a user's tasks, which assisted for a part of its time.
func (t *traced) task(ns, assistNS int64) *traced {
	t.Spans = append(t.Spans, evidence.Span{Kind: "task", Name: "order", Exemplars: []evidence.Exemplar{
		{DurationNS: ns, Parts: &evidence.Parts{AssistNS: assistNS}}, {DurationNS: 2 * ns, Parts: &evidence.Parts{}}}})
	return t
}

// assistAt are assists on a stack.
func (t *traced) assistAt(s evidence.Stack, n, ns int64) *traced {
	t.assist(n, ns)
	t.GC.AssistSites[len(t.GC.AssistSites)-1].Stack = t.id(s)
	return t
}

func (t *traced) assist(n, ns int64) *traced {
	var h evidence.Histogram
	h.AddN(ns, n)
	t.GC.Assist.Merge(&h)
	t.GC.AssistSites = append(t.GC.AssistSites, evidence.AssistSite{Stack: t.id(assists), Duration: h})
	return t
}

func set(t *traced, profiles ...*evidence.Profile) *evidence.Set {
	s := &evidence.Set{Profiles: profiles}
	if t != nil {
		s.Trace = &t.Trace
	}
	return s
}

func detect(t *testing.T, set *evidence.Set) (string, analyze.Outcome, []analyze.Finding) {
	t.Helper()
	res, err := analyze.Run(context.Background(), set, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcomes[0].State == analyze.Failed {
		t.Fatal(res.Outcomes[0].Why)
	}
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s@%s %s", strings.TrimPrefix(f.Rule, "gc/"), f.Location.Function, f.Confidence))
	}
	slices.Sort(out)
	return strings.Join(out, "; "), res.Outcomes[0], res.Findings
}
