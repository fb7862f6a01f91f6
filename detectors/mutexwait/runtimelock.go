package mutexwait

import (
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// isRuntimeUnlock reports a stack of the mutex profile that concerns a lock of the runtime.
func isRuntimeUnlock(s evidence.Stack) bool {
	return len(s) > 0 && slices.Contains(sigRuntimeLock.Anywhere, s[0].Function)
}

// ofChannel reports that a lock of the runtime is a channel's.
func ofChannel(s evidence.Stack) bool {
	return slices.ContainsFunc(s, func(f evidence.Frame) bool { return slices.Contains(channelOperations, f.Function) })
}

// certainRuntime is the share of the CPU from which the runtime's locks are contended for sure: five times what healthy
// programs have.
const certainRuntime = 0.3

// assessRuntime decides on the locks inside the runtime, all of them together but those of channels: which one
// it is, no profile says.
func (r *reading) assessRuntime() (analyze.Finding, bool) {
	var ns, n int64
	var users []place
	var top delaySample
	for _, s := range r.held.samples {
		if !isRuntimeUnlock(s.stack) || ofChannel(s.stack) {
			continue
		}
		ns += s.delayNS
		n += s.n
		if s.delayNS > top.delayNS {
			top = s
		}
		if u, ok := signature.Own(s.stack); ok {
			users = addPlace(users, place{frame: u, stack: s.stack, cost: s.delayNS})
		}
	}
	rate := 0.0
	if r.held.windowS > 0 {
		rate = float64(ns) / 1e9 / r.held.windowS
	}
	share := r.cpu.Of(sigRuntimeLock)
	// The holder of a lock for which others wait for milliseconds is a thread that does not run.
	byDelay := rate >= r.Param("runtime-min-rate") && n >= int64(r.Param("min-contentions")) && float64(ns) <= float64(n)*r.Param("runtime-max-wait")
	byCPU := r.cpu.high(r.Pass, share, "runtime-cpu-share", signature.Scheduler)
	if !byDelay && !byCPU {
		return analyze.Finding{}, false
	}
	f := analyze.Finding{Rule: ruleRuntime, Identity: []string{"runtime"}, Confidence: analyze.Possible, Cost: rate, Next: "go-debug explain " + ruleRuntime}
	if byDelay {
		f.Message = fmt.Sprintf("threads wait %.3g s per second for locks inside the runtime%s", rate, takenIn(top.stack))
		if r.requestsS > 0 {
			f.Message += ": " + signature.Duration(rate/r.requestsS*1e9) + " per request"
		}
		f.Measures = profileMeasures("runtime", "mutex profile", ns, n, rate, r.held)
		f.Stacks = []evidence.Stack{top.stack}
	} else {
		f.Message = fmt.Sprintf("%s goes into locks inside the runtime%s", share.Words(share.Samples, r.requestsS), takenIn(share.Stack))
		if share.Above(certainRuntime, signature.Scheduler) {
			f.Confidence = analyze.Likely
		}
		f.Confidence, f.Cost = r.cpu.lowered(f.Confidence), share.Value()
		f.Stacks = []evidence.Stack{share.Stack}
	}
	if share.Samples > 0 {
		f.Measures = append(f.Measures, share.Measure("runtime_lock_cpu_share", signature.Scheduler))
	}
	if byDelay && byCPU {
		f.Confidence = r.cpu.lowered(analyze.Likely)
	}
	slices.SortFunc(users, comparePlaces)
	if at, ok := signature.Top(share.Sites); ok && !byDelay {
		f.Location, f.Stacks = at.Location, []evidence.Stack{at.Stack}
	} else if len(users) > 0 {
		f.Location, f.Stacks = users[0].frame, []evidence.Stack{users[0].stack}
	}
	return f, true
}

// takenIn names the function of the runtime that takes the lock of a stack: the one outside of all that belong to
// locking, beneath which threads spin, sleep and are woken.
func takenIn(s evidence.Stack) string {
	last := -1
	for i, f := range s {
		if slices.Contains(sigRuntimeLock.Anywhere, f.Function) {
			last = i
		}
	}
	if taker := last + 1; last >= 0 && taker < len(s) && s[taker].Package() == "runtime" {
		return ", most of it in " + s[taker].Function
	}
	return ""
}
