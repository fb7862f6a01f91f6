package inflight

import (
	"cmp"
	"fmt"
	"math"
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
	// tracePoints is the number of intervals in which the requests of a trace are judged.
	tracePoints = 24
)

const requestMethod = "requests rebuilt from the execution trace"

// traffic is the requests of a trace: of one route, or of all.
type traffic struct {
	evidence.Requests
	trace   *evidence.Trace
	seconds float64
	name    string // of the route: "all"
	starved bool
}

// trafficOf sums the requests of a trace, of all routes and by route, the busiest first. It is nil when there
// were none.
func trafficOf(t *evidence.Trace) (all *traffic, routes []*traffic) {
	if t == nil || len(t.Requests) == 0 || t.DurationNS() <= 0 {
		return nil, nil
	}
	seconds := float64(t.DurationNS()) / 1e9
	all = &traffic{trace: t, seconds: seconds, name: "all", starved: starved(t)}
	for i := range t.Requests {
		r := &t.Requests[i]
		name := cmp.Or(r.Route, "(no event in the handler)")
		routes = append(routes, &traffic{Requests: *r, trace: t, seconds: seconds, name: name, starved: all.starved})
		all.add(r)
	}
	slices.SortStableFunc(routes, func(a, b *traffic) int { return cmp.Compare(b.InFlightNS, a.InFlightNS) })
	routes = slices.DeleteFunc(routes, func(f *traffic) bool {
		return float64(f.InFlightNS) < notableRoute*float64(all.InFlightNS) && float64(f.ended()) < notableRoute*float64(all.ended())
	})
	return all, routes[:min(len(routes), maxTracedRoutes)]
}

func (f *traffic) add(r *evidence.Requests) {
	f.Completed += r.Completed
	f.Earlier += r.Earlier
	f.Open += r.Open
	f.OpenEarlier += r.OpenEarlier
	f.Unseen += r.Unseen
	f.Abandoned += r.Abandoned
	f.Hijacked += r.Hijacked
	f.Latency.Merge(&r.Latency)
	f.Upper.Merge(&r.Upper)
	f.InFlightNS += r.InFlightNS
	f.UpperNS += r.UpperNS
	f.States = append(f.States, r.States...)
	f.Exemplars = append(f.Exemplars, r.Exemplars...)
	slices.SortStableFunc(f.Exemplars, func(a, b evidence.RequestExemplar) int { return cmp.Compare(b.DurationNS, a.DurationNS) })
	f.Exemplars = f.Exemplars[:min(len(f.Exemplars), evidence.MaxExemplars)]
}

// starved reports a capture from a host that gave the program less processor time than it believed to have.
func starved(t *evidence.Trace) bool {
	var samples int64
	for _, s := range t.Samples {
		samples += s.Count
	}
	return samples >= starvedSamples && float64(samples)*float64(samplePeriod) < starvedShare*float64(t.Sched.RunningNS)
}

func (f *traffic) ended() int64   { return f.Completed + f.Earlier }
func (f *traffic) mean() float64  { return float64(f.InFlightNS) / 1e9 / f.seconds }
func (f *traffic) upper() float64 { return float64(f.UpperNS) / 1e9 / f.seconds }

// bracketed holds when so many arrivals were not seen that only an interval is known.
func (f *traffic) bracketed() bool {
	return float64(f.Unseen) > maxUnseen*float64(f.Completed+f.Open-f.OpenEarlier) && float64(f.UpperNS) > sameBounds*float64(f.InFlightNS)
}

