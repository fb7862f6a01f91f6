package mutexwait

import (
	"fmt"
	"math"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// rates are the delays of one lock per second, by source; NaN where the time is unknown.
type rates struct{ held, waited, traced float64 }

func ratesOf(l *lock, held, waited *delays, tr *evidence.Trace) rates {
	per := func(ns int64, seconds float64) float64 {
		if seconds <= 0 {
			return math.NaN()
		}
		return float64(ns) / 1e9 / seconds
	}
	r := rates{held: per(l.heldNS, held.windowS), waited: per(l.waitedNS, waited.windowS), traced: math.NaN()}
	if tr != nil {
		r.traced = per(l.traced.Sum+l.tracedOpen.Sum, float64(tr.DurationNS())/1e9)
	}
	return r
}

// enough is the largest rate that rests on enough waits, and how many sources have reached
// the threshold with it.
func (r rates) enough(p *analyze.Pass, l *lock) (rate float64, sources int) {
	// A crowd that never gets the lock waits few times, and once each.
	stuck := l.tracedOpen.Count >= int64(p.Param("min-asleep"))
	for _, s := range []struct {
		rate float64
		many bool
	}{
		{r.held, l.heldN >= int64(p.Param("min-contentions"))},
		{r.waited, l.waitedN >= int64(p.Param("min-contentions"))},
		{r.traced, stuck || l.traced.Count+l.tracedOpen.Count >= int64(p.Param("min-traced-waits"))},
	} {
		if s.rate >= p.Param("min-rate") && s.many {
			rate = max(rate, s.rate)
			sources++
		}
	}
	return rate, sources
}

// assess decides on one lock.
func assess(p *analyze.Pass, l *lock, held, waited *delays, tr *evidence.Trace, cpu *cpuSamples) (analyze.Finding, bool) {
	r := ratesOf(l, held, waited, tr)
	rate, sources := r.enough(p, l)
	crowd, seen, snapshots := l.crowd(p)
	f := analyze.Finding{Rule: ruleContended, Wait: l.kind, Cost: rate}
	cpuShare, cpuHigh := shareAbove(p, l.cpuSlow, cpu.total, "lock-cpu-share")
	switch {
	case sources > 0:
		f.Confidence = analyze.Likely
		if r.traced >= p.Param("min-rate") {
			f.Confidence = analyze.Proven
		}
		f.Message = fmt.Sprintf("goroutines wait %.3g s per second for %s", rate, l.what())
	case crowd:
		f.Confidence, f.Cost = analyze.Possible, float64(seen)
		if snapshots > 1 || l.maxMinutes > 0 {
			f.Confidence = analyze.Likely
		}
	case cpuHigh:
		f.Confidence, f.Cost = analyze.Possible, float64(l.cpuSlow)/float64(cpu.total)
		f.Message = fmt.Sprintf("%.0f %% of the CPU goes into fighting for %s", 100*cpuShare, l.what())
	case withoutRate(p, l, held) || withoutRate(p, l.asWaited(), waited):
		f.Confidence = analyze.Weak
		if seen > 1 {
			f.Confidence = analyze.Possible
		}
		f.Message = fmt.Sprintf("goroutines waited for %s, %s each time on average; over what time is not known", l.what(), duration(l.meanDelay()))
	default:
		return assessReaders(p, l, cpu)
	}
	switch {
	case l.readersStarve(p, r):
		f.Rule = ruleStarved
		f.Message = fmt.Sprintf("readers wait %.3g s per second for the writer of %s", l.readerRate(held, waited, tr), l.what())
	case crowd || rate >= p.Param("min-asleep"):
		f.Rule = ruleConvoy
		f.Message = fmt.Sprintf("%s goroutines asleep at %s", asleepText(rate, seen), l.what())
		if l.maxMinutes > 0 {
			f.Message += fmt.Sprintf(", some for %d minutes", l.maxMinutes)
		}
	}
	l.place(&f)
	f.Measures = l.measures(r, held, waited, tr, cpu)
	f.Next = "go-debug explain " + f.Rule
	return f, true
}

func asleepText(rate float64, seen int) string {
	if float64(seen) >= rate {
		return fmt.Sprintf("up to %d", seen)
	}
	return fmt.Sprintf("%.3g", rate)
}

// crowd reports whether enough goroutines sleep at the lock in at least half of the
// snapshots that there are, the most seen in one, and the number of such snapshots.
func (l *lock) crowd(p *analyze.Pass) (crowd bool, most, snapshots int) {
	for _, n := range l.asleep {
		most = max(most, n)
		if n >= int(p.Param("min-asleep")) {
			snapshots++
		}
	}
	return snapshots > 0 && 2*snapshots >= p.Evidence.Count(evidence.Goroutine), most, snapshots
}

// withoutRate decides by what a total since an unknown beginning can tell.
func withoutRate(p *analyze.Pass, l *lock, d *delays) bool {
	return d.windowS == 0 && l.heldN >= int64(p.Param("min-contentions")) && l.heldNS >= int64(p.Param("min-total-delay")) &&
		float64(l.heldNS)/float64(l.heldN) >= p.Param("min-mean-delay") && float64(l.heldNS) >= p.Param("min-share")*float64(d.totalNS)
}

// asWaited is the lock as the block profile alone knows it.
func (l *lock) asWaited() *lock { return &lock{heldNS: l.waitedNS, heldN: l.waitedN} }

func (l *lock) meanDelay() float64 {
	if l.heldN > 0 {
		return float64(l.heldNS) / float64(l.heldN)
	}
	return float64(l.waitedNS) / float64(max(l.waitedN, 1))
}

// readersStarve reports that it is readers who wait, and long enough.
func (l *lock) readersStarve(p *analyze.Pass, r rates) bool {
	for _, s := range []struct {
		readers, all int64
		rate         float64
	}{
		{l.readersHeldNS, l.heldNS, r.held},
		{l.readersWaitedNS, l.waitedNS, r.waited},
		{l.tracedReadNS, l.traced.Sum + l.tracedOpen.Sum, r.traced},
	} {
		if s.all > 0 && 2*s.readers >= s.all && s.rate*float64(s.readers)/float64(s.all) >= p.Param("min-rate") {
			return true
		}
	}
	return false
}

func (l *lock) readerRate(held, waited *delays, tr *evidence.Trace) float64 {
	readers := &lock{heldNS: l.readersHeldNS, waitedNS: l.readersWaitedNS}
	readers.traced.Add(l.tracedReadNS)
	r := ratesOf(readers, held, waited, tr)
	best := 0.0
	for _, v := range []float64{r.held, r.waited, r.traced} {
		if v > best {
			best = v
		}
	}
	return best
}

// assessReaders looks for readers that cost CPU without ever waiting.
func assessReaders(p *analyze.Pass, l *lock, cpu *cpuSamples) (analyze.Finding, bool) {
	share, high := shareAbove(p, l.cpuReaders, cpu.total, "reader-cpu-share")
	if !high {
		return analyze.Finding{}, false
	}
	f := analyze.Finding{
		Rule: ruleBounce, Confidence: analyze.Possible, Wait: l.kind, Cost: share, Next: "go-debug explain " + ruleBounce,
		Message:  fmt.Sprintf("%.0f %% of the CPU goes into RLock and RUnlock of %s", 100*share, l.what()),
		Measures: []stats.Measure{cpuMeasure("cpu_share", l.cpuReaders, cpu.total)},
	}
	l.place(&f)
	return f, true
}

// shareAbove is a share of CPU samples, and whether the low end of its interval is above
// the parameter with enough samples.
func shareAbove(p *analyze.Pass, k, n int64, param string) (share float64, above bool) {
	if n < int64(p.Param("min-samples")) || n == 0 {
		return 0, false
	}
	lo, _ := stats.Wilson(k, n, 0.95)
	return float64(k) / float64(n), lo >= p.Param(param)
}
