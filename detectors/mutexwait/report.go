package mutexwait

import (
	"fmt"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// place names the critical section: the Lock call in the holder's function, which is
// where it begins, else the line that unlocks, else the line that waits.
func (l *lock) place(f *analyze.Finding) {
	switch {
	case len(l.holders) > 0:
		holder := l.holders[0]
		f.Location = holder.frame
		f.Stacks = []evidence.Stack{holder.stack}
		for _, w := range l.waiters {
			if w.frame.Function == holder.frame.Function {
				f.Location = w.frame
				break
			}
		}
		if len(l.waiters) > 0 {
			f.Stacks = append(f.Stacks, l.waiters[0].stack)
		}
	case len(l.waiters) > 0:
		f.Location = l.waiters[0].frame
		f.Stacks = []evidence.Stack{l.waiters[0].stack}
	}
}

// what names the lock in a sentence.
func (l *lock) what() string {
	kind := "a mutex"
	if l.kind == evidence.WaitRWMutex {
		kind = "an RWMutex"
	}
	list := l.holders
	verb := "held by "
	if len(list) == 0 {
		list, verb = l.waiters, "taken by "
	}
	if len(list) == 0 {
		return kind
	}
	c, ok := parseLock(list[0].stack)
	if !ok || c.owner == c.user {
		return kind + " " + verb + list[0].frame.Function
	}
	return kind + " inside " + c.owner.Function + ", taken by " + list[0].frame.Function
}

func (l *lock) measures(r rates, held, waited *delays, tr *evidence.Trace, cpu *cpuSamples) []stats.Measure {
	var out []stats.Measure
	add := func(m stats.Measure, windowS float64) { out = append(out, m.Over(windowS)) }
	if l.heldNS > 0 {
		out = append(out, profileMeasures("held", "mutex profile", l.heldNS, l.heldN, r.held, held)...)
	}
	if l.waitedNS > 0 {
		out = append(out, profileMeasures("waited", "block profile", l.waitedNS, l.waitedN, r.waited, waited)...)
	}
	if n := l.traced.Count + l.tracedOpen.Count; n > 0 {
		windowS := float64(tr.DurationNS()) / 1e9
		add(stats.Measure{Name: "traced_delay_rate", Value: r.traced, Unit: "s/s", N: n,
			Method: "waits of the trace over its window; those open at the end with their age"}, windowS)
		add(waitMeasure("traced_wait", &l.traced), windowS)
		if l.tracedOpen.Count > 0 {
			add(waitMeasure("traced_wait_open", &l.tracedOpen).Warn("still waiting at the end: ages, not durations"), windowS)
		}
	}
	if len(l.asleep) > 0 {
		most := 0
		for _, n := range l.asleep {
			most = max(most, n)
		}
		out = append(out, stats.Measure{Name: "asleep_max", Value: float64(most), Unit: "count", N: int64(len(l.asleep)),
			Method: "goroutines waiting for the lock in one snapshot, the most of the snapshots that show any"})
	}
	if l.cpuSlow > 0 {
		out = append(out, cpuMeasure("cpu_share", l.cpuSlow, cpu.total))
	}
	return out
}

// profileMeasures are rate, mean, total and share of one profile's delay at the lock. Without
// a window there is no rate, and the first of them is the mean.
func profileMeasures(prefix, source string, ns, n int64, rate float64, d *delays) []stats.Measure {
	var out []stats.Measure
	if d.windowS > 0 {
		out = append(out, stats.Measure{Name: prefix + "_delay_rate", Value: rate, Unit: "s/s", N: n, Method: source + ": " + d.method}.Over(d.windowS))
	}
	mean := stats.Measure{Name: prefix + "_delay_mean", Value: float64(ns) / float64(max(n, 1)), Unit: "ns", N: n, Method: source + ": delay per contention"}
	total := stats.Measure{Name: prefix + "_delay_total", Value: float64(ns), Unit: "ns", N: n, Method: source + ": " + d.method}
	share := stats.Measure{Name: prefix + "_delay_share", Value: float64(ns) / float64(max(d.totalNS, 1)), Unit: "ratio", N: n,
		Method: "of all delay in the " + source}
	if d.windowS == 0 {
		mean = mean.Warn("the time over which these waits ended is unknown, and with it their rate")
	}
	return append(out, mean.Over(d.windowS), total.Over(d.windowS), share.Over(d.windowS))
}

func waitMeasure(name string, h *evidence.Histogram) stats.Measure {
	q := func(p float64) *float64 { return stats.Float(float64(h.Quantile(p))) }
	mean := 0.0
	if h.Count > 0 {
		mean = h.Mean()
	}
	return stats.Measure{Name: name, Value: mean, Unit: "ns", N: h.Count,
		P50: q(0.5), P90: q(0.9), P95: q(0.95), P99: q(0.99), Max: stats.Float(float64(h.Max)), Method: "mean; " + evidence.HistogramMethod}
}

func cpuMeasure(name string, k, n int64) stats.Measure {
	lo, hi := stats.Wilson(k, n, 0.95)
	return stats.Measure{Name: name, Value: float64(k) / float64(max(n, 1)), Unit: "ratio", N: n, Interval: &[2]float64{lo, hi},
		Method: "CPU samples, 95 % Wilson interval"}
}

func duration(ns float64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	}
	return fmt.Sprintf("%.3g µs", ns/1e3)
}