// reportRequests adds the requests of the trace to the load section.
func reportRequests(p *analyze.Pass, w *waits) *assessment {
	all, routes := trafficOf(p.Evidence.Trace)
	if all == nil {
		return nil
	}
	a := assess(all.load(), p)
	r := all.report()
	r.Verdict = a.verdict
	if a.diverges {
		r.Cause = all.cause()
		r.Sentence += "; in flight grew from " + grouped(a.first.inFlight) + " to " + grouped(a.last.inFlight)
	}
	windows := p.Evidence.Trace.Windows
	if n := len(windows); n == 1 {
		r.Goroutines = stats.Float(float64(windows[0].Goroutines))
		if q := windows[0].Requests; q != nil {
			r.InFlight.Max = stats.Float(float64(q.Max))
			if all.bracketed() {
				r.InFlight.Max = stats.Float(float64(q.MaxUpper))
			}
		}
		r.Series = a.flow.series()
	}
	p.ReportLoad(r)
	for _, route := range routes {
		e := route.report()
		e.Verdict = verdictInconclusive
		if len(routes) == 1 {
			e.Verdict = r.Verdict
		}
		p.ReportLoad(e)
	}
	return a
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
	return out
}

// shares is the share of in-flight time by state.
func (f *traffic) shares() map[string]float64 {
	if f.InFlightNS == 0 {
		return nil
	}
	out := map[string]float64{}
	for _, s := range f.States {
		out[s.State] += float64(s.NS) / float64(f.InFlightNS)
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

// tracedSite is where requests spend their time.
type tracedSite struct {
	state       string
	frame       evidence.Frame
	ns          int64
	first, last int64 // in the first and the last third of the window
}

func (s *tracedSite) where() string {
	if s.frame.IsZero() {
		return ""
	}
	return fmt.Sprintf(" at %s:%d %s", s.frame.ShortFile(), s.frame.Line, s.frame.Function)
}

// sites are states by line of the program's own code, the longest first.
func (f *traffic) sites() []tracedSite {
	byKey := map[string]*tracedSite{}
	for _, s := range f.States {
		frame, _ := ownFrame(f.trace.StackOf(s.Stack))
		key := s.State + " " + lineKey(frame)
		have := byKey[key]
		if have == nil {
			have = &tracedSite{state: s.State, frame: frame}
			byKey[key] = have
		}
		have.ns += s.NS
		for i, ns := range s.Parts {
			switch {
			case i < len(s.Parts)/3:
				have.first += ns
			case i >= len(s.Parts)-len(s.Parts)/3:
				have.last += ns
			}
		}
	}
	out := make([]tracedSite, 0, len(byKey))
	for _, s := range byKey {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b tracedSite) int {
		return cmp.Or(cmp.Compare(b.ns, a.ns), cmp.Compare(a.state, b.state), cmp.Compare(lineKey(a.frame), lineKey(b.frame)))
	})
	return out
}

// cause is the state whose share of in flight grew most, by site.
func (f *traffic) cause() string {
	var best *tracedSite
	sites := f.sites()
	for i := range sites {
		if s := &sites[i]; s.last > s.first && (best == nil || s.last-s.first > best.last-best.first) {
			best = s
		}
	}
	if best == nil {
		return ""
	}
	switch best.state {
	case evidence.StateRunning, evidence.StateRunnable:
		return "cpu"
	case evidence.StateAssist, string(evidence.WaitGC):
		return "gc"
	case string(evidence.WaitRWMutex):
		return "mutex"
	}
	return best.state
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
	if f.starved {
		b.WriteString("; not trustworthy, for the host was starved")
	}
	return b.String()
}

// composition splits the mean number in flight by state. The parts add up to it as it is printed: what rounding
// leaves goes to the largest remainders.
func (f *traffic) composition() []string {
	total, unit := f.mean(), 1.0
	if total < 9.95 {
		unit = 10
	}
	whole := int(math.Round(total * unit))
	type part struct {
		state     string
		n         int
		remainder float64
	}
	var parts []part
	left := whole
	for state, share := range f.shares() {
		exact := share * total * unit
		n := int(exact)
		left -= n
		parts = append(parts, part{state, n, exact - float64(n)})
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(b.remainder, a.remainder), cmp.Compare(a.state, b.state))
	})
	for i := range parts {
		if left > 0 {
			parts[i].n++
			left--
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.state, b.state)) })
	var out []string
	shown := 0
	for _, p := range parts {
		if p.n == 0 || len(out) == 3 {
			break
		}
		shown += p.n
		out = append(out, grouped(float64(p.n)/unit)+" "+phrase(p.state))
	}
	if rest := whole - shown; rest > 0 {
		out = append(out, grouped(float64(rest)/unit)+" other")
	}
	return out
}

