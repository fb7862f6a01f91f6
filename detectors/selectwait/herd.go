package selectwait

import (
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// A broadcast is the wake-ups of one select by code that closes a channel.
type broadcast struct {
	wakes int64
	by    evidence.Frame // the line that closes for most of them
	most  int64
}

// readBroadcasts sums the wake-ups of each select by closed channels.
func readBroadcasts(t *evidence.Trace) map[string]*broadcast {
	out := map[string]*broadcast{}
	if t == nil {
		return out
	}
	for i := range t.Wakes {
		w := &t.Wakes[i]
		woken := t.StackOf(w.Woken)
		if !isSelect(w.Wait, woken) {
			continue
		}
		waker := t.StackOf(w.Waker)
		key, _, ok := siteOf(woken)
		if !ok || !broadcasts(waker) {
			continue
		}
		b := out[key]
		if b == nil {
			b = &broadcast{}
			out[key] = b
		}
		b.wakes += w.Count
		if by, ok := waker.User(); ok && w.Count > b.most {
			b.by, b.most = by, w.Count
		}
	}
	return out
}

// reportHerds reports the crowds that cost something, and returns their keys.
func reportHerds(p *analyze.Pass, cpu *cpuShares, crowds []crowd) map[string]bool {
	told := map[string]bool{}
	broadcasts := readBroadcasts(p.Evidence.Trace)
	for i := range crowds {
		c := &crowds[i]
		var selecting int64
		for j := range cpu.selecting {
			if cpu.selecting[j].key == c.key {
				selecting = cpu.selecting[j].samples
			}
		}
		cost := selecting + cpu.closing
		burns := selecting > 0 && cpuTells(p, cpu) && cpu.above(cost, p.Param("herd-cpu-share"))
		// The crowd is still parked, so whoever was woken came back; and a channel for each
		// waiter, closed once, would have to be closed for every one of them within the trace.
		b := broadcasts[c.key]
		woken := b != nil && b.wakes >= int64(max(c.parked, int(p.Param("min-crowd"))))
		if !burns && !woken {
			continue
		}
		told[c.key] = true
		p.Report(herdFinding(p, c, cpu, cost, burns, b, woken))
	}
	return told
}

func herdFinding(p *analyze.Pass, c *crowd, cpu *cpuShares, cost int64, burns bool, b *broadcast, woken bool) analyze.Finding {
	f := analyze.Finding{
		Rule: ruleHerd, Confidence: analyze.Possible, Location: c.location, CreatedBy: c.creator, Wait: evidence.WaitSelect,
		Message: fmt.Sprintf("%d goroutines wait in this select", c.parked),
		Stacks:  []evidence.Stack{c.stack}, Cost: float64(c.parked), Next: "go-debug explain " + ruleHerd,
	}
	parked := stats.Measure{Name: "parked", Value: float64(c.parked), Unit: "count", N: 1, Method: "most in any snapshot, or at the end of the trace"}
	f.Measures = append(f.Measures, parked)
	if c.of > 0 {
		f.Measures = append(f.Measures, stats.Measure{Name: "share_of_goroutines", Value: float64(c.parked) / float64(c.of), Unit: "ratio",
			N: int64(c.of), Method: "of all goroutines in that snapshot"})
	}
	if burns {
		f.Message += fmt.Sprintf("; waking them and selecting again takes %.0f %% of the CPU", 100*float64(cost)/float64(cpu.total))
		f.Measures = append(f.Measures, cpu.share("cpu_share", cost))
	}
	if woken {
		windowS := float64(p.Evidence.Trace.DurationNS()) / 1e9
		by := ""
		if !b.by.IsZero() {
			by = ", closed at " + place(b.by)
		}
		f.Message += fmt.Sprintf("; a broadcast%s woke %d in %.3g s", by, b.wakes, windowS)
		f.Measures = append(f.Measures, stats.Measure{Name: "broadcast_wakes", Value: float64(b.wakes), Unit: "count", N: b.wakes,
			Method: "wake-ups by a closed channel in the trace"}.Over(windowS))
	}
	if burns && (woken || cpu.above(cost, p.Param("min-cpu-share"))) {
		f.Confidence = analyze.Likely
	}
	return f
}
