package report

import (
	"bytes"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

func with(inputs []evidence.Input, outcomes []analyze.Outcome, fs ...analyze.Finding) *Report {
	return New(&evidence.Set{Inputs: inputs}, &analyze.Result{Findings: fs, Outcomes: outcomes}, tool)
}

func TestJudge(t *testing.T) {
	leak := faultOf("leak", analyze.High, analyze.Likely)
	unsure := faultOf("leak", analyze.High, analyze.Possible)
	medium := faultOf("leak", analyze.Medium, analyze.Proven)
	whole := []evidence.Input{input("a", true)}
	cut := []evidence.Input{input("a", true), input("b", false)}
	gone := []evidence.Input{{Position: evidence.Position{Source: "gone"}, Error: "no such file"}}
	state := func(s analyze.State) []analyze.Outcome {
		return append(ran("leak"), analyze.Outcome{Detector: "mutexwait", State: s, Why: "reason"})
	}
	failOnHigh, partial, gatePartial := AnalyzePolicy(), AnalyzePolicy(), GatePolicy()
	failOnHigh.FailOn = analyze.High
	partial.AllowPartial, gatePartial.AllowPartial = true, true
	none := []analyze.Outcome{{Detector: "leak", State: analyze.Skipped}}
	cases := map[string]struct {
		head   *Report
		base   *Report
		policy Policy
		want   int
		reason string
	}{
		"analyze: findings":              {with(whole, ran("leak"), leak), nil, AnalyzePolicy(), 0, ""},
		"analyze: fail on high":          {with(whole, ran("leak"), leak), nil, failOnHigh, 1, "finding leak/x at main.go:7"},
		"analyze: not sure enough":       {with(whole, ran("leak"), unsure), nil, failOnHigh, 0, ""},
		"analyze: cut input":             {with(cut, ran("leak")), nil, AnalyzePolicy(), 3, "input b was not wholly read"},
		"analyze: cut input allowed":     {with(cut, ran("leak")), nil, partial, 0, ""},
		"analyze: unread is not partial": {with(gone, ran("leak")), nil, partial, 3, "input gone"},
		"analyze: cut before finding":    {with(cut, ran("leak"), leak), nil, failOnHigh, 3, "finding leak/x"},
		"analyze: inconclusive":          {with(whole, none), nil, AnalyzePolicy(), 4, "nothing was checked"},
		"analyze: one cannot tell":       {with(whole, state(analyze.Inconclusive)), nil, AnalyzePolicy(), 0, ""},
		"analyze: detector failed":       {with(whole, state(analyze.Failed)), nil, AnalyzePolicy(), 3, "mutexwait failed"},
		"analyze: failed and partial":    {with(whole, state(analyze.Failed)), nil, partial, 3, "mutexwait failed"},

		"gate: clean":                     {with(whole, ran("leak")), nil, GatePolicy(), 0, ""},
		"gate: finding":                   {with(whole, ran("leak"), leak), nil, GatePolicy(), 1, "finding leak/x"},
		"gate: medium":                    {with(whole, ran("leak"), medium), nil, GatePolicy(), 0, ""},
		"gate: possible":                  {with(whole, ran("leak"), unsure), nil, GatePolicy(), 0, ""},
		"gate: one cannot tell":           {with(whole, state(analyze.Inconclusive)), nil, GatePolicy(), 4, "mutexwait could not tell: reason"},
		"gate: one skipped":               {with(whole, state(analyze.Skipped)), nil, GatePolicy(), 0, ""},
		"gate: finding, one cannot tell":  {with(whole, state(analyze.Inconclusive), leak), nil, GatePolicy(), 1, "mutexwait could not tell"},
		"gate: cut, finding, cannot tell": {with(cut, state(analyze.Inconclusive), leak), nil, GatePolicy(), 3, "finding leak/x"},
		"gate: cut allowed, finding":      {with(cut, ran("leak"), leak), nil, gatePartial, 1, "finding leak/x"},
		"gate: detector failed":           {with(whole, state(analyze.Failed), leak), nil, GatePolicy(), 3, "mutexwait failed"},

		"baseline: known":          {with(whole, ran("leak"), leak), with(whole, ran("leak"), leak), GatePolicy(), 0, ""},
		"baseline: new":            {with(whole, ran("leak"), leak), with(whole, ran("leak")), GatePolicy(), 1, "new finding leak/x"},
		"baseline: grown":          {with(whole, ran("leak"), leak), with(whole, ran("leak"), unsure), GatePolicy(), 1, "grown finding leak/x"},
		"baseline: fixed":          {with(whole, ran("leak")), with(whole, ran("leak"), leak), GatePolicy(), 0, ""},
		"baseline: new, medium":    {with(whole, ran("leak"), medium), with(whole, ran("leak")), GatePolicy(), 0, ""},
		"baseline: detector lost":  {with(whole, state(analyze.Skipped)), with(whole, ran("leak", "mutexwait")), GatePolicy(), 4, "mutexwait ran for the baseline and now is skipped"},
		"baseline: not listed now": {with(whole, ran("leak")), with(whole, ran("leak", "mutexwait")), GatePolicy(), 4, "mutexwait ran for the baseline and now did not run"},
		"baseline: more detectors": {with(whole, ran("leak", "mutexwait")), with(whole, ran("leak")), GatePolicy(), 0, ""},
	}
	for name, c := range cases {
		var cmp *Comparison
		if c.base != nil {
			cmp = Compare(c.base, c.head, DefaultGrowth())
		}
		j := weigh(c.head, cmp, changes(c.head, cmp), c.policy)
		var all []string
		for _, r := range j.Reasons {
			all = append(all, r.Text)
		}
		text := strings.Join(all, "\n")
		if j.ExitCode != c.want || !strings.Contains(text, c.reason) || (c.want == 0) != (len(all) == 0) {
			t.Errorf("%s: exit %d for %q, want %d for %q", name, j.ExitCode, text, c.want, c.reason)
		}
	}
}

func TestApplyGate(t *testing.T) {
	old := faultOf("leak", analyze.High, analyze.Likely)
	fresh := faultOf("mutexwait", analyze.High, analyze.Proven)
	fresh.Measures = []stats.Measure{{Name: "share", Value: 0.4, Unit: "ratio"}}
	whole := []evidence.Input{input("a", true)}
	base := with([]evidence.Input{input("a", false)}, ran("leak", "mutexwait"), old)
	head := with(whole, ran("leak", "mutexwait"), old, fresh)
	code := head.ApplyGate(Trial{Baseline: &Baseline{Name: "base.json", Report: base}, Growth: DefaultGrowth(), Policy: GatePolicy()})
	g := head.Gate
	if code != 1 || !g.Failed || g.ExitCode != 1 || g.Baseline != "base.json" || g.FailOn != "high" {
		t.Errorf("exit %d, gate %+v", code, g)
	}
	if len(g.Findings.New) != 1 || !g.Findings.New[0].Fails || *g.Findings.New[0].After != 0.4 || g.Findings.New[0].Before != nil {
		t.Errorf("new findings %+v", g.Findings.New)
	}
	if len(g.Findings.Known) != 1 || g.Findings.Known[0].Fails {
		t.Errorf("known findings %+v", g.Findings.Known)
	}
	if len(g.Notes) != 1 || !strings.Contains(g.Notes[0], "baseline itself") {
		t.Errorf("a baseline that was cut is not mentioned: %q", g.Notes)
	}
	stored, err := Read(bytes.NewReader(encode(t, head)))
	if err != nil || stored.Gate == nil || stored.Gate.ExitCode != 1 {
		t.Errorf("the gate does not read back: %+v, %v", stored, err)
	}
	if code := head.ApplyGate(Trial{Growth: DefaultGrowth(), Policy: GatePolicy()}); code != 1 || len(head.Gate.Findings.New) != 2 || head.Gate.Baseline != "" {
		t.Errorf("without a baseline: exit %d, %+v", code, head.Gate)
	}
	passed := with(whole, ran("leak", "mutexwait"), old)
	if code := passed.ApplyGate(Trial{Baseline: &Baseline{Name: "b", Report: base}, Growth: DefaultGrowth(), Policy: GatePolicy()}); code != 0 || passed.Gate.Failed || len(passed.Gate.Reasons) != 0 {
		t.Errorf("known finding: exit %d, %+v", code, passed.Gate)
	}
}
