package analyze

import (
	"cmp"
	"fmt"
	"slices"
)

// fold orders findings and puts those of one cause together. A group stands where its most important finding
// would stand: first the one to act on, then the others, which name it in FoldedInto. Findings of one detector are
// never folded: it knows itself what is one cause.
func fold(findings []Finding, rules map[string]*Rule) []Finding {
	place := map[string]int{}
	var groups [][]Finding
	for _, f := range findings {
		causes := causesOf(&f, rules)
		i := len(groups)
		for _, c := range causes {
			if g, ok := place[c]; ok && !has(groups[g], detectorOf(f.Rule)) {
				i = g
				break
			}
		}
		if i == len(groups) {
			groups = append(groups, nil)
		}
		for _, c := range causes {
			if _, ok := place[c]; !ok {
				place[c] = i
			}
		}
		groups[i] = append(groups[i], f)
	}
	var out []Finding
	for _, g := range groups {
		first := leader(g, rules)
		g[0], g[first] = g[first], g[0]
		slices.SortStableFunc(g[1:], compareFindings)
		for i := range g[1:] {
			g[i+1].FoldedInto = g[0].Fingerprint
		}
		out = append(out, g...)
	}
	return out
}

// causesOf are what tells that findings of several detectors have one cause: the line of the program, and what their
// rules say of themselves.
func causesOf(f *Finding, rules map[string]*Rule) []string {
	var out []string
	if at := f.Location; at.Line > 0 && !at.Std() {
		out = append(out, fmt.Sprintf("%s\x00%s\x00%d", at.Function, at.File, at.Line))
	}
	if r := rules[f.Rule]; r != nil && r.Cause != "" {
		out = append(out, "cause\x00"+r.Cause)
	}
	return out
}

func has(group []Finding, detector string) bool {
	return slices.ContainsFunc(group, func(f Finding) bool { return detectorOf(f.Rule) == detector })
}

// leader is the finding of a group to act on: the first that is no total, unless that one is less grave.
func leader(group []Finding, rules map[string]*Rule) int {
	for i := range group {
		if r := rules[group[i].Rule]; (r == nil || !r.Total) && group[i].Severity >= group[0].Severity {
			return i
		}
	}
	return 0
}

// compareFindings orders by importance: severity, confidence and cost together, then each alone, then names.
func compareFindings(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(b.score(), a.score()),
		cmp.Compare(b.Severity, a.Severity),
		cmp.Compare(b.Confidence, a.Confidence),
		cmp.Compare(b.Cost, a.Cost),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Location.Function, b.Location.Function),
		cmp.Compare(a.Location.Line, b.Location.Line),
		cmp.Compare(a.Message, b.Message))
}

// score is severity times confidence times cost. Rules state cost in units of their own, so it counts between
// half and whole: for a share as it is, for anything of 1 and more (goroutines lost, seconds waited a second) in
// full. A likely finding of high severity stands before a possible one, and a hot line with 60 % of the CPU before
// one with 12.
func (f *Finding) score() float64 {
	cost := min(max(f.Cost, 0), 1)
	return float64(f.Severity) * float64(f.Confidence) * (1 + cost) / 2
}
