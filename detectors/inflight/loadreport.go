package inflight

import (
	"math"
	"slices"
	"strings"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/stats"
)

// percentiles of the latency, as the load section names them.
var percentiles = []struct {
	name string
	q    float64
}{{"p50", 0.50}, {"p90", 0.90}, {"p95", 0.95}, {"p99", 0.99}}

// report is the entry of the load section.
func (a *assessment) report(w *waits) analyze.LoadReport {
	f := a.flow
	r := analyze.LoadReport{
		Source: f.load.Source, Route: f.load.Route, WindowS: f.window, Requests: f.requests,
		QPS: f.qps(), ArrivalsPerS: f.arrivals(),
		InFlight:   analyze.LoadInFlight{Mean: f.meanInFlight, Max: f.maxInFlight},
		LittlesGap: f.gap, Verdict: a.verdict, Series: f.series(),
	}
	if n := len(f.goroutines); n > 0 {
		r.Goroutines = &f.goroutines[n-1]
	}
	r.Measures = f.measures()
	r.Latency = f.latencyReport(&r.Measures)
	if f.load.Route == "all" && a.diverges {
		if s := w.busiest(); s != nil {
			r.Cause = string(s.wait)
			r.Measures = append(r.Measures, w.measures(s)...)
		}
	}
	r.Sentence = a.sentence(&r)
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

// latencyReport holds the upper bounds of the buckets in which the percentiles lie; the brackets
// are added to the measures.
func (f *flow) latencyReport(measures *[]stats.Measure) *analyze.LoadLatency {
	out := &analyze.LoadLatency{UpperBound: true, N: int64(f.latencyN), Method: f.since(stats.BracketMethod)}
	slots := []**float64{&out.P50, &out.P90, &out.P95, &out.P99}
	known := false
	for i, p := range percentiles {
		b, ok := stats.QuantileBracket(f.buckets, p.q)
		if !ok {
			continue
		}
		known = true
		m := stats.Measure{Name: "latency_" + p.name, Unit: "ns", Value: b.Hi * 1e9, N: int64(f.buckets[len(f.buckets)-1].Count), Method: out.Method}
		if math.IsInf(b.Hi, 1) {
			m.Value = b.Lo * 1e9
			m = m.Warn("beyond the last bucket: the value is a lower bound")
		} else {
			*slots[i] = stats.Float(b.Hi * 1e9)
			m.Interval = &[2]float64{b.Lo * 1e9, b.Hi * 1e9}
		}
		*measures = append(*measures, m.Over(f.window))
	}
	if !known {
		return nil
	}
	return out
}

// maxBins bounds the series of the report.
const maxBins = 512

// series is the load in bins of one width, the median time between scrapes. Each takes the interval
// that holds its middle; bins without one are nil.
func (f *flow) series() *analyze.LoadSeries {
	if len(f.bins) == 0 {
		return nil
	}
	widths := make([]float64, len(f.bins))
	for i, b := range f.bins {
		widths[i] = b.seconds
	}
	start, end := f.bins[0].start, f.bins[len(f.bins)-1].end
	total := end.Sub(start).Seconds()
	width := max(stats.Median(widths), total/maxBins)
	n := min(max(int(math.Round(total/width)), 1), maxBins)
	s := &analyze.LoadSeries{BinS: width}
	for i := range n {
		middle := start.Add(time.Duration((float64(i) + 0.5) * width * float64(time.Second)))
		at := slices.IndexFunc(f.bins, func(b bin) bool { return !middle.Before(b.start) && middle.Before(b.end) })
		var b bin
		if at >= 0 {
			b = f.bins[at]
		}
		s.ArrivalsPerS = append(s.ArrivalsPerS, b.arrivals)
		s.QPS = append(s.QPS, b.qps)
		s.InFlight = append(s.InFlight, b.meanFlight)
		s.Goroutines = append(s.Goroutines, b.goroutines)
	}
	return s
}

// sentence is the load in one line: "950 QPS at 91 in flight; P95 100–250 ms".
func (a *assessment) sentence(r *analyze.LoadReport) string {
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
	if r.Goroutines != nil {
		text := grouped(*r.Goroutines) + " goroutines"
		if a.others != nil && !a.diverges {
			text += ", " + grouped(a.others.count) + " of them not serving requests, and growing"
		}
		tail = append(tail, text)
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

func (f *flow) latencyText() string {
	b, ok := stats.QuantileBracket(f.buckets, 0.95)
	switch {
	case ok && math.IsInf(b.Hi, 1):
		return "P95 over " + duration(b.Lo)
	case ok:
		lo, hi := duration(b.Lo), duration(b.Hi)
		if loUnit, hiUnit := unitOf(lo), unitOf(hi); loUnit == hiUnit {
			lo = strings.TrimSuffix(lo, " "+loUnit)
		}
		if b.Lo == 0 {
			lo = "0"
		}
		return "P95 " + lo + "–" + hi
	case f.meanLatencyS != nil:
		return "mean " + duration(*f.meanLatencyS)
	}
	return ""
}

func unitOf(text string) string { return text[strings.LastIndexByte(text, ' ')+1:] }
