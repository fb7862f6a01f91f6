package mutexwait

import (
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// runtimeLocks are the functions of the runtime's own locks, of go1.20 and later. The last
// stands for contention whose place was lost.
var runtimeLocks = map[string]bool{
	"runtime.lock": true, "runtime.lock2": true, "runtime.lockWithRank": true,
	"runtime.unlock": true, "runtime.unlock2": true, "runtime.unlockWithRank": true,
	"runtime._LostContendedRuntimeLock": true,
}

// isRuntimeUnlock reports a stack of the mutex profile that concerns a lock of the runtime.
func isRuntimeUnlock(s evidence.Stack) bool { return len(s) > 0 && runtimeLocks[s[0].Function] }

// assessRuntime decides on the locks inside the runtime, all of them together: which one
// it is, no profile says.
func assessRuntime(p *analyze.Pass, held *delays, cpu *cpuSamples) (analyze.Finding, bool) {
	var ns, n int64
	var users []place
	for _, s := range held.samples {
		if !isRuntimeUnlock(s.stack) {
			continue
		}
		ns += s.delayNS
		n += s.n
		if u, ok := s.stack.User(); ok {
			users = addPlace(users, u, s.stack, s.delayNS)
		}
	}
	rate := 0.0
	if held.windowS > 0 {
		rate = float64(ns) / 1e9 / held.windowS
	}
	byDelay := rate >= p.Param("runtime-min-rate") && n >= int64(p.Param("min-contentions"))
	share, byCPU := shareAbove(p, cpu.runtime, cpu.total, "runtime-cpu-share")
	if !byDelay && !byCPU {
		return analyze.Finding{}, false
	}
	f := analyze.Finding{Rule: ruleRuntime, Confidence: analyze.Possible, Cost: rate, Next: "go-debug explain " + ruleRuntime}
	if byDelay {
		f.Message = fmt.Sprintf("goroutines wait %.3g s per second for locks inside the runtime", rate)
		f.Measures = profileMeasures("runtime", "mutex profile", ns, n, rate, held)
	} else {
		f.Message = fmt.Sprintf("%.0f %% of the CPU goes into locks inside the runtime", 100*share)
		users = cpu.runtimeUsers
	}
	if cpu.runtime > 0 {
		f.Measures = append(f.Measures, cpuMeasure("runtime_lock_cpu_share", cpu.runtime, cpu.total))
	}
	if byDelay && byCPU {
		f.Confidence = analyze.Likely
	}
	if at, ok := costliest(users); ok {
		f.Location, f.Stacks = at.frame, []evidence.Stack{at.stack}
	}
	return f, true
}

func costliest(list []place) (place, bool) {
	if len(list) == 0 {
		return place{}, false
	}
	return slices.MinFunc(list, comparePlaces), true
}
