package selectwait

import (
	"fmt"
	"maps"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/asleep"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// sendFamily is that of the rules for senders that wait: whether one or several receive may look different from
// one capture to the next.
const sendFamily = "selectwait/send"

// reportBackpressure reports the sends at which goroutines wait for receivers.
func reportBackpressure(p *analyze.Pass, c *channels, cpu *cpuShares) {
	if c.noRate && c.blockS == 0 && c.traceS == 0 {
		p.NotChecked("back-pressure: the block profile has no duration, so its delays have no rate", tryCapture)
	}
	for _, k := range slices.Sorted(maps.Keys(c.sends)) {
		if f, ok := c.assess(p, c.sends[k], cpu); ok {
			p.Report(f)
		}
	}
}

// minTracedWaits is the number of waits in a trace from which their rate says something.
const minTracedWaits = 20

func (c *channels) assess(p *analyze.Pass, s *sendSite, cpu *cpuShares) (analyze.Finding, bool) {
	var blocked, traced float64
	if c.blockS > 0 {
		blocked = float64(s.blockNS) / 1e9 / c.blockS
	}
	if n := s.traced.Count + s.open.Count; c.traceS > 0 && n >= minTracedWaits {
		traced = float64(s.traced.Sum+s.open.Sum) / 1e9 / c.traceS
	}
	waiting := max(blocked, traced)
	// Senders that nobody ever receives from are a leak's, and of detector leak.
	if waiting < p.Param("min-waiting-senders") || s.traced.Count == 0 && s.blockN == 0 {
		return analyze.Finding{}, false
	}
	f := analyze.Finding{
		Rule: ruleBackpressure, Family: sendFamily, Identity: []string{evidence.NormalFunction(s.location.Function)},
		Confidence: analyze.Possible, Location: s.location, Wait: s.wait, Stacks: []evidence.Stack{s.stack}, Cost: waiting,
		Message: fmt.Sprintf("%.3g senders wait here on average for a receiver", waiting),
	}
	if blocked >= p.Param("min-waiting-senders") && traced >= p.Param("min-waiting-senders") {
		f.Confidence = analyze.Likely
	}
	switch r := s.receiver(); {
	case r == nil:
	case !r.holder.IsZero():
		nameHolders(p.Evidence, &f, waiting, r)
	default:
		nameReceiver(p.Evidence, &f, waiting, r.at, cpu)
	}
	if cpu.requestsS > 0 {
		f.Message += fmt.Sprintf(": %s per request", signature.Duration(waiting/cpu.requestsS*1e9))
	}
	if s.traced.Count >= minTracedWaits {
		f.Message += fmt.Sprintf("; a wait takes %s, p99 %s", signature.Duration(float64(s.traced.Quantile(0.5))), signature.Duration(float64(s.traced.Quantile(0.99))))
	}
	f.Next = "go-debug explain " + f.Rule
	f.Measures = c.measures(s, waiting, blocked, traced, cpu)
	return f, true
}

// nameReceiver says who receives, how many of them there are, and what keeps them from it.
func nameReceiver(set *evidence.Set, f *analyze.Finding, waiting float64, at evidence.Frame, cpu *cpuShares) {
	n := receivers(set, at)
	who := "receivers"
	if n == 1 {
		f.Rule, who = ruleFanIn, "the one goroutine that receives"
	} else if n > 1 {
		who = fmt.Sprintf("the %d goroutines that receive", n)
	}
	f.Message = fmt.Sprintf("%.3g senders wait here on average for %s, %s at %s", waiting, who, at.Function, place(at))
	// What else they wait for, past the line at which they receive.
	elsewhere := asleep.Within(set, func(s evidence.Stack) bool {
		i := slices.IndexFunc(s, func(x evidence.Frame) bool { return sameFunction(x, at) })
		return i >= 0 && s[i].Line != at.Line
	})
	busy := cpu.CPUIn(at)
	switch words := elsewhere.Words(); {
	case words != "":
		f.Message += ", " + words
		f.Stacks = append(f.Stacks, elsewhere.Places[0].Stack)
	case busy > 0 && n > 0 && busy >= busyShare*float64(n):
		f.Message += fmt.Sprintf(", which uses %.2g cores", busy)
	}
}

// busyShare is the share of a core from which a receiver is too slow because it computes.
const busyShare = 0.5

// CPUIn is the CPU that goroutines use in a function and what it calls, in cores; 0 when unknown.
func (c *cpuShares) CPUIn(at evidence.Frame) float64 {
	if !c.tells {
		return 0
	}
	s := c.Of(signature.Signature{Anywhere: []string{at.Function}})
	return s.CoresOf(s.Samples)
}

func sameFunction(a, b evidence.Frame) bool {
	return a.File == b.File && evidence.NormalFunction(a.Function) == evidence.NormalFunction(b.Function)
}

// receivers counts the goroutines in the function that receives: the most of any snapshot. 0 is unknown.
func receivers(set *evidence.Set, at evidence.Frame) int {
	most := 0
	for _, snap := range set.SnapshotsOf(evidence.Goroutine) {
		n := 0
		for i := range snap.Groups {
			g := &snap.Groups[i]
			if slices.ContainsFunc(g.Stack, func(f evidence.Frame) bool { return sameFunction(f, at) }) {
				n += g.Count
			}
		}
		most = max(most, n)
	}
	return most
}

func (c *channels) measures(s *sendSite, waiting, blocked, traced float64, cpu *cpuShares) []stats.Measure {
	var out []stats.Measure
	if blocked > 0 {
		out = append(out, stats.Measure{Name: "waiting_senders", Value: blocked, Unit: "s/s", N: s.blockN,
			Method: "delay of blocked sends over the block profile's duration"}.Over(c.blockS))
	}
	if traced > 0 {
		out = append(out, stats.Measure{Name: "traced_waiting_senders", Value: traced, Unit: "s/s", N: s.traced.Count + s.open.Count,
			Method: "waits of the trace over its window; those open at the end with their age"}.Over(c.traceS),
			stats.FromHistogram("traced_wait", "ns", &s.traced, 0.99).Over(c.traceS))
	}
	if cpu.requestsS > 0 {
		out = append(out, stats.Measure{Name: "delay_per_request", Value: waiting / cpu.requestsS * 1e9, Unit: "ns", N: max(s.blockN, s.traced.Count),
			Method: "the larger rate over the requests per second that the metrics count"})
	}
	if len(s.asleep) > 0 {
		out = append(out, stats.Measure{Name: "asleep_max", Value: float64(slices.Max(slices.Collect(maps.Values(s.asleep)))), Unit: "count", N: int64(len(s.asleep)),
			Method: "goroutines waiting in this send in one snapshot, the most of the snapshots that show any"})
	}
	return out
}
