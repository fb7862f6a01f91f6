package heapgrowth

import (
	"cmp"
	"fmt"
	"slices"

	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// minPoints is the least number of states that have a trend.
const minPoints = 3

// series is the heap profiles of one run of one program, in time order, each of a collection of its own.
type series struct {
	points []point
	rate   float64 // bytes per sample, of all
	why    string  // there are fewer than minPoints
	stale  bool    // the program collects too rarely for more
	alone  bool    // the set holds nothing from which others learn more
	set    *evidence.Set
}

// point is one profile.
type point struct {
	*evidence.Profile
	bytes, objects, allocBytes, allocObjects int     // columns; alloc columns may be -1
	at                                       float64 // seconds since the first; the number of the profile where no time is known
}

func (p *point) inUse() float64     { return float64(p.Total(p.bytes)) }
func (p *point) allocated() float64 { return float64(p.Total(p.allocBytes)) }

// read takes the heap profiles that are states of one program. A profile that is the sum of others, or what
// changed during a time, is no state.
func read(set *evidence.Set) *series {
	s := &series{set: set}
	s.alone = len(set.Snapshots) == 0 && set.Trace == nil && len(set.Loads) == 0 && !set.Has(evidence.CPU, 1)
	var refused string
	var all []point
	for _, p := range set.ProfilesOf(evidence.Heap) {
		pt, why := pointOf(p)
		if why != "" {
			refused = why
			continue
		}
		all = append(all, pt)
	}
	if len(all) == 0 {
		s.why = refused
		return s
	}
	n := len(all)
	all = s.ofOneProgram(all)
	s.points = distinct(ofOneRun(all))
	s.setTimes()
	switch {
	case len(s.points) >= minPoints:
	case refused != "" && n < minPoints:
		s.why = refused
	case n == 1:
		s.why = "one heap profile: growth cannot be seen"
	case n < minPoints:
		s.why = fmt.Sprintf("%d heap profiles, it takes %d", n, minPoints)
	case len(all) < minPoints:
		s.why = "the heap profiles are of several programs, builds or sampling rates"
	case len(distinct(all)) < minPoints:
		s.why, s.stale = fmt.Sprintf("%d heap profiles show %d collections: what is in use is known as of the last one only", n, len(distinct(all))), true
	default:
		s.why = "the program was started anew between the heap profiles"
	}
	return s
}

// pointOf reads the columns of a profile, or says why it is no state of a Go program's heap.
func pointOf(p *evidence.Profile) (point, string) {
	pt := point{Profile: p, bytes: p.Column("inuse_space"), objects: p.Column("inuse_objects"),
		allocBytes: p.Column("alloc_space"), allocObjects: p.Column("alloc_objects")}
	switch {
	case pt.bytes < 0 || pt.objects < 0:
		return pt, "the heap profile has no inuse_space and inuse_objects"
	case !signature.IsGo(p):
		return pt, "not a heap profile of a Go program"
	case p.Folded > 0:
		return pt, "the heap profiles were too many to keep: their sum is no state"
	case p.IsChange():
		return pt, "the heap profile shows how memory changed in a time (?seconds=, or -diff_base), not what is in use"
	case len(p.Stacks) == 0:
		return pt, "the heap profile is empty: nothing has been sampled and collected yet, or runtime.MemProfileRate is 0"
	}
	return pt, ""
}

// customaryRate is the runtime's, for profiles that do not say.
const customaryRate = 512 << 10

// ofOneProgram keeps the profiles of the program, by target, build and sampling rate, that has most of them;
// the first of those with equally many. Another rate scales objects that were sampled before it wrongly.
func (s *series) ofOneProgram(all []point) []point {
	targets := map[string]string{}
	for i := range s.set.Inputs {
		targets[s.set.Inputs[i].Source] = s.set.Inputs[i].Target
	}
	type program struct {
		target, build string
		rate          int64
	}
	of := func(p point) program { return program{targets[p.Source], p.Build, p.Period} }
	count := map[program]int{}
	for _, p := range all {
		count[of(p)]++
	}
	best := of(all[0])
	for _, p := range all {
		if count[of(p)] > count[best] {
			best = of(p)
		}
	}
	s.rate = float64(cmp.Or(best.rate, customaryRate))
	return slices.DeleteFunc(slices.Clone(all), func(p point) bool { return of(p) != best })
}

// ofOneRun keeps the longest stretch in which what was allocated since the start does not fall: where it
// does, the program was started anew.
func ofOneRun(all []point) []point {
	best, from := all[:1], 0
	for i := 1; i <= len(all); i++ {
		if i < len(all) && all[i].allocated() >= all[i-1].allocated() {
			continue
		}
		if i-from >= len(best) {
			best = all[from:i]
		}
		from = i
	}
	return best
}

// distinct leaves out profiles in which nothing has changed since the one before: no collection ended in
// between, and both show the same.
func distinct(all []point) []point {
	var out []point
	for _, p := range all {
		if n := len(out); n > 0 && p.allocBytes >= 0 && slices.Equal(p.Totals, out[n-1].Totals) {
			continue
		}
		out = append(out, p)
	}
	return out
}

func (s *series) setTimes() {
	for i := range s.points {
		s.points[i].at = float64(i)
		if s.timed() {
			s.points[i].at = s.points[i].At.Sub(s.points[0].At).Seconds()
		}
	}
}

// timed reports whether all profiles say when they were taken, each later than the one before.
func (s *series) timed() bool {
	for i := range s.points {
		if s.points[i].At.IsZero() || i > 0 && !s.points[i].At.After(s.points[i-1].At) {
			return false
		}
	}
	return true
}

// window is the seconds between the first and the last state, 0 when no time is known.
func (s *series) window() float64 {
	if !s.timed() {
		return 0
	}
	return s.last().at
}

func (s *series) last() *point { return &s.points[len(s.points)-1] }
