package report

import (
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// A finding fails a gate with a retry only if it failed in each capture.
func TestEarlierCaptures(t *testing.T) {
	leak, other := faultOf("leak", analyze.High, analyze.Likely), faultOf("mutexwait", analyze.High, analyze.Proven)
	gated := func(r *Report) *Report {
		r.ApplyGate(Trial{Growth: DefaultGrowth(), Policy: GatePolicy()})
		return r
	}
	cases := map[string]struct {
		earlier []*Report
		head    *Report
		want    int
		note    string
	}{
		"in both":                   {[]*Report{gated(runOf(leak))}, runOf(leak), 1, ""},
		"in the second only":        {[]*Report{gated(runOf(other))}, runOf(leak), 0, "finding leak/x at main.go:7 (high, likely) is not in each of the captures"},
		"in the first only":         {[]*Report{gated(runOf(leak))}, runOf(), 0, "finding leak/x at main.go:7 (high, likely) was in an earlier capture and is not in the last"},
		"one of two is confirmed":   {[]*Report{gated(runOf(leak))}, runOf(leak, other), 1, "finding mutexwait/x"},
		"in two of three":           {[]*Report{gated(runOf(leak)), gated(runOf())}, runOf(leak), 0, "is not in each"},
		"not failing in the first":  {[]*Report{gated(runOf(faultOf("leak", analyze.High, analyze.Possible)))}, runOf(leak), 0, "is not in each"},
		"in all of three":           {[]*Report{gated(runOf(leak)), gated(runOf(leak, other))}, runOf(leak), 1, ""},
		"the second was not read":   {[]*Report{gated(runOf(leak))}, with([]evidence.Input{input("a", false)}, ran("leak"), leak), 3, ""},
		"the second cannot tell":    {[]*Report{gated(runOf(leak))}, with([]evidence.Input{input("a", true)}, []analyze.Outcome{{Detector: "leak", State: analyze.Inconclusive, Why: "cut"}}), 4, ""},
		"no earlier one, no demand": {nil, runOf(leak), 1, ""},
	}
	for name, c := range cases {
		code := c.head.ApplyGate(Trial{Growth: DefaultGrowth(), Policy: GatePolicy(), Earlier: c.earlier})
		if notes := strings.Join(c.head.Gate.Notes, "\n"); code != c.want || !strings.Contains(notes, c.note) || c.head.Gate.Captures != 1+len(c.earlier) {
			t.Errorf("%s: exit %d, notes %q, %d captures, want %d, %q", name, code, notes, c.head.Gate.Captures, c.want, c.note)
		}
		if c.head.Gate.Fails() != (c.want == 1 || c.want == 3) {
			t.Errorf("%s: a finding fails: %v", name, c.head.Gate.Fails())
		}
	}
}

// A baseline without anything in it, and a command that failed, are no reasons to pass.
func TestCircumstances(t *testing.T) {
	none := with([]evidence.Input{input("a", true)}, []analyze.Outcome{{Detector: "leak", State: analyze.Skipped}})
	empty := with(nil, nil)
	cases := map[string]struct {
		trial Trial
		want  int
		says  string
	}{
		"a baseline that checked nothing": {Trial{Baseline: &Baseline{"b.json", none}}, 4, "the baseline b.json has nothing to compare with: nothing was checked"},
		"an empty baseline":               {Trial{Baseline: &Baseline{"b.json", empty}}, 4, "there was no input; record it again"},
		"a baseline":                      {Trial{Baseline: &Baseline{"b.json", runOf()}}, 0, ""},
		"a command":                       {Trial{Command: &Command{Args: []string{"go", "test"}}}, 0, ""},
		"a command that failed":           {Trial{Command: &Command{Args: []string{"go", "test"}, ExitCode: 1}}, 1, "the command itself failed, with exit code 1: go test"},
		"a command that was killed":       {Trial{Command: &Command{Args: []string{"go", "test"}, ExitCode: -1}}, 1, "by a signal"},
	}
	for name, c := range cases {
		head := runOf()
		c.trial.Growth, c.trial.Policy = DefaultGrowth(), GatePolicy()
		code := head.ApplyGate(c.trial)
		text := ""
		for _, r := range head.Gate.Reasons {
			text += r.Text
		}
		if code != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: exit %d, %q, want %d, %q", name, code, text, c.want, c.says)
		}
	}
}
