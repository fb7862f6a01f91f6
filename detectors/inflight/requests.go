package inflight

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

const (
	// maxUnseen is the share of requests whose arrival nobody saw from which on only an interval is known.
	maxUnseen = 0.3
	// sameBounds is the factor up to which the bounds of an interval are one number: that of a server whose
	// clients make a connection for each request is narrow.
	sameBounds = 1.01
	// starvedShare is the share of the time in which goroutines ran that CPU samples must account for, and
	// starvedSamples how many there must be to tell.
	starvedShare   = 0.6
	starvedSamples = 50
	samplePeriod   = 10 * time.Millisecond
	// maxTracedRoutes bounds the routes that get an entry of their own, those with most in flight.
	maxTracedRoutes = 8
	// notableRoute is the share of the time or of the number of all requests from which on a route is listed.
	notableRoute = 0.05
	// routeShare is the share of what was added in flight that a route must account for to have the verdict of all.
	routeShare = 0.5
	// judgedPoints is the number of intervals in which the requests of a trace are judged: as few as the full test takes, for
	// what arrives in an interval must not be few, and busy processors see arrivals late and many at once. drawnPoints is that of the
	// series, and of what throughput at each concurrency is read off.
	judgedPoints = 12
	drawnPoints  = 48
)

// leastUnending is how many requests must have arrived in the window of a trace that do not end to be called a leak by their
// number, however many there were before.
const leastUnending = 10

const requestMethod = "requests rebuilt from the execution trace"

// tracedLoad is what the requests of a trace say.
type tracedLoad struct {
	all    *traffic
	routes []*traffic
	*assessment
	course *flow  // in finer intervals
	cause  *cause // of a divergence; nil where there is none or it does not show
}

// assessRequests judges the requests of the trace. It is nil when there are none.
func assessRequests(p *analyze.Pass) *tracedLoad {
	all, routes := trafficOf(p.Evidence.Trace)
	if all == nil {
		return nil
	}
	course := newFlow(all.load(drawnPoints))
	t := &tracedLoad{all: all, routes: routes, assessment: assess(all.load(judgedPoints), course, p), course: course}
	t.lookAtRoutes()
	if n := all.unending(); !t.diverges && n >= leastUnending && t.gains(float64(n)) && t.last.inFlight > 0 {
		t.diverges, t.tested, t.verdict, t.why, t.unending = true, true, verdictLeak, "", n
	}
	if t.diverges {
		t.cause = all.findCause()
	}
	t.allowForRoutes()
	if t.verdict == verdictLeak && t.cause != nil && isBusy(t.cause.site.state) {
		t.verdict = verdictGrowing // they would end if they had a processor
	}
	return t
}

// report adds them to the load section.
func (t *tracedLoad) report(p *analyze.Pass, w *waits) {
	r := t.all.report()
	r.Verdict = t.verdict
	r.LittlesGap = t.flow.gap
	if t.flow.sums.flightSeconds > 0 {
		r.Series = t.course.series()
	}
	if !t.all.bracketed() {
		capacity := t.course.capacity()
		r.Queued = capacity.queued
		r.Measures = append(r.Measures, capacity.measures...)
		r.Support = t.flow.support(int64(p.Param("p99-limit") * 1e6))
		r.Sentence += supportText(r.Support)
	}
	if windows := p.Evidence.Trace.Windows; len(windows) == 1 {
		r.Goroutines = stats.Float(float64(windows[0].Goroutines))
		if q := windows[0].Requests; q != nil {
			r.InFlight.Max = stats.Float(float64(q.Max))
			if t.all.bracketed() {
				r.InFlight.Max = stats.Float(float64(q.MaxUpper))
			}
		}
	}
	if u, ok := t.flow.unexplained(); ok && u.notable() {
		r.Measures = append(r.Measures, u.measure(t.flow))
		r.Sentence += "; " + t.goroutinesText(w)
	}
	if t.diverges {
		r.Sentence += "; in flight grew from " + grouped(t.first.inFlight) + " to " + grouped(t.last.inFlight)
	}
	if c := t.cause; c != nil {
		r.Cause = c.name
		r.Sentence += ": " + c.text() + c.site.where()
		r.Measures = append(r.Measures, c.measure(t.all))
	}
	p.ReportLoad(r)
	for _, route := range t.routes {
		e := route.report()
		e.Verdict = verdictInconclusive
		first, last := route.thirds()
		switch {
		case len(t.routes) == 1:
			e.Verdict = r.Verdict
		case t.diverges && last-first >= routeShare*t.grown():
			e.Verdict = r.Verdict
			e.Sentence += fmt.Sprintf("; in flight grew from %s to %s, %.0f %% of what all grew by", grouped(first), grouped(last), 100*(last-first)/t.grown())
		}
		p.ReportLoad(e)
	}
}

// thirds are the mean numbers in flight in the first and the last third of the window; both are 0 where its course is not known.
func (f *traffic) thirds() (first, last float64) {
	third := f.seconds * 1e9 / 3
	for _, s := range f.sites() {
		first += float64(s.first) / third
		last += float64(s.last) / third
	}
	return first, last
}

// grown is by how many requests in flight grew from the first to the last third, at least one.
func (t *tracedLoad) grown() float64 {
	first, last := t.all.thirds()
	return max(last-first, 1)
}

