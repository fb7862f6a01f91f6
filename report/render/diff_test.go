package render

import (
	"strings"
	"testing"

	"go-debug/report"
)

// In Markdown a comparison has the customary columns, and draws the runs of both sides on one scale.
func TestDifferenceInMarkdown(t *testing.T) {
	before, after, p := 2e6, 4e6, 0.008
	d := &report.Diff{Status: report.Different, Summary: "1 score is worse", Scores: []report.ScoreChange{{
		Family: "delay", Name: "main.(*cart).add", Unit: "ns_per_request", Direction: report.ScoreWorse, Before: &before, After: &after,
		Interval: &[2]float64{1.5e6, 2.5e6}, P: &p, Runs: [2]int{3, 3}, RunsBefore: []float64{1.9e6, 2e6, 2.2e6}, RunsAfter: []float64{3.8e6, 4e6, 4.4e6}}}}
	m := &page{}
	m.difference(d)
	for _, want := range []string{
		"| metric | before | after | change (95 % CI) | p |\n| --- | --- | --- | --- | --- |\n",
		"2 ms `▄▄▅` | 4 ms `▇██` | +100 % (+75 to +125) | 0.008 |\n",
	} {
		if !strings.Contains(m.out.String(), want) {
			t.Errorf("no %q in\n%s", want, m.out.String())
		}
	}
}

func TestRunsAreDrawnWhereKnown(t *testing.T) {
	many := make([]float64, sparkColumns+1)
	for name, c := range map[string]report.ScoreChange{
		"none":                  {},
		"all zero":              {RunsBefore: []float64{0, 0}, RunsAfter: []float64{0}},
		"more than one can see": {RunsBefore: append(many, 1), RunsAfter: many},
	} {
		if before, after := runSparks(&c); before != "" || after != "" {
			t.Errorf("%s: drawn as %q and %q", name, before, after)
		}
	}
	before, after := runSparks(&report.ScoreChange{RunsBefore: []float64{0, 0}, RunsAfter: []float64{8}})
	if before != "▁▁" || after != "█" {
		t.Errorf("what was not there before: %q and %q", before, after)
	}
}
