package hotpath

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// reportCosts reports the lines that cost enough.
func reportCosts(r *reading) {
	for i := range costs {
		c, share := &costs[i], &r.shares[i]
		if c.all {
			if share.Above(r.pass.Param(c.param), signature.Overdispersion) {
				r.report(c, share, share.Sites[0], share.Samples, nil)
			}
			continue
		}
		for _, site := range share.Sites {
			if !share.SiteAbove(site, r.pass.Param(c.param), signature.Overdispersion) {
				break // the others have fewer samples
			}
			if c.rule == ruleUnbuffered {
				r.reportIO(c, share, site)
				continue
			}
			r.report(c, share, site, site.Samples, nil)
		}
	}
}

// reportIO reports a line that reads or writes without a buffer, if its pieces are or may be small.
func (r *reading) reportIO(c *cost, share *signature.Share, site signature.Site) {
	traced := r.callsIn(site.Location)
	switch {
	case traced == nil:
		r.report(c, share, site, site.Samples, nil)
	case float64(traced.median()) <= r.pass.Param("max-call"):
		small := *c
		small.rule = ruleSmallIO
		r.report(&small, share, site, site.Samples, traced)
	}
}

// report reports samples at a line, which may stand for others.
func (r *reading) report(c *cost, share *signature.Share, site signature.Site, samples int64, traced *calls) {
	f := analyze.Finding{
		Rule: c.rule, Location: site.Location, Identity: []string{evidence.NormalFunction(site.Location.Function)},
		Confidence: r.lowered(r.confidence(c, site, samples)), Stacks: []evidence.Stack{site.Stack},
		Message:  share.Words(samples, r.requestsS) + " goes into " + c.does,
		Measures: []stats.Measure{share.MeasureSite("cpu_share", signature.Site{Samples: samples}, signature.Overdispersion)},
		Cost:     float64(samples) / float64(share.Total), Next: "go-debug explain " + c.rule,
	}
	if c.all && len(share.Sites) > 1 {
		f.Message += fmt.Sprintf(", on %d lines; most of it here (%.2g %%)", len(share.Sites), 100*float64(site.Samples)/float64(share.Total))
		f.Measures = append(f.Measures, share.MeasureSite("cpu_share_here", site, signature.Overdispersion))
	}
	if !c.all && site.Lines > 1 {
		f.Message += fmt.Sprintf(", on %d lines of the function", site.Lines)
	}
	f.Message += via(c, site)
	if traced != nil {
		f.Message += fmt.Sprintf(", %s calls a second of %s", signature.Number(traced.perS), signature.Duration(float64(traced.median())))
		f.Measures = append(f.Measures, traced.measure())
	}
	if m, ok := r.bytesAt(c, site.Location); ok {
		f.Measures = append(f.Measures, m)
	}
	r.pass.Report(f)
}

// startUpNS is more CPU time than a program takes to compile and parse as it starts.
const startUpNS = 1e9

// confidence is what the samples at a line allow, in an undoubted profile.
func (r *reading) confidence(c *cost, site signature.Site, samples int64) analyze.Confidence {
	switch {
	case c.rule == ruleUnbuffered, c.rule == ruleCopy, c.rule == ruleCgo:
		return analyze.Possible // whether it is too much, samples do not say
	case c.construct && signature.IsDependency(site.Location):
		return analyze.Possible // somebody else's to change
	case c.once && onMain(site.Stack) && float64(samples)/float64(r.cpu.Samples)*float64(r.cpu.CPUNS) < startUpNS:
		return analyze.Possible // it may be the program's start
	}
	return analyze.Likely
}

// onMain reports a stack of the main goroutine.
func onMain(s evidence.Stack) bool { return s.Contains("main.main") || s.Contains("runtime.main") }

// via says which line of a dependency stands between the program's and the cost, or which line of the
// program calls a dependency's.
func via(c *cost, site signature.Site) string {
	inner, _ := site.Stack.User()
	if inner != site.Location && (inner.Foreign || signature.IsDependency(inner)) {
		return fmt.Sprintf(", in %s (%s)", inner.Function, place(inner))
	}
	if !c.construct || !signature.IsDependency(site.Location) {
		return ""
	}
	for _, f := range site.Stack {
		if !f.Std() && !signature.IsDependency(f) {
			return fmt.Sprintf("; the line is a dependency's, called from %s", place(f))
		}
	}
	return "; the line is a dependency's"
}

