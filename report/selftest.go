package report

import (
	"fmt"
	"slices"
	"strings"
)

// SelfTest is the proof that a gate is able to fail: for each thing that it may fail on, what became of a
// synthetic regression planted in a copy of the evidence and judged by the same policy.
type SelfTest struct {
	Passed bool       `json:"passed" jsonschema:"whether each planted regression that the policy is to fail on failed the gate, and at least one did"`
	Plants []Planting `json:"plants" jsonschema:"the planted regressions: those that did not fail the gate first"`
}

// Planting is one planted regression.
type Planting struct {
	Subject string     `json:"subject" jsonschema:"the detector, or the family of scores"`
	Rules   []string   `json:"rules" jsonschema:"the rules that it stands for; empty for scores"`
	What    string     `json:"what" jsonschema:"what was planted; empty when nothing could be"`
	State   PlantState `json:"state" jsonschema:"fails: the gate fails on it; dead: it does not, though the policy says it should; not gated: the policy does not ask for it"`
	Why     string     `json:"why" jsonschema:"why the gate does not fail on it"`
	Try     string     `json:"try" jsonschema:"the command that would supply the evidence; empty for none"`
}

// PlantState is what a gate makes of a planted regression.
type PlantState string

// The states.
const (
	PlantFails    PlantState = "fails"
	PlantDead     PlantState = "dead"
	PlantNotGated PlantState = "not gated"
)

// Of are the plantings in a state.
func (s *SelfTest) Of(state PlantState) []Planting {
	out := []Planting{}
	for _, p := range s.Plants {
		if p.State == state {
			out = append(out, p)
		}
	}
	return out
}

// reason says which rules are dead and why.
func (p *Planting) reason() string {
	name := p.Subject
	if len(p.Rules) > 0 {
		name = p.Rules[0]
	}
	if n := len(p.Rules) - 1; n > 0 {
		name += fmt.Sprintf(" (and %s of its kind)", count(n, "rule"))
	}
	text := fmt.Sprintf("self-test: the gate cannot fail on %s: %s", name, p.Why)
	if p.What != "" {
		text += " (planted: " + p.What + ")"
	}
	return text
}

// check is the planting as a test case.
func (p *Planting) check() Check {
	c := Check{Suite: "self-test", Name: "self-test " + p.Subject, State: Passed, Text: "the gate fails on what was planted: " + p.What, Hint: p.Try}
	if len(p.Rules) > 0 {
		c.Name = "self-test " + p.Rules[0]
	}
	switch p.State {
	case PlantDead:
		c.State, c.Text = Errored, p.reason()
	case PlantNotGated:
		c.State, c.Text = Skipped, "the policy does not ask for it: "+p.Why
	}
	return c
}

// ApplySelfTest records a self-test in the report's gate and returns the exit code of both: a gate that cannot
// fail is an error, whatever else it says.
func (r *Report) ApplySelfTest(plants []Planting) int {
	s := &SelfTest{Plants: plants}
	order := []PlantState{PlantDead, PlantNotGated, PlantFails}
	slices.SortStableFunc(s.Plants, func(a, b Planting) int { return slices.Index(order, a.State) - slices.Index(order, b.State) })
	dead, alive := s.Of(PlantDead), s.Of(PlantFails)
	s.Passed = len(dead) == 0 && len(alive) > 0
	j := Judgement{ExitCode: r.Gate.ExitCode, Reasons: r.Gate.Reasons}
	for i := range dead {
		j.add(ExitIncomplete, "%s", dead[i].reason())
	}
	if len(dead)+len(alive) == 0 {
		j.add(ExitIncomplete, "self-test: the gate cannot fail on anything: %s", idle(s.Plants))
	}
	r.Gate.SelfTest = s
	r.Gate.ExitCode, r.Gate.Failed, r.Gate.Reasons = j.ExitCode, j.ExitCode != ExitOK, j.Reasons
	return j.ExitCode
}

// idle says once each why nothing is gated.
func idle(plants []Planting) string {
	var out []string
	for _, p := range plants {
		if !slices.Contains(out, p.Why) {
			out = append(out, p.Why)
		}
	}
	if len(out) == 0 {
		return "no rule was asked for"
	}
	return strings.Join(out, "; ")
}
