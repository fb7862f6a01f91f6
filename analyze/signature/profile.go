package signature

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// Profile is all CPU profiles of a capture together.
type Profile struct {
	profiles []*evidence.Profile
	names    []nameIndex // of each profile
	// Samples is the number of samples, each worth PeriodNS() of CPU time.
	Samples  int64
	CPUNS    int64
	WindowNS int64 // wall time covered; 0 when no profile says, or samples are older than what it says
	periodNS int64 // CPU time per sample, 0 when no profile says

	durationNS int64 // as the profiles say
	procs      int   // GOMAXPROCS, 0 when no capture says
	// Starved is set where the kernel gave the program less CPU than it asked for, by the samples
	// themselves: shares are then of what was left, and in favour of what runs long.
	Starved bool
	doubts  func() []Doubt
}

// MinSamples is the least number of samples from which shares say anything: with fewer, the interval of
// a share of 5 % is wider than the share.
const MinSamples = 200

// Read takes the CPU profiles of a set: those of Go programs, or of others if there are no such.
func Read(set *evidence.Set) *Profile {
	p := &Profile{}
	all := set.ProfilesOf(evidence.CPU)
	anyGo := slices.ContainsFunc(all, IsGo)
	for _, prof := range all {
		col := prof.Column("samples")
		if col < 0 || anyGo && !IsGo(prof) {
			continue // not what the Go runtime writes
		}
		p.profiles = append(p.profiles, prof)
		p.names = append(p.names, indexNames(prof.Frames))
		p.Samples += prof.Total(col)
		p.CPUNS += prof.Total(prof.Column("cpu"))
		p.durationNS += prof.DurationNS
		p.periodNS = max(p.periodNS, prof.Period)
	}
	p.procs = procsOf(set, p.profiles)
	if _, stale := p.stale(); !stale {
		p.WindowNS = p.durationNS
	}
	p.doubts = sync.OnceValue(p.findDoubts)
	p.Starved = p.Of(Preempted).Above(starvedShare, Overdispersion)
	return p
}

// Preempted are samples taken as a goroutine was being interrupted. The kernel delivers what it has held
// back when it lets a thread run again, the request to yield and the profiler's tick at once: where
// threads wait for a CPU, samples pile up at this one instruction.
var Preempted = Signature{Leaf: []string{"runtime.asyncPreempt"}}

// starvedShare is the share of Preempted above which a host is oversubscribed: programs with a machine
// of their own have 0 to 4 %, ones that compete for it 11 to 26 %.
const starvedShare = 0.05

// Enough reports whether there are samples enough for shares.
func (p *Profile) Enough() bool { return p.Samples >= MinSamples }

// Cores is the CPU time used per wall time, 0 when the window is not known.
func (p *Profile) Cores() float64 {
	if p.WindowNS <= 0 {
		return 0
	}
	return float64(p.CPUNS) / float64(p.WindowNS)
}

// Idle reports that the program used less CPU than so many cores for sure, however few the samples are:
// few samples of a long time are an answer.
func (p *Profile) Idle(cores float64) bool {
	if p.WindowNS <= 0 {
		return false
	}
	_, most := stats.PoissonRate(p.Samples, float64(p.WindowNS), 0.95)
	return most*float64(p.PeriodNS()) < cores
}

// PeriodNS is the CPU time that one sample stands for: the longest, where profiles differ.
func (p *Profile) PeriodNS() int64 { return cmp.Or(p.periodNS, customaryPeriodNS) }

// customaryPeriodNS is the period of the runtime's CPU profiles unless the program asks for another.
const customaryPeriodNS = 10_000_000

// Share is the samples that show a signature.
type Share struct {
	Samples, Total int64
	Cores          float64 // of the program, for all its samples
	WindowNS       int64
	Starved        bool // as the Profile's
	// Sites are the lines of the program that cause it, those with most samples first. Samples
	// without a line of the program (the scheduler's own stacks) are in none of them.
	Sites []Site
	// Stack is the stack with most samples, of those without a line of the program if no other.
	Stack evidence.Stack
}

// Site is the samples at one line of the program: see Own.
type Site struct {
	Location evidence.Frame
	Samples  int64
	Lines    int            // that were added up; the location is one of them
	Stack    evidence.Stack // the one with most samples
	top      int64
	place    bool // Call.Place
}

// Of measures a signature.
func (p *Profile) Of(sig Signature) Share {
	out := Share{Total: p.Samples, Cores: p.Cores(), WindowNS: p.WindowNS, Starved: p.Starved}
	lines := byLine{}
	var top int64
	for k, prof := range p.profiles {
		col := prof.Column("samples")
		anywhere, leaf := p.names[k].mark(sig.Anywhere), p.names[k].mark(sig.Leaf)
		if anywhere == nil && leaf == nil {
			continue // most programs have nothing of most pathologies
		}
		unless := p.names[k].mark(sig.Unless)
		for i := range prof.Stacks {
			s := &prof.Stacks[i]
			if !(anywhere != nil && s.Any(anywhere)) && !(leaf != nil && len(s.Frames) > 0 && leaf[s.Frames[0]]) || unless != nil && s.Any(unless) {
				continue
			}
			n := s.Values[col]
			out.Samples += n
			stack := prof.Stack(s)
			if n > top {
				top, out.Stack = n, stack
			}
			lines.add(stack, n)
		}
	}
	out.Sites = lines.sorted()
	return out
}

