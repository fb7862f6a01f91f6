package inflight

import (
	"math"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/stats"
)

// report is the entry of the load section.
func (a *assessment) report(w *waits, limitNS int64, procs int) analyze.LoadReport {
	f := a.flow
	r := analyze.LoadReport{
		Source: f.load.Source, Route: f.load.Route, Origin: f.load.Origin, WindowS: f.window, Requests: f.requests,
		QPS: f.qps(), ArrivalsPerS: f.arrivals(),
		InFlight:   analyze.LoadInFlight{Mean: f.meanInFlight, Max: f.maxInFlight},
		LittlesGap: f.gap, Verdict: a.verdict, Series: f.series(),
	}
	if n := len(f.goroutines); n > 0 {
		r.Goroutines = &f.goroutines[n-1]
	}
	r.Measures = f.measures()
	r.Latency = f.latencyReport(&r.Measures)
	capacity := f.capacity()
	r.Queued = capacity.queued
	r.Measures = append(r.Measures, capacity.measures...)
	r.Support = f.support(limitNS)
	if u, ok := f.unexplained(); ok && u.notable() {
		r.Measures = append(r.Measures, u.measure(f))
	}
	if f.load.Route == "all" && a.diverges {
		if s := w.busiest(); s != nil {
			r.Cause = string(s.wait)
			r.Measures = append(r.Measures, w.measures(s)...)
		}
	}
	if f.load.Route == "all" && (a.diverges || a.verdict == verdictUnanswered) && r.Cause == "" {
		if cause, m := f.processorCause(procs); cause != "" {
			r.Cause = cause
			r.Measures = append(r.Measures, m)
		}
	}
	r.Sentence = a.sentence(&r, w)
	return r
}

// arrivals per second over the bins in which they are known.
func (f *flow) arrivals() *float64 {
	var n, t float64
	for _, b := range f.bins {
		if b.arrivals != nil {
			n += *b.arrivals * b.seconds
			t += b.seconds
		}
	}
	if t == 0 {
		return nil
	}
	return stats.Float(n / t)
}

func (f *flow) measures() []stats.Measure {
	var out []stats.Measure
	if q := f.qps(); q != nil {
		m := stats.Measure{Name: "qps", Value: *q, Unit: "per_s", N: int64(*f.requests), Method: "completed requests over time, " + stats.PoissonMethod}
		if *f.requests >= 0 && *f.requests < math.MaxInt32 {
			lo, hi := stats.PoissonRate(int64(*f.requests), f.requestTime, stats.DefaultConfidence)
			m.Interval = &[2]float64{lo, hi}
		}
		if f.resets > 0 {
			m = m.Warn(counted(f.resets, "interval") + " in which a counter fell left out")
		}
		out = append(out, m.Over(f.requestTime))
	}
	if f.meanInFlight != nil {
		out = append(out, stats.Measure{Name: "in_flight", Value: *f.meanInFlight, Unit: "count", N: int64(f.points), Max: f.maxInFlight,
			Method: "time-weighted mean of the gauge between scrapes; what it did between them is not seen"}.Over(f.sums.flightSeconds))
	}
	if f.meanLatencyS != nil {
		out = append(out, stats.Measure{Name: "latency_mean", Value: *f.meanLatencyS * 1e9, Unit: "ns", N: int64(f.latencyN), Method: f.since("sum over count")}.Over(f.window))
	}
	if e := f.explained(); e != nil {
		out = append(out, stats.Measure{Name: "explained_in_flight", Value: *e, Unit: "count", N: int64(f.latencyN), Method: stats.LittleMethod}.Over(f.window))
	}
	if f.lost > 0 {
		out = append(out, stats.Measure{Name: "lost_scrapes", Value: float64(f.lost), Unit: "count", N: int64(f.lost + f.points), Method: "scrapes without samples"})
	}
	return out
}

func (f *flow) since(method string) string {
	if f.sinceStart {
		return method + ", since the process started"
	}
	return method + ", over the window"
}

// sentence is the load in one line: "950 QPS at 91 in flight; P99 100–250 ms; supports 64 concurrent at P99 < 50 ms".
func (a *assessment) sentence(r *analyze.LoadReport, w *waits) string {
	f := a.flow
	var head, tail []string
	if r.QPS != nil {
		head = append(head, grouped(*r.QPS)+" QPS")
	}
	if f.meanInFlight != nil {
		head = append(head, grouped(*f.meanInFlight)+" in flight")
	}
	if len(head) > 0 {
		tail = append(tail, strings.Join(head, " at "))
	}
	if text := f.latencyText(); text != "" {
		tail = append(tail, text)
	}
	if text := supportText(r.Support); text != "" {
		tail = append(tail, strings.TrimPrefix(text, "; "))
	}
	if r.Goroutines != nil {
		tail = append(tail, a.goroutinesText(w))
	}
	switch {
	case a.diverges:
		tail = append(tail, "in flight grew from "+grouped(a.first.inFlight)+" to "+grouped(a.last.inFlight))
	case a.verdict == verdictUnanswered:
		tail = append(tail, counted(f.lost, "scrape")+" of "+grouped(float64(f.lost+f.points))+" unanswered")
	case a.verdict == verdictInconclusive && f.load.Route == "all": // said once, not for each route
		tail = append(tail, a.why)
	}
	return strings.Join(tail, "; ")
}

// supportText goes on with a sentence: "; supports 64 concurrent at P99 < 50 ms".
func supportText(s *analyze.LoadSupport) string {
	if s == nil {
		return ""
	}
	text := "; supports " + grouped(float64(s.InFlight)) + " concurrent at P99 < " + duration(s.LimitNS/1e9)
	if !s.Limited {
		text += ", the most that was seen"
	}
	return text
}
