package sched

import (
	"context"
	_ "embed"
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

//go:embed doc.go
var doc string

const (
	ruleChurn        = "sched/churn"
	ruleGosched      = "sched/gosched"
	ruleRequestDelay = "sched/request-delay"
	ruleRunQueue     = "sched/run-queue"
	ruleSpinning     = "sched/spinning"
	ruleIdleWakeups  = "sched/idle-wakeups"
	ruleThrottled    = "sched/throttled"
	ruleThreads      = "sched/threads"
)

const tryCapture = "go-debug capture http://localhost:6060 --for 30s"

// Detector finds what scheduling costs.
var Detector = &analyze.Detector{
	Name: "sched",
	Noun: "scheduling cost",
	Doc:  doc,
	Rules: []analyze.Rule{
		{
			ID: ruleChurn, Cause: analyze.CauseSwitching, Title: "switching goroutines takes a large share of the CPU", Severity: analyze.Medium,
			Remedy: "Hand over batches instead of items, or do the small step in place; bound the workers by GOMAXPROCS instead of a goroutine per item.",
			Doc: "A switch costs some hundred nanoseconds, and more where it wakes a sleeping thread. Goroutines that run for a microsecond or two between " +
				"switches spend as much on being scheduled as on their work.",
		},
		{
			ID: ruleGosched, Cause: analyze.CauseSwitching, Title: "loops call runtime.Gosched until something is ready", Severity: analyze.Medium,
			Remedy: "Wait on a channel, a sync.Cond or a semaphore: it wakes when there is something to do and costs nothing before.",
			Doc:    "runtime.Gosched puts its caller back into the queue at once. With nothing else to run it is a busy loop over the scheduler's lock, which slows everybody down.",
		},
		{
			ID: ruleRequestDelay, Total: true, Title: "requests wait for a P while other goroutines keep all of them busy", Severity: analyze.Medium,
			Remedy: "Bound the goroutines that compute beside the requests (a semaphore below GOMAXPROCS) or move them out; else add CPU or shed load.",
			Doc: "A goroutine that computes keeps its P for 10 ms at a time. A request that becomes runnable behind a queue of them waits that long for each, " +
				"several times over: once for each time it blocked.",
		},
		{
			ID: ruleRunQueue, Total: true, Title: "goroutines queue for a P", Severity: analyze.Info,
			Remedy: "None for a batch. Where latency matters: make the named line cheaper, add CPU, or let in less.",
			Doc:    "All Ps are busy and more goroutines are runnable: CPU is what limits the program. It is a batch, or a service whose requests need more CPU than there is.",
		},
		{
			ID: ruleSpinning, Title: "Ps fall idle between pieces of work and look for more", Severity: analyze.Info,
			Remedy: "Lower GOMAXPROCS towards the cores in use, or hand work over in larger pieces; under more load it passes by itself.",
			Doc:    "A P without work looks into every other P's queue, polls the network and parks its thread; the next piece of work wakes it again.",
		},
		{
			ID: ruleIdleWakeups, Title: "an idle program wakes up for timers", Severity: analyze.Info,
			Remedy: "Use a longer interval, one timer for many, or wait for the event itself instead of polling for it.",
			Doc:    "Each wake-up takes 5 to 50 µs of a core and keeps the CPU out of its sleep states. Many small containers on one machine add up.",
		},
		{
			ID: ruleThrottled, Cause: analyze.CauseDeniedCPU, Title: "the kernel gives the program less CPU than its goroutines use: a quota below GOMAXPROCS, or other load", Severity: analyze.Low,
			Remedy: "Set GOMAXPROCS to the CPU quota (go1.25 and later do), raise the quota, or move what competes for the machine; then capture again.",
			Doc: "Under a quota below GOMAXPROCS all threads run until it is spent and then stand still together, up to a tenth of a second: latency, pauses and the waits " +
				"for locks all grow, and shares are of what was left.",
		},
		{
			ID: ruleThreads, Title: "far more threads than Ps", Severity: analyze.Low,
			Remedy: "Bound the goroutines that make blocking calls at this line (a semaphore), or use the poller: net, os pipes, context-aware calls.",
			Doc: "A goroutine in a blocking system call or in C keeps its thread, and the runtime starts another. Threads cost stacks and kernel memory, are never " +
				"given back, and end the program at 10,000.",
		},
	},
	Needs: []analyze.Need{
		{Kind: evidence.Execution, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.CPU, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.ThreadCreate, Captures: 1, Confidence: analyze.Possible, Try: tryCapture},
	},
	Params: []analyze.Param{
		{Name: "min-churn-share", Default: 0.25, Unit: "ratio", Why: "servers under load spend 0.05 to 0.08 in the scheduler, programs that do little but switch 0.28 to 0.77"},
		{Name: "min-traced-churn-share", Default: 0.15, Unit: "ratio", Why: "where a trace shows runs shorter than max-run, less of a share says the same"},
		{Name: "min-switch-share", Default: 0.06, Unit: "ratio", Why: "outside of findRunnable: servers spend 0.02 to 0.05 there at any load, programs that switch 0.14 to 0.30"},
		{Name: "max-run", Default: 4000, Unit: "ns", Why: "goroutines of servers run for 8 to 17 µs between switches, of ping-pongs and goroutines per item for 0.2 to 3"},
		{Name: "min-yield-share", Default: 0.10, Unit: "ratio", Why: "healthy programs yield by themselves for 0 of their CPU, spinning ones for 0.94"},
		{Name: "min-spin-share", Default: 0.30, Unit: "ratio", Why: "servers at half a core spend 0.2 to 0.3 on looking for work; beyond, it is most of what they do"},
		{Name: "min-cores", Default: 0.5, Unit: "cores", Why: "the scheduler's share is large where there is little else to do"},
		{Name: "min-latency", Default: 1e7, Unit: "ns", Why: "a goroutine that never waits keeps its P for 10 ms; servers with CPU to spare wait 0.3 ms at p99"},
		{Name: "min-utilisation", Default: 0.9, Unit: "ratio", Why: "of the Ps' time while goroutines wait: below, waits have other causes than too little CPU"},
		{Name: "min-saturated", Default: 0.25, Unit: "ratio", Why: "of the time: one request in four arrives while nobody looks for it"},
		{Name: "min-wakeups", Default: 500, Unit: "per_s", Why: "a ticker of 1 ms makes 1000, one of 10 ms 100; 500 take a hundredth of a core"},
		{Name: "max-idle-cores", Default: 0.2, Unit: "cores", Why: "a program that uses more is not idle, and its timers are the least of it"},
		{Name: "max-granted-share", Default: 0.6, Unit: "ratio", Why: "profiles count 0.85 to 0.98 of the CPU that was used; goroutines that run at 0.6 of the time or less stood still for the rest"},
		{Name: "min-threads", Default: 50, Unit: "threads", Why: "beyond GOMAXPROCS, with a line at which half as many goroutines are seen blocked: the runtime has 4 to 8 of its own, file reads add a few"},
		{Name: "many-threads", Default: 500, Unit: "threads", Why: "beyond GOMAXPROCS, whatever is seen of what blocks: a burst of the past leaves threads, and these are too many"},
	},
	Plantings: plantings,
	Run:       run,
}

func run(_ context.Context, p *analyze.Pass) error {
	r := read(p)
	reportThrottled(r)
	switch {
	case reportGosched(r), reportChurn(r), reportSpinning(r):
	default:
		reportIdleWakeups(r)
	}
	reportLatency(r)
	reportThreads(r)
	remark(r)
	return nil
}

// denied reports a program whose goroutines run enough for shares of the scheduler to matter, and that got too little
// CPU for it.
func (r *reading) denied() bool {
	least := r.pass.Param("min-cores")
	return r.taken && r.cpu.Enough() && !r.tells && r.traced != nil && float64(r.traced.Sched.RunningNS)/1e9/r.traced.windowS >= least
}

// remark says which questions stay open.
func remark(r *reading) {
	p := r.pass
	few := !r.cpu.Enough() && !r.cpu.Idle(p.Param("min-cores"))
	switch {
	case r.traced == nil && r.unusable != "":
		p.Inconclusive(r.unusable, tryCapture)
	case r.traced == nil && !r.taken:
		p.Inconclusive("a threadcreate profile counts threads, it does not show what scheduling costs", tryCapture)
	case r.traced == nil && few:
		p.Inconclusive("the CPU profile has too few samples for a share", tryCapture)
	case !r.taken || r.unusable != "":
		p.NotChecked("CPU spent on scheduling: no CPU profile", tryCapture)
	case few:
		p.NotChecked("CPU spent on scheduling: too few samples for a share", tryCapture)
	case r.denied():
		p.NotChecked(fmt.Sprintf("CPU spent on scheduling: the program got %.2g cores of the %.2g that its goroutines would use",
			r.cpu.Cores(), float64(r.traced.Sched.RunningNS)/1e9/r.traced.windowS), tryCapture)
	case r.traced == nil:
		p.NotChecked("how long goroutines wait for a P: no trace", tryCapture)
	}
}
