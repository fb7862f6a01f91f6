package inflight

import (
	"cmp"
	"math"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// maxSpanLoads bounds the tasks and regions that get an entry, those with most in flight.
const maxSpanLoads = 8

const spanMethod = "user tasks and regions of the execution trace"

// reportSpans adds the tasks and regions that the program annotates to the load section: they begin and end as requests do. Whether
// they pile up is not judged, for a region may stand within another.
func reportSpans(p *analyze.Pass) {
	t := p.Evidence.Trace
	if t == nil || t.DurationNS() <= 0 {
		return
	}
	seconds := float64(t.DurationNS()) / 1e9
	spans := slices.Clone(t.Spans)
	slices.SortStableFunc(spans, func(a, b evidence.Span) int {
		return cmp.Or(cmp.Compare(b.Duration.Sum+b.Open.Sum, a.Duration.Sum+a.Open.Sum), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	for i := range spans[:min(len(spans), maxSpanLoads)] {
		p.ReportLoad(spanLoad(&spans[i], seconds))
	}
}

// spanLoad is the entry of one task or region. What those took that began before the window is not known, so that there is
// no mean in flight where there are some, but a lower bound.
func spanLoad(s *evidence.Span, seconds float64) analyze.LoadReport {
	ended := s.Duration.Count + s.Unseen
	r := analyze.LoadReport{
		Source: "trace", Route: s.Kind + " " + s.Name, WindowS: seconds, Verdict: verdictInconclusive,
		Requests: stats.Float(float64(ended)), Censored: stats.Float(float64(s.Unseen + s.Open.Count)),
		QPS:          stats.Float(float64(ended) / seconds),
		ArrivalsPerS: stats.Float(float64(s.Duration.Count+s.Open.Count) / seconds),
	}
	flight := stats.Float(float64(s.Duration.Sum+s.Open.Sum) / 1e9 / seconds)
	if s.Unseen > 0 {
		r.InFlight.Lower = flight
	} else {
		r.InFlight.Mean = flight
	}
	qps := stats.Measure{Name: "qps", Value: float64(ended) / seconds, Unit: "per_s", N: ended, Method: spanMethod + ", " + stats.PoissonMethod}
	if ended < math.MaxInt32 {
		lo, hi := stats.PoissonRate(ended, seconds, stats.DefaultConfidence)
		qps.Interval = &[2]float64{lo, hi}
	}
	r.Measures = append(r.Measures, qps.Over(seconds))
	r.Sentence = grouped(*r.QPS) + " per second, " + grouped(*flight) + " at a time"
	if s.Duration.Count == 0 {
		return r
	}
	m := stats.FromHistogram("latency", "ns", &s.Duration, 0.95).Over(seconds)
	m.Method += "; " + spanMethod
	r.Measures = append(r.Measures, m)
	r.Latency = &analyze.LoadLatency{P50: m.P50, P90: m.P90, P95: m.P95, P99: m.P99, Max: m.Max, N: m.N,
		Method: spanMethod + ", those that began and ended in the window; " + evidence.HistogramMethod}
	r.Sentence += "; P99 " + duration(*m.P99/1e9)
	return r
}
