package heapgrowth

import (
	"fmt"
	"math"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

const sampledMethod = "heap profile, as of the last collection; ±2σ, σ = √(rate/bytes) for objects smaller than the sampling rate, less for larger"

func (s *series) growthFinding(p *analyze.Pass, st *site, t trend) analyze.Finding {
	rule := ruleGrowing
	if t.retained >= p.Param("min-retained") {
		rule = ruleRetained
	}
	f := analyze.Finding{
		Rule: rule, Location: st.location, Confidence: s.confidence(p, t), Stacks: []evidence.Stack{st.stack},
		Identity: []string{evidence.NormalFunction(st.location.Function)}, Cost: t.growth, Next: "go-debug explain " + rule,
		Measures: []stats.Measure{s.inUse(st)},
	}
	n := len(s.points)
	window := s.window()
	if window > 0 {
		f.Message = fmt.Sprintf("memory in use grows by %s a second, %s of the heap in %s", bytesText(t.slope), percentText(t.share), timeText(window))
	} else {
		f.Message = fmt.Sprintf("memory in use grows by %s over %d profiles, %s of the heap", bytesText(t.growth), n, percentText(t.share))
	}
	if rule == ruleRetained {
		f.Message += fmt.Sprintf("; %s of the objects allocated here are still in use", percentText(t.retained))
	}
	f.Measures = append(f.Measures, s.growthMeasures(t)...)
	if window > 0 {
		if requests := signature.RequestRate(s.set); requests > 0 {
			f.Message += fmt.Sprintf(", %s for each request", bytesText(t.slope/requests))
			f.Measures = append(f.Measures, stats.Measure{Name: "growth_per_request", Value: t.slope / requests, Unit: "bytes", N: int64(n),
				Method: "growth per second over requests answered per second"}.Over(window))
		}
		f.Measures = append(f.Measures, stats.Measure{Name: "time_to_1gb", Value: 1e9 / t.slope, Unit: "s", N: int64(n),
			Method: "1 GB over the growth per second"})
	}
	return f
}

// growthMeasures are the numbers that the verdict rests on.
func (s *series) growthMeasures(t trend) []stats.Measure {
	n := int64(len(s.points))
	growth := stats.Measure{Name: "in_use_growth", Value: t.growth, Unit: "bytes", N: n,
		Method: "line of least squares over the profiles"}
	if w := s.window(); w > 0 {
		lag := s.lag()
		growth = stats.Measure{Name: "in_use_growth", Value: t.slope, Unit: "bytes_per_s", N: n,
			Interval: &[2]float64{(t.slope - 2*t.sigma) * w / (w + lag), (t.slope + 2*t.sigma) * w / (w - lag)},
			Method:   "line of least squares over the profiles; ±2σ, of sampling or of the distance from the line, and the time by which profiles lag behind: two collections at most, if there was one between any two profiles"}.Over(w)
	}
	out := []stats.Measure{growth}
	for _, m := range []struct {
		name   string
		value  float64
		method string
	}{
		{"retained_share", t.retained, "objects in use over objects ever allocated at the line, last profile"},
		{"growth_late_over_early", t.steady, "growth per byte that the program allocated, later half of the profiles over the earlier half: 1 is even, 0 has ended"},
		{"growth_now_over_before", t.lasting, "growth per byte that the program allocated, within the profiles over before the first"},
	} {
		if !math.IsNaN(m.value) && !math.IsInf(m.value, 0) {
			out = append(out, stats.Measure{Name: m.name, Value: m.value, Unit: "ratio", N: n, Method: m.method})
		}
	}
	return out
}

// lag is the seconds by which the time between the first and the last state may be off: each is as of one or
// two collections before its profile.
func (s *series) lag() float64 { return 2 * s.window() / float64(len(s.points)) }

// inUse is what a site holds in the last profile.
func (s *series) inUse(st *site) stats.Measure {
	now := st.now()
	return stats.Measure{Name: "in_use", Value: now.bytes, Unit: "bytes", N: int64(math.Round(now.objects)),
		Interval: &[2]float64{math.Max(now.bytes-2*now.sigma(), 0), now.bytes + 2*now.sigma()}, Method: sampledMethod + "; n is the objects"}
}

// shareOf is the part of the heap that a site holds, and the lower end of its interval.
func (s *series) shareOf(st *site) (share, least float64) {
	now, all := st.now(), math.Max(s.last().inUse(), 1)
	return now.bytes / all, (now.bytes - 2*now.sigma()) / all
}
