package inflight

import (
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
	// burstFold is how far above both ends of the window a burst stands.
	burstFold = 3
)

// assessment is the judgement of one load.
type assessment struct {
	flow    *flow
	verdict string
	tested  bool   // whether growth could be judged at all
	why     string // what could not be judged, and what to run; empty when all was
	try     string

	others *unexplained // goroutines that no request explains, when they grow

	diverges bool
	full     bool // by the full test, not the trend that stands in
	div      stats.Divergence
	trend    stats.Trend
	first    part // the first third of the judged bins
	early    part // the third quarter
	late     part // the last quarter
	last     part // the last third
}

// part is means over a part of the window.
type part struct{ inFlight, qps float64 }

// assess judges whether concurrency grew out of proportion to arrivals.
func assess(l *evidence.Load, p *analyze.Pass) *assessment {
	a := &assessment{flow: newFlow(l), verdict: verdictInconclusive}
	f := a.flow
	if u, ok := f.unexplained(); ok && u.grows(p.Param("min-unexplained")) {
		a.others = &u
	}
	if total := f.points + f.lost; f.lost > 1 && float64(f.lost) >= p.Param("max-lost-share")*float64(total) {
		a.verdict = verdictUnanswered
	}
	concurrency, arrivals, qps := a.series()
	if a.why = a.missing(len(concurrency)); a.why != "" {
		a.try = tryMetrics
		if f.points > 1 {
			a.try = tryLonger
		}
		return a
	}
	a.tested = true
	a.measureParts(concurrency, qps)
	a.test(concurrency, arrivals, p)
	if a.verdict != verdictUnanswered {
		a.verdict = a.name(concurrency)
	}
	return a
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
	case bins < minTrendBins:
		return counted(bins, "busy interval") + " between scrapes: the test has no power below " + counted(minTrendBins, "interval")
	}
	return ""
}

// series are concurrency, arrivals and throughput of the bins that can be judged. Idle
// ones say nothing of how long a request stays.
func (a *assessment) series() (concurrency, arrivals, qps []float64) {
	busiest := 0.0
	for _, b := range a.flow.bins {
		busiest = max(busiest, value(b.arrivals))
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
	}
	return concurrency, arrivals, qps
}

func (a *assessment) measureParts(concurrency, qps []float64) {
	n := len(concurrency)
	at := func(lo, hi int) part { return part{mean(concurrency[lo:hi]), mean(qps[lo:hi])} }
	a.first, a.last = at(0, max(n/3, 1)), at(n-max(n/3, 1), n)
	a.early, a.late = at(n/2, n-max(n/4, 1)), at(n-max(n/4, 1), n)
}

func (a *assessment) test(concurrency, arrivals []float64, p *analyze.Pass) {
	limits := stats.DivergenceLimits{Fold: p.Param("min-fold"), P: p.Param("max-p"), Delta: p.Param("min-delta"),
		FinalL: p.Param("min-in-flight"), MinBins: int(p.Param("min-bins"))}
	a.div = stats.Diverge(concurrency, arrivals, limits)
	a.trend = stats.MannKendall(stats.Disproportion(concurrency, arrivals))
	large := a.div.Fold >= p.Param("short-fold") && a.div.FinalL >= 3*limits.FinalL
	steady := a.trend.PUp < limits.P && a.trend.Tau >= minTau && large
	a.full = a.div.Diverges && (large || a.div.Bins >= 2*limits.MinBins)
	a.diverges = (a.full || steady) && a.throughputFlat(p.Param("max-qps-rise"))
}

// throughputFlat holds when the load does not explain the growth: throughput stayed, or in the
// second half it had stopped to rise while concurrency went on. A server that fills up after a
// start does neither: throughput comes from nothing, and concurrency stops with it.
func (a *assessment) throughputFlat(rise float64) bool {
	if a.first.qps > 0 && a.last.qps <= rise*a.first.qps {
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
	if peak >= burstFold*max(a.first.inFlight, end, 1) && end <= 1.5*max(a.first.inFlight, 1) {
		return verdictRecovered
	}
	return verdictOK
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
