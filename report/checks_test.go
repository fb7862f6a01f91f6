package report

import (
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// checkOf finds a check by its name.
func checkOf(t *testing.T, r *Report, name string) Check {
	t.Helper()
	for _, c := range r.Checks() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in %+v", name, r.Checks())
	return Check{}
}

// A gate fails exactly when one of its checks does, whatever the reason.
func TestChecksFailAsTheGateDoes(t *testing.T) {
	high, medium := faultOf("leak", analyze.High, analyze.Likely), faultOf("mutexwait", analyze.Medium, analyze.Likely)
	whole, cut := []evidence.Input{input("a", true)}, []evidence.Input{input("a", true), input("b", false)}
	outcome := func(s analyze.State) []analyze.Outcome {
		return append(ran("mutexwait"), analyze.Outcome{Detector: "leak", State: s, Why: "too little"})
	}
	partial := GatePolicy()
	partial.AllowPartial = true
	base := func(fs ...analyze.Finding) *Baseline { return &Baseline{"base.json", runOf(fs...)} }
	cases := map[string]struct {
		head  *Report
		trial Trial
		code  int
		check string
		state CheckState
	}{
		"clean":                   {runOf(), Trial{}, 0, "leak", Passed},
		"a finding that fails":    {runOf(high), Trial{}, 1, "leak/x at main.go:7", Failed},
		"one that does not":       {runOf(medium), Trial{}, 0, "mutexwait/x at main.go:7", Warned},
		"known":                   {runOf(high), Trial{Baseline: base(high)}, 0, "leak/x at main.go:7", Warned},
		"fixed":                   {runOf(), Trial{Baseline: base(high)}, 0, "leak/x at main.go:7", Passed},
		"out of sight":            {with(whole, outcome(analyze.Skipped)), Trial{Baseline: base(high)}, 4, "leak/x at main.go:7", Skipped},
		"cannot tell":             {with(whole, outcome(analyze.Inconclusive)), Trial{}, 4, "leak", Skipped},
		"skipped":                 {with(whole, outcome(analyze.Skipped)), Trial{}, 0, "leak", Skipped},
		"a detector failed":       {with(whole, outcome(analyze.Failed)), Trial{}, 3, "leak", Errored},
		"cut":                     {with(cut, ran("leak")), Trial{}, 3, "input b", Errored},
		"cut and allowed":         {with(cut, ran("leak")), Trial{Policy: partial}, 0, "input b", Warned},
		"the command failed":      {runOf(), Trial{Command: &Command{Args: []string{"x"}, ExitCode: 2}}, 1, "gate, exit code 1", Failed},
		"the baseline is nothing": {runOf(), Trial{Baseline: &Baseline{"b.json", with(nil, nil)}}, 4, "gate, exit code 4", Errored},
	}
	for name, c := range cases {
		c.trial.Growth = DefaultGrowth()
		if c.trial.Policy.FailOn == 0 {
			c.trial.Policy = GatePolicy()
		}
		code := c.head.ApplyGate(c.trial)
		failing := false
		names := map[string]bool{}
		for _, check := range c.head.Checks() {
			failing = failing || check.Failing()
			if names[check.Name] {
				t.Errorf("%s: two checks are named %q", name, check.Name)
			}
			names[check.Name] = true
		}
		if code != c.code || failing != (code != 0) {
			t.Errorf("%s: exit %d, a check fails: %v; want exit %d: %+v", name, code, failing, c.code, c.head.Checks())
		}
		if got := checkOf(t, c.head, c.check).State; got != c.state {
			t.Errorf("%s: %s is %s, want %s", name, c.check, got, c.state)
		}
	}
}

// Without a gate the verdict decides, and open questions are told apart from answers.
func TestChecksWithoutGate(t *testing.T) {
	high := faultOf("leak", analyze.High, analyze.Likely)
	possible := high
	possible.Confidence, possible.Location.Line = analyze.Possible, 9
	outcomes := append(ran("leak"), analyze.Outcome{Detector: "sched", State: analyze.Ran, Unchecked: []analyze.Unchecked{{What: "latency", Try: "go-debug capture x"}}},
		analyze.Outcome{Detector: "gc", State: analyze.Skipped, Why: "needs cpu", Try: "go-debug capture y"})
	r := with([]evidence.Input{input("a", true), input("b", false)}, outcomes, high, possible)
	for name, want := range map[string]CheckState{
		"leak/x at main.go:7": Failed, "leak/x at main.go:9": Warned, "sched": Passed, "sched not checked": Skipped, "gc": Skipped, "input b": Errored,
	} {
		if got := checkOf(t, r, name); got.State != want {
			t.Errorf("%s is %s, want %s", name, got.State, want)
		}
	}
	nothing := with([]evidence.Input{input("a", true)}, []analyze.Outcome{{Detector: "gc", State: analyze.Skipped, Why: "needs cpu"}})
	if got := checkOf(t, nothing, "verdict").State; got != Errored {
		t.Errorf("an inconclusive verdict is %s", got)
	}
}
