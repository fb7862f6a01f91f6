package inflight

import (
	"cmp"
	"math"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/stats"
)

const (
	// minCapacityBins is the fewest bins of which a curve is made, in groups of at least groupBins.
	minCapacityBins = 12
	curvePoints     = 12
	// variedFold is how far concurrency must have varied for its quietest part to say how long a request takes alone,
	// and curveFold for a curve of throughput over concurrency.
	variedFold = 2
	curveFold  = 4
	// quietShare of the bins, and quietRequests in them, make the quietest part.
	quietShare    = 0.1
	quietRequests = 30
	// quietFlight is the concurrency up to which requests hardly meet; with more, the quietest part must have
	// quietPart of the mean.
	quietFlight = 1.5
	quietPart   = 0.1
)

// capacity is what the load says of how much the service can take.
type capacity struct {
	queued   *float64
	measures []stats.Measure
}

// loaded is a bin with all that capacity is judged by.
type loaded struct{ inFlight, qps, durations, completed, seconds float64 }

func (f *flow) loadedBins() []loaded {
	var out []loaded
	for _, b := range f.bins {
		if b.meanFlight == nil || b.qps == nil || b.durations == nil || *b.meanFlight <= 0 || *b.completed <= 0 {
			continue
		}
		out = append(out, loaded{*b.meanFlight, *b.qps, *b.durations, *b.completed, b.seconds})
	}
	slices.SortStableFunc(out, func(a, b loaded) int { return cmp.Compare(a.inFlight, b.inFlight) })
	return out
}

// capacity compares the quietest part of the window with the rest.
func (f *flow) capacity() capacity {
	var c capacity
	bins := f.loadedBins()
	n := len(bins)
	if f.traced() && value(f.meanInFlight) < 1 {
		return c // what is short is seen to be
	}
	if n < minTrendBins || f.meanInFlight == nil || f.meanLatencyS == nil || bins[n-1].inFlight < variedFold*bins[0].inFlight {
		return c
	}
	alone, requests, flight := quietest(bins)
	if requests < quietRequests || alone <= 0 || flight > max(quietFlight, quietPart**f.meanInFlight) {
		return c
	}
	queued := stats.Queued(*f.meanInFlight, alone, *f.meanLatencyS)
	c.queued = &queued
	c.measures = append(c.measures,
		stats.Measure{Name: "queued", Value: queued, Unit: "count", N: int64(f.latencyN), Method: stats.QueuedMethod}.Over(f.window),
		stats.Measure{Name: "latency_quiet", Value: alone * 1e9, Unit: "ns", N: int64(requests), Method: "mean latency in the bins with the fewest requests in flight"})
	most := 0.0
	for _, b := range bins {
		most = max(most, b.qps)
	}
	c.measures = append(c.measures, stats.Measure{Name: "saturation_in_flight", Value: alone * most, Unit: "count", N: int64(n),
		Method: stats.OperationalMethod + "; D is the quietest mean latency, 1/Dmax the largest throughput of a bin"}.Over(f.window))
	c.measures = append(c.measures, curveMeasures(bins)...)
	return c
}

// quietest is the mean latency of the bins with the fewest requests in flight, their requests, and how many were in
// flight.
func quietest(bins []loaded) (alone, requests, flight float64) {
	var spent, area, seconds float64
	for i, b := range bins {
		if float64(i) >= max(1, quietShare*float64(len(bins))) && requests >= quietRequests {
			break
		}
		spent += b.durations
		requests += b.completed
		area += b.inFlight * b.seconds
		seconds += b.seconds
	}
	return spent / requests, requests, area / seconds
}

// curveMeasures look for the knee of throughput over concurrency, and fit the scalability law where it holds.
func curveMeasures(bins []loaded) []stats.Measure {
	n := len(bins)
	if n < minCapacityBins || bins[n-1].inFlight < curveFold*bins[0].inFlight {
		return nil
	}
	var x, y []float64
	size := max(1, n/curvePoints)
	for i := 0; i+size <= n; i += size {
		var flight, done, seconds float64
		for _, b := range bins[i : i+size] {
			flight += b.inFlight * b.seconds
			done += b.qps * b.seconds
			seconds += b.seconds
		}
		if k := len(x); k > 0 && flight/seconds <= x[k-1] {
			continue
		}
		x, y = append(x, flight/seconds), append(y, done/seconds)
	}
	var out []stats.Measure
	if i, ok := stats.Knee(x, y); ok {
		out = append(out, stats.Measure{Name: "knee_in_flight", Value: x[i], Unit: "count", N: int64(n), Method: stats.KneeMethod})
	}
	if u, ok := stats.FitUSL(x, y); ok && !math.IsInf(u.Peak, 1) && u.Peak <= 2*x[len(x)-1] {
		out = append(out, stats.Measure{Name: "peak_in_flight", Value: u.Peak, Unit: "count", N: int64(n), Method: stats.USLMethod})
	}
	return out
}

// support is the concurrency up to which P99 keeps a limit. Without one (0) it is twice what P99 is at the
// lowest concurrency, rounded up to 1, 2 or 5.
func (f *flow) support(limitNS int64) *analyze.LoadSupport {
	if limitNS <= 0 {
		first, ok := stats.Supports(f.load.Met, math.MaxInt64)
		if !ok {
			return nil
		}
		// With no limit all groups pass: the first that can be judged is the smallest prefix that can.
		for i := range f.load.Met {
			if s, fine := stats.Supports(f.load.Met[:i+1], math.MaxInt64); fine {
				first = s
				break
			}
		}
		limitNS = roundUp(2 * first.Bound)
	}
	s, ok := stats.Supports(f.load.Met, limitNS)
	if !ok {
		return nil
	}
	return &analyze.LoadSupport{InFlight: s.InFlight, LimitNS: float64(limitNS), BoundNS: float64(s.Bound), Limited: s.Limited, Method: stats.SupportsMethod}
}

// roundUp is the least 1, 2 or 5 times a power of ten that is not below v.
func roundUp(v int64) int64 {
	for unit := int64(1); unit < math.MaxInt64/10; unit *= 10 {
		for _, k := range []int64{1, 2, 5} {
			if k*unit >= v {
				return k * unit
			}
		}
	}
	return v
}
