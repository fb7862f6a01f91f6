package report

import (
	"math/rand/v2"
	"strings"
	"testing"

	"go-debug/analyze"
)

func TestDiffStatus(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	base, grown := map[string]float64{"main.a": 0.9, "main.b": 0.3}, map[string]float64{"main.a": 0.9, "main.b": 0.6}
	found := func(fs ...analyze.Finding) []*Report { return []*Report{runOf(fs...)} }
	leak := faultOf("leak", analyze.High, analyze.Likely)
	same := runsWith(rng, 6, base)
	for name, c := range map[string]struct {
		before, after []*Report
		want          DiffStatus
		says          string
	}{
		"a function grew":   {runsWith(rng, 6, base), runsWith(rng, 6, grown), Different, "1 worse and 0 better of 2 scores (6 runs against 6)"},
		"the same runs":     {same, same, NotShown, "no difference shown in 2 scores"},
		"too few":           {runsWith(rng, 2, base), runsWith(rng, 2, base), Incomparable, "2 scores cannot be told from chance by so few runs"},
		"nothing":           {found(), found(), Incomparable, "(1 run against 1)"},
		"a finding is new":  {found(), found(leak), Different, "1 new finding"},
		"a finding is gone": {found(leak), found(), Different, "1 fixed finding"},
		"a finding stays":   {found(leak), found(leak), NotShown, ""},
	} {
		d := NewDiff(Side{"before", c.before}, Side{"after", c.after}, DefaultScoreRules(), DefaultGrowth())
		if d.Status != c.want || !strings.Contains(d.Summary, c.says) {
			t.Errorf("%s: %s %q, want %s %q", name, d.Status, d.Summary, c.want, c.says)
		}
	}
}

// With several runs on each side the gate fails on scores that are worse, names a few of each family, and
// has a check for what it names.
func TestGateOnReplicates(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	base, grown := map[string]float64{"main.a": 0.9, "main.b": 0.3}, map[string]float64{"main.a": 0.9, "main.b": 0.6}
	gate := func(before, after []*Report, failOn analyze.Severity) (*Report, int) {
		for _, r := range append(before, after...) {
			whole := runOf()
			r.Schema, r.Tool, r.Verdict, r.Detectors = whole.Schema, whole.Tool, whole.Verdict, whole.Detectors
		}
		head := after[len(after)-1]
		p := GatePolicy()
		p.FailOn = failOn
		code := head.ApplyGate(Trial{Baseline: &Baseline{"base", before[len(before)-1]}, Before: before, Runs: after, Growth: DefaultGrowth(), Policy: p, Scores: DefaultScoreRules()})
		return head, code
	}
	r, code := gate(runsWith(rng, 6, base), runsWith(rng, 6, grown), analyze.High)
	if code != ExitFindings || len(r.Gate.Reasons) != 1 || !strings.Contains(r.Gate.Reasons[0].Text, "cpu main.b is worse: 0.3") {
		t.Errorf("exit %d: %+v", code, r.Gate.Reasons)
	}
	if c := checkOf(t, r, "cpu main.b"); c.State != Failed {
		t.Errorf("the check of the score: %+v", c)
	}
	if r, code := gate(runsWith(rng, 6, base), runsWith(rng, 6, grown), 0); code != ExitOK || r.Diff == nil {
		t.Errorf("--fail-on none exits with %d, compared: %v", code, r.Diff != nil)
	}
	if r, code := gate(runsWith(rng, 1, base), runsWith(rng, 6, grown), analyze.High); code != ExitOK || r.Diff != nil {
		t.Errorf("one run against six exits with %d, compared: %v", code, r.Diff != nil)
	}
}
