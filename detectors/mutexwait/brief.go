package mutexwait

import (
	"cmp"
	"fmt"
	"slices"

	"go-debug/analyze/asleep"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// briefShare is the part of the time for which a lock must be worked under to limit what it guards. Goroutines that come
// independently of each other wait ρ²/(1−ρ) in all for a lock in use for ρ of the time (M/M/1): 0.08 s/s at a
// quarter, a twelfth of what min-rate asks for. Who waits longer came together with others, or behind one whose thread
// had no CPU; the section is not why.
const briefShare = 0.25

// longWait is the quantile of the waits that ended, above which those are long that did not.
const longWait = 0.99

// brief is a lock that is waited for, and hardly worked under.
type brief struct {
	at   evidence.Frame
	rate float64 // s/s
	most float64 // of the time in which somebody works or sleeps with it, at most
}

// occupied is the part of the time for which somebody works or is asleep with the lock in hand, at most; false where
// that is not known. What runs is taken from CPU profiles as a part of the time that goroutines run by the trace,
// which counts threads that stand still as running; what is asleep from the trace, which has all of it.
func (r *reading) occupied(l *lock, holding *asleep.Time, sure bool) (float64, bool) {
	windowS := r.traceS()
	spans := l.spans()
	known := len(spans) > 0 && !slices.ContainsFunc(spans, func(s span) bool { return s.from == 0 })
	if !sure || !known || windowS == 0 || !r.cpu.Enough() || holding.Snapshots > 0 {
		return 0, false
	}
	working := r.cpu.share(r.cpu.within(spans))
	_, most := working.Interval(signature.Overdispersion)
	running := float64(r.Evidence.Trace.Sched.RunningNS) / 1e9 / windowS
	return most*running + float64(holding.NS)/1e9/windowS, true
}

// passes reports waits that the trace, by which a lock is occupied or not, has itself, most of them, and that end. What a
// trace has little of comes from something else than what it shows under the lock; behind a lock that nobody gives back
// nobody runs, nor sleeps in its section.
func (r *reading) passes(l *lock, x rates, rate float64) bool {
	seen := x.traced >= r.Param("min-rate") && 2*x.traced >= rate && l.traced.Count >= int64(r.Param("min-traced-waits"))
	// Those who queue at the trace's end have waited for no longer than others.
	stuck := l.tracedOpen.CountAbove(l.traced.Quantile(longWait)) >= int64(r.Param("min-asleep")) ||
		2*l.tracedOpen.Sum > l.traced.Sum+l.tracedOpen.Sum || l.maxMinutes > 0
	return seen && !stuck
}

// within counts the samples with a frame in one of the spans.
func (c *cpu) within(spans []span) (n int64) {
	for _, p := range c.profiles {
		column := p.Column("samples")
		if column < 0 {
			continue
		}
		inside := p.MaskWhere(func(f evidence.Frame) bool {
			return slices.ContainsFunc(spans, func(s span) bool { return s.contains(f) })
		})
		for i := range p.Stacks {
			if s := &p.Stacks[i]; s.Any(inside) {
				n += s.Values[column]
			}
		}
	}
	return n
}

// remarkBrief says of the lock that is waited for most of those, which is no finding, what stays open.
func (r *reading) remarkBrief() {
	if len(r.briefs) == 0 {
		return
	}
	top := slices.MaxFunc(r.briefs, func(a, b brief) int { return cmp.Compare(a.rate, b.rate) })
	others := ""
	if n := len(r.briefs) - 1; n > 0 {
		others = fmt.Sprintf(" (and %d more)", n)
	}
	r.NotChecked(fmt.Sprintf("whether the lock at %s:%d%s costs anything where there is CPU to spare: goroutines wait %.3g s per second for it, but with it in hand they "+
		"work or sleep for at most %.2g %% of the time, so they come at once, or who has it waits for the CPU", top.at.ShortFile(), top.at.Line, others, top.rate, 100*top.most), tryCapture)
}