// report is the entry of the load section, but for what needs the course of time.
func (f *traffic) report() analyze.LoadReport {
	r := analyze.LoadReport{
		Source: "trace", Route: f.name, WindowS: f.seconds,
		Requests: stats.Float(float64(f.ended())), Censored: stats.Float(float64(f.Earlier + f.Open)),
		QPS:          stats.Float(float64(f.ended()) / f.seconds),
		ArrivalsPerS: stats.Float(float64(f.Completed+f.Open-f.OpenEarlier) / f.seconds),
		Latency:      f.latency(),
		States:       f.shares(),
		FanOut:       f.fanOutReport(),
	}
	if f.bracketed() {
		r.InFlight = analyze.LoadInFlight{Lower: stats.Float(f.mean()), Upper: stats.Float(f.upper())}
	} else {
		r.InFlight.Mean = stats.Float(f.mean())
	}
	r.Measures = f.measures()
	r.Sentence = f.sentence()
	return r
}

func (f *traffic) latency() *analyze.LoadLatency {
	if f.Latency.Count == 0 {
		return nil
	}
	h := &f.Latency
	out := &analyze.LoadLatency{N: h.Count, Method: requestMethod + ", those that arrived and ended in the window; " + evidence.HistogramMethod}
	if f.bracketed() {
		h = &f.Upper
		out.UpperBound = true
		out.Method = requestMethod + "; most arrivals were not seen: upper bounds, from the end of the request before on the connection"
	}
	for i, slot := range []**float64{&out.P50, &out.P90, &out.P95, &out.P99} {
		*slot = stats.Float(float64(h.Quantile(percentiles[i].q)))
	}
	out.Max = stats.Float(float64(h.Max))
	out.Intervals = f.latencyIntervals()
	return out
}

// latencyIntervals are those of the percentiles: what the sample allows, or from the latest to the earliest that requests
// can have arrived.
func (f *traffic) latencyIntervals() map[string][2]float64 {
	out := map[string][2]float64{}
	for _, p := range percentiles {
		if f.bracketed() {
			out[p.name] = [2]float64{float64(f.Latency.Quantile(p.q)), float64(f.Upper.Quantile(p.q))}
			continue
		}
		if in := stats.HistogramQuantile(&f.Latency, p.q, stats.DefaultConfidence).Interval(); in != nil {
			out[p.name] = *in
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func (f *traffic) measures() []stats.Measure {
	ended := f.ended()
	qps := stats.Measure{Name: "qps", Value: float64(ended) / f.seconds, Unit: "per_s", N: ended, Method: requestMethod + ", " + stats.PoissonMethod}
	lo, hi := stats.PoissonRate(ended, f.seconds, stats.DefaultConfidence)
	qps.Interval = &[2]float64{lo, hi}
	flight := stats.Measure{Name: "in_flight", Value: f.mean(), Unit: "count", N: ended + f.Open, Method: requestMethod + ": their time over the window"}
	if f.bracketed() {
		flight.Interval = &[2]float64{f.mean(), f.upper()}
		flight = flight.Warn("most arrivals were not seen: the interval is that between the earliest and the latest they can have been")
	}
	out := []stats.Measure{qps.Over(f.seconds), f.doubts(flight).Over(f.seconds)}
	if f.Latency.Count > 0 {
		m := stats.FromHistogram("latency", "ns", &f.Latency, 0.95).Over(f.seconds)
		m.Method += "; " + requestMethod
		out = append(out, f.doubts(m))
	}
	for name, n := range map[string]int64{"abandoned": f.Abandoned, "hijacked": f.Hijacked} {
		if n > 0 {
			out = append(out, stats.Measure{Name: name, Value: float64(n), Unit: "count", N: ended, Method: requestMethod}.Over(f.seconds))
		}
	}
	slices.SortFunc(out[2:], func(a, b stats.Measure) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range f.sites()[:min(len(f.sites()), 3)] {
		out = append(out, stats.Measure{Name: "in_flight_here", Value: float64(s.ns) / 1e9 / f.seconds, Unit: "count", N: ended + f.Open,
			Method: "mean number " + phrase(s.state) + s.where() + "; " + requestMethod}.Over(f.seconds))
	}
	out = append(out, f.fanOutMeasures()...)
	for _, e := range f.Exemplars {
		out = append(out, f.anatomy(e))
	}
	return out
}

// doubts warns of what makes times of the trace untrustworthy.
func (f *traffic) doubts(m stats.Measure) stats.Measure {
	if f.starved {
		m = m.Warn("the host was starved: CPU samples account for less than 60 % of the time that goroutines are said to have run, so times are not trustworthy")
	}
	if n := f.Earlier + f.Open; float64(n) > 0.1*float64(n+f.Completed) {
		m = m.Warn(fmt.Sprintf("%d requests began or ended outside of the window: long ones are under-represented", n))
	}
	return m
}

// sentence is the load in one line: "950 QPS at 91 in flight = 90 waiting for downstream + 1 running; P99 118 ms".
func (f *traffic) sentence() string {
	var b strings.Builder
	b.WriteString(grouped(float64(f.ended())/f.seconds) + " QPS at ")
	if f.bracketed() {
		b.WriteString(grouped(f.mean()) + " to " + grouped(f.upper()) + " in flight")
	} else {
		b.WriteString(grouped(f.mean()) + " in flight")
	}
	if parts := f.composition(); len(parts) > 0 {
		b.WriteString(" = " + strings.Join(parts, " + "))
	}
	if f.Latency.Count > 0 {
		lower, upper := duration(float64(f.Latency.Quantile(0.99))/1e9), duration(float64(f.Upper.Quantile(0.99))/1e9)
		b.WriteString("; P99 " + lower)
		if f.bracketed() && lower != upper {
			b.WriteString(" to " + upper)
		}
	}
	b.WriteString(f.fanOutText())
	if f.starved {
		b.WriteString("; not trustworthy, for the host was starved")
	}
	return b.String()
}