// ByLine sums a column of profiles of any kind by line of the program, the largest first: Samples of the
// sites are then values of that column. It is empty where no profile has such a column.
func ByLine(profiles []*evidence.Profile, column string) []Site {
	lines := byLine{}
	for _, prof := range profiles {
		col := prof.Column(column)
		for i := 0; col >= 0 && i < len(prof.Stacks); i++ {
			s := &prof.Stacks[i]
			lines.add(prof.Stack(s), s.Values[col])
		}
	}
	return lines.sorted()
}

type byLine map[evidence.Frame]*Site

// add counts what happened under a line of the program; a stack without one counts nowhere.
func (l byLine) add(stack evidence.Stack, n int64) {
	at, ok := Own(stack)
	if !ok {
		return
	}
	s := l[at]
	if s == nil {
		s = &Site{Location: at, Lines: 1}
		l[at] = s
	}
	s.Samples += n
	if n > s.top {
		s.top, s.Stack = n, stack
	}
}

// Own is the line of the program that a stack is blamed on: the innermost in the focus (evidence.Set.Narrow), else
// of its own, else of a module that it depends on; false where all is the Go distribution's.
func Own(stack evidence.Stack) (at evidence.Frame, ok bool) {
	better := 0
	for _, f := range stack {
		rank := 0
		switch {
		case !isProgram(f):
		case IsDependency(f):
			rank = 1
		case f.Foreign:
			rank = 2
		default:
			return f, true
		}
		if rank > better {
			at, better = f, rank
		}
	}
	return at, better > 0
}

func (l byLine) sorted() []Site {
	out := make([]Site, 0, len(l))
	for _, s := range l {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Site) int {
		return cmp.Or(cmp.Compare(b.Samples, a.Samples), cmp.Compare(a.Location.Function, b.Location.Function),
			cmp.Compare(a.Location.File, b.Location.File), cmp.Compare(a.Location.Line, b.Location.Line))
	})
	return out
}

// Overdispersion is how much wider than binomial the spread of a share is between profiles of one
// program: samples come in runs. Scheduler doubles it, for functions of the scheduler vary with what
// else the machine does.
const (
	Overdispersion = 1.7320508075688772 // √3, measured on 96 profiles of one healthy program
	Scheduler      = 2 * Overdispersion
)

// ShareMethod names how intervals of shares are taken.
const ShareMethod = "share of CPU samples, " + stats.WilsonMethod

// StarvedWarning stands at measures of a profile that is Starved.
const StarvedWarning = "the program was denied CPU that it asked for, by other load or a quota: the share is uncertain"

// Interval is the 95 % interval of the share, widened by a factor: that of fewer samples.
func (s Share) Interval(widen float64) (lo, hi float64) { return interval(s.Samples, s.Total, widen) }

func interval(k, n int64, widen float64) (lo, hi float64) {
	if n <= 0 {
		return 0, 1
	}
	shrink := widen * widen
	// The spread of a share goes with the root of the number of samples.
	return stats.WilsonShare(float64(k)/float64(n), float64(n)/shrink, 0.95)
}

// Above reports whether the share is above a threshold for sure.
func (s Share) Above(threshold, widen float64) bool {
	lo, _ := s.Interval(widen)
	return s.Total >= MinSamples && lo > threshold
}

// Value is the share, 0 to 1.
func (s Share) Value() float64 { return ratio(s.Samples, s.Total) }

// Measure is the share with its interval.
func (s Share) Measure(name string, widen float64) stats.Measure {
	return s.measure(name, s.Samples, widen)
}

// MeasureSite is a site's part of all samples.
func (s Share) MeasureSite(name string, at Site, widen float64) stats.Measure {
	return s.measure(name, at.Samples, widen)
}

// SiteAbove reports whether a site's part of all samples is above a threshold for sure.
func (s Share) SiteAbove(at Site, threshold, widen float64) bool {
	lo, _ := interval(at.Samples, s.Total, widen)
	return s.Total >= MinSamples && lo > threshold
}

// CoresOf is the CPU that a number of samples stands for, in cores; 0 when the window is not known.
func (s Share) CoresOf(samples int64) float64 { return ratio(samples, s.Total) * s.Cores }

func (s Share) measure(name string, k int64, widen float64) stats.Measure {
	lo, hi := interval(k, s.Total, widen)
	m := stats.Measure{Name: name, Value: ratio(k, s.Total), Unit: "ratio", N: s.Total, Interval: &[2]float64{lo, hi},
		Method: fmt.Sprintf("%s, widened %.2g times for overdispersion", ShareMethod, widen)}
	if s.Starved {
		m = m.Warn(StarvedWarning)
	}
	return m.Over(float64(s.WindowNS) / 1e9)
}

func ratio(k, n int64) float64 {
	if n <= 0 {
		return 0
	}
	return float64(k) / float64(n)
}
