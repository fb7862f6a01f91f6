package sched

import (
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// certainChurn is the share of scheduling from which a CPU profile alone makes churn likely.
const certainChurn = 0.40

// minSwitches is the number of switches in a trace from which their mean says something.
const minSwitches = 1000

// reportChurn reports scheduling that takes a large share of the CPU because goroutines run for too short.
func reportChurn(r *reading) bool {
	s, t := r.share(sigScheduler), r.traced
	short, long := r.runs()
	byCPU := r.above(s, "min-churn-share") && r.above(r.share(sigSwitching), "min-switch-share") || short && r.above(s, "min-traced-churn-share")
	// Without a CPU profile, short runs alone: on Ps that are busy with them.
	byTrace := short && !r.taken && t.utilisation >= r.pass.Param("min-churn-share") && float64(t.Sched.RunningNS)/1e9/t.windowS >= r.pass.Param("min-cores")
	if long || !byCPU && !byTrace {
		return false
	}
	f := analyze.Finding{Rule: ruleChurn, Confidence: analyze.Possible, Cost: s.Value(), Next: explain(ruleChurn)}
	if byCPU {
		f.Message = s.Words(s.Samples, r.requestsS) + " goes into switching goroutines"
		f.Measures = append(f.Measures, s.Measure("scheduler_share", signature.Scheduler),
			r.share(sigSwitching).Measure("switching_share", signature.Scheduler), r.share(sigSpinning).Measure("spinning_share", signature.Scheduler))
		if short || s.Above(certainChurn, signature.Scheduler) {
			f.Confidence = analyze.Likely
		}
	} else {
		f.Message = "the Ps are busy switching goroutines"
	}
	f.Confidence = r.lowered(f.Confidence)
	if short {
		f.Message += fmt.Sprintf(", which run for %s at a time, %s switches a second", signature.Duration(t.meanRunNS()), signature.Number(t.switchesPerS()))
	}
	r.placeSwitches(&f)
	f.Measures = append(f.Measures, t.measures()...)
	r.pass.Report(f)
	return true
}

// runs reports whether a trace shows that goroutines run for short, or for long, before they are switched.
func (r *reading) runs() (short, long bool) {
	t := r.traced
	if t == nil || t.switches < minSwitches {
		return false, false
	}
	short = t.meanRunNS() <= r.pass.Param("max-run")
	return short, !short
}

func (t *trace) switchesPerS() float64 { return float64(t.switches) / t.windowS }

// minLineShare is the part of a trace's switches from which a line is named for them.
const minLineShare = 0.1

// placeSwitches names the line at which most switches happen.
func (r *reading) placeSwitches(f *analyze.Finding) {
	if t := r.traced; t != nil {
		if len(t.lines) > 0 && float64(t.lines[0].Samples) >= minLineShare*float64(t.switches) {
			top := t.lines[0]
			f.Location, f.Stacks = top.Location, []evidence.Stack{top.Stack}
			f.Message += fmt.Sprintf("; %s a second at this line", signature.Number(float64(top.Samples)/t.windowS))
			return
		}
	}
	s := r.share(sigSwitchCalls)
	if top, ok := signature.Top(s.Sites); ok {
		f.Location, f.Stacks = top.Location, []evidence.Stack{top.Stack}
		f.Measures = append(f.Measures, s.MeasureSite("switching_here", top, signature.Scheduler))
	}
}

// measures are the trace's: switches, how long goroutines run and wait, and how busy the Ps are.
func (t *trace) measures() []stats.Measure {
	if t == nil {
		return nil
	}
	n := t.Sched.Latency.Count
	out := []stats.Measure{
		{Name: "switches", Value: t.switchesPerS(), Unit: "per_s", N: max(t.switches, 1), Method: "waits that ended and goroutines made, over the trace's window"},
		{Name: "mean_run", Value: t.meanRunNS(), Unit: "ns", N: max(t.switches, 1), Method: "time running per switch"},
		stats.FromHistogram("run_queue_wait", "ns", &t.Sched.Latency, 0.99),
		{Name: "utilisation", Value: t.utilisation, Unit: "ratio", N: int64(t.procs), Method: "time running of the time of all Ps"},
		{Name: "run_queue", Value: t.queue, Unit: "count", N: n, Method: "goroutines runnable and not running, mean over the trace's window"},
	}
	for i := range out {
		out[i] = out[i].Over(t.windowS)
	}
	return out
}

// minYieldCores is the CPU from which yielding is worth a look.
const minYieldCores = 0.1

// reportGosched reports loops over runtime.Gosched.
func reportGosched(r *reading) bool {
	// Whoever yields in a loop is never idle: where the program got less CPU than that it was denied it. So the cost
	// counts, and not how much was used.
	s := r.cpu.Of(sigYielding)
	if !r.cpu.Enough() || !r.above(s, "min-yield-share") || s.WindowNS > 0 && s.CoresOf(s.Samples) < minYieldCores {
		return false
	}
	f := analyze.Finding{Rule: ruleGosched, Confidence: r.lowered(analyze.Likely), Cost: s.Value(), Next: explain(ruleGosched),
		Message: s.Words(s.Samples, r.requestsS) + " goes into yielding by runtime.Gosched in a loop"}
	at, seen := r.yields()
	if seen {
		f.Location, f.Stacks = at.Location, []evidence.Stack{at.Stack}
	} else if r.cpu.Of(sigSweeper).Samples > 0 {
		// The sweeper yields, too, and no line of the program is seen to.
		r.pass.NotChecked("who yields the CPU: "+s.Words(s.Samples, 0)+" goes into it, and the collector's sweeper is the only one seen to", tryCapture)
		return false
	} else if at, ok := r.runsMostOften(); ok {
		f.Location, f.Stacks = at.Location, []evidence.Stack{at.Stack}
	} else {
		f.Confidence = analyze.Possible
		f.Stacks = []evidence.Stack{s.Stack}
	}
	f.Measures = append([]stats.Measure{s.Measure("yield_share", signature.Scheduler), r.cpu.Of(sigScheduler).Measure("scheduler_share", signature.Scheduler)},
		r.traced.measures()...)
	r.pass.Report(f)
	return true
}

// yields is the line that calls runtime.Gosched. The yielding itself is on the scheduler's stack, and few
// samples are of the call: snapshots show goroutines in it.
func (r *reading) yields() (signature.Site, bool) {
	if top, ok := signature.Top(r.cpu.Of(sigGosched).Sites); ok {
		return top, true
	}
	lines := map[evidence.Frame]*signature.Site{}
	for _, snap := range r.pass.Evidence.SnapshotsOf(evidence.Goroutine) {
		for i := range snap.Groups {
			g := &snap.Groups[i]
			if at, ok := signature.Own(g.Stack); ok && g.Stack.Contains("runtime.Gosched") {
				addSite(lines, at, g.Stack, int64(g.Count))
			}
		}
	}
	if out := sorted(lines); len(out) > 0 {
		return out[0], true
	}
	return signature.Site{}, false
}

// runsMostOften is where those goroutines of the trace begin that get a P most often.
func (r *reading) runsMostOften() (signature.Site, bool) {
	if r.traced == nil {
		return signature.Site{}, false
	}
	var most *kind
	kinds := r.traced.kinds()
	for i := range kinds {
		if most == nil || kinds[i].latency.Count > most.latency.Count {
			most = &kinds[i]
		}
	}
	if most == nil || most.at.Std() {
		return signature.Site{}, false
	}
	return signature.Site{Location: most.at, Stack: most.stack}, true
}

// reportSpinning reports Ps that look for work more than they have of it, in a program that is not idle.
func reportSpinning(r *reading) bool {
	s := r.share(sigSpinning)
	if !r.above(s, "min-spin-share") {
		return false
	}
	f := analyze.Finding{Rule: ruleSpinning, Confidence: r.lowered(analyze.Possible), Cost: s.Value(), Next: explain(ruleSpinning),
		Message: s.Words(s.Samples, r.requestsS) + " goes into looking for work, and parking and waking the threads that do"}
	f.Measures = append([]stats.Measure{s.Measure("spinning_share", signature.Scheduler)}, r.traced.measures()...)
	if s.Stack != nil {
		f.Stacks = []evidence.Stack{s.Stack}
	}
	r.pass.Report(f)
	return true
}

// reportIdleWakeups reports the line at which timers wake an idle program most often.
func reportIdleWakeups(r *reading) {
	t := r.traced
	if t == nil || float64(t.Sched.RunningNS)/1e9/t.windowS >= r.pass.Param("max-idle-cores") || r.cpu.Cores() >= r.pass.Param("max-idle-cores") {
		return
	}
	lines := t.timerWakes()
	if len(lines) == 0 {
		return
	}
	top := lines[0]
	perS := float64(top.Samples) / t.windowS
	runs := t.Sched.Latency.Count
	for i := range t.Sites {
		if s := &t.Sites[i]; ofRuntime(t.StackOf(s.Start)) {
			runs -= s.Latency.Count // idle Ps run the collector's workers again and again
		}
	}
	if 2*top.Samples < runs {
		return // it has other things to do
	}
	if lo, _ := stats.PoissonRate(top.Samples, t.windowS, stats.DefaultConfidence); lo < r.pass.Param("min-wakeups") {
		return
	}
	f := analyze.Finding{Rule: ruleIdleWakeups, Confidence: analyze.Likely, Location: top.Location, Stacks: []evidence.Stack{top.Stack},
		Cost: perS, Next: explain(ruleIdleWakeups), Message: fmt.Sprintf("timers wake this line %s times a second in an idle program", signature.Number(perS))}
	f.Measures = append(f.Measures, stats.Measure{Name: "timer_wakeups", Value: perS, Unit: "per_s", N: top.Samples,
		Method: "wake-ups by no goroutine, over the trace's window"}.Over(t.windowS))
	if r.cpu.Enough() {
		s := r.cpu.Of(sigSearch)
		f.Message += fmt.Sprintf("; looking for work is %s", s.Words(s.Samples, 0))
		f.Measures = append(f.Measures, s.Measure("search_share", signature.Scheduler))
	}
	r.pass.Report(f)
}

func explain(rule string) string { return "go-debug explain " + rule }

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }
