package inflight

import (
	"math"
	"time"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// bin is the interval between two scrapes that were answered. Nil is not known.
type bin struct {
	start, end time.Time
	seconds    float64
	qps        *float64 // completed per second
	arrivals   *float64 // per second: completions and the change of what is in flight
	inFlight   *float64 // at the end
	meanFlight *float64 // mean of both ends, or over the interval where single requests were seen
	durations  *float64 // seconds, Σ of those that completed
	completed  *float64 // how many these are
	goroutines *float64 // at the end
}

// flow is a load as rates: what its counters and gauges say of the time between scrapes.
type flow struct {
	load   *evidence.Load
	points int // answered
	lost   int // not answered
	resets int // intervals in which a counter fell
	bins   []bin

	window       float64  // seconds that the bins cover
	requests     *float64 // completed in the window
	requestTime  float64  // seconds of the bins in which they were counted
	meanInFlight *float64
	maxInFlight  *float64
	gap          *float64 // Little gap, over the bins with all it needs

	goroutines   []float64 // per scrape, where known
	meanLatencyS *float64
	latencyN     float64
	buckets      []evidence.LatencyBucket
	sparse       bool // the buckets are those of native histograms
	sinceStart   bool // latency is that since the process started: there is one scrape only

	sums sums
}

// sums are the integrals behind the means.
type sums struct {
	flightSeconds, flight float64 // ∫dt and ∫L dt where L is known
	durations             float64 // Σ durations
	// Where both are known, for the Little gap: ∫dt, ∫L dt and Σ durations.
	bothSeconds, bothFlight, bothDurations float64
}

// newFlow derives rates from points. Counters that fall yield no rate for that interval, whatever
// the cause: a restart, or series that vanished.
func newFlow(l *evidence.Load) *flow {
	f := &flow{load: l}
	var before *evidence.LoadPoint
	least, same := leastSpacing(l.Points), answeredAtOnce(l.Points)
	for i := range l.Points {
		p := &l.Points[i]
		if unanswered(p) {
			f.lost++
			continue
		}
		f.points++
		f.gauges(p)
		if before != nil && before.At.Before(p.At) && p.At.Sub(before.At) < least {
			continue // the next interval begins before it
		}
		if same[i] {
			continue
		}
		if before != nil {
			f.interval(before, p)
		}
		before = p
	}
	if f.points == 1 && before != nil {
		f.lifetime(before)
	}
	f.finish()
	if l.Stated != nil && f.points == 0 {
		f.state(l.Stated)
	}
	return f
}

// state takes a load generator's summary: it has no time line, so concurrency is what Little's law makes of it.
func (f *flow) state(s *evidence.StatedLoad) {
	f.window, f.requestTime, f.requests = s.DurationS, s.DurationS, &s.Requests
	f.meanLatencyS, f.latencyN = s.MeanLatencyS, s.Requests
	f.buckets = s.Buckets
	f.meanInFlight = f.explained()
	if g := f.load.Generator; g != nil && g.Workers > 0 && f.meanInFlight != nil {
		// A worker has one request at a time. wrk adds to latencies what it takes stalls to have kept back.
		f.meanInFlight = stats.Float(min(*f.meanInFlight, float64(g.Workers)))
	}
}

func (f *flow) gauges(p *evidence.LoadPoint) {
	if finite(p.Goroutines) {
		f.goroutines = append(f.goroutines, *p.Goroutines)
	}
	for _, most := range []*float64{p.InFlight, p.MaxInFlight} {
		if finite(most) && (f.maxInFlight == nil || *most > *f.maxInFlight) {
			f.maxInFlight = most
		}
	}
}

func (f *flow) interval(a, b *evidence.LoadPoint) {
	if a.At.IsZero() || b.At.IsZero() || !b.At.After(a.At) {
		return
	}
	dt := b.At.Sub(a.At).Seconds()
	x := bin{start: a.At, end: b.At, seconds: dt, inFlight: b.InFlight, goroutines: b.Goroutines}
	if fell(a.Requests, b.Requests) || fell(a.LatencyCount, b.LatencyCount) || fell(a.LatencySumS, b.LatencySumS) {
		f.resets++
		f.bins = append(f.bins, bin{start: a.At, end: b.At, seconds: dt, goroutines: b.Goroutines})
		return
	}
	if d := delta(a.Requests, b.Requests); d != nil {
		x.qps = stats.Float(*d / dt)
		f.requests = stats.Float(*d + value(f.requests))
		f.requestTime += dt
	}
	if finite(a.InFlight) && finite(b.InFlight) {
		mean := (*a.InFlight + *b.InFlight) / 2
		if finite(b.MeanInFlight) {
			mean = *b.MeanInFlight
		}
		x.meanFlight = &mean
		f.sums.flightSeconds += dt
		f.sums.flight += mean * dt
		if started := delta(a.Started, b.Started); started != nil {
			x.arrivals = stats.Float(*started / dt)
		} else if x.qps != nil {
			x.arrivals = stats.Float(stats.Arrivals(*x.qps, *b.InFlight-*a.InFlight, dt))
		}
	}
	f.latency(a, b, &x)
	f.bins = append(f.bins, x)
	f.window += dt
}

func (f *flow) latency(a, b *evidence.LoadPoint, x *bin) {
	sum, count := delta(a.LatencySumS, b.LatencySumS), delta(a.LatencyCount, b.LatencyCount)
	if sum != nil && count != nil {
		f.sums.durations += *sum
		f.latencyN += *count
		x.durations, x.completed = sum, count
		if x.meanFlight != nil {
			f.sums.bothSeconds += x.seconds
			f.sums.bothFlight += *x.meanFlight * x.seconds
			f.sums.bothDurations += *sum
		}
	}
	if b.Sparse {
		f.sparse = true
		f.addSparse(a.LatencyBuckets, b.LatencyBuckets)
	} else {
		f.addBuckets(a.LatencyBuckets, b.LatencyBuckets)
	}
}

// addBuckets adds what two scrapes' buckets differ by, when their layouts agree.
func (f *flow) addBuckets(a, b []evidence.LatencyBucket) {
	if len(b) == 0 || len(a) != len(b) || f.buckets != nil && len(f.buckets) != len(b) {
		return
	}
	for i := range b {
		if a[i].LE != b[i].LE || b[i].Count < a[i].Count || f.buckets != nil && f.buckets[i].LE != b[i].LE {
			return
		}
	}
	if f.buckets == nil {
		f.buckets = make([]evidence.LatencyBucket, len(b))
	}
	for i := range b {
		f.buckets[i].LE = b[i].LE
		f.buckets[i].Count += b[i].Count - a[i].Count
	}
}

// lifetime takes the latency of a single scrape: that of all requests since the start.
func (f *flow) lifetime(p *evidence.LoadPoint) {
	if finite(p.LatencySumS) && finite(p.LatencyCount) {
		f.sums.durations, f.latencyN = *p.LatencySumS, *p.LatencyCount
	}
	f.buckets, f.sinceStart = p.LatencyBuckets, true
}

func (f *flow) finish() {
	if f.sums.flightSeconds > 0 {
		f.meanInFlight = stats.Float(f.sums.flight / f.sums.flightSeconds)
	} else if f.points == 1 {
		f.meanInFlight = f.maxInFlight
	}
	if f.latencyN > 0 {
		f.meanLatencyS = stats.Float(f.sums.durations / f.latencyN)
	}
	if f.sums.bothSeconds > 0 {
		f.gap = stats.Float(stats.LittleGap(f.sums.bothDurations, f.sums.bothSeconds, f.sums.bothFlight/f.sums.bothSeconds))
	}
}

// qps is completed requests per second over the window.
func (f *flow) qps() *float64 {
	if f.requests == nil || f.requestTime <= 0 {
		return nil
	}
	return stats.Float(*f.requests / f.requestTime)
}

// nothingCompletes holds when requests are counted and none completed in the window.
func (f *flow) nothingCompletes() bool { return f.requests != nil && *f.requests == 0 }

// What makes a standstill of requests that have not completed: there were some before, and they took
// a small part of the window.
const (
	someCompleted = 20
	briefPart     = 0.1
)

// completedBefore tells a service that has come to a standstill from one that has just begun to serve
// requests that take longer than the window.
func (f *flow) completedBefore() bool {
	for _, p := range f.load.Points {
		if unanswered(&p) {
			continue
		}
		if !finite(p.Requests) || !finite(p.LatencyCount) || !finite(p.LatencySumS) || *p.LatencyCount <= 0 {
			return false
		}
		return *p.Requests >= someCompleted && *p.LatencySumS / *p.LatencyCount <= briefPart*f.window
	}
	return false
}

// explained is how many requests throughput and latency explain, X·W.
func (f *flow) explained() *float64 {
	q := f.qps()
	if q == nil || f.meanLatencyS == nil {
		return nil
	}
	return stats.Float(stats.Concurrency(*q, *f.meanLatencyS))
}

func finite(v *float64) bool { return v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) }

func fell(a, b *float64) bool { return finite(a) && finite(b) && *b < *a }

func delta(a, b *float64) *float64 {
	if !finite(a) || !finite(b) {
		return nil
	}
	return stats.Float(*b - *a)
}

func value(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}

// traced holds for the requests of an execution trace.
func (f *flow) traced() bool { return f.load.Kind == evidence.Execution }
