package mutexwait

import (
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/asleep"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// identity is the lock, whoever held it and whichever evidence showed it: the type that it belongs to; of
// several locks of one type that are told apart, the function that takes it.
func (l *lock) identity() []string {
	if l.apart {
		return []string{l.key}
	}
	return []string{l.scope}
}

// holder is whom the others wait for: of readers that starve behind a slow one, that one.
func (l *lock) holder() (place, bool) {
	if l.slowReader() {
		for _, h := range l.holders {
			if h.reads {
				return h, true
			}
		}
	}
	if len(l.holders) == 0 {
		return place{}, false
	}
	return l.holders[0], true
}

// place names the critical section: the Lock call in the holder's function, which is
// where it begins, else the line that unlocks, else the line that waits.
func (l *lock) place(f *analyze.Finding, h *asleep.Time) {
	holder, ok := l.holder()
	switch {
	case ok:
		f.Location = l.sectionStart(holder, h)
		f.Stacks = []evidence.Stack{holder.stack}
		if len(l.waiters) > 0 {
			f.Stacks = append(f.Stacks, l.waiters[0].stack)
		}
	case len(l.waiters) > 0:
		f.Location = l.waiters[0].frame
		f.Stacks = []evidence.Stack{l.waiters[0].stack}
	}
	if len(h.Places) > 0 {
		f.Stacks = append(f.Stacks, h.Places[0].Stack)
	}
}

// sectionStart is the line of the Lock call, where that is known. Where it is not, the line at which the holder's
// function is asleep before it unlocks says more than the one that unlocks: that may be a closing brace.
func (l *lock) sectionStart(holder place, h *asleep.Time) evidence.Frame {
	s, ok := l.spanOf(holder)
	if ok && holder.owner == holder.frame {
		at := holder.frame
		if at.Line = s.from; at.Line > 0 {
			return at
		}
	}
	for _, w := range l.waiters {
		if w.frame.Function == holder.frame.Function && w.reads == holder.reads {
			return w.frame
		}
	}
	if ok && h.Words() != "" {
		if i := slices.IndexFunc(h.Places[0].Stack, s.contains); i >= 0 && holder.owner == holder.frame {
			return h.Places[0].Stack[i]
		}
	}
	return holder.frame
}

// placeReaders names the RLock call that most is spent at.
func (l *lock) placeReaders(f *analyze.Finding) {
	for _, list := range [][]place{l.waiters, l.holders} {
		for _, p := range list {
			if p.reads {
				f.Location, f.Stacks = p.frame, []evidence.Stack{p.stack}
				return
			}
		}
	}
}

// what names the lock in a sentence, with what its section guards.
func (l *lock) what() string {
	kind, verb := "a mutex", "held by"
	if l.kind == evidence.WaitRWMutex {
		kind = "an RWMutex"
	}
	at, ok := l.holder()
	if !ok {
		if len(l.waiters) == 0 {
			return kind
		}
		at, verb = l.waiters[0], "taken by"
	}
	switch {
	case l.logs:
		return fmt.Sprintf("the lock of a logger (%s), taken most by %s", at.owner.Function, at.frame.Function)
	case at.owner != at.frame:
		return fmt.Sprintf("%s inside %s, taken by %s", kind, at.owner.Function, at.frame.Function)
	}
	text := kind + " " + verb + " " + at.frame.Function
	switch s, ok := l.spanOf(at); {
	case ok && s.deferred:
		text += fmt.Sprintf(" from line %d until it returns, line %d", s.from, s.to)
	case ok && s.from > 0:
		text += fmt.Sprintf(" from line %d to %d", s.from, s.to)
	case ok:
		text += fmt.Sprintf(" up to line %d", s.to)
	}
	return text
}

// measures are those of all kinds of evidence, the rates first.
func (r *reading) measures(l *lock, x rates, h *asleep.Time) []stats.Measure {
	var first, rest []stats.Measure
	profile := func(prefix, source string, ns, n int64, rate float64, d *delays) {
		if ns == 0 {
			return
		}
		list := profileMeasures(prefix, source, ns, n, rate, d)
		first, rest = append(first, list[0]), append(rest, list[1:]...)
	}
	profile("held", "mutex profile", l.heldNS, l.heldN, x.held, r.held)
	profile("waited", "block profile", l.waitedNS, l.waitedN, x.waited, r.waited)
	if n := l.traced.Count + l.tracedOpen.Count; n > 0 {
		first = append(first, stats.Measure{Name: "traced_delay_rate", Value: x.traced, Unit: "s/s", N: n,
			Method: "waits of the trace over its window; those open at the end with their age"}.Over(r.traceS()),
			waitMeasure("traced_wait", &l.traced).Over(r.traceS()))
		if l.tracedOpen.Count > 0 {
			rest = append(rest, waitMeasure("traced_wait_open", &l.tracedOpen).Warn("still waiting at the end: ages, not durations").Over(r.traceS()))
		}
	}
	if rate := x.most(); r.requestsS > 0 && rate > 0 {
		rest = append(rest, stats.Measure{Name: "delay_per_request", Value: rate / r.requestsS * 1e9, Unit: "ns", N: max(l.heldN, l.waitedN, l.traced.Count),
			Method: "the largest delay rate over the requests per second that the metrics count"})
	}
	if len(l.asleep) > 0 {
		most := 0
		for _, n := range l.asleep {
			most = max(most, n)
		}
		rest = append(rest, stats.Measure{Name: "asleep_max", Value: float64(most), Unit: "count", N: int64(len(l.asleep)),
			Method: "goroutines waiting for the lock in one snapshot, the most of the snapshots that show any"})
	}
	rest = append(rest, r.holdingMeasures(h)...)
	if l.cpuSlow > 0 {
		rest = append(rest, r.cpu.measure("cpu_share", l.cpuSlow, signature.Overdispersion))
	}
	return append(first, rest...)
}

// holdingMeasures say how long holders were asleep.
func (r *reading) holdingMeasures(h *asleep.Time) []stats.Measure {
	var out []stats.Measure
	if h.NS > 0 {
		out = append(out, stats.Measure{Name: "holders_asleep", Value: h.Rate(), Unit: "s/s", N: h.N,
			Method: "waits inside of the section, past its Lock, over the trace's window"}.Over(r.traceS()))
	}
	if h.Snapshots > 0 {
		out = append(out, stats.Measure{Name: "snapshots_with_holder_asleep", Value: float64(h.Snapshots), Unit: "count", N: int64(r.Evidence.Count(evidence.Goroutine)),
			Method: "snapshots that show a goroutine waiting for something else inside of the section"})
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
