package analyze

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// reporting is a detector that reports the given findings.
func reporting(name string, rules []Rule, findings ...Finding) *Detector {
	return &Detector{Name: name, Rules: rules, Needs: []Need{{Kind: evidence.CPU, Confidence: Proven}},
		Run: func(_ context.Context, p *Pass) error {
			for _, f := range findings {
				p.Report(f)
			}
			return nil
		}}
}

func line(n int) evidence.Frame {
	return evidence.Frame{Function: "main.f", File: "/src/app/main.go", Line: n}
}

// order runs the detectors and writes the findings' rules, folded ones behind a "+".
func order(t *testing.T, ds ...*Detector) string {
	t.Helper()
	set := &evidence.Set{Profiles: []*evidence.Profile{{Kind: evidence.CPU}}}
	res, err := Run(t.Context(), set, ds, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, f := range res.Findings {
		s := f.Rule
		if f.FoldedInto != "" {
			lead := i - 1
			for res.Findings[lead].FoldedInto != "" {
				lead--
			}
			if f.FoldedInto != res.Findings[lead].Fingerprint {
				t.Errorf("%s is folded into %s, which is not the finding before it", f.Rule, f.FoldedInto)
			}
			s = "+" + s
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestFold(t *testing.T) {
	hot := []Rule{{ID: "hot/concat", Severity: Medium}, {ID: "hot/json", Severity: Info}, {ID: "hot/cgo", Severity: Low}}
	gc := []Rule{{ID: "gc/cpu", Severity: Medium, Total: true}, {ID: "gc/stretched", Severity: Low, Cause: "denied"}}
	sched := []Rule{{ID: "sched/throttled", Severity: Low, Cause: "denied"}, {ID: "sched/churn", Severity: Medium}}
	leak := []Rule{{ID: "leak/send", Severity: High}}
	for name, tc := range map[string]struct {
		ds   []*Detector
		want string
	}{
		"a total is folded into what says why, however large": {[]*Detector{
			reporting("gc", gc, Finding{Rule: "gc/cpu", Confidence: Likely, Location: line(7), Cost: 0.9}),
			reporting("hot", hot, Finding{Rule: "hot/concat", Confidence: Possible, Location: line(7), Cost: 0.4})}, "hot/concat +gc/cpu"},
		"but not into a mere remark": {[]*Detector{
			reporting("gc", gc, Finding{Rule: "gc/cpu", Confidence: Likely, Location: line(7), Cost: 0.9}),
			reporting("hot", hot, Finding{Rule: "hot/json", Confidence: Likely, Location: line(7), Cost: 0.4})}, "gc/cpu +hot/json"},
		"other lines are other causes": {[]*Detector{
			reporting("gc", gc, Finding{Rule: "gc/cpu", Confidence: Likely, Location: line(7), Cost: 0.9}),
			reporting("hot", hot, Finding{Rule: "hot/concat", Confidence: Likely, Location: line(8), Cost: 0.4})}, "gc/cpu hot/concat"},
		"a detector folds nothing of its own": {[]*Detector{
			reporting("hot", hot, Finding{Rule: "hot/concat", Confidence: Likely, Location: line(7), Cost: 0.4}, Finding{Rule: "hot/cgo", Confidence: Likely, Location: line(7), Cost: 0.3})},
			"hot/concat hot/cgo"},
		"rules name a cause that has no line": {[]*Detector{
			reporting("gc", gc, Finding{Rule: "gc/stretched", Confidence: Likely}),
			reporting("sched", sched, Finding{Rule: "sched/throttled", Confidence: Likely, Cost: 0.5}, Finding{Rule: "sched/churn", Confidence: Possible, Cost: 0.5})},
			"sched/churn sched/throttled +gc/stretched"},
		"findings without a line have nothing in common": {[]*Detector{
			reporting("gc", gc, Finding{Rule: "gc/cpu", Confidence: Likely}),
			reporting("sched", sched, Finding{Rule: "sched/churn", Confidence: Likely})}, "gc/cpu sched/churn"},
		"the line of the distribution is nobody's": {[]*Detector{
			reporting("gc", gc, Finding{Rule: "gc/cpu", Confidence: Likely, Location: evidence.Frame{Function: "sort.Sort", File: "sort/sort.go", Line: 7}}),
			reporting("hot", hot, Finding{Rule: "hot/concat", Confidence: Likely, Location: evidence.Frame{Function: "sort.Sort", File: "sort/sort.go", Line: 7}})}, "gc/cpu hot/concat"},
		"three detectors, the gravest first": {[]*Detector{
			reporting("gc", gc, Finding{Rule: "gc/cpu", Confidence: Likely, Location: line(7), Cost: 0.9}),
			reporting("hot", hot, Finding{Rule: "hot/concat", Confidence: Likely, Location: line(7), Cost: 0.4}),
			reporting("leak", leak, Finding{Rule: "leak/send", Confidence: Likely, Location: line(7), Cost: 90})}, "leak/send +gc/cpu +hot/concat"},
		"a group stands where its most important finding would": {[]*Detector{
			reporting("gc", gc, Finding{Rule: "gc/cpu", Confidence: Likely, Location: line(7), Cost: 0.9}),
			reporting("hot", hot, Finding{Rule: "hot/concat", Confidence: Possible, Location: line(7), Cost: 0.1}),
			reporting("sched", sched, Finding{Rule: "sched/churn", Confidence: Likely, Location: line(9), Cost: 0.5})}, "hot/concat +gc/cpu sched/churn"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := order(t, tc.ds...); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			slices.Reverse(tc.ds)
			if got := order(t, tc.ds...); got != tc.want {
				t.Errorf("in another order of detectors: got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestScore(t *testing.T) {
	ascending := []Finding{
		{Severity: Info, Confidence: Proven, Cost: 1000},
		{Severity: Low, Confidence: Likely, Cost: 0.5},
		{Severity: Medium, Confidence: Likely, Cost: 0.12},
		{Severity: High, Confidence: Possible, Cost: 0.4},
		{Severity: High, Confidence: Likely, Cost: 0.01},
		{Severity: Medium, Confidence: Likely, Cost: 0.6},
		{Severity: High, Confidence: Likely, Cost: 5},
	}
	if !slices.IsSortedFunc(ascending, func(a, b Finding) int { return -compareFindings(a, b) }) {
		for _, f := range ascending {
			t.Error(fmt.Sprintf("%s %s %v", f.Severity, f.Confidence, f.Cost), f.score())
		}
	}
}