// phrase says what a request in a state does.
func phrase(state string) string {
	switch state {
	case evidence.StateRunnable:
		return "waiting for a processor"
	case evidence.StateAssist:
		return "assisting the collector"
	case evidence.StateDownstream:
		return "waiting for downstream"
	case evidence.StatePool:
		return "waiting for a pool"
	case evidence.StateClientRead:
		return "reading the request"
	case evidence.StateClientWrite:
		return "writing the reply"
	case evidence.StateNetwork:
		return "waiting for the network"
	case evidence.StateSyscall:
		return "in system calls"
	case evidence.StateUnknown:
		return "unknown"
	case string(evidence.WaitSleep):
		return "sleeping"
	case string(evidence.WaitMutex), string(evidence.WaitRWMutex):
		return "waiting for a " + state
	case string(evidence.WaitChanSend), string(evidence.WaitChanRecv):
		return "in a channel " + strings.TrimPrefix(state, "chan-")
	case string(evidence.WaitSelect):
		return "in a select"
	case string(evidence.WaitWaitGroup):
		return "waiting for goroutines"
	case string(evidence.WaitGC):
		return "waiting for the collector"
	}
	return state
}

// anatomy is what one of the slowest requests did, in order.
func (f *traffic) anatomy(e evidence.RequestExemplar) stats.Measure {
	m := stats.Measure{Name: "slowest_request", Value: float64(e.DurationNS), Unit: "ns", N: 1}
	var parts []string
	rest := int64(0)
	for _, s := range e.Line {
		if s.NS*50 < e.DurationNS { // less than 2 %
			rest += s.NS
			continue
		}
		frame, _ := ownFrame(f.trace.StackOf(s.Stack))
		site := tracedSite{state: s.State, frame: frame}
		text := duration(float64(s.NS)/1e9) + " " + phrase(s.State) + site.where()
		if waker, ok := ownFrame(f.trace.StackOf(s.Waker)); ok && s.Waker != 0 {
			text += ", until " + waker.Function
		}
		parts = append(parts, text)
	}
	if rest > 0 {
		parts = append(parts, duration(float64(rest)/1e9)+" in short spells")
	}
	order := "in order"
	if e.Sums {
		order = "in sum"
	}
	m.Method = fmt.Sprintf("goroutine %d from %s on, %s: %s", e.Goroutine, duration(float64(e.AtNS)/1e9), order, strings.Join(parts, "; "))
	if e.Open {
		m = m.Warn("not over at the end of the window")
	}
	return m
}

// load is the course of all requests of one trace as scrapes would show it.
func (f *traffic) load() *evidence.Load {
	l := &evidence.Load{Source: "trace", Kind: evidence.Execution, Route: "all"}
	windows := f.trace.Windows
	if len(windows) != 1 || windows[0].Requests == nil || windows[0].Requests.Series.BinNS == 0 {
		return l
	}
	s := &windows[0].Requests.Series
	flight, done := float64(f.Earlier+f.OpenEarlier), 0.0
	start := windows[0].At
	if start.IsZero() {
		start = time.Unix(0, 0) // only differences count
	}
	point := func(at int64) {
		flight, done := flight, done
		l.Points = append(l.Points, evidence.LoadPoint{At: start.Add(time.Duration(at)), Seq: len(l.Points), InFlight: &flight, Requests: &done})
	}
	point(0)
	n := int64(len(s.Arrived))
	for i := range n {
		flight += float64(s.Arrived[i] - s.Ended[i])
		done += float64(s.Ended[i])
		if (i+1)*tracePoints/n > i*tracePoints/n {
			point(min((i+1)*s.BinNS, windows[0].DurationNS))
		}
	}
	return l
}
