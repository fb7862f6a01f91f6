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
		selecting := siteAt(cpu.selecting, c.key)
		cost := selecting + cpu.closing.Samples
		burns := selecting > 0 && cpu.above(cost, p.Param("herd-cpu-share"))
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
	f.Measures = append(f.Measures, parkedMeasure(c))
	if c.of > 0 {
		f.Measures = append(f.Measures, shareOfGoroutines(c))
	}
	if c.growth != nil {
		f.Measures = append(f.Measures, *c.growth)
	}
	if burns {
		f.Message += "; waking them and selecting again takes " + cpu.words(cost)
		f.Measures = append(f.Measures, cpu.measure("cpu_share", cost))
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
		f.Confidence = cpu.lowered(analyze.Likely)
	}
	return f
}
