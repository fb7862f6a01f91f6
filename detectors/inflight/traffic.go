package inflight

import (
	"cmp"
	"slices"
	"time"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

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
	f.AddCounts(r)
	f.States = append(f.States, r.States...)
	f.AddFanOut(r.FanOut, func(stack int32) int32 { return stack })
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

// unending is how many requests arrived in the window and have been there for so much longer than others take that they
// are not expected to end.
func (f *traffic) unending() int64 {
	if f.Latency.Count < someCompleted {
		return 0
	}
	return f.Ages.CountAbove(f.stays())
}

// stays is the age from which on a request is not expected to end, in nanoseconds.
func (f *traffic) stays() int64 { return stuckFold * f.Latency.Quantile(0.99) }

// bracketed holds when so many arrivals were not seen that only an interval is known.
func (f *traffic) bracketed() bool {
	return float64(f.Unseen) > maxUnseen*float64(f.Completed+f.Open-f.OpenEarlier) && float64(f.UpperNS) > sameBounds*float64(f.InFlightNS)
}

// load is the course of all requests of one trace as scrapes would show it, in so many intervals.
func (f *traffic) load(intervals int64) *evidence.Load {
	l := &evidence.Load{Source: "trace", Kind: evidence.Execution, Route: "all"}
	if !f.bracketed() {
		l.Met, l.Latencies = f.Met, &f.Latency
	}
	windows := f.trace.Windows
	if len(windows) != 1 || windows[0].Requests == nil || windows[0].Requests.Series.BinNS == 0 {
		return l
	}
	s := &windows[0].Requests.Series
	start := windows[0].At
	if start.IsZero() {
		start = time.Unix(0, 0) // only differences count
	}
	c := coursePoint{flight: f.Earlier + f.OpenEarlier}
	l.Points = append(l.Points, c.point(start, 0, s.DurationNS != nil))
	n := int64(len(s.Arrived))
	for i := range n {
		c.add(s, int(i))
		if (i+1)*intervals/n > i*intervals/n {
			to := min((i+1)*s.BinNS, windows[0].DurationNS)
			p := c.point(start, to, s.DurationNS != nil)
			if to > c.from {
				p.MeanInFlight = stats.Float(float64(c.area) / float64(to-c.from))
			}
			p.Seq = len(l.Points)
			l.Points = append(l.Points, p)
			c.from, c.area = to, 0
		}
	}
	return l
}

// coursePoint is what a trace's requests add up to at a moment.
type coursePoint struct {
	flight, arrived, ended, durations int64
	from, area                        int64 // request time since a moment
}

func (c *coursePoint) add(s *evidence.RequestSeries, i int) {
	c.arrived += s.Arrived[i]
	c.ended += s.Ended[i]
	c.flight += s.Arrived[i] - s.Ended[i]
	c.area += s.InFlightNS[i]
	if s.DurationNS != nil {
		c.durations += s.DurationNS[i]
	}
}

func (c *coursePoint) point(start time.Time, at int64, timed bool) evidence.LoadPoint {
	p := evidence.LoadPoint{At: start.Add(time.Duration(at)), InFlight: stats.Float(float64(c.flight)),
		Requests: stats.Float(float64(c.ended)), Started: stats.Float(float64(c.arrived))}
	if timed {
		p.LatencyCount, p.LatencySumS = p.Requests, stats.Float(float64(c.durations)/1e9)
	}
	return p
}

// tracedMeasures are throughput and concurrency as the course of a trace's requests has them.
func (f *flow) tracedMeasures() []stats.Measure {
	var out []stats.Measure
	if q := f.qps(); q != nil {
		m := stats.Measure{Name: "qps", Value: *q, Unit: "per_s", N: int64(*f.requests), Method: requestMethod + ", " + stats.PoissonMethod}
		lo, hi := stats.PoissonRate(int64(*f.requests), f.requestTime, stats.DefaultConfidence)
		m.Interval = &[2]float64{lo, hi}
		out = append(out, m.Over(f.requestTime))
	}
	if f.meanInFlight != nil {
		out = append(out, stats.Measure{Name: "in_flight", Value: *f.meanInFlight, Unit: "count", N: int64(value(f.requests)),
			Method: requestMethod + ": their time over the window"}.Over(f.window))
	}
	return out
}
