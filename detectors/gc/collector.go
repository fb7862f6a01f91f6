package gc

import (
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// certainShare is the share of the CPU from which collecting is too much whatever the program does: the
// runtime's own limiter steps in at half.
const certainShare = 0.40

// latencyShare is the share of marking that takes CPU from goroutines, from which a high total costs
// latency too.
const latencyShare = 0.10

// reportCollector reports what makes the collector run too much, if it does. It is one finding: the
// gravest cause, with the parts of the cost as measures. The share of the CPU alone is none where it is
// explained otherwise.
func reportCollector(r *reading, explained bool) bool {
	total := r.cpu.Of(sigCollector)
	costly := r.above(total, "min-cpu-share")
	if r.ofHarness() {
		return false
	}
	switch {
	case r.forcedMost() && (costly || r.above(total, "min-forced-share") || !r.tells() && r.marksMost()):
		r.reportForced(total)
	case r.backToBack() && (!r.tells() || total.Above(certainShare, signature.Overdispersion)):
		r.reportBackToBack(total)
	case costly && !explained:
		r.reportCPU(total)
	case !r.tells() && r.tracedCosts():
		r.reportTraced()
	default:
		return false
	}
	return true
}

// ofHarness reports collections that the testing package asks for, before each run of a benchmark: half of those
// in a trace, or such a part of the samples that they drive the collector.
func (r *reading) ofHarness() bool {
	if t := r.traced; t != nil && t.Cycles > 0 && 2*t.harness >= t.Cycles {
		return true
	}
	s := r.cpu.Of(sigForced)
	for _, site := range s.Sites {
		s.Samples -= site.Samples
	}
	return s.Above(forcedSamples, signature.Overdispersion)
}

// marksMost reports a trace in which the collector marks most of the time.
func (r *reading) marksMost() bool {
	t := r.traced
	return t != nil && float64(t.Cycles) >= r.pass.Param("min-cycles") && t.markShare() >= r.pass.Param("min-mark-share")
}

// backToBack reports collections that follow one another while the heap does not grow.
func (r *reading) backToBack() bool { return r.marksMost() && !r.traced.growing }

// forcedMost reports that the program asks for half of the collections or more, or, without a trace that
// has collections, that samples show it calling for them.
func (r *reading) forcedMost() bool {
	if t := r.traced; t != nil && t.Cycles > 0 {
		return len(t.forced) > 0 && 2*t.forcedCount() >= t.Cycles && float64(t.forcedCount()) >= r.pass.Param("min-cycles")
	}
	s := r.cpu.Of(sigForced)
	return s.Above(forcedSamples, signature.Overdispersion) && len(s.Sites) > 0
}

// forcedSamples is the share of samples in runtime.GC itself, which sweeps and yields, from which its
// caller drives the collector. The marking is done by others.
const forcedSamples = 0.01

func (t *trace) forcedCount() (n int64) {
	for _, s := range t.forced {
		n += s.Samples
	}
	return n
}

func (t *trace) markShare() float64 { return float64(t.MarkNS) / 1e9 / t.windowS }

func (r *reading) reportForced(total signature.Share) {
	f := analyze.Finding{Rule: ruleForced, Confidence: analyze.Possible, Next: explain(ruleForced)}
	var at signature.Site
	if t := r.traced; t != nil && len(t.forced) > 0 {
		at, f.Confidence = t.forced[0], analyze.Likely
		f.Message = fmt.Sprintf("the program asks for %s collections a second itself, %d of the %d in the trace",
			signature.Number(float64(t.forcedCount())/t.windowS), min(t.forcedCount(), t.Cycles), t.Cycles)
	} else {
		at, _ = signature.Top(r.cpu.Of(sigForced).Sites)
		f.Message = "the program runs the collector itself"
	}
	if total.Samples > 0 {
		f.Message += "; collecting takes " + total.Words(total.Samples, r.requestsS)
	}
	r.finish(f, at, total)
}

func (r *reading) reportBackToBack(total signature.Share) {
	t := r.traced
	f := analyze.Finding{Rule: ruleBackToBack, Confidence: analyze.Possible, Next: explain(ruleBackToBack),
		Message: fmt.Sprintf("collections run back to back, %s a second, marking %s of the time", signature.Number(float64(t.Cycles)/t.windowS), percent(t.markShare()))}
	if total.Samples > 0 {
		f.Confidence = r.lowered(analyze.Likely)
		f.Message += " and taking " + total.Words(total.Samples, r.requestsS)
	}
	if t.growth > 0 && t.growth < 1 {
		f.Message += fmt.Sprintf("; the heap grows by %s between them", percent(t.growth))
	}
	f.Message += r.limitWords()
	at, words, ok := r.allocating()
	if ok {
		f.Message += "; " + words
	}
	r.finish(f, at, total)
}

// limitWords say what makes collections follow one another, where the program's metrics name its limits, and ask for
// them where they do not.
func (r *reading) limitWords() string {
	s := r.pass.Evidence.Settings()
	switch {
	case s.Limited():
		return fmt.Sprintf("; GOMEMLIMIT is %s, of which the heap takes up to %s", megabytes(s.MemoryLimit), megabytes(float64(r.traced.largest)))
	case s.Unlimited() && s.GOGC > 0:
		return fmt.Sprintf("; there is no GOMEMLIMIT, and GOGC is %g", s.GOGC)
	}
	r.pass.NotChecked("whether GOMEMLIMIT or GOGC makes it collect: no metric says (client_golang's Go collector exports go_gc_gomemlimit_bytes and go_gc_gogc_percent)", "")
	return ""
}

func megabytes(bytes float64) string { return fmt.Sprintf("%.3g MB", bytes/1e6) }

func (r *reading) reportCPU(total signature.Share) {
	f := analyze.Finding{Rule: ruleCPU, Confidence: analyze.Possible, Next: explain(ruleCPU),
		Message: total.Words(total.Samples, r.requestsS) + " goes into garbage collection"}
	idle := r.cpu.Of(sigIdleMark)
	working := total
	working.Samples -= idle.Samples
	if r.idleKnown() && !working.Above(latencyShare, signature.Overdispersion) {
		f.Message += ", nearly all on Ps that had nothing else to do: it costs CPU, not latency"
	}
	if total.Above(certainShare, signature.Overdispersion) {
		f.Confidence = analyze.Likely
	}
	f.Confidence = r.lowered(f.Confidence)
	if t := r.traced; t != nil && t.Cycles >= 3 && t.growth > 0 && t.growth < 0.5 {
		f.Message += fmt.Sprintf("; the heap may grow by %s between collections (%s)", percent(t.growth), r.growthReason())
	}
	at, words, ok := r.allocating()
	if ok {
		f.Message += "; " + words
	}
	r.finish(f, at, total)
}

// growthReason is what bounds the heap between collections, as far as the program's metrics say.
func (r *reading) growthReason() string {
	s := r.pass.Evidence.Settings()
	switch {
	case s.GOGC > 0 && s.Unlimited():
		return fmt.Sprintf("GOGC is %g", s.GOGC)
	case s.GOGC > 0 && s.Limited():
		return fmt.Sprintf("GOGC is %g, GOMEMLIMIT %s", s.GOGC, megabytes(s.MemoryLimit))
	}
	return "GOGC, or a memory limit"
}

// tracedCosts reports a trace, where there is no profile that tells, in which marking takes a large
// share of the time in which goroutines run. Which of it is done on idle Ps no trace says.
func (r *reading) tracedCosts() bool {
	t := r.traced
	return t != nil && float64(t.Cycles) >= r.pass.Param("min-cycles") && t.collectingShare() >= certainShare &&
		t.collectingShare()*float64(t.runningNS)/1e9/t.windowS >= r.pass.Param("min-cost")
}

func (t *trace) collectingShare() float64 {
	return float64(t.markingNS) / float64(max(t.runningNS, 1))
}

func (r *reading) reportTraced() {
	t := r.traced
	share := t.collectingShare()
	f := analyze.Finding{Rule: ruleCPU, Confidence: analyze.Possible, Next: explain(ruleCPU),
		Message: fmt.Sprintf("goroutines run for garbage collection %s of the time that they run (%.2g cores)", percent(share), share*float64(t.runningNS)/1e9/t.windowS)}
	f.Measures = append(f.Measures, stats.Measure{Name: "gc_running_share", Value: share, Unit: "ratio", N: t.Cycles,
		Method: "time running of the collector's goroutines, of that of all"}.Over(t.windowS))
	at, words, ok := r.allocating()
	if ok {
		f.Message += "; " + words
	}
	r.finish(f, at, signature.Share{})
}

// idleKnown reports whether the profile tells idle marking from other marking: go1.22 and later do.
func (r *reading) idleKnown() bool {
	return r.cpu.Of(sigNamedMark).Samples > 0 || r.cpu.Of(sigMark).Samples == 0
}

// finish adds location, measures and cost, and reports.
func (r *reading) finish(f analyze.Finding, at signature.Site, total signature.Share) {
	f.Location = at.Location
	if at.Stack != nil {
		f.Stacks = []evidence.Stack{at.Stack}
	}
	if total.Samples > 0 {
		m := total.Measure("gc_cpu_share", signature.Overdispersion)
		if !r.idleKnown() {
			m = m.Warn("profiles of this Go version do not tell marking on idle Ps from other marking")
		}
		f.Measures = append(f.Measures, m)
		for _, part := range []struct {
			name string
			sig  signature.Signature
		}{{"gc_idle_share", sigIdleMark}, {"assist_share", sigAssist}, {"sweep_share", sigSweep}, {"write_barrier_share", sigBarriers}, {"alloc_share", sigAlloc}} {
			f.Measures = append(f.Measures, r.cpu.Of(part.sig).Measure(part.name, signature.Overdispersion))
		}
	}
	f.Measures = append(f.Measures, r.traceMeasures()...)
	f.Measures = append(f.Measures, r.allocMeasures(at)...)
	f.Cost = total.Value()
	if total.Samples == 0 && r.traced != nil {
		f.Cost = r.traced.markShare()
	}
	r.pass.Report(f)
}

func (r *reading) traceMeasures() []stats.Measure {
	t := r.traced
	if t == nil || t.Cycles == 0 {
		return nil
	}
	out := []stats.Measure{
		{Name: "collections", Value: float64(t.Cycles) / t.windowS, Unit: "per_s", N: t.Cycles, Method: "mark phases in the trace over its window"},
		{Name: "mark_time_share", Value: t.markShare(), Unit: "ratio", N: t.Cycles, Method: "time with a mark phase running, of the trace's window"},
	}
	if t.growth > 0 {
		out = append(out, stats.Measure{Name: "heap_growth", Value: t.growth, Unit: "ratio", N: t.Cycles,
			Method: "largest over smallest heap in the trace, less 1"})
	}
	for i := range out {
		out[i] = out[i].Over(t.windowS)
	}
	out = append(out, t.assistMeasures()...)
	_, pauses := t.pauses(collectorStops)
	return append(out, pauses...)
}

// assistMeasures are the assists of the line with the longest in total, those that hit requests, and the slowest
// task that was hit.
func (t *trace) assistMeasures() []stats.Measure {
	if t.Assist.Count == 0 || len(t.assists) == 0 {
		return nil
	}
	out := []stats.Measure{stats.FromHistogram("assist", "ns", &t.assists[0].duration, assistQuantile)}
	if t.inRequests.Count > 0 {
		out = append(out, stats.FromHistogram("assist_in_requests", "ns", &t.inRequests, assistQuantile))
	}
	if s := t.slowest; s.span != "" {
		out = append(out, stats.Measure{Name: "slowest_assist_share", Value: float64(s.exemplar.Parts.AssistNS) / float64(s.exemplar.DurationNS), Unit: "ratio", N: 1,
			Method: "assisting, of the slowest " + s.span + " in the trace that did"})
	}
	for i := range out {
		out[i] = out[i].Over(t.windowS)
	}
	return out
}

// allocMeasures are the bytes allocated at a line, and everywhere.
func (r *reading) allocMeasures(at signature.Site) []stats.Measure {
	if r.bytes <= 0 || len(r.sites) == 0 {
		return nil
	}
	var here int64
	for _, s := range r.sites {
		if s.Location == at.Location {
			here = s.Samples
		}
	}
	share := stats.Measure{Name: "alloc_bytes_share", Value: float64(here) / float64(r.bytes), Unit: "ratio", N: int64(len(r.sites)),
		Method: "of the bytes in the allocs profile, at this line"}
	if r.windowS <= 0 {
		return []stats.Measure{share.Warn("of all bytes since the program began")}
	}
	return []stats.Measure{share.Over(r.windowS),
		stats.Measure{Name: "allocated", Value: float64(r.bytes) / r.windowS, Unit: "bytes_per_s", N: int64(len(r.sites)),
			Method: "allocs profile over its window"}.Over(r.windowS)}
}

func explain(rule string) string { return "go-debug explain " + rule }

func percent(share float64) string {
	if share < 0.0995 {
		return fmt.Sprintf("%.2g %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}
