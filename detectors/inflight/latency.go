package inflight

import (
	"math"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// percentiles of the latency, as the load section names them.
var percentiles = []struct {
	name string
	q    float64
}{{"p50", 0.50}, {"p90", 0.90}, {"p95", 0.95}, {"p99", 0.99}}

// latencyReport holds percentiles: exact to the histogram where single requests were seen, as stated by a load
// generator, or the upper bounds of the buckets in which they lie. Intervals are added to the measures.
func (f *flow) latencyReport(measures *[]stats.Measure) *analyze.LoadLatency {
	out := &analyze.LoadLatency{N: int64(f.latencyN)}
	slots := []**float64{&out.P50, &out.P90, &out.P95, &out.P99}
	known := false
	for i, p := range percentiles {
		m, ok := f.percentile(p.name, p.q)
		if !ok {
			continue
		}
		known = true
		*slots[i] = stats.Float(m.Value)
		if f.bracketed() && m.Interval == nil { // beyond the last bucket
			*slots[i] = nil
		}
		if m.Interval != nil {
			if out.Intervals == nil {
				out.Intervals = map[string][2]float64{}
			}
			out.Intervals[p.name] = *m.Interval
		}
		out.Method = m.Method
		*measures = append(*measures, m.Over(f.window))
	}
	if !known {
		return nil
	}
	out.UpperBound = f.bracketed()
	switch s := f.load.Stated; {
	case f.load.Latencies != nil:
		out.Max, out.N = stats.Float(float64(f.load.Latencies.Max)), f.load.Latencies.Count
	case s != nil && s.MaxLatencyS != nil:
		out.Max = stats.Float(*s.MaxLatencyS * 1e9)
	}
	return out
}

// bracketed: percentiles are known by their buckets only.
func (f *flow) bracketed() bool {
	return f.load.Latencies == nil && (f.load.Stated == nil || len(f.load.Stated.Quantiles) == 0)
}

// percentile is one of the latency, in ns.
func (f *flow) percentile(name string, q float64) (stats.Measure, bool) {
	m := stats.Measure{Name: "latency_" + name, Unit: "ns", N: int64(f.latencyN)}
	switch {
	case f.load.Latencies != nil:
		v := stats.HistogramQuantile(f.load.Latencies, q, stats.DefaultConfidence)
		m.Value, m.Interval, m.N = v.Value, v.Interval(), f.load.Latencies.Count
		m.Method = f.since(stats.NearestRankMethod + " of a " + evidence.HistogramMethod + ", " + stats.OrderStatisticMethod)
		return f.omission(m), true
	case !f.bracketed():
		for _, s := range f.load.Stated.Quantiles {
			if math.Abs(s.Q-q) < 1e-9 {
				m.Value, m.Method = s.Seconds*1e9, "as stated by the load generator, over the test"
				return f.omission(m), true
			}
		}
		return m, false
	}
	b, ok := stats.QuantileBracket(f.buckets, q)
	if !ok {
		return m, false
	}
	m.Value, m.N, m.Method = b.Hi*1e9, int64(f.buckets[len(f.buckets)-1].Count), f.since(f.bracketMethod())
	if math.IsInf(b.Hi, 1) {
		m.Value = b.Lo * 1e9
		return m.Warn("beyond the last bucket: the value is a lower bound"), true
	}
	m.Interval = &[2]float64{b.Lo * 1e9, b.Hi * 1e9}
	return m, true
}

func (f *flow) bracketMethod() string {
	if f.sparse {
		return stats.NativeMethod
	}
	return stats.BracketMethod
}

// omission warns of percentiles from which a closed loop left requests out.
func (f *flow) omission(m stats.Measure) stats.Measure {
	if g := f.load.Generator; g != nil && g.Loop == evidence.ClosedLoop {
		return m.Warn("closed loop: requests that would have met a stall were not sent (coordinated omission)")
	}
	return m
}

// Fewer requests than these have no upper bound of their P99, or P95, at 95 % confidence.
const (
	enoughForP99 = 299
	enoughForP95 = 59
)

// latencyText is the highest percentile that the requests bear, else their mean.
func (f *flow) latencyText() string {
	for _, p := range []struct {
		title  string
		index  int
		enough int64
	}{{"P99", 3, enoughForP99}, {"P95", 2, enoughForP95}} {
		m, ok := f.percentile(percentiles[p.index].name, percentiles[p.index].q)
		if !ok || m.N < p.enough {
			continue
		}
		switch {
		case !f.bracketed():
			return p.title + " " + duration(m.Value/1e9)
		case m.Interval == nil:
			return p.title + " over " + duration(m.Value/1e9)
		}
		return p.title + " " + between(m.Interval[0]/1e9, m.Interval[1]/1e9)
	}
	if f.meanLatencyS != nil {
		return "mean " + duration(*f.meanLatencyS)
	}
	return ""
}

// between writes a range of seconds, with the unit once where it is one.
func between(from, to float64) string {
	lo, hi := duration(from), duration(to)
	if loUnit, hiUnit := unitOf(lo), unitOf(hi); loUnit == hiUnit {
		lo = strings.TrimSuffix(lo, " "+loUnit)
	}
	if from == 0 {
		lo = "0"
	}
	return lo + "–" + hi
}

func unitOf(text string) string { return text[strings.LastIndexByte(text, ' ')+1:] }
