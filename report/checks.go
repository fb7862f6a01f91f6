package report

import (
	"cmp"
	"fmt"
	"slices"

	"go-debug/analyze"
)

// Check is one entry of a report as pipelines know it: a test case. Every format for pipelines
// shows the same checks, so that none of them judges by itself.
type Check struct {
	Suite string // the detector, "input" or "gate"
	Name  string // one line, the same from run to run: "leak/chan-send at main.go:136"
	State CheckState
	Text  string // one line: what was found, or why it was not looked for
	Hint  string // what to do: the remedy, or the command that would supply the evidence
	Next  string // the next command to run; empty for none

	// What the check is about; zero for what is no finding.
	Rule        string
	Severity    analyze.Severity
	Confidence  analyze.Confidence
	Fingerprint string
	Location    *Frame
	Finding     *Finding // nil for a finding that only the baseline has
	Input       *Input   // the input that was not wholly read
}

// CheckState is how a check ended.
type CheckState string

// The states. A finding fails where the gate says so; in a report without a gate those fail that
// make the verdict a fail. What could not be answered never looks like what passed.
const (
	Passed  CheckState = "passed"  // looked for, and not found, or fixed
	Warned  CheckState = "warned"  // found, and it does not fail
	Failed  CheckState = "failed"  // found, and it fails
	Skipped CheckState = "skipped" // not looked for, or without an answer
	Errored CheckState = "errored" // not wholly read, or an answer that the gate demands is missing
)

// Failing reports whether the check is a reason not to go on.
func (c *Check) Failing() bool { return c.State == Failed || c.State == Errored }

// Checks are the entries of the report in its order: findings, then detectors without findings, then
// what else the gate or the reading of the inputs has to say.
func (r *Report) Checks() []Check {
	out := r.findingChecks()
	told := map[string]bool{}
	for _, c := range out {
		told[c.Suite] = true
	}
	for _, d := range r.Detectors {
		if c, ok := d.check(told[d.Name]); ok {
			out = append(out, c)
		}
		for _, u := range d.Unchecked {
			out = append(out, Check{Suite: d.Name, Name: d.Name + " not checked", State: Skipped, Text: u.What, Hint: u.Try})
		}
	}
	return distinct(append(out, r.otherChecks()...))
}

func (r *Report) findingChecks() []Check {
	var out []Check
	if r.Gate == nil {
		for i := range r.Findings {
			f := &r.Findings[i]
			c := f.check()
			if f.breaks() {
				c.State = Failed
			}
			out = append(out, c)
		}
		return out
	}
	byPlace := map[string]*Finding{}
	for i := range r.Findings {
		f := &r.Findings[i]
		if k := placeKey(f.Fingerprint, f.Location); byPlace[k] == nil {
			byPlace[k] = f
		}
	}
	for _, ch := range r.Gate.Findings.All() {
		out = append(out, ch.check(byPlace[placeKey(ch.Print, ch.Location)], r.Gate.Baseline != ""))
	}
	return out
}

func placeKey(print string, at *Frame) string {
	if at == nil {
		return print
	}
	return print + " " + at.Function + " " + at.place()
}

// breaks reports a finding that makes the verdict a fail.
func (f *Finding) breaks() bool {
	return f.Severity >= analyze.High && f.Confidence >= analyze.Likely
}

func (f *Finding) check() Check {
	return Check{
		Suite: detectorOf(f.Rule), Name: checkName(f.Rule, f.Location), State: Warned, Text: f.Message, Hint: f.Remedy, Next: f.Next,
		Rule: f.Rule, Severity: f.Severity, Confidence: f.Confidence, Fingerprint: f.Fingerprint, Location: f.Location, Finding: f,
	}
}

