package leak

import (
	"fmt"
	"math"
	"strings"
	"time"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// A demand is the requests that a program served, as one source counted them.
type demand struct {
	source string
	points []evidence.LoadPoint // those with a time and a count of requests
}

// demandOf is the load with the most counted points; nil when none counts requests.
func demandOf(loads []evidence.Load) *demand {
	var best *demand
	for i := range loads {
		l := &loads[i]
		if l.Route != "all" {
			continue
		}
		d := &demand{source: l.Source}
		for _, p := range l.Points {
			if p.Requests != nil && !p.At.IsZero() {
				d.points = append(d.points, p)
			}
		}
		if len(d.points) >= 2 && (best == nil || len(d.points) > len(best.points)) {
			best = d
		}
	}
	return best
}

// scrapeGap is how far beyond the first and last scrape the counter is taken to stand still.
const scrapeGap = 2 * time.Second

// at is the number of requests completed by a time, between two scrapes in proportion.
func (d *demand) at(when time.Time) (float64, bool) {
	first, last := d.points[0], d.points[len(d.points)-1]
	if when.Before(first.At.Add(-scrapeGap)) || when.After(last.At.Add(scrapeGap)) {
		return 0, false
	}
	for i := 1; i < len(d.points); i++ {
		a, b := d.points[i-1], d.points[i]
		if *b.Requests < *a.Requests {
			return 0, false // the program was restarted
		}
		if when.After(b.At) && i < len(d.points)-1 {
			continue
		}
		span := b.At.Sub(a.At).Seconds()
		if span <= 0 {
			continue
		}
		share := min(max(when.Sub(a.At).Seconds()/span, 0), 1)
		return *a.Requests + share*(*b.Requests-*a.Requests), true
	}
	return *last.Requests, true
}

// between are the requests of each interval between snapshots; nil where they are not known
// for all.
func (d *demand) between(snaps []*evidence.Snapshot) []float64 {
	if d == nil {
		return nil
	}
	var out []float64
	before := 0.0
	for i, s := range snaps {
		n, ok := d.at(s.At)
		if !ok || s.At.IsZero() {
			return nil
		}
		if i > 0 {
			out = append(out, n-before)
		}
		before = n
	}
	return out
}

// gainedInFlight is by how many requests in flight rose from the first to the last snapshot, as the
// metrics have it.
func (d *demand) gainedInFlight(snaps []*evidence.Snapshot) (gained float64, known bool) {
	if d == nil || len(snaps) < 2 {
		return 0, false
	}
	near := func(when time.Time) (float64, bool) {
		var best *evidence.LoadPoint
		for i := range d.points {
			p := &d.points[i]
			if p.InFlight != nil && (best == nil || p.At.Sub(when).Abs() < best.At.Sub(when).Abs()) {
				best = p
			}
		}
		if best == nil || best.At.Sub(when).Abs() > scrapeGap {
			return 0, false
		}
		return *best.InFlight, true
	}
	a, ok := near(snaps[0].At)
	b, known := near(snaps[len(snaps)-1].At)
	return b - a, ok && known
}

// timelineOf lays out the intervals between snapshots.
func timelineOf(snaps []*evidence.Snapshot, d *demand) timeline {
	t := timeline{requests: d.between(snaps)}
	t.x, t.timed = times(snaps)
	if sum(t.requests) <= 0 {
		t.requests = nil
	}
	for i := 1; i < len(snaps); i++ {
		from, to := newestID(snaps[i-1]), newestID(snaps[i])
		if from == 0 || to < from {
			t.started = nil
			break
		}
		t.started = append(t.started, float64(to-from))
	}
	return t
}

// perRequest is the births per completed request of the same intervals, where requests are counted; else
// the growth per second over the requests per second of a trace.
func (s *survey) perRequest(c *candidate) (stats.Measure, bool) {
	if requests := s.demand.between(s.dumps); requests != nil && c.cohort != nil && c.cohort.verdict != steady {
		if m, ok := c.cohort.perRequest(requests, s.demand.source); ok {
			return m, true
		}
	}
	rate, ok := s.rate(c)
	requests, seconds, from := s.requestsCounted()
	if !ok || rate.Unit != "per_s" || requests <= 0 || seconds <= 0 {
		return stats.Measure{}, false
	}
	m := stats.Measure{Name: "per_request", Value: rate.Value * seconds / requests, Unit: "ratio", N: int64(math.Round(requests)), WindowS: rate.WindowS,
		Method: fmt.Sprintf("growth per second over requests per second, %.0f of them in %.3g s (%s); the interval is that of both", requests, seconds, from)}
	if rate.Interval != nil {
		lo, hi := stats.PoissonRate(int64(math.Round(requests)), seconds, 0.95)
		m.Interval = &[2]float64{rate.Interval[0] / hi, rate.Interval[1] / lo}
	}
	if rate.WindowS == nil || seconds < *rate.WindowS/2 {
		m = m.Warn("the requests were counted in a part of the window only")
	}
	return m, true
}

// counted are the births by which rates are stated, and the index of their first interval. Where the load
// began with the capture the first births lag behind, by as long as goroutines take to block: they are
// left out.
func (c *cohort) counted() (births []int, from int) {
	if c.history.tallies[0].count == 0 {
		for from < len(c.births) && c.births[from] == 0 {
			from++
		}
		from++
	}
	if len(c.births)-from < 2 {
		return nil, 0
	}
	return c.births[from:], from
}

// perRequest divides the births by the requests of their intervals.
func (c *cohort) perRequest(requests []float64, source string) (stats.Measure, bool) {
	births, from := c.counted()
	all := 0.0
	var counts []float64
	for i, b := range births {
		counts = append(counts, float64(b))
		all += requests[from+i]
	}
	if all <= 0 {
		return stats.Measure{}, false
	}
	n := total(births)
	lo, hi := stats.PoissonRate(int64(n), all, 0.95)
	p := stats.Dispersion(counts, requests[from:from+len(counts)])
	m := stats.Measure{Name: "per_request", Value: float64(n) / all, Unit: "ratio", N: int64(math.Round(all)), Interval: &[2]float64{lo, hi},
		Method: fmt.Sprintf("survivors per completed request (%s), %s; %s over the intervals, p = %.2g", source, stats.PoissonMethod, stats.DispersionMethod, p)}
	if !evenly(births, requests[from:from+len(births)]) {
		m = m.Warn("not the same in all intervals")
	}
	return m, true
}

// requestsCounted are the requests that any source counts, and the time in which it does.
func (s *survey) requestsCounted() (requests, seconds float64, source string) {
	if d := s.demand; d != nil {
		first, last := d.points[0], d.points[len(d.points)-1]
		if span := last.At.Sub(first.At).Seconds(); span > 0 && *last.Requests > *first.Requests {
			return *last.Requests - *first.Requests, span, d.source
		}
	}
	if t := s.trace; t != nil && t.DurationNS() > 0 {
		if n := requestsInTrace(t); n > 0 {
			return float64(n), float64(t.DurationNS()) / 1e9, "trace"
		}
	}
	return 0, 0, ""
}

// requestsInTrace counts the requests that began within the trace by a goroutine that servers
// start for each.
func requestsInTrace(t *evidence.Trace) int64 {
	most := int64(0)
	counts := map[string]int64{}
	for i := range t.Sites {
		start := t.StackOf(t.Sites[i].Start)
		if len(start) == 0 {
			continue
		}
		f := start[len(start)-1].Function
		if f == backgroundRead || strings.HasSuffix(f, "erverConn).runHandler") ||
			strings.HasPrefix(f, "google.golang.org/grpc.(*Server).serveStreams.func") {
			counts[f] += t.Sites[i].Created
			most = max(most, counts[f])
		}
	}
	return most
}

func sum(v []float64) float64 {
	total := 0.0
	for _, x := range v {
		total += x
	}
	return total
}