func place(f evidence.Frame) string { return f.ShortFile() + ":" + strconv.Itoa(f.Line) }

// bytesAt is the part of what is allocated that the call at a line allocates.
func (r *reading) bytesAt(c *cost, at evidence.Frame) (stats.Measure, bool) {
	for i := range costs {
		if costs[i].rule != c.rule || !c.bytes {
			continue
		}
		for _, s := range r.bytes[i].Sites {
			if s.Location == at {
				return bytesMeasure(&r.bytes[i], s), true
			}
		}
	}
	return stats.Measure{}, false
}

func bytesMeasure(share *signature.Share, site signature.Site) stats.Measure {
	return stats.Measure{Name: "alloc_bytes_share", Value: float64(site.Samples) / float64(max(share.Total, 1)), Unit: "ratio", N: int64(len(share.Sites)),
		Method: "of the bytes in the allocs profile, allocated in the call at this line"}
}

// reportBytes reports what allocs profiles alone can show.
func reportBytes(r *reading) {
	for i := range costs {
		c, share := &costs[i], &r.bytes[i]
		for _, site := range share.Sites {
			part := float64(site.Samples) / float64(max(share.Total, 1))
			if !c.bytes || part < r.pass.Param("min-alloc-share") {
				break
			}
			r.told = true
			r.pass.Report(analyze.Finding{
				Rule: c.rule, Confidence: analyze.Possible, Location: site.Location, Identity: []string{evidence.NormalFunction(site.Location.Function)},
				Message: fmt.Sprintf("%.0f %% of the allocated bytes go into %s", 100*part, c.does) + via(c, site),
				Stacks:  []evidence.Stack{site.Stack}, Measures: []stats.Measure{bytesMeasure(share, site)},
				Cost: part, Next: "go-debug explain " + c.rule,
			})
		}
	}
}

// reportStackGrowth reports stacks that grow, at the function in which most of them do.
func reportStackGrowth(r *reading) {
	share := r.cpu.Of(stackGrowth)
	if !share.Above(r.pass.Param("min-stack-share"), signature.Overdispersion) {
		return
	}
	top, ok := signature.Top(share.Sites)
	f := analyze.Finding{
		Rule: ruleStack, Confidence: r.lowered(analyze.Likely), Cost: share.Value(), Next: "go-debug explain " + ruleStack,
		Message:  share.Words(share.Samples, r.requestsS) + " goes into moving goroutines' stacks to larger ones",
		Measures: []stats.Measure{share.Measure("cpu_share", signature.Overdispersion)}, Stacks: []evidence.Stack{share.Stack},
	}
	if ok {
		f.Location, f.Stacks = top.Location, []evidence.Stack{top.Stack}
		f.Identity = []string{evidence.NormalFunction(top.Location.Function)}
		f.Message += ", most often in calls of " + shortFunction(top.Location)
	}
	r.pass.Report(f)
}

// reportTimerHeap reports timers that cost by their number, unless a line that makes them has been named.
func reportTimerHeap(r *reading) {
	share := r.cpu.Of(timerHeap)
	for i := range costs {
		made := &r.shares[i]
		if costs[i].rule == ruleTimeAfter && len(made.Sites) > 0 && made.SiteAbove(made.Sites[0], r.pass.Param("min-timer-share"), signature.Overdispersion) {
			return
		}
	}
	if !share.Above(r.pass.Param("min-timer-heap-share"), signature.Overdispersion) {
		return
	}
	f := analyze.Finding{
		Rule: ruleTimerHeap, Confidence: r.lowered(analyze.Possible), Cost: share.Value(), Next: "go-debug explain " + ruleTimerHeap,
		Message:  share.Words(share.Samples, r.requestsS) + " goes into keeping timers in order and running them",
		Measures: []stats.Measure{share.Measure("cpu_share", signature.Overdispersion)}, Stacks: []evidence.Stack{share.Stack},
	}
	if top, ok := signature.Top(r.cpu.Of(timerUse).Sites); ok {
		f.Location, f.Stacks = top.Location, []evidence.Stack{top.Stack, share.Stack}
		f.Identity = []string{evidence.NormalFunction(top.Location.Function)}
		f.Message += "; this line sets most of them"
	}
	r.pass.Report(f)
}

// shortFunction is a function without the path of its package.
func shortFunction(f evidence.Frame) string {
	return cmp.Or(f.Function[strings.LastIndexByte(f.Function, '/')+1:], f.Function)
}