// check is what became of a finding; f is nil where it is gone.
func (ch *Change) check(f *Finding, compared bool) Check {
	gone := Finding{Rule: ch.Rule, Severity: ch.Severity, Confidence: ch.Confidence, Message: ch.Message, Fingerprint: ch.Print, Location: ch.Location}
	c := gone.check()
	c.Finding = f
	if f != nil {
		c = f.check()
	}
	if compared {
		c.Text = fmt.Sprintf("%s: %s", ch.Class, c.Text)
	}
	switch {
	case ch.Fails:
		c.State = Failed
	case ch.Class == ClassFixed:
		c.State = Passed
	case ch.Class == ClassUnchecked:
		c.State, c.Hint = Skipped, ch.Why
	case ch.Accepted != "":
		c.Text += fmt.Sprintf(" (accepted until %s: %s)", ch.AcceptedUntil, ch.Accepted)
	}
	return c
}

func checkName(rule string, at *Frame) string {
	if at == nil {
		return rule
	}
	return rule + " at " + at.place()
}

// check is how a detector ended; ok is false where its findings say it.
func (d *Detector) check(hasFindings bool) (c Check, ok bool) {
	c = Check{Suite: d.Name, Name: d.Name, Text: d.Why, Hint: d.Try}
	switch d.State {
	case analyze.Ran:
		c.State, c.Text = Passed, "no findings"
		return c, !hasFindings
	case analyze.Failed:
		c.State = Errored
	default:
		c.State, c.Text = Skipped, fmt.Sprintf("%s: %s", d.State, d.Why)
	}
	return c, true
}

// otherChecks are the inputs that were not wholly read, and the reasons of the gate that neither an
// input nor a finding stands for; without a gate, that nothing was checked.
func (r *Report) otherChecks() []Check {
	var out []Check
	var told []string
	for _, in := range r.Incomplete() {
		c := Check{Suite: "input", Name: "input " + in.Name, State: Errored, Text: cmp.Or(in.Error, "it is incomplete"), Hint: in.Hint, Input: &in}
		if why := in.unread(); r.Gate != nil && !slices.ContainsFunc(r.Gate.Reasons, func(o Reason) bool { return o.Text == why }) {
			c.State = Warned // the gate was told to take partial inputs
		}
		told = append(told, in.unread())
		out = append(out, c)
	}
	if r.Gate == nil {
		if r.Verdict.Status == Inconclusive {
			out = append(out, Check{Suite: "gate", Name: "verdict", State: Errored, Text: r.Verdict.Summary})
		}
		return out
	}
	for _, ch := range r.Gate.Findings.All() {
		if ch.Fails {
			told = append(told, ch.reason(r.Gate.Baseline != ""))
		}
	}
	if r.Diff != nil {
		for i := range r.Diff.Scores {
			c := &r.Diff.Scores[i]
			if c.Direction == ScoreWorse && slices.ContainsFunc(r.Gate.Reasons, func(o Reason) bool { return o.Text == c.reason() }) {
				told = append(told, c.reason())
				out = append(out, Check{Suite: "scores", Name: c.Family + " " + c.Name, State: Failed, Text: c.reason(), Hint: c.Method})
			}
		}
	}
	if s := r.Gate.SelfTest; s != nil {
		for i := range s.Plants {
			c := s.Plants[i].check()
			out, told = append(out, c), append(told, c.Text)
		}
	}
	for _, why := range r.Gate.Reasons {
		if slices.Contains(told, why.Text) {
			continue
		}
		state := Errored
		if why.ExitCode == ExitFindings {
			state = Failed
		}
		out = append(out, Check{Suite: "gate", Name: fmt.Sprintf("gate, exit code %d", why.ExitCode), State: state, Text: why.Text})
	}
	return out
}

// distinct numbers checks of one name.
func distinct(checks []Check) []Check {
	seen := map[string]int{}
	for i := range checks {
		name := checks[i].Name
		if seen[name]++; seen[name] > 1 {
			checks[i].Name = fmt.Sprintf("%s (%d)", name, seen[name])
		}
	}
	return checks
}
