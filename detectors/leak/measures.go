package leak

import (
	"fmt"
	"math"

	"go-debug/analyze/stats"
)

// measures are the numbers behind a finding: how many, how fast, what it costs, how it is known.
func (s *survey) measures(c *candidate) []stats.Measure {
	head := stats.Measure{Name: "goroutines", Value: float64(c.goroutines()), Unit: "count",
		N: int64(max(len(s.snapshots), 1)), Method: "blocked at this line in the last snapshot"}
	if c.leaked > 0 && !c.grows() {
		head.Method, head.N = "runtime leak detection", int64(c.leaked)
	}
	if s.end != nil && s.end.tests && c.left != nil {
		head.N, head.Method = int64(len(s.end.snaps)), "blocked at this line when the tests were over"
	}
	out := []stats.Measure{head}
	if rate, ok := s.rate(c); ok {
		out = append(out, rate)
		if rate.Unit == "per_s" && rate.Value > 0 {
			out = append(out, c.cost(rate.Value).Over(*rate.WindowS))
		}
		if m, ok := s.perRequest(c); ok {
			out = append(out, m)
		}
	}
	out = append(out, s.survivors(c)...)
	if c.grew() {
		out = append(out, s.cohortMeasures(c)...)
	}
	if cr := c.created; cr != nil {
		out = append(out, count("created", int(cr.created), 1, "go statements run in the trace").Over(cr.windowS),
			count("ended", int(cr.ended), 1, "goroutines ended in the trace").Over(cr.windowS))
	}
	if c.minutes > 0 {
		out = append(out, stats.Measure{Name: "longest_wait", Value: float64(c.minutes), Unit: "min", N: int64(c.goroutines()),
			Method: "goroutine dump, in whole minutes between garbage collections"})
	}
	return out
}

// survivors are those who came within the window and stayed: what one capture can be compared with
// another by.
func (s *survey) survivors(c *candidate) []stats.Measure {
	switch co := c.cohort; {
	case c.left != nil:
		return []stats.Measure{s.survivalMeasure(c)}
	case c.grew() && len(co.births) > 0:
		m := count("survivors", co.survivors(), int64(co.dumps), "arrived after the first dump and still there at the last, by goroutine id")
		lo, hi := stats.PoissonRate(int64(co.survivors()), 1, 0.95)
		m.Interval = &[2]float64{lo, hi}
		m.Method += "; " + stats.PoissonMethod
		if x, timed := times(s.dumps); timed {
			m = m.Over(x[len(co.births)])
		}
		return []stats.Measure{m}
	case c.growth != nil:
		m := count("survivors", c.growth.counts.gained(), int64(len(c.growth.counts)), "last count less the first")
		if x, timed := times(s.snapshots); timed {
			m = m.Over(x[len(x)-1])
		}
		return []stats.Measure{m}
	}
	return nil
}

func (s *survey) cohortMeasures(c *candidate) []stats.Measure {
	co := c.cohort
	n := int64(co.dumps)
	window := 0.0
	if x, timed := times(s.dumps); timed {
		window = x[len(x)-1]
	}
	trend := "followed by goroutine id"
	if !math.IsNaN(co.p) {
		trend += fmt.Sprintf("; %s, one-sided p = %.2g; Theil–Sen slope %.3g", stats.MannKendallMethod, co.p, co.slope.Value)
		if _, timed := times(s.dumps); timed {
			trend += " per second"
		}
	}
	old := stats.Measure{Name: "old", Unit: "count", N: n, Method: trend}
	if k := len(co.old); k > 0 {
		old.Value = co.old[k-1]
	}
	if co.dumps < trendDumps {
		old = old.Warn("fewer than five dumps: the trend test has no power")
	}
	out := []stats.Measure{
		old.Over(window),
		count("arrived", co.arrived, n, "followed by goroutine id").Over(window),
		count("exited", co.left, n, "old ones that left the line").Over(window),
	}
	if s.trace != nil && c.watch.n > 0 {
		out = append(out, stats.Measure{Name: "silent", Value: float64(c.watch.silent) / float64(c.watch.n), Unit: "ratio", N: int64(c.watch.n),
			Method: "share of the old that never moved in the trace; by goroutine id"}.
			Over(float64(s.trace.DurationNS())/1e9))
	}
	return out
}

func count(name string, v int, n int64, method string) stats.Measure {
	return stats.Measure{Name: name, Value: float64(v), Unit: "count", N: n, Method: method}
}

// rate is the growth per second, or per snapshot where nobody recorded the times.
func (s *survey) rate(c *candidate) (stats.Measure, bool) {
	slope, snaps := stats.Slope{Value: math.NaN()}, s.dumps
	switch {
	case c.grew():
		if m, ok := s.birthRate(c.cohort); ok {
			return m, true
		}
		slope = c.cohort.slope
	case c.growth != nil:
		slope, snaps = c.growth.slope, s.snapshots
	}
	if slope.N == 0 || math.IsNaN(slope.Value) {
		return stats.Measure{}, false
	}
	x, timed := times(snaps)
	m := stats.Measure{Name: "growth", Value: slope.Value, Unit: "per_snapshot", N: int64(slope.N), Method: stats.TheilSenMethod}
	if timed {
		m.Unit = "per_s"
		m = m.Over(x[len(x)-1])
	}
	if !math.IsNaN(slope.Lo) && !math.IsNaN(slope.Hi) {
		m.Interval = &[2]float64{slope.Lo, slope.Hi}
	}
	return m, true
}

// birthRate is the births per second.
func (s *survey) birthRate(c *cohort) (stats.Measure, bool) {
	births, from := c.counted()
	x, timed := times(s.dumps)
	if len(births) == 0 || !timed {
		return stats.Measure{}, false
	}
	window := x[from+len(births)] - x[from]
	n := total(births)
	lo, hi := stats.PoissonRate(int64(n), window, 0.95)
	return stats.Measure{Name: "growth", Value: float64(n) / window, Unit: "per_s", N: int64(n), Interval: &[2]float64{lo, hi},
		Method: "survivors per second; " + stats.PoissonMethod}.Over(window), true
}
