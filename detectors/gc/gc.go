package gc

import (
	"context"
	_ "embed"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

//go:embed doc.go
var doc string

const (
	ruleBackToBack = "gc/back-to-back"
	ruleForced     = "gc/forced"
	ruleCPU        = "gc/cpu"
	ruleAssist     = "gc/assist"
	rulePause      = "gc/pause"
	ruleStretched  = "gc/stretched-pause"
	ruleStops      = "gc/stop-the-world"
	ruleSweep      = "gc/sweep"
	ruleAlloc      = "gc/alloc"
	ruleFinalizers = "gc/finalizers"
	ruleBarriers   = "gc/write-barriers"
)

const tryCapture = "go-debug capture http://localhost:6060 --for 30s"

// Detector finds what the garbage collector costs.
var Detector = &analyze.Detector{
	Name: "gc",
	Noun: "collector cost",
	Doc:  doc,
	Rules: []analyze.Rule{
		{
			ID: ruleBackToBack, Title: "collections run back to back: a memory limit or GOGC too close to what is in use", Severity: analyze.High,
			Remedy: "Raise GOMEMLIMIT (nine tenths of the container's memory) or GOGC, or keep less in memory; then allocate less at this line.",
			Doc: "With GOMEMLIMIT near what is in use the heap has no room to grow, and each collection is followed by the next: the death spiral. The runtime " +
				"stops at half of the CPU and lets the heap outgrow the limit. A very low GOGC looks the same.",
		},
		{
			ID: ruleForced, Title: "the program runs the collector itself", Severity: analyze.Medium,
			Remedy: "Drop the call: the collector paces itself. To bound memory set GOMEMLIMIT; to give memory back it needs no help.",
			Doc:    "runtime.GC and debug.FreeOSMemory mark everything in use with all Ps, however little was allocated since, and hold their caller until they are done.",
		},
		{
			ID: ruleCPU, Total: true, Title: "a large share of the CPU goes into garbage collection", Severity: analyze.Medium,
			Remedy: "Allocate less at this line (reuse buffers, preallocate, values instead of pointers), then raise GOGC with GOMEMLIMIT as the guard.",
			Doc: "Each collection marks all that is in use, and one begins whenever the heap has grown by GOGC percent: the cost is what is in use times the " +
				"rate of allocation over that growth. The line named allocates most.",
		},
		{
			ID: ruleAssist, Total: true, Title: "goroutines are made to assist the collector where they allocate", Severity: analyze.Medium,
			Remedy: "Allocate less on the request path at this line, or raise GOGC, so that the collector begins earlier and keeps ahead.",
			Doc:    "A goroutine that allocates faster than the collector marks has to mark in proportion before it gets its memory. The time is part of the request.",
		},
		{
			ID: rulePause, Title: "the collector stops the world for long", Severity: analyze.Medium,
			Remedy: "Copy, clear or hash large memory in pieces of 64 kB, which can be interrupted between; collect less often by raising GOGC.",
			Doc: "The collector stops all goroutines twice a cycle, for a fraction of a millisecond. It takes long when a goroutine cannot be stopped: copying, " +
				"clearing, comparing or hashing megabytes in one piece.",
		},
		{
			ID: ruleStretched, Cause: analyze.CauseDeniedCPU, Title: "the collector stops the world for long, by nothing that the program does", Severity: analyze.Low,
			Remedy: "Set GOMAXPROCS to the CPU quota (go1.25 and later do), move what competes for the machine, and capture again with a CPU profile.",
			Doc: "The world has stopped when the last thread has. A thread that the kernel took off its CPU, or that waits for a page of memory, " +
				"keeps all others waiting.",
		},
		{
			ID: ruleStops, Title: "the program stops the world itself", Severity: analyze.Medium,
			Remedy: "Read runtime/metrics instead of runtime.ReadMemStats, or read once and share the answer for some seconds.",
			Doc:    "runtime.ReadMemStats and runtime.GOMAXPROCS stop every goroutine. Called for each request or each millisecond, nothing else runs.",
		},
		{
			ID: ruleSweep, Total: true, Title: "allocations wait for memory to be swept", Severity: analyze.Medium,
			Remedy: "Allocate fewer small objects at this line, and collect less often by raising GOGC; where memory in use is many times what is live, copy what stays after loading.",
			Doc: "What was not reached by a collection is swept before it can be allocated from, page by page. Many small objects and frequent collections make that a debt which allocations pay. So does " +
				"a heap whose few live objects lie scattered: a program that loads much and keeps one object in a hundred keeps all the pages, and each collection sweeps them all.",
		},
		{
			ID: ruleAlloc, Total: true, Title: "a large share of the CPU goes into allocating", Severity: analyze.Low,
			Remedy: "Reuse what this line allocates (sync.Pool, a buffer kept by the caller), preallocate slices and maps, or keep values instead of pointers.",
			Doc:    "The allocator's own work, without what the collector takes: finding room, clearing it, and noting where pointers are.",
		},
		{
			ID: ruleFinalizers, Title: "finalizers or cleanups are set and run at a high rate", Severity: analyze.Medium,
			Remedy: "Close explicitly and set no finalizer per item, or reuse the objects that have one.",
			Doc:    "Setting one takes locks and a record off the heap; running them is the work of one goroutine; and a finalizer keeps its object for another collection.",
		},
		{
			ID: ruleBarriers, Total: true, Title: "CPU spent in write barriers", Severity: analyze.Low,
			Remedy: "Write fewer pointers while the heap is marked: indices or values instead of pointers, and fewer collections by raising GOGC.",
			Doc:    "While the collector marks, every write of a pointer is noted. Programs that move many pointers pay for it as long as collections run.",
		},
	},
	Needs: []analyze.Need{
		{Kind: evidence.Execution, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.CPU, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		// What is allocated where says nothing of what it costs, but which line to look at.
		{Kind: evidence.Allocs, Captures: 1, Confidence: analyze.Weak, Try: tryCapture},
	},
	Params: []analyze.Param{
		{Name: "min-cpu-share", Default: 0.25, Unit: "ratio", Why: "healthy servers spend 0.13 to 0.15 on collecting, a type checker 0.18, GOGC=20 makes it 0.63"},
		{Name: "min-assist-share", Default: 0.05, Unit: "ratio", Why: "healthy programs spend 0 to 0.02 on assists, ones that outrun the collector 0.29 to 0.34"},
		{Name: "min-sweep-share", Default: 0.10, Unit: "ratio", Why: "healthy programs spend 0.03 to 0.05 on sweeping, ones in debt 0.19 to 0.25"},
		{Name: "min-alloc-share", Default: 0.25, Unit: "ratio", Why: "healthy servers spend 0.14 to 0.17 on allocating, a type checker 0.23, allocation-bound programs 0.67 to 0.72"},
		{Name: "min-finalizer-share", Default: 0.05, Unit: "ratio", Why: "healthy programs spend nothing on finalizers, ones that set them per item 0.58 to 0.73"},
		{Name: "min-barrier-share", Default: 0.10, Unit: "ratio", Why: "a type checker, which does little but write pointers, spends 0.02 to 0.05"},
		{Name: "min-stop-share", Default: 0.05, Unit: "ratio", Why: "a read of the statistics every 10 s takes a millionth of the time, one a millisecond 0.12"},
		{Name: "min-forced-share", Default: 0.10, Unit: "ratio", Why: "of the CPU for collecting: a forced collection now and then is cheap and often meant"},
		{Name: "min-mark-share", Default: 0.75, Unit: "ratio", Why: "of the time: healthy programs mark for less than half of it, one at its memory limit for 0.85 and more"},
		{Name: "min-cycles", Default: 5, Unit: "count", Why: "fewer collections in a trace say little of how they follow one another"},
		{Name: "min-pause", Default: 5e6, Unit: "ns", Why: "healthy pauses take 20 to 150 µs; half of the 10 ms that the runtime was once designed for shows in a request's latency"},
		{Name: "min-assist", Default: 1e6, Unit: "ns", Why: "at p95, by a trace alone: less does not show in a request"},
		{Name: "min-cost", Default: 0.1, Unit: "cores", Why: "shares of a nearly idle process's CPU are large: with a heap of 4 MB collecting is often 0.3 of it, and worth nothing"},
	},
	Plantings: plantings,
	Run:       run,
}

func run(_ context.Context, p *analyze.Pass) error {
	r := read(p)
	explained := reportFinalizers(r)
	named := r.dominant()
	if !reportCollector(r, explained || named != nil) && !explained {
		switch {
		case named != nil:
			named(r)
		default:
			reportAssist(r)
			reportSweep(r)
			reportBarriers(r)
		}
		reportAlloc(r)
	}
	reportPauses(r)
	reportStops(r)
	remark(r)
	return nil
}

// remark says which questions stay open.
func remark(r *reading) {
	p := r.pass
	few := !r.cpu.Enough() && !r.cpu.Idle(p.Param("min-cost"))
	switch {
	case r.traced == nil && r.unusable != "":
		p.Inconclusive(r.unusable, tryCapture)
	case r.traced == nil && !r.taken:
		p.Inconclusive("an allocs profile shows where memory is allocated, not what collecting it costs", tryCapture)
	case r.traced == nil && few:
		p.Inconclusive("the CPU profile has too few samples for a share", tryCapture)
	case !r.taken || r.unusable != "":
		p.NotChecked("CPU spent on garbage collection: no CPU profile", tryCapture)
	case few:
		p.NotChecked("CPU spent on garbage collection: too few samples for a share", tryCapture)
	case r.traced == nil:
		p.NotChecked("garbage collection pauses and assists: no trace", tryCapture)
	}
}
