package gc

import (
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// assistQuantile is the quantile of assists that is reported.
const assistQuantile = 0.95

// minAssists is the number of assists in a trace from which their time is judged.
const minAssists = 30

// reportAssist reports the cost of assists where the collector as a whole is within bounds.
func reportAssist(r *reading) {
	s, t := r.cpu.Of(sigAssist), r.traced
	byCPU := r.above(s, "min-assist-share")
	byTrace := t != nil && t.assistsDelay(r.pass) && !r.contradicts(s, "min-assist-share")
	if !byCPU && !byTrace {
		return
	}
	f := analyze.Finding{Rule: ruleAssist, Confidence: r.lowered(analyze.Possible), Cost: s.Value(), Next: explain(ruleAssist)}
	if byCPU && byTrace {
		f.Confidence = r.lowered(analyze.Likely)
	}
	if !byCPU && r.stretched() {
		f.Confidence = analyze.Weak // what stretches the pauses stretches the assists
	}
	if byCPU {
		f.Message = s.Words(s.Samples, r.requestsS) + " goes into assisting the collector"
		f.Measures = append(f.Measures, s.Measure("assist_share", signature.Overdispersion))
	} else {
		f.Cost = min(float64(t.Assist.Sum)/float64(t.runningNS), 1)
		f.Message = fmt.Sprintf("goroutines assist the collector for %s a second", signature.Duration(float64(t.Assist.Sum)/t.windowS))
	}
	if t != nil && len(t.assists) > 0 {
		a := &t.assists[0]
		f.Location, f.Stacks = a.location, []evidence.Stack{a.stack}
		f.Message += fmt.Sprintf("; an assist here takes %s at p95", signature.Duration(float64(a.duration.Quantile(assistQuantile))))
		f.Message += r.requestsHit()
		f.Measures = append(f.Measures, t.assistMeasures()...)
	} else if top, ok := signature.Top(s.Sites); ok {
		f.Location, f.Stacks = top.Location, []evidence.Stack{top.Stack}
	}
	r.pass.Report(f)
}

// contradicts reports a profile that tells, and in which a share is not above a threshold. Threads that the kernel
// took off their CPU stand still in the middle of whatever they do, and a trace counts that as doing it.
func (r *reading) contradicts(s signature.Share, param string) bool {
	return r.tells() && s.Value() < r.pass.Param(param)
}

// requestsHit says how many of the assists hit requests.
func (r *reading) requestsHit() string {
	h := &r.traced.inRequests
	if h.Count == 0 {
		return ""
	}
	text := fmt.Sprintf("; %s of %s hit requests, for %s at p95", signature.Number(float64(h.Count)), signature.Number(float64(r.traced.Assist.Count)),
		signature.Duration(float64(h.Quantile(assistQuantile))))
	if perRequest := float64(h.Count) / r.traced.windowS / r.requestsS; r.requestsS > 0 {
		text += fmt.Sprintf(" (%s a request)", signature.Number(perRequest))
	}
	return text
}

// assistsDelay reports assists that take much of the time in which goroutines run, and long at a time. Some last
// because their thread stood still, so that the median counts and not the mean.
func (t *trace) assistsDelay(p *analyze.Pass) bool {
	a := &t.Assist
	return a.Count >= minAssists && float64(t.Cycles) >= p.Param("min-cycles") &&
		float64(a.Count)*float64(a.Quantile(0.5)) > p.Param("min-assist-share")*float64(t.runningNS) &&
		float64(t.runningNS)/1e9/t.windowS >= p.Param("min-cost") &&
		float64(a.Quantile(assistQuantile)) >= p.Param("min-assist")
}

// dominant is the part of the collector's cost that is more than half of it and above its own threshold: what
// explains the whole. It is nil where marking does, which is the collector's own work.
func (r *reading) dominant() func(*reading) {
	total := r.cpu.Of(sigCollector).Samples
	for _, part := range []struct {
		sig    signature.Signature
		param  string
		report func(*reading)
	}{{sigSweep, "min-sweep-share", reportSweep}, {sigBarriers, "min-barrier-share", reportBarriers}} {
		if s := r.cpu.Of(part.sig); 2*s.Samples > total && r.above(s, part.param) {
			return part.report
		}
	}
	return nil
}

// reportSweep names the line that pays for sweeping, else the one that allocates most and so asks for it: most
// sweeping is done in the background, where no line is.
func reportSweep(r *reading) {
	sites := r.cpu.Of(sigSweep).Sites
	if at, _, ok := r.allocating(); ok && len(sites) == 0 {
		at.Samples = 0
		sites = []signature.Site{at}
	}
	r.reportShare(sigSweep, ruleSweep, "min-sweep-share", "sweep_share", "goes into sweeping memory that was not reached", sites)
}

func reportBarriers(r *reading) {
	r.reportShare(sigBarriers, ruleBarriers, "min-barrier-share", "write_barrier_share", "goes into write barriers", nil)
}

func reportAlloc(r *reading) {
	r.reportShare(sigAlloc, ruleAlloc, "min-alloc-share", "alloc_share", "goes into allocating, collecting aside", nil)
}

// reportFinalizers reports whether finalizers are reported and outweigh the collector: sweeping objects that
// have one is what the collector then does most.
func reportFinalizers(r *reading) bool {
	reported := r.reportShare(sigFinalizers, ruleFinalizers, "min-finalizer-share", "finalizer_share",
		"goes into setting and running finalizers and cleanups", r.cpu.Of(sigSetFinalizer).Sites)
	return reported && r.cpu.Of(sigFinalizers).Samples >= r.cpu.Of(sigCollector).Samples
}

// reportShare reports a signature whose share is above a threshold, at the line with most of it: one of
// the sites where there are any, else one of the share's own. A share of twice the threshold is likely.
func (r *reading) reportShare(sig signature.Signature, rule, param, measure, what string, sites []signature.Site) bool {
	s := r.cpu.Of(sig)
	if !r.above(s, param) {
		return false
	}
	if len(sites) == 0 {
		sites = s.Sites
	}
	f := analyze.Finding{Rule: rule, Confidence: analyze.Possible, Cost: s.Value(), Next: explain(rule),
		Message: s.Words(s.Samples, r.requestsS) + " " + what}
	if s.Above(2*r.pass.Param(param), signature.Overdispersion) {
		f.Confidence = analyze.Likely
	}
	f.Confidence = r.lowered(f.Confidence)
	f.Measures = append(f.Measures, s.Measure(measure, signature.Overdispersion))
	if top, ok := signature.Top(sites); ok {
		f.Location, f.Stacks = top.Location, []evidence.Stack{top.Stack}
		f.Measures = append(f.Measures, s.MeasureSite(measure+"_here", top, signature.Overdispersion))
	} else if s.Stack != nil {
		f.Stacks = []evidence.Stack{s.Stack}
	}
	r.pass.Report(f)
	return true
}
