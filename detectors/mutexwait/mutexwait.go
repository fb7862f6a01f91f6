package mutexwait

import (
	"cmp"
	"context"
	_ "embed"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

//go:embed doc.go
var doc string

const (
	ruleContended = "mutexwait/contended-mutex"
	ruleConvoy    = "mutexwait/convoy"
	ruleLog       = "mutexwait/log-lock"
	ruleStarved   = "mutexwait/rwmutex-writer-starves-readers"
	ruleBounce    = "mutexwait/rwmutex-bounce"
	ruleRuntime   = "mutexwait/runtime-lock"

	// family is that of the rules for locks that are waited for. Which of them it is may change from one capture
	// to the next, with how many wait.
	family = "mutexwait/lock"
)

const (
	tryCapture = "go-debug capture http://localhost:6060 --for 30s"

	whyEmpty = "no sample of lock delay: either nothing contended, or runtime.SetMutexProfileFraction was never called; " +
		"call runtime.SetMutexProfileFraction(100) in the program and capture again"

	whyNoWaiters = "the block profile is empty: either nothing blocked, or runtime.SetBlockProfileRate was never called; " +
		"call runtime.SetBlockProfileRate(10_000) in the program and capture again"
)

// Detector finds locks that goroutines queue for.
var Detector = &analyze.Detector{
	Name: "mutexwait",
	Noun: "contention",
	Doc:  doc,
	Rules: []analyze.Rule{
		{
			ID: ruleContended, Title: "goroutines queue for one lock", Severity: analyze.High,
			Remedy: "Move slow work out from under the lock, split the lock by key, or publish read-mostly state through an atomic pointer.",
			Doc: "The delay per second is the number of goroutines that wait for the lock on average. Throughput of everything behind the lock is " +
				"one over the time that it is held, however many goroutines or cores there are.",
		},
		{
			ID: ruleConvoy, Title: "a convoy: many goroutines asleep at one lock", Severity: analyze.High,
			Remedy: "Hold the lock for memory operations alone: no I/O, logging, sleeping or channel operation under it; then split it by key.",
			Doc: "Ten or more goroutines sleep at the lock at once. Each release wakes one, which runs, releases and queues again; " +
				"latency is the length of the queue times the hold. Where the same goroutines stay asleep from snapshot to snapshot, suspect a lock that is never released.",
		},
		{
			ID: ruleLog, Title: "goroutines queue for the lock of a logger", Severity: analyze.High,
			Remedy: "Write lines through a buffer that another goroutine empties (and drops, when it is full), log less on the hot path, or sample.",
			Doc: "A logger holds its lock while the line is written. All who log wait for whoever is writing; a slow sink (a pipe, a disk, a collector) makes every " +
				"request as slow as its lines. It is found as contended-mutex and convoy are; a frame of a logger between the lock and the program's line makes it this.",
		},
		{
			ID: ruleStarved, Title: "readers of an RWMutex wait for its writers", Severity: analyze.High,
			Remedy: "Shorten the write section: build the new value outside, swap it in under the lock or through an atomic pointer; or split the lock by key.",
			Doc: "A waiting writer stops new readers, so that one slow reader or writer holds up all others. The delay here is that of RLock calls " +
				"released by Unlock. Where writers wait for readers as long as readers wait, a slow reader is behind it, and its section is the place.",
		},
		{
			ID: ruleBounce, Title: "CPU spent counting the readers of an RWMutex", Severity: analyze.Medium,
			Remedy: "Replace the lock on the read path by an atomic pointer to immutable data, or shard it by CPU or key.",
			Doc: "RLock and RUnlock write one shared counter. With many cores reading, its cache line travels between them: no one waits in the " +
				"profiles' sense, and the CPU is gone all the same.",
		},
		{
			ID: ruleRuntime, Total: true, Cause: analyze.CauseSwitching, Title: "locks inside the Go runtime are contended", Severity: analyze.Medium,
			Remedy: "Do less of what takes them: set a timer or deadline once for many items, and not one that several goroutines set; reuse goroutines and buffers; make fewer and larger allocations.",
			Doc: "Delays whose leaf is runtime.unlock concern the runtime's own locks: the timers, the heap, the scheduler. The stack says which " +
				"operation of the program is behind it. Those of channels and selects are selectwait's, and what the scheduler takes of the CPU is sched's.",
		},
	},
	Needs: []analyze.Need{
		{Kind: evidence.Execution, Captures: 1, Confidence: analyze.Proven, Try: tryCapture},
		{Kind: evidence.Mutex, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Block, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Goroutine, Captures: 2, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Goroutine, Captures: 1, Confidence: analyze.Possible, Try: tryCapture},
		{Kind: evidence.CPU, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
	},
	Params: []analyze.Param{
		{Name: "min-rate", Default: 1, Unit: "s/s", Why: "one goroutine waiting all the time; the worst lock of healthy servers has 0.1, contended ones 14 to 51"},
		{Name: "min-contentions", Default: 100, Unit: "count", Why: "fewer are a start-up or a burst; profiles are sampled, so a hundred may be one sample"},
		{Name: "min-traced-waits", Default: 20, Unit: "count", Why: "a trace has every wait, so fewer are enough than of a sampled profile"},
		{Name: "min-asleep", Default: 10, Unit: "goroutines", Why: "healthy servers show none or one asleep at a lock"},
		{Name: "min-mean-delay", Default: 1e6, Unit: "ns", Why: "without a rate: waits for memory operations take microseconds, a millisecond is slow work under the lock"},
		{Name: "min-total-delay", Default: 1e9, Unit: "ns", Why: "without a rate: less is not worth a look however large its share"},
		{Name: "min-share", Default: 0.1, Unit: "ratio", Why: "without a rate: the lock must matter among the others"},
		{Name: "runtime-min-rate", Default: 0.5, Unit: "s/s", Why: "0.01 in healthy programs, 0.22 in ones that stress channels and timers on two cores; it rises with cores"},
		{Name: "runtime-max-wait", Default: 1e6, Unit: "ns", Why: "on average: the runtime has its locks for microseconds at most; waits of 100 ms each were seen in a healthy program on a machine that stopped its threads for as long"},
		{Name: "lock-cpu-share", Default: 0.05, Unit: "ratio", Why: "CPU in lockSlow and unlockSlow is under 0.02 in healthy servers, 0.43 in a fight of 64 goroutines"},
		{Name: "reader-cpu-share", Default: 0.1, Unit: "ratio", Why: "CPU in RLock and RUnlock is under 0.02 in healthy servers, 0.78 in one that only reads"},
		{Name: "runtime-cpu-share", Default: 0.2, Unit: "ratio", Why: "CPU in the runtime's lock2 and unlock2 is 0.05 to 0.06 in healthy servers, channels and scheduler with it, 0.34 and 0.39 in ones that fight for a channel's"},
		{Name: "min-cores", Default: 0.2, Unit: "cores", Why: "shares of an idle process's CPU are large and worth nothing"},
	},
	Plantings: plantings,
	Run:       run,
}

func run(_ context.Context, p *analyze.Pass) error {
	set := p.Evidence
	r := &reading{Pass: p, held: readDelays(set.ProfilesOf(evidence.Mutex)), waited: readDelays(set.ProfilesOf(evidence.Block)),
		cpu: readCPU(set), requestsS: signature.RequestRate(set)}
	locks := newLockTable()
	locks.addDelays(r.held)
	locks.addDelays(r.waited)
	locks.addSnapshots(set.SnapshotsOf(evidence.Goroutine))
	locks.addTrace(set.Trace)
	locks.addCPU(r.cpu)

	found := 0
	for _, l := range locks.joined() {
		if f, ok := r.assess(l); ok {
			p.Report(f)
			found++
		}
	}
	if f, ok := r.assessRuntime(); ok {
		p.Report(f)
		found++
	}
	r.remark(found)
	r.remarkBrief()
	return nil
}

// remark says what the evidence could not answer.
func (r *reading) remark(found int) {
	set := r.Evidence
	if set.Has(evidence.Execution, 1) {
		return // every wait is there
	}
	profiles := r.held.taken || r.waited.taken
	few := r.cpu.Samples < signature.MinSamples
	switch {
	case r.held.records == 0 && r.waited.records == 0 && profiles && found == 0:
		r.Inconclusive(r.whyEmpty(), tryCapture)
	case !profiles && !set.Has(evidence.Goroutine, 1) && few:
		r.Inconclusive(cmp.Or(r.cpu.unusable, "the CPU profile has too few samples for a share"), tryCapture)
	case !profiles && found == 0 && set.Count(evidence.Goroutine) == 1 && few:
		r.Inconclusive("one snapshot: nobody waits for a lock at that moment, which says nothing of the next", tryCapture)
	case !profiles:
		r.NotChecked("how long locks are waited for, and who holds them: no mutex or block profile and no trace", tryCapture)
	case r.held.records > 0 && r.held.windowS == 0:
		r.NotChecked("delay per second of locks, and contention of the runtime's own: "+r.held.noRate, tryCapture)
	case r.held.records == 0 && r.waited.records > 0:
		r.NotChecked("who holds the locks: "+r.whyNoHolders(), tryCapture)
	}
}

func (r *reading) whyEmpty() string {
	if !r.held.taken {
		return whyNoWaiters
	}
	return whyEmpty
}

func (r *reading) whyNoHolders() string {
	if r.held.taken {
		return "the mutex profile is empty; runtime.SetMutexProfileFraction(100) in the program turns it on"
	}
	return "no mutex profile"
}
