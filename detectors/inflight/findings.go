package inflight

import (
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// place fills in where a finding is: the site's line, stack and waits.
func (w *waits) place(f *analyze.Finding, s *site) {
	if s == nil {
		return
	}
	f.Location, f.Wait, f.Stacks = s.frame, s.wait, []evidence.Stack{s.stack}
	f.Measures = append(f.Measures, w.measures(s)...)
}

// reportDiverging finds requests that pile up. Where a trace shows why and where, that names the place; else what stacks
// there are.
func reportDiverging(p *analyze.Pass, a *assessment, w *waits, traced *tracedLoad) {
	if !a.diverges {
		return
	}
	f := analyze.Finding{
		Rule: ruleDiverging, Confidence: analyze.Possible, Cost: a.last.inFlight,
		Message: "requests in flight grow from " + grouped(a.first.inFlight) + " to " + grouped(a.last.inFlight) +
			" while " + grouped(a.last.qps) + " per second complete",
		Measures: []stats.Measure{a.growthMeasure()},
	}
	s := w.busiest()
	because := traced.because()
	switch {
	case because != nil:
		f.Message += "; " + because.text()
	case s != nil:
		f.Message += "; " + w.waitText(s)
	default:
		f.Next = tryMetrics
	}
	if a.verdict == verdictPlateau {
		f.Message += "; it has levelled off"
	}
	if a.full && !a.jumped && a.verdict != verdictPlateau || w.pilesUp(s, p) {
		f.Confidence = analyze.Likely
	}
	if a.flow.traced() && a.verdict == verdictLeak && because != nil && because.name != causeStuck {
		f.Confidence = analyze.Possible
		f.Message += "; they go on to do something, as streams do that have connected"
	}
	if because != nil {
		traced.place(&f)
	} else {
		w.place(&f, s)
	}
	f.Measures = append(f.Measures, a.measures()...)
	p.Report(f)
}

// because is the cause that a trace shows, nil when it shows none.
func (t *tracedLoad) because() *cause {
	if t == nil {
		return nil
	}
	return t.cause
}

// place fills in where requests are added: the line of the program's own and a stack that leads there.
func (t *tracedLoad) place(f *analyze.Finding) {
	c := t.cause
	f.Location = c.site.frame
	if f.Location.IsZero() {
		f.Location = t.busiestHandler()
	}
	if isBusy(c.site.state) {
		f.Next = tryProfile
	} else {
		f.Wait = evidence.Wait(c.site.state)
	}
	for _, id := range c.site.stacks[:min(len(c.site.stacks), 1)] {
		if stack := t.all.trace.StackOf(id); len(stack) > 0 {
			f.Stacks = []evidence.Stack{stack}
		}
	}
	f.Measures = append(f.Measures, c.measure(t.all))
}

// measures are those of the load that was assessed.
func (a *assessment) measures() []stats.Measure {
	if a.flow.traced() {
		return a.flow.tracedMeasures()
	}
	return a.flow.measures()
}

// growthMeasure is the headline of a divergence: how much longer requests stay.
func (a *assessment) growthMeasure() stats.Measure {
	if a.unending > 0 {
		return stats.Measure{Name: "requests_without_end", Value: float64(a.unending), Unit: "count", N: int64(value(a.flow.requests)),
			Method: "came in the window, and were at its end there four times as long as 99 % of those that ended; " + requestMethod}.Over(a.flow.window)
	}
	m := stats.Measure{Name: "in_flight_per_arrival_growth", Value: a.div.Fold, Unit: "ratio", N: int64(a.div.Bins),
		Method: stats.DivergenceMethod}.Over(a.flow.window)
	if !a.full {
		m.Method = "growth of L/λ from the first to the last third; " + stats.MannKendallMethod
		m = m.Warn("few or steadily rising scrapes: the trend stands in for the test of thirds")
	}
	if a.jumped {
		m.Method = "growth of L/λ from the first to the last third; " + stats.JumpMethod
		m.Warnings = nil
	}
	if gap := a.flow.gap; gap != nil && *gap > 0 {
		m = m.Warn("completed requests leave " + grouped(*gap*100) + " % of the concurrency unexplained (" + stats.LittleMethod + ")")
	}
	return m
}

// waitText says how many of the requests stand at a site.
func (w *waits) waitText(s *site) string {
	how := "wait here"
	if s.wait != evidence.WaitNone {
		how += " (" + string(s.wait) + ")"
	}
	if n := len(w.snapshots); n > 0 && s.counts[n-1] > 0 {
		return grouped(float64(s.counts[n-1])) + " of " + grouped(float64(w.requests[n-1])) + " request goroutines " + how
	}
	return "most " + how
}

// pilesUp reports whether request goroutines gather at a site from snapshot to snapshot: they at
// least double, grow by enough, and rise nearly throughout, to the end.
func (w *waits) pilesUp(s *site, p *analyze.Pass) bool {
	n := len(w.snapshots)
	if s == nil || n < 3 {
		return false
	}
	first, last := s.counts[0], s.counts[n-1]
	if float64(last-first) < p.Param("min-pileup") || last < 2*first || s.counts[n-2] > last {
		return false
	}
	if n < 5 {
		return slices.IsSorted(s.counts) && s.counts[n-2] < last
	}
	series := make([]float64, n)
	for i, c := range s.counts {
		series[i] = float64(c)
	}
	// The customary level: counts of snapshots seconds apart are few.
	return stats.MannKendall(series).PUp < 0.05
}

// reportQueueing finds pile-ups where no metrics can tell a queue from a rising load.
func reportQueueing(p *analyze.Pass, w *waits, traced *tracedLoad) {
	s := w.busiest()
	if s == nil {
		return
	}
	f := analyze.Finding{Rule: ruleQueueing, Confidence: analyze.Possible, Next: tryMetrics}
	n := len(w.snapshots)
	switch {
	case w.pilesUp(s, p):
		f.Cost = float64(s.counts[n-1])
		f.Message = "goroutines that serve requests pile up, from " + grouped(float64(s.counts[0])) + " to " + grouped(float64(s.counts[n-1])) +
			" over " + counted(n, "snapshot") + waitSuffix(s.wait)
	case n < 3:
		if traced != nil && traced.tested {
			return // it shows arrivals too, and has been judged by them
		}
		if s = w.growingInTrace(p); s == nil {
			return
		}
		f.Cost = float64(s.open)
		f.Message = grouped(float64(s.open)) + " requests wait at the end of the trace, " +
			grouped(s.spent/float64(w.windowNS)) + " on average over it" + waitSuffix(s.wait)
		f.Measures = []stats.Measure{{Name: "waiting_at_end", Value: float64(s.open), Unit: "count", N: s.open + s.ended.Count,
			Method: "waits open at the end of the trace"}}
	default:
		return
	}
	w.place(&f, s)
	p.Report(f)
}

func waitSuffix(wait evidence.Wait) string {
	if wait == evidence.WaitNone {
		return ""
	}
	return " (" + string(wait) + ")"
}

// growingInTrace is the site at which, at the end of the trace, half as many again wait as did on
// average over it: a queue that grows from nothing has twice as many. A trace does not tell where a goroutine
// waited whose wait began earlier and ended in it. Any such wait may have been here: without them all
// waits as long as the trace would look like a queue that grows from nothing.
func (w *waits) growingInTrace(p *analyze.Pass) *site {
	if w.windowNS <= 0 {
		return nil
	}
	var best *site
	for _, s := range w.sites {
		average := (s.spent + w.unplaced) / float64(w.windowNS)
		if float64(s.open) < p.Param("min-pileup") || float64(s.open) < 1.5*average || float64(s.open)-average < p.Param("min-pileup")/2 {
			continue
		}
		if best == nil || s.open > best.open {
			best = s
		}
	}
	return best
}

// reportUnexplained finds goroutines that no request explains, and that grow. While requests pile up, those
// that they started pile up with them: one cause, one finding.
func reportUnexplained(p *analyze.Pass, a *assessment, w *waits) {
	u := a.others
	if u == nil || a.diverges || w.showGrowth() {
		return
	}
	idle := float64(max(w.idleAdded(), 0))
	if u.growth-idle < p.Param("min-unexplained") {
		p.NotChecked("whether connections pile up: of "+grouped(u.growth)+" goroutines added that no request explains "+grouped(idle)+
			" are idle connections of the server; clients keep them for later, and without an IdleTimeout it closes none", tryLonger)
		return
	}
	f := analyze.Finding{Rule: ruleUnexplained, Confidence: analyze.Possible, Cost: u.count, Message: u.text(a.flow),
		Next: tryMetrics, Measures: append([]stats.Measure{u.measure(a.flow)}, a.flow.measures()...)}
	s := w.largestOther()
	if grown := w.mostGrown(); grown != nil && !grown.frame.Std() && w.turnsOver(grown) {
		s = grown
	}
	if idle > 0 {
		f.Message += "; idle connections of the server account for " + grouped(idle) + " of the growth"
	}
	if s != nil {
		f.Location, f.Wait, f.Stacks = s.frame, s.wait, []evidence.Stack{s.stack}
		f.Message += "; most of those that serve none are parked here"
		f.Confidence = analyze.Likely
	}
	p.Report(f)
}

// showGrowth reports whether the snapshots show which lines grow: then the leak
// detector judges them. It leaves out lines whose goroutines come and go, and so does this.
func (w *waits) showGrowth() bool {
	if len(w.snapshots) < 3 {
		return false
	}
	most := w.mostGrown()
	return most != nil && !w.turnsOver(most)
}

// largestOther is where most goroutines that serve no request stand in the last snapshot. Of
// several snapshots only lines at which they grew count.
func (w *waits) largestOther() *site {
	n := len(w.snapshots)
	if n == 0 {
		return nil
	}
	var best *site
	for i := range w.others {
		s := &w.others[i]
		if s.frame.Std() || n > 1 && s.growth() <= 0 {
			continue
		}
		if s.counts[n-1] > 0 && (best == nil || s.counts[n-1] > best.counts[n-1]) {
			best = s
		}
	}
	return best
}
