package score

import (
	"cmp"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

func cpuScores(set *evidence.Set, perS float64) []Score {
	p := signature.Read(set)
	by, total := functions(set.ProfilesOf(evidence.CPU), "samples", all)
	if total <= 0 {
		return nil
	}
	ns := float64(p.PeriodNS())
	seconds := float64(p.WindowNS) / 1e9
	return slices.Clip(largest(CPU, by, total, 1, func(samples int64) (float64, string) {
		if perS > 0 && seconds > 0 {
			return float64(samples) * ns / (perS * seconds), "ns_per_request"
		}
		return float64(samples) / float64(total), "ratio"
	}))
}

// columnScores are the values of one column by function: what came about during the capture where two
// profiles or one over a time say so, else of the program's whole life, of which only shares mean
// something.
func columnScores(set *evidence.Set, kind evidence.Kind, column string, family Family, unit string, perS float64) []Score {
	changes, seconds := changesOf(set.ProfilesOf(kind))
	by, total := functions(changes, column, nearest)
	if total <= 0 {
		return nil
	}
	var perSample int64
	if kind == evidence.Allocs { // of delay only its sum is known, which is no count of samples
		perSample = changes[0].Period
	}
	return largest(family, by, total, perSample, func(v int64) (float64, string) {
		switch {
		case seconds > 0 && perS > 0:
			return float64(v) / (perS * seconds), unit + "_per_request"
		case seconds > 0:
			return float64(v) / seconds, unit + "_per_s"
		}
		return float64(v) / float64(total), "ratio"
	})
}

// changesOf are profiles of what came about during a time, and the time; 0 for totals.
func changesOf(all []*evidence.Profile) (changes []*evidence.Profile, seconds float64) {
	for _, p := range all {
		if p.IsChange() && p.DurationNS > 0 {
			changes = append(changes, p)
			seconds += float64(p.DurationNS) / 1e9
		}
	}
	if len(changes) > 0 || len(all) == 0 {
		return changes, seconds
	}
	last := all[len(all)-1]
	if len(all) > 1 {
		if d, err := last.Since(all[0]); err == nil && d.DurationNS > 0 {
			return []*evidence.Profile{d}, float64(d.DurationNS) / 1e9
		}
	}
	return []*evidence.Profile{last}, 0
}

// counted marks the frames of a stack whose functions count.
type counted int

const (
	all     counted = iota // each function once
	nearest                // the function of the program nearest the leaf, else the leaf
)

// functions sums a column by those functions of each stack that count. total is the sum of all stacks. Each profile
// is passed over once, by numbers instead of names: some have as many stacks as a report may keep.
func functions(profiles []*evidence.Profile, column string, which counted) (by map[string]int64, total int64) {
	by = map[string]int64{}
	for _, p := range profiles {
		col := p.Column(column)
		if col < 0 {
			continue
		}
		names, ids := functionsOf(p)
		own, user := make([]bool, len(p.Frames)), make([]bool, len(p.Frames))
		for i, f := range p.Frames {
			if i > 0 && ids[i] == ids[i-1] {
				own[i], user[i] = own[i-1], user[i-1]
				continue
			}
			own[i], user[i] = capturing(f), !f.Std()
		}
		sums, seen := make([]int64, len(names)), make([]int, len(names))
		for i := range p.Stacks {
			s := &p.Stacks[i]
			if s.Any(own) {
				continue
			}
			total += s.Values[col]
			frames := s.Frames
			if which == nearest && len(frames) > 0 {
				at := max(slices.IndexFunc(frames, func(f int32) bool { return user[f] }), 0)
				frames = frames[at : at+1]
			}
			for _, f := range frames {
				if id := ids[f]; seen[id] != i+1 {
					seen[id] = i + 1
					sums[id] += s.Values[col]
				}
			}
		}
		for id, name := range names {
			if name != "" && seen[id] > 0 {
				by[name] += sums[id]
			}
		}
	}
	return by, total
}

// functionsOf numbers the functions of a profile: ids has that of each frame. Frames of one function stand together
// in decoded profiles.
func functionsOf(p *evidence.Profile) (names []string, ids []int32) {
	known := map[string]int32{}
	ids = make([]int32, len(p.Frames))
	for i, f := range p.Frames {
		if i > 0 && f.Function == p.Frames[i-1].Function {
			ids[i] = ids[i-1]
			continue
		}
		id, ok := known[f.Function]
		if !ok {
			id = int32(len(names))
			known[f.Function], names = id, append(names, f.Function)
		}
		ids[i] = id
	}
	return names, ids
}

// capturing reports frames of the profilers themselves: what a capture costs is none of the program's
// work.
func capturing(f evidence.Frame) bool {
	switch f.Package() {
	case "runtime/pprof", "net/http/pprof", "runtime/trace":
		return true
	}
	return false
}

// largest turns sums into scores, for the functions with more than a sliver of the total. perSample is what
// one sample stands for on average, the rate of allocation profiles; 0 where it is not known.
func largest(family Family, by map[string]int64, total, perSample int64, scale func(int64) (float64, string)) []Score {
	type share struct {
		name string
		sum  int64
	}
	var shares []share
	for name, sum := range by {
		if float64(sum) >= minSlice*float64(total) {
			shares = append(shares, share{name, sum})
		}
	}
	slices.SortFunc(shares, func(a, b share) int { return cmp.Or(cmp.Compare(b.sum, a.sum), strings.Compare(a.name, b.name)) })
	var out []Score
	for _, s := range shares[:min(len(shares), MaxFunctions)] {
		v, unit := scale(s.sum)
		var samples int64
		if perSample > 0 {
			samples = max(s.sum/perSample, 1)
		}
		out = append(out, Score{Family: family, Name: s.name, Unit: unit, Value: v, N: samples})
	}
	return out
}
