package mutexwait

import (
	"fmt"
	"math"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// reading is the evidence, as far as it is not about one lock.
type reading struct {
	*analyze.Pass
	held, waited *delays // of the mutex and of the block profiles
	cpu          *cpu
	requestsS    float64 // requests per second, 0 when unknown
	briefs       []brief // locks that are waited for, not by their sections' fault
}

// traceS is the time that traces cover, in seconds.
func (r *reading) traceS() float64 {
	if r.Evidence.Trace == nil {
		return 0
	}
	return float64(r.Evidence.Trace.DurationNS()) / 1e9
}

// rates are delays per second, by source; NaN where the time is unknown.
type rates struct{ held, waited, traced float64 }

func (r *reading) rates(heldNS, waitedNS, tracedNS int64) rates {
	per := func(ns int64, seconds float64) float64 {
		if seconds <= 0 {
			return math.NaN()
		}
		return float64(ns) / 1e9 / seconds
	}
	return rates{held: per(heldNS, r.held.windowS), waited: per(waitedNS, r.waited.windowS), traced: per(tracedNS, r.traceS())}
}

func (r *reading) ratesOf(l *lock) rates {
	return r.rates(l.heldNS, l.waitedNS, l.traced.Sum+l.tracedOpen.Sum)
}

// most is the largest of the rates that are known.
func (x rates) most() float64 {
	most := 0.0
	for _, v := range []float64{x.held, x.waited, x.traced} {
		if v > most {
			most = v
		}
	}
	return most
}

// enough is the largest rate that rests on enough waits, and how many sources have reached
// the threshold with it.
func (x rates) enough(p *analyze.Pass, l *lock) (rate float64, sources int) {
	// A crowd that never gets the lock waits few times, and once each.
	stuck := l.tracedOpen.Count >= int64(p.Param("min-asleep"))
	for _, s := range []struct {
		rate float64
		many bool
	}{
		{x.held, l.heldN >= int64(p.Param("min-contentions"))},
		{x.waited, l.waitedN >= int64(p.Param("min-contentions"))},
		{x.traced, stuck || l.traced.Count+l.tracedOpen.Count >= int64(p.Param("min-traced-waits"))},
	} {
		if s.rate >= p.Param("min-rate") && s.many {
			rate = max(rate, s.rate)
			sources++
		}
	}
	return rate, sources
}

// assess decides on one lock.
func (r *reading) assess(l *lock) (analyze.Finding, bool) {
	x := r.ratesOf(l)
	rate, sources := x.enough(r.Pass, l)
	crowd, seen, snapshots := l.crowd(r.Pass)
	fighting := r.cpu.share(l.cpuSlow)
	f := analyze.Finding{Rule: ruleContended, Family: family, Identity: l.identity(), Wait: l.kind, Cost: rate}
	what := l.what()
	switch {
	case sources > 0:
		f.Confidence = analyze.Likely
		if x.traced >= r.Param("min-rate") {
			f.Confidence = analyze.Proven
		}
		f.Message = fmt.Sprintf("goroutines wait %.3g s per second for %s", rate, what)
	case crowd:
		f.Confidence, f.Cost = analyze.Possible, float64(seen)
		if snapshots > 1 || l.maxMinutes > 0 {
			f.Confidence = analyze.Likely
		}
	case r.cpu.high(r.Pass, fighting, "lock-cpu-share", signature.Overdispersion):
		f.Confidence, f.Cost = r.cpu.lowered(analyze.Possible), fighting.Value()
		f.Message = fmt.Sprintf("%s goes into fighting for %s", fighting.Words(l.cpuSlow, r.requestsS), what)
	case r.withoutRate(l.heldNS, l.heldN, r.held) || r.withoutRate(l.waitedNS, l.waitedN, r.waited):
		f.Confidence = analyze.Weak
		if seen > 1 {
			f.Confidence = analyze.Possible
		}
		f.Message = fmt.Sprintf("goroutines waited for %s, %s each time on average; over what time is not known", what, signature.Duration(l.meanDelay()))
	default:
		return r.assessReaders(l)
	}
	switch {
	case l.logs:
		f.Rule = ruleLog
	case r.readersStarve(l, x):
		f.Rule = ruleStarved
		cause := "the writer of " + what
		if l.slowReader() {
			cause = "a slow reader, and the writer behind it, of " + what
		}
		f.Message = fmt.Sprintf("readers wait %.3g s per second for %s", r.rates(l.readersHeldNS, l.readersWaitedNS, l.tracedReadNS).most(), cause)
	case crowd || rate >= r.Param("min-asleep"):
		f.Rule = ruleConvoy
		f.Message = fmt.Sprintf("%s goroutines asleep at %s", asleepText(rate, seen), what)
		if l.maxMinutes > 0 {
			f.Message += fmt.Sprintf(", some for %d minutes", l.maxMinutes)
		}
	}
	holding, sure := l.holdersAsleep(r.Evidence)
	if most, known := r.occupied(l, holding, sure); known && most < briefShare && r.passes(l, x, rate) {
		l.place(&f, holding)
		r.briefs = append(r.briefs, brief{f.Location, max(rate, x.most()), most})
		return analyze.Finding{}, false
	}
	switch words := holding.Words(); {
	case words != "" && sure:
		f.Message += ", with it " + words
	case words != "":
		f.Message += ", which is " + words
	}
	f.Message += r.costWords(l, rate)
	l.place(&f, holding)
	f.Measures = r.measures(l, x, holding)
	f.Next = "go-debug explain " + f.Rule
	return f, true
}

// costWords are the delay per request, and how long a wait is.
func (r *reading) costWords(l *lock, rate float64) string {
	text := ""
	ended := l.heldN+l.waitedN+l.traced.Count > 0
	if r.requestsS > 0 && rate > 0 && ended {
		text = fmt.Sprintf(": %s per request", signature.Duration(rate/r.requestsS*1e9))
	}
	if l.traced.Count >= int64(r.Param("min-traced-waits")) {
		text += fmt.Sprintf("; a wait takes %s, p99 %s", signature.Duration(float64(l.traced.Quantile(0.5))), signature.Duration(float64(l.traced.Quantile(0.99))))
	}
	return text
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

// withoutRate decides by what a total since an unknown beginning can tell. Where there is a trace, that has a rate.
func (r *reading) withoutRate(ns, n int64, d *delays) bool {
	return d.windowS == 0 && r.Evidence.Trace == nil && n >= int64(r.Param("min-contentions")) && ns >= int64(r.Param("min-total-delay")) &&
		float64(ns)/float64(n) >= r.Param("min-mean-delay") && float64(ns) >= r.Param("min-share")*float64(d.totalNS)
}

func (l *lock) meanDelay() float64 {
	if l.heldN > 0 {
		return float64(l.heldNS) / float64(l.heldN)
	}
	return float64(l.waitedNS) / float64(max(l.waitedN, 1))
}

// readersStarve reports that it is readers who wait, and long enough.
func (r *reading) readersStarve(l *lock, x rates) bool {
	for _, s := range []struct {
		readers, all int64
		rate         float64
	}{
		{l.readersHeldNS, l.heldNS, x.held},
		{l.readersWaitedNS, l.waitedNS, x.waited},
		{l.tracedReadNS, l.traced.Sum + l.tracedOpen.Sum, x.traced},
	} {
		if s.all > 0 && 2*s.readers >= s.all && s.rate*float64(s.readers)/float64(s.all) >= r.Param("min-rate") {
			return true
		}
	}
	return false
}

// slowReader reports that readers wait behind a writer which waits for a reader itself, for longer than
// it has the lock. From the moment that a writer asks, readers that come have to wait: half of what the writer
// waits and holds, on average. So a writer that waits for as long as a reader does waits for more than it holds.
func (l *lock) slowReader() bool {
	readers, n := l.readersWaitedNS+l.tracedReadNS, l.readersWaitedN+l.tracedReadN
	if n == 0 {
		readers, n = l.readersHeldNS, l.readersHeldN
	}
	return l.writersWaitN > 0 && n > 0 && float64(l.writersWaitNS)/float64(l.writersWaitN) >= float64(readers)/float64(n)
}

// certainReaders is the share from which readers of an RWMutex take the CPU for sure, and not only some of it.
const certainReaders = 0.3

// assessReaders looks for readers that cost CPU without ever waiting.
func (r *reading) assessReaders(l *lock) (analyze.Finding, bool) {
	s := r.cpu.share(l.cpuReaders)
	if !r.cpu.high(r.Pass, s, "reader-cpu-share", signature.Overdispersion) {
		return analyze.Finding{}, false
	}
	sure := analyze.Possible
	if s.Above(certainReaders, signature.Overdispersion) {
		sure = analyze.Likely
	}
	f := analyze.Finding{
		Rule: ruleBounce, Identity: l.identity(), Confidence: r.cpu.lowered(sure), Wait: l.kind, Cost: s.Value(),
		Next:     "go-debug explain " + ruleBounce,
		Message:  fmt.Sprintf("%s goes into RLock and RUnlock of %s, and nobody waits", s.Words(l.cpuReaders, r.requestsS), l.what()),
		Measures: []stats.Measure{s.Measure("cpu_share", signature.Overdispersion)},
	}
	l.placeReaders(&f)
	return f, true
}
