package report

import (
	"fmt"
	"slices"
	"strings"
)

// Diff is what differs between two groups of runs, without a judgement.
type Diff struct {
	Status   DiffStatus    `json:"status" jsonschema:"different: a score or a finding has changed; same: no difference could be shown; inconclusive: nothing could be compared, or the runs are too few"`
	Summary  string        `json:"summary" jsonschema:"one line: how many scores are worse and better, how many runs there were"`
	Before   string        `json:"before" jsonschema:"what the first side is"`
	After    string        `json:"after" jsonschema:"what the second side is"`
	Scores   []ScoreChange `json:"scores" jsonschema:"each score before and after: worse ones first, those that grew most out of proportion before others"`
	Findings []Change      `json:"findings" jsonschema:"findings of the last run of each side, by what became of them"`
	Notes    []string      `json:"notes" jsonschema:"what to keep in mind about the comparison"`
}

// DiffStatus is the outcome in one word.
type DiffStatus string

// The outcomes.
const (
	Different    DiffStatus = "different"
	NotShown     DiffStatus = "same"
	Incomparable DiffStatus = "inconclusive"
)

// Side is one or more runs of a program.
type Side struct {
	Name string
	Runs []*Report
}

// last is the run that stands for the side where one must.
func (s Side) last() *Report { return s.Runs[len(s.Runs)-1] }

// NewDiff compares two sides. Neither may be empty.
func NewDiff(before, after Side, rules ScoreRules, growth Growth) *Diff {
	d := &Diff{Before: before.Name, After: after.Name, Scores: CompareScores(before.Runs, after.Runs, rules)}
	c := Compare(before.last(), after.last(), growth)
	d.Findings = c.Changes
	d.Notes = append(baselineNotes(before.last(), after.last(), growth), unlikeRuns(before, after)...)
	n := map[Direction]int{}
	for i := range d.Scores {
		n[d.Scores[i].Direction]++
	}
	changed := len(c.Of(ClassNew)) + len(c.Of(ClassGrown)) + len(c.Of(ClassFixed))
	switch {
	case n[ScoreWorse]+n[ScoreBetter]+changed > 0:
		d.Status = Different
	case n[ScoreSteady] > 0 || len(c.Of(ClassKnown)) > 0:
		d.Status = NotShown
	default:
		d.Status = Incomparable
	}
	d.Summary = diffSummary(n, c, before, after)
	return d
}

func diffSummary(n map[Direction]int, c *Comparison, before, after Side) string {
	var parts []string
	if n[ScoreWorse]+n[ScoreBetter] > 0 {
		parts = append(parts, fmt.Sprintf("%d worse and %d better of %s", n[ScoreWorse], n[ScoreBetter], count(total(n), "score")))
	} else if n[ScoreSteady] > 0 {
		parts = append(parts, fmt.Sprintf("no difference shown in %s", count(n[ScoreSteady], "score")))
	}
	if n[ScoreUntold] > 0 {
		parts = append(parts, fmt.Sprintf("%s cannot be told from chance by so few runs", count(n[ScoreUntold], "score")))
	}
	for _, class := range []Class{ClassNew, ClassGrown, ClassFixed} {
		if k := len(c.Of(class)); k > 0 {
			parts = append(parts, count(k, string(class)+" finding"))
		}
	}
	return fmt.Sprintf("%s (%s against %d)", strings.Join(parts, "; "), count(len(after.Runs), "run"), len(before.Runs))
}

func total(n map[Direction]int) int {
	sum := 0
	for _, k := range n {
		sum += k
	}
	return sum
}

// unlikeRuns are differences between the sides that are none of the program's code.
func unlikeRuns(before, after Side) []string {
	var out []string
	if b, a := before.last().unit(), after.last().unit(); b != "" && a != "" && b != a {
		out = append(out, fmt.Sprintf("CPU time is counted in %s before and in %s now: metrics that count requests are there on one side only, and what it costs cannot be compared", b, a))
	}
	if c, d := cut(before), cut(after); c+d > 0 {
		out = append(out, fmt.Sprintf("%d of %d and %d of %d runs were not wholly read", c, len(before.Runs), d, len(after.Runs)))
	}
	return out
}

// unit is what CPU time by function is counted in; empty when there is none.
func (r *Report) unit() string {
	i := slices.IndexFunc(r.Scores, func(s Score) bool { return s.Family == "cpu" })
	if i < 0 {
		return ""
	}
	return r.Scores[i].Unit
}

func cut(s Side) int {
	n := 0
	for _, r := range s.Runs {
		if len(r.Incomplete()) > 0 {
			n++
		}
	}
	return n
}
