package sched

import (
	"cmp"
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// reportThrottled reports goroutines that were running, by a trace, for longer than CPU time was used, by a CPU
// profile of the same time.
func reportThrottled(r *reading) {
	t := r.traced
	if t == nil || !sampledThroughout(r.pass.Evidence) {
		return
	}
	var samples int64
	for _, s := range t.Samples {
		samples += s.Count
	}
	expected := float64(t.Sched.RunningNS) / float64(r.cpu.PeriodNS())
	lo, hi := stats.PoissonRate(samples, expected, stats.DefaultConfidence)
	if samples == 0 || expected < signature.MinSamples || hi >= r.pass.Param("max-granted-share") {
		return
	}
	granted := float64(samples) / expected
	running := float64(t.Sched.RunningNS) / 1e9 / t.windowS
	why := "a CPU quota below GOMAXPROCS, or other load"
	switch quota := r.pass.Evidence.Settings().CPUs(); {
	case quota > 0 && quota < float64(t.procs):
		why = fmt.Sprintf("the container's CPU quota is %.3g, below GOMAXPROCS", quota)
	case quota > 0:
		why = fmt.Sprintf("other load, for the container's CPU quota is %.3g", quota)
	default:
		r.pass.NotChecked("which of the two: no metric has the container's CPU quota (cAdvisor's container_spec_cpu_quota and _period, by --prometheus)", "")
	}
	r.pass.Report(analyze.Finding{Rule: ruleThrottled, Confidence: analyze.Likely, Cost: 1 - granted, Next: explain(ruleThrottled),
		Message: fmt.Sprintf("goroutines ran on %.2g of %d Ps, but the kernel gave them %.2g cores: %s", running, t.procs, running*granted, why),
		Measures: []stats.Measure{stats.Measure{Name: "granted_share", Value: granted, Unit: "ratio", N: samples, Interval: &[2]float64{lo, hi},
			Method: "CPU samples in the trace over the time goroutines ran, " + stats.PoissonMethod}.Over(t.windowS)}})
}

// unknownProcs is GOMAXPROCS where nothing says it, for the number of threads: that of large machines.
const unknownProcs = 256

// reportThreads reports threads far beyond the Ps.
func reportThreads(r *reading) {
	profiles := r.pass.Evidence.ProfilesOf(evidence.ThreadCreate)
	if len(profiles) == 0 {
		return
	}
	last := profiles[len(profiles)-1]
	threads := last.Total(last.Column("threadcreate"))
	procs := unknownProcs
	if r.traced != nil {
		procs = cmp.Or(r.traced.procs, procs)
	}
	beyond := threads - int64(procs)
	top, what, seen := r.inSyscalls()
	least := r.pass.Param("min-threads")
	seen = seen && float64(top.Samples) >= least/2
	if !seen {
		least = r.pass.Param("many-threads")
	}
	if float64(beyond) < least {
		return
	}
	f := analyze.Finding{Rule: ruleThreads, Confidence: analyze.Possible, Cost: float64(beyond), Next: explain(ruleThreads),
		Message:  fmt.Sprintf("%d threads for %d Ps", threads, procs),
		Measures: []stats.Measure{{Name: "threads", Value: float64(threads), Unit: "count", N: int64(len(profiles)), Method: "threadcreate profile, the last"}}}
	if r.traced == nil {
		f.Message = fmt.Sprintf("%d threads", threads)
	}
	if seen {
		f.Confidence = analyze.Likely
		f.Location, f.Stacks = top.Location, []evidence.Stack{top.Stack}
		f.Message += fmt.Sprintf("; %d goroutines are in a %s here", top.Samples, what)
	}
	r.pass.Report(f)
}

// inSyscalls is the line of the program at which most goroutines are in system calls or in C at one
// time: in a snapshot, else on average over the trace.
func (r *reading) inSyscalls() (signature.Site, string, bool) {
	lines := map[evidence.Frame]*signature.Site{}
	keep := func(stack evidence.Stack, n int64) {
		at, ok := signature.Own(stack)
		if !ok || n < 1 {
			return
		}
		if s := lines[at]; s == nil || s.Samples < n {
			lines[at] = &signature.Site{Location: at, Stack: stack, Samples: n}
		}
	}
	for _, snap := range r.pass.Evidence.SnapshotsOf(evidence.Goroutine) {
		for i := range snap.Groups {
			if g := &snap.Groups[i]; g.Wait == evidence.WaitSyscall {
				keep(g.Stack, int64(g.Count))
			}
		}
	}
	if t := r.traced; t != nil {
		for i := range t.Syscalls {
			s := &t.Syscalls[i]
			keep(t.StackOf(s.Stack), int64(float64(s.Duration.Sum+s.Unseen.Sum+s.Open.Sum)/1e9/t.windowS+0.5))
		}
	}
	out := sorted(lines)
	if len(out) == 0 {
		return signature.Site{}, "", false
	}
	what := "system call"
	if out[0].Stack.Contains("runtime.cgocall") {
		what = "call into C"
	}
	return out[0], what, true
}
