package inflight

import (
	"math"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// The verdicts of the load section.
const (
	verdictOK           = "ok"
	verdictGrowing      = "growing"
	verdictPlateau      = "plateau"
	verdictLeak         = "leak"
	verdictRecovered    = "recovered"
	verdictUnanswered   = "unanswered"
	verdictInconclusive = "inconclusive"
)

const (
	// minTrendBins is the fewest intervals in which a rise at every one is rarer than 1 %: 1 in 120.
	minTrendBins = 5
	// minTau is how nearly every pair of scrapes must rise for the trend to stand in.
	minTau = 0.8
	// leakGap is the Little gap from which on completed requests explain nothing: queues reach
	// 0.2 to 0.35 while they grow.
	leakGap = 0.9
	// stillRising is the growth within the last third that tells growing from plateau.
	stillRising = 1.05
	// A throughput that rises by less than modestRise does not explain requests that stay slowerFold as long.
	// One that rises by up to steepRise does not explain requests that stay so much longer times its own rise.
	modestRise = 1.5
	steepRise  = 3
	slowerFold = 2
	// burstFold is how far above both ends of the window a burst stands.
	burstFold = 3
	// leastResidences is how many times longer than requests take a trace must be: in a shorter one arrivals that come and
	// requests that are still there are not of the same time.
	leastResidences = 4
	// levelFold is how far apart arrivals in the first and the last third may be to count as level.
	levelFold = 1.25
	// leastBurst is the concurrency of the ends below which a burst is noise: a few requests that met.
	leastBurst = 3
)

// assessment is the judgement of one load.
type assessment struct {
	flow    *flow
	verdict string
	tested  bool   // whether growth could be judged at all
	why     string // what could not be judged, and what to run; empty when all was
	try     string

	unending int64        // requests of a trace that came in it and do not end, where these make the verdict
	others   *unexplained // goroutines that no request explains, when they grow

	diverges bool
	full     bool // by the full test, not the trend that stands in
	wanders  bool // it would diverge, had it not grown by less than a queue at the brink may wander
	jumped   bool // by a backlog that came at once, and by nothing else
	div      stats.Divergence
	trend    stats.Trend
	drift    stats.Drift
	first    part // the first third of the judged bins
	early    part // the third quarter
	late     part // the last quarter
	last     part // the last third
}

// part is means over a part of the window.
type part struct{ inFlight, qps, arrivals float64 }

// residence is how long requests stay by Little's law, in seconds.
func (p part) residence() float64 { return stats.Residence(p.inFlight, p.qps) }

// assess judges whether concurrency grew out of proportion to arrivals. Where fine is not nil it is the same load in finer
// intervals, which show how fast a backlog came.
func assess(l *evidence.Load, fine *flow, p *analyze.Pass) *assessment {
	a := &assessment{flow: newFlow(l), verdict: verdictInconclusive}
	f := a.flow
	if fine == nil {
		fine = f
	}
	if u, ok := f.unexplained(); ok && u.grows(p.Param("min-unexplained")) {
		a.others = &u
	}
	if total := f.points + f.lost; f.lost > 1 && float64(f.lost) >= p.Param("max-lost-share")*float64(total) {
		a.verdict = verdictUnanswered
	}
	concurrency, arrivals, qps, seconds := a.series()
	a.drift = a.testDrift()
	if a.why = a.missing(len(concurrency)); a.why != "" {
		a.try = tryMetrics
		if f.points > 1 {
			a.try = tryLonger
		}
		return a
	}
	a.tested = true
	a.measureParts(concurrency, arrivals, qps, seconds)
	if stay := a.first.residence(); f.traced() && stay*leastResidences > f.window && !a.level() {
		a.tested = false
		a.why = "the trace of " + duration(f.window) + " is too short for requests that take about " + duration(stay) + " to tell whether they pile up"
		a.try = tryTrace
		return a
	}
	a.test(concurrency, arrivals, fine, p)
	if !a.diverges && f.nothingCompletes() && a.last.inFlight >= burstFold*max(a.first.inFlight, 1) {
		a.tested = false
		a.why, a.try = "no request completed in the window while "+grouped(a.last.inFlight)+" were in flight", tryLonger
		return a
	}
	if a.verdict != verdictUnanswered {
		a.verdict = a.name(concurrency)
	}
	return a
}

// level holds when arrivals and throughput stay: then requests that are still there cannot be of a load that was, however
// long they take.
func (a *assessment) level() bool {
	return a.first.qps > 0 && a.last.qps <= modestRise*a.first.qps && a.last.arrivals <= levelFold*a.first.arrivals && a.first.arrivals <= levelFold*a.last.arrivals
}

// gains holds when what is in flight grew by most of so many requests that came in the window and stay: the others are no
// more than take the place of some that left.
func (a *assessment) gains(n float64) bool {
	points := a.flow.load.Points
	if len(points) < 2 {
		return false
	}
	return value(points[len(points)-1].InFlight)-value(points[0].InFlight) >= explainedHalf*n
}

// missing says what keeps the load from being judged; empty when nothing does.
func (a *assessment) missing(bins int) string {
	f := a.flow
	flight, requests, timed := false, false, false
	for _, p := range f.load.Points {
		flight = flight || p.InFlight != nil
		requests = requests || p.Requests != nil
		timed = timed || !p.At.IsZero()
	}
	switch {
	case f.traced() && f.points == 0:
		return "several traces have no common course of time: analyse each by itself"
	case f.load.Stated != nil && f.points == 0:
		return "a summary of a whole test holds no course of time: keep the single requests (vegeta's results, k6 --out json, ghz -O json, hey -o csv)"
	case f.points == 0:
		return "no scrape was answered"
	case !flight:
		return "no gauge of requests in flight (http_server_requests_in_flight or the like)"
	case !requests:
		return "no counter of requests (http_requests_total or the like)"
	case f.points == 1:
		return "one scrape holds no rate"
	case !timed:
		return "the scrapes have no time, so there is no rate (put \"# scrape <unix seconds>\" before each)"
	case f.traced() && bins < minTrendBins:
		return "too few requests in the trace to tell whether they pile up"
	case bins < minTrendBins:
		return counted(bins, "busy interval") + " between scrapes: the test has no power below " + counted(minTrendBins, "interval")
	}
	return ""
}

// series are concurrency, arrivals, throughput and length of the bins that can be judged. Idle
// ones say nothing of how long a request stays.
func (a *assessment) series() (concurrency, arrivals, qps, seconds []float64) {
	busiest, usual := 0.0, a.flow.usualSeconds()
	for _, b := range a.flow.bins {
		if b.seconds >= usual { // what came meanwhile is put down to a shorter one when a scrape is late
			busiest = max(busiest, value(b.arrivals))
		}
	}
	for _, b := range a.flow.bins {
		if b.arrivals == nil || b.qps == nil || b.meanFlight == nil {
			continue
		}
		if *b.meanFlight < 1 && *b.arrivals < busiest/10 {
			continue
		}
		concurrency = append(concurrency, *b.meanFlight)
		arrivals = append(arrivals, *b.arrivals)
		qps = append(qps, *b.qps)
		seconds = append(seconds, b.seconds)
	}
	return concurrency, arrivals, qps, seconds
}

// measureParts takes means over time: bins are of unequal length where scrapes are late.
func (a *assessment) measureParts(concurrency, arrivals, qps, seconds []float64) {
	n := len(concurrency)
	at := func(lo, hi int) part {
		over := func(v []float64) float64 { return weightedMean(v[lo:hi], seconds[lo:hi]) }
		return part{over(concurrency), over(qps), over(arrivals)}
	}
	a.first, a.last = at(0, max(n/3, 1)), at(n-max(n/3, 1), n)
	a.early, a.late = at(n/2, n-max(n/4, 1)), at(n-max(n/4, 1), n)
}

func (a *assessment) test(concurrency, arrivals []float64, fine *flow, p *analyze.Pass) {
	limits := stats.DivergenceLimits{Fold: p.Param("min-fold"), P: p.Param("max-p"), Delta: p.Param("min-delta"),
		FinalL: p.Param("min-in-flight"), MinBins: int(p.Param("min-bins"))}
	a.div = stats.Diverge(concurrency, arrivals, limits)
	a.trend = stats.MannKendall(stats.Disproportion(concurrency, arrivals))
	large := a.div.Fold >= p.Param("short-fold") && a.div.FinalL >= 3*limits.FinalL
	steady := a.trend.PUp < limits.P && a.trend.Tau >= minTau && large
	// The intervals of a trace are short, however many: a queue has time for few ups and downs in them.
	short := a.div.Bins < 2*limits.MinBins || a.flow.traced()
	a.full = a.div.Diverges && (large || !short)
	backlog := short && a.drift.P < p.Param("drift-p") && a.div.FinalL >= 3*limits.FinalL && a.outgrows(limits.Fold)
	trending := a.full || steady || backlog
	grown := trending && (!short || a.beyondWander())
	if !grown && short && large && a.div.Delta >= limits.Delta && len(fine.bins) <= maxJumpBins {
		a.jumped = fine.testJump().P < p.Param("jump-p")
	}
	unexplained := !drains(concurrency) && a.throughputFlat(p.Param("max-qps-rise"))
	a.diverges = (grown || a.jumped) && unexplained
	a.wanders = !a.diverges && trending && unexplained
}

// drains holds when, at the end of the window, less than half is in flight of what was at the most: what grew is going away
// again. Both are means over a twelfth of the window, but of two bins at least, so that no single scrape decides.
func drains(concurrency []float64) bool {
	n := len(concurrency)
	part := max(n/12, 2)
	if n < 2*part {
		return false
	}
	most := 0.0
	for i := 0; i+part <= n; i++ {
		most = max(most, mean(concurrency[i:i+part]))
	}
	return mean(concurrency[n-part:]) < most/2
}

// testDrift tests the change of what is in flight from scrape to scrape. Unlike the concurrency per
// arrival it is not hurt by arrivals that vary from one scrape to the next.
func (a *assessment) testDrift() stats.Drift {
	var steps, events []float64
	for _, b := range a.flow.bins {
		if b.arrivals == nil || b.qps == nil || b.meanFlight == nil {
			continue
		}
		steps = append(steps, (*b.arrivals-*b.qps)*b.seconds)
		events = append(events, (*b.arrivals+*b.qps)*b.seconds)
	}
	return stats.DriftOf(steps, events)
}

// maxJumpBins bounds the intervals in which a backlog is looked for that came at once: all spans of them are looked at. Windows
// of more are not short, unless nearly all of it was idle.
const maxJumpBins = 500

// testJump tests for a backlog that came at once and stayed, which grows in few of the intervals.
func (f *flow) testJump() stats.Jump {
	var arrived, ended, seconds []float64
	for _, b := range f.bins {
		if b.arrivals == nil || b.qps == nil || b.meanFlight == nil {
			continue
		}
		arrived, ended, seconds = append(arrived, *b.arrivals*b.seconds), append(ended, *b.qps*b.seconds), append(seconds, b.seconds)
	}
	return stats.JumpOf(arrived, ended, seconds)
}

// outgrows compares the means of the outer thirds: concurrency must have grown by the factor, and by as
// much more as arrivals have.
func (a *assessment) outgrows(fold float64) bool {
	load := max(1, (a.last.arrivals+1)/(a.first.arrivals+1))
	return a.last.inFlight+0.5 >= fold*load*(a.first.inFlight+0.5)
}

// throughputFlat holds when the load does not explain the growth: throughput stayed, or rose by far
// less than the time that requests stay, or in the second half it had stopped to rise while concurrency went on. A server that fills up after a
// start does neither: throughput comes from nothing, and concurrency stops with it.
func (a *assessment) throughputFlat(rise float64) bool {
	if a.flow.nothingCompletes() {
		return a.flow.completedBefore()
	}
	if a.first.qps > 0 && a.last.qps <= rise*a.first.qps {
		return true
	}
	if a.first.qps > 0 && a.last.qps <= modestRise*a.first.qps && a.last.residence() >= slowerFold*a.first.residence() {
		return true
	}
	// A server that is pushed over its capacity completes more too. While one fills up, residence falls.
	if rise := a.last.qps / a.first.qps; a.first.qps > 0 && rise <= steepRise && a.last.residence() >= slowerFold*rise*a.first.residence() {
		return true
	}
	return a.early.qps > 0 && a.late.qps <= 1.1*a.early.qps && a.late.inFlight >= 1.2*a.early.inFlight
}

func (a *assessment) name(concurrency []float64) string {
	n := len(concurrency)
	last := concurrency[n-max(n/3, 1):]
	if a.diverges {
		half := len(last) / 2
		switch {
		case a.flow.gap != nil && *a.flow.gap >= leakGap:
			return verdictLeak
		case half > 0 && mean(last[len(last)-half:]) < stillRising*mean(last[:half]):
			return verdictPlateau
		}
		return verdictGrowing
	}
	peak := 0.0
	for _, l := range concurrency {
		peak = max(peak, l)
	}
	end := mean(last)
	if drains(concurrency) {
		end = mean(last[len(last)-max(len(last)/4, 1):])
	}
	if peak >= burstFold*max(a.first.inFlight, end, leastBurst) && end <= 1.5*max(a.first.inFlight, 1) {
		return verdictRecovered
	}
	return verdictOK
}

func weightedMean(v, weights []float64) float64 {
	var sum, all float64
	for i, x := range v {
		sum += x * weights[i]
		all += weights[i]
	}
	if all == 0 {
		return 0
	}
	return sum / all
}

func mean(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// explainedHalf is the Little gap from which on completed requests explain less than half of the concurrency. A stable
// queue reaches 0.35 while it happens to grow.
const explainedHalf = 0.5

// tracedWander is how many times as far as a queue at the brink wanders one must have gone in a trace, which is
// short: one and a half standard deviations, where one does in minutes, which have time for back and forth. With two, a dependency that
// takes a tenth of a second longer each second is missed.
const tracedWander = 1.5

// beyondWander tells growth from the wandering of a busy but stable queue where the window is short. Even at the brink
// of capacity, where nothing draws it back, what is in flight moves by about the root of the arrivals and completions
// meanwhile; below capacity by less. Requests that stay for ever need no such number: those that complete do not
// explain them.
func (a *assessment) beyondWander() bool {
	if gap := a.flow.gap; gap != nil && *gap >= explainedHalf {
		return true
	}
	events := 0.0
	for _, b := range a.flow.bins {
		if b.arrivals != nil && b.qps != nil {
			events += (*b.arrivals + *b.qps) * b.seconds
		}
	}
	limit := wanderOf(events)
	if a.flow.traced() {
		limit *= tracedWander
	}
	return a.last.inFlight-a.first.inFlight >= limit
}

// wanderOf is how far a queue at the brink moves between the outer thirds of a window of so many arrivals and completions.
func wanderOf(events float64) float64 {
	const between = 2.0 / 3 // of the window lie between the middles of its outer thirds
	return math.Sqrt(between * events)
}
