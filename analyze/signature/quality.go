package signature

import (
	"fmt"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// Doubt is a reason not to take CPU profiles at face value. Doubts follow from the profiles and GOMAXPROCS alone, so that
// every detector that rests on them can ask, and none has to know of another.
type Doubt struct {
	Kind DoubtKind
	Why  string // one line with the numbers
	// Shares is set where the shares of functions may be wrong: what rests on them alone is less sure.
	// Otherwise it is the amounts of CPU time, or the outer ends of stacks.
	Shares  bool
	Measure stats.Measure
	// Stack is where it shows most; nil where it shows nowhere.
	Stack evidence.Stack
}

// DoubtKind names what is wrong with a profile.
type DoubtKind string

// The kinds of doubt.
const (
	RateAboveTick   DoubtKind = "rate-above-tick"  // more samples a second were asked for than kernels deliver
	StarvedHost     DoubtKind = "starved-host"     // other programs, or a quota, took the CPU away
	TruncatedStacks DoubtKind = "truncated-stacks" // the outer ends of stacks are missing
	LostSamples     DoubtKind = "lost-samples"     // the runtime could not keep or place them
	StaleSamples    DoubtKind = "stale-samples"    // some were taken before the profile began
	MixedPeriods    DoubtKind = "mixed-periods"    // samples of the profiles stand for different times
	Difference      DoubtKind = "difference"       // negative samples: one profile less another
)

// The limits of doubt.
const (
	// KernelTickNS is the least period at which a common kernel (CONFIG_HZ=250) looks at the CPU time of
	// threads: profiles at 100 samples a second hold 0.85 to 0.98 of the CPU time, at 500 a second 0.51.
	KernelTickNS = 4_000_000
	// TruncatedShare of the samples may lack their outer ends: less does not change what a reader sees.
	TruncatedShare = 0.05
	// LostShare of the samples may be lost: programs without faults lose none.
	LostShare = 0.01
)

// lost are the functions under which the runtime files samples that it cannot place.
var lost = Signature{Anywhere: []string{"runtime._LostExternalCode", "runtime._LostSIGPROFDuringAtomic64", "runtime/pprof.lostProfileEvent"}}

// LostFunctions are the functions under which lost samples stand.
func LostFunctions() Signature { return lost }

// Doubted reports whether the shares may be wrong.
func (p *Profile) Doubted() bool {
	for _, d := range p.Doubts() {
		if d.Shares {
			return true
		}
	}
	return false
}

// Doubts lists what speaks against the profiles, the gravest first. Too few samples are no doubt:
// intervals say it, and Enough.
func (p *Profile) Doubts() []Doubt { return p.doubts() }

func (p *Profile) findDoubts() []Doubt {
	var out []Doubt
	for _, find := range []func() (Doubt, bool){p.difference, p.mixedPeriods, p.starved, p.lostSamples, p.stale, p.truncated, p.rateAboveTick} {
		if d, ok := find(); ok {
			d.Measure = d.Measure.Over(float64(p.WindowNS) / 1e9)
			out = append(out, d)
		}
	}
	return out
}

func (p *Profile) difference() (Doubt, bool) {
	var negative, stacks int64
	for _, prof := range p.profiles {
		col := prof.Column("samples")
		for i := range prof.Stacks {
			stacks++
			if prof.Stacks[i].Values[col] < 0 {
				negative++
			}
		}
	}
	return Doubt{
		Kind: Difference, Shares: true,
		Why: fmt.Sprintf("%d of %d stacks have negative samples: this is the difference of two profiles, and has no shares", negative, stacks),
		Measure: stats.Measure{Name: "negative_stacks", Value: float64(negative), Unit: "count", N: stacks,
			Method: "stacks of the CPU profiles with fewer than 0 samples"},
	}, negative > 0
}

func (p *Profile) mixedPeriods() (Doubt, bool) {
	least, most := int64(0), int64(0)
	for _, prof := range p.profiles {
		if prof.Period <= 0 {
			continue
		}
		if least == 0 || prof.Period < least {
			least = prof.Period
		}
		most = max(most, prof.Period)
	}
	return Doubt{
		Kind: MixedPeriods, Shares: true,
		Why: fmt.Sprintf("the CPU profiles have a sample each %s and each %s: added up, those with the shorter period count for more", Duration(float64(least)), Duration(float64(most))),
		Measure: stats.Measure{Name: "period_ratio", Value: ratio(most, least), Unit: "ratio", N: int64(len(p.profiles)),
			Method: "longest over shortest period of the CPU profiles"},
	}, most > least
}

func (p *Profile) starved() (Doubt, bool) {
	s := p.Of(Preempted)
	return Doubt{
		Kind: StarvedHost, Shares: true, Stack: s.Stack,
		Why:     percentOf(s.Samples, s.Total) + " of the samples stand where threads get their CPU back: the program waited for its CPU, and samples are not where the time went",
		Measure: s.Measure("preempted_share", Overdispersion),
	}, p.Starved
}

func (p *Profile) lostSamples() (Doubt, bool) {
	s := p.Of(lost)
	return Doubt{
		Kind: LostSamples, Shares: true, Stack: s.Stack,
		Why: percentOf(s.Samples, s.Total) + " of the samples were lost: all shares may be higher by that much",
		Measure: stats.Measure{Name: "lost_share", Value: s.Value(), Unit: "ratio", N: s.Total,
			Method: "samples that the runtime could not keep or place, of all"},
	}, p.Samples > 0 && s.Value() >= LostShare
}

func (p *Profile) truncated() (Doubt, bool) {
	var all Truncation
	for _, prof := range p.profiles {
		if !IsGo(prof) {
			continue // other runtimes have other limits
		}
		all.add(TruncationOf(prof, prof.Column("samples"), MaxDepth(evidence.CPU, "")))
	}
	return Doubt{
		Kind: TruncatedStacks, Stack: all.Stack, Why: all.Words("samples"), Measure: all.Measure(),
	}, all.Share() >= TruncatedShare
}

func (p *Profile) rateAboveTick() (Doubt, bool) {
	var period int64
	for _, prof := range p.profiles {
		if prof.Period > 0 && (period == 0 || prof.Period < period) {
			period = prof.Period
		}
	}
	rate := ratio(1e9, period)
	return Doubt{
		Kind: RateAboveTick,
		Why:  fmt.Sprintf("%.4g samples a second were asked for, of which kernels with 250 ticks a second deliver 250: CPU times are lower bounds, shares stand", rate),
		Measure: stats.Measure{Name: "sample_rate", Value: rate, Unit: "per_s", N: p.Samples,
			Method: "one over the period of the CPU profile"},
	}, period > 0 && period < KernelTickNS
}

func percentOf(part, whole int64) string {
	v := 100 * ratio(part, whole)
	return fmt.Sprintf("%.*f %%", decimals(v), v)
}

// IsGo reports whether a profile is of a Go program: one of its functions is Go's. An empty profile may be.
func IsGo(p *evidence.Profile) bool { return p.IsGo() }
