package mutexwait

import (
	"context"
	_ "embed"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

//go:embed doc.go
var doc string

const (
	ruleContended = "mutexwait/contended-mutex"
	ruleConvoy    = "mutexwait/convoy"
	ruleStarved   = "mutexwait/rwmutex-writer-starves-readers"
	ruleBounce    = "mutexwait/rwmutex-bounce"
	ruleRuntime   = "mutexwait/runtime-lock"
)

const (
	tryCapture = "go-debug capture http://localhost:6060 --for 30s"

	whyEmpty = "no sample of lock delay: either nothing contended, or runtime.SetMutexProfileFraction was never called; " +
		"call runtime.SetMutexProfileFraction(100) in the program and capture again"
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
			ID: ruleStarved, Title: "readers of an RWMutex wait for its writers", Severity: analyze.High,
			Remedy: "Shorten the write section: build the new value outside, swap it in under the lock or through an atomic pointer; or split the lock by key.",
			Doc: "A waiting writer stops new readers, so that one slow reader or writer holds up all others. The delay here is that of RLock calls " +
				"released by Unlock.",
		},
		{
			ID: ruleBounce, Title: "CPU spent counting the readers of an RWMutex", Severity: analyze.Medium,
			Remedy: "Replace the lock on the read path by an atomic pointer to immutable data, or shard it by CPU or key.",
			Doc: "RLock and RUnlock write one shared counter. With many cores reading, its cache line travels between them: no one waits in the " +
				"profiles' sense, and the CPU is gone all the same.",
		},
		{
			ID: ruleRuntime, Title: "locks inside the Go runtime are contended", Severity: analyze.Medium,
			Remedy: "Do less of what takes them: batch channel operations, share timers, reuse goroutines, spread one busy channel over several.",
			Doc: "Delays whose leaf is runtime.unlock concern the runtime's own locks: of a channel, the timers, the heap, the scheduler. The stack says which " +
				"operation of the program is behind it.",
		},
	},
	Needs: []analyze.Need{
		{Kind: evidence.Execution, Captures: 1, Confidence: analyze.Proven, Try: tryCapture},
		{Kind: evidence.Mutex, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Block, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Goroutine, Captures: 2, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Goroutine, Captures: 1, Confidence: analyze.Possible, Try: tryCapture},
		{Kind: evidence.CPU, Captures: 1, Confidence: analyze.Possible, Try: tryCapture},
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
		{Name: "lock-cpu-share", Default: 0.05, Unit: "ratio", Why: "CPU in lockSlow and unlockSlow is under 0.02 in healthy servers, 0.43 in a fight of 64 goroutines"},
		{Name: "reader-cpu-share", Default: 0.1, Unit: "ratio", Why: "CPU in RLock and RUnlock is under 0.02 in healthy servers, 0.78 in one that only reads"},
		{Name: "runtime-cpu-share", Default: 0.3, Unit: "ratio", Why: "CPU in the runtime's lock2 and unlock2, select apart, is 0.05 to 0.06 in healthy servers and 0.39 where many send on one channel"},
		{Name: "min-samples", Default: 200, Unit: "samples", Why: "fewer give a CPU share an interval of more than ±7 points"},
	},
	Run: run,
}

func run(_ context.Context, p *analyze.Pass) error {
	set := p.Evidence
	held := readDelays(set.ProfilesOf(evidence.Mutex))
	waited := readDelays(set.ProfilesOf(evidence.Block))
	locks := newLockTable()
	locks.addHolders(held)
	locks.addWaiters(waited)
	locks.addSnapshots(set.SnapshotsOf(evidence.Goroutine))
	locks.addTrace(set.Trace)
	cpu := readCPU(set.ProfilesOf(evidence.CPU))
	locks.addCPU(cpu)

	found := 0
	for _, l := range locks.joined() {
		if f, ok := assess(p, l, held, waited, set.Trace, cpu); ok {
			p.Report(f)
			found++
		}
	}
	if f, ok := assessRuntime(p, held, cpu); ok {
		p.Report(f)
		found++
	}
	remark(p, held, waited, cpu, found)
	return nil
}

// remark says what the evidence could not answer.
func remark(p *analyze.Pass, held, waited *delays, cpu *cpuSamples, found int) {
	set := p.Evidence
	if set.Has(evidence.Execution, 1) {
		return // every wait is there
	}
	profiles := held.taken || waited.taken
	switch {
	case held.records == 0 && waited.records == 0 && profiles && found == 0:
		p.Inconclusive(whyEmpty, tryCapture)
	case !profiles && !set.Has(evidence.Goroutine, 1) && cpu.total < int64(p.Param("min-samples")):
		p.Inconclusive("the CPU profile has too few samples for a share", tryCapture)
	case !profiles && found == 0 && set.Count(evidence.Goroutine) == 1 && cpu.total < int64(p.Param("min-samples")):
		p.Inconclusive("one snapshot: nobody waits for a lock at that moment, which says nothing of the next", tryCapture)
	case !profiles:
		p.NotChecked("how long locks are waited for, and who holds them: no mutex or block profile and no trace", tryCapture)
	case held.records > 0 && held.windowS == 0:
		p.NotChecked("delay per second of locks, and contention of the runtime's own: a single mutex profile since the process began has no duration", tryCapture)
	case held.records == 0 && waited.records > 0:
		p.NotChecked("who holds the locks: "+whyNoHolders(held), tryCapture)
	}
}

func whyNoHolders(held *delays) string {
	if held.taken {
		return "the mutex profile is empty"
	}
	return "no mutex profile"
}
