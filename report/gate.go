package report

import (
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/score"
)

// Gate is the judgement of a gate, as a section of the report: renderers show it and
// judge nothing.
type Gate struct {
	Failed        bool               `json:"failed" jsonschema:"whether the gate did not pass, for whatever reason"`
	ExitCode      int                `json:"exit_code" jsonschema:"0: passed; 1: findings; 3: not wholly read; 4: the evidence is missing"`
	Reasons       []Reason           `json:"reasons" jsonschema:"why the gate did not pass"`
	Baseline      Text               `json:"baseline" jsonschema:"name of the baseline; null when there is none"`
	FailOn        Text               `json:"fail_on" jsonschema:"severity from which findings fail; null when none does"`
	MinConfidence analyze.Confidence `json:"min_confidence" jsonschema:"confidence from which findings fail"`
	Findings      GateFindings       `json:"findings" jsonschema:"the findings by what became of them"`
	Load          []LoadChange       `json:"load" jsonschema:"the load before and after"`
	Notes         []string           `json:"notes" jsonschema:"what to keep in mind about the comparison"`
	Captures      int                `json:"captures" jsonschema:"how often the target was captured: a finding fails only if it failed each time"`
	Command       *Command           `json:"command" jsonschema:"what the gate ran to drive load or tests; null for nothing"`
	SelfTest      *SelfTest          `json:"self_test" jsonschema:"whether the gate is able to fail; null when that was not tested"`
}

// GateFindings are the findings by class. Without a baseline all are new.
type GateFindings struct {
	New       []Change `json:"new" jsonschema:"not in the baseline"`
	Grown     []Change `json:"grown" jsonschema:"in the baseline, and worse now"`
	Known     []Change `json:"known" jsonschema:"in the baseline, and not shown to be worse"`
	Fixed     []Change `json:"fixed" jsonschema:"in the baseline only"`
	Unchecked []Change `json:"unchecked" jsonschema:"in the baseline, and now not looked for"`
}

// All are the changes of all classes, in the order of interest.
func (g GateFindings) All() []Change {
	var out []Change
	for _, class := range [][]Change{g.New, g.Grown, g.Unchecked, g.Known, g.Fixed} {
		out = append(out, class...)
	}
	return out
}

// Baseline is a stored report to compare with.
type Baseline struct {
	Name   string
	Report *Report
}

// Trial is what a gate judges a report by.
type Trial struct {
	Baseline *Baseline // nil: every finding counts as new
	Growth   Growth
	Policy   Policy
	// Earlier are gated reports of the same target, captured before: a finding fails only if it
	// failed in each of them too.
	Earlier []*Report
	// Command is what the gate ran to drive load or tests; nil for none.
	Command *Command
	// Before and Runs are the runs of both sides, this report's among Runs. With several on each side
	// their scores are compared by Scores, and what is worse fails.
	Before, Runs []*Report
	Scores       ScoreRules
}

// replicated reports whether there are several runs on each side.
func (t *Trial) replicated() bool { return len(t.Before) > 1 && len(t.Runs) > 1 }

// regressions compares the scores of several runs, and adds what is worse.
func (j *Judgement) regressions(r *Report, t *Trial) {
	r.Diff = NewDiff(Side{t.Baseline.Name, t.Before}, Side{"", t.Runs}, t.Scores, t.Growth)
	r.Diff.Findings = nil // the gate lists them
	if t.Policy.FailOn == 0 {
		return
	}
	more := map[string]int{}
	for _, c := range r.Diff.Scores {
		if c.Direction != ScoreWorse {
			continue
		}
		if more[c.Family]++; more[c.Family] <= maxScoreReasons {
			j.add(ExitFindings, "%s", c.reason())
		}
	}
	for _, family := range score.Families {
		if n := more[string(family)] - maxScoreReasons; n > 0 {
			j.add(ExitFindings, "%s of family %s are worse", count(n, "more score"), family)
		}
	}
}

// maxScoreReasons is how many scores of a family are named one by one: the callers of a function that
// got slower have got slower, too.
const maxScoreReasons = 5

// reason says that a score is worse, in one line.
func (c *ScoreChange) reason() string {
	return fmt.Sprintf("%s %s is worse: %.4g before and %.4g now, in %s (p = %.2g, %d and %d runs)", c.Family, c.Name, *c.Before, *c.After, c.Unit, *c.P, c.Runs[0], c.Runs[1])
}

// Command is a command that a gate ran beside the capture.
type Command struct {
	Args     []string `json:"args" jsonschema:"the command and its arguments"`
	ExitCode int      `json:"exit_code" jsonschema:"its exit code; -1 when a signal ended it"`
}

// ApplyGate judges the report, and records the judgement as its gate section. It returns the
// exit code.
func (r *Report) ApplyGate(t Trial) int {
	var c *Comparison
	p := t.Policy
	gate := &Gate{MinConfidence: p.MinConfidence, Captures: 1 + len(t.Earlier), Command: t.Command}
	if t.Baseline != nil {
		t.narrow(unlike(t.Baseline.Report, r))
		c = Compare(t.Baseline.Report, r, t.Growth)
		gate.Baseline, gate.Load, gate.Notes = Text(t.Baseline.Name), c.Load, baselineNotes(t.Baseline.Report, r, t.Growth)
	}
	if p.FailOn > 0 {
		gate.FailOn = Text(p.FailOn.String())
	}
	all := t.pooled(changes(r, c))
	expired, unused := accept(all, p.Accept, r.day(p.Now))
	gate.Notes = append(gate.Notes, unused...)
	gate.Notes = append(gate.Notes, p.confirm(all, c != nil, t.Earlier)...)
	gate.Notes = append(gate.Notes, p.warnings(all, c != nil)...)
	gate.Notes = append(gate.Notes, acceptances(all, c != nil)...)
	for i := range all {
		all[i].Fails = p.fails(all[i])
	}
	j := weigh(r, c, all, p)
	for _, text := range expired {
		j.add(ExitFindings, "%s", text)
	}
	j.circumstances(r, t)
	if t.Baseline != nil {
		gate.Notes = append(gate.Notes, j.comparability(t.Baseline.Report, r, &t)...)
	}
	if t.Baseline != nil && t.replicated() {
		j.regressions(r, &t)
	}
	gate.ExitCode, gate.Failed, gate.Reasons = j.ExitCode, j.ExitCode != ExitOK, j.Reasons
	gate.Findings = byClass(all)
	r.Gate = gate
	*r = *r.canonical()
	return j.ExitCode
}

func byClass(all []Change) GateFindings {
	c := &Comparison{Changes: all}
	return GateFindings{New: c.Of(ClassNew), Grown: c.Of(ClassGrown), Known: c.Of(ClassKnown),
		Fixed: c.Of(ClassFixed), Unchecked: c.Of(ClassUnchecked)}
}

// Fails reports whether a finding fails the gate, as opposed to what was not read or answered.
func (g *Gate) Fails() bool {
	return slices.ContainsFunc(g.Findings.All(), func(ch Change) bool { return ch.Fails })
}

// confirm takes back failures that an earlier capture of the same target does not share, and
// mentions those of earlier ones that are gone.
func (p Policy) confirm(all []Change, compared bool, earlier []*Report) (notes []string) {
	failing := map[string]bool{}
	for i := range all {
		ch := &all[i]
		if !p.fails(*ch) {
			continue
		}
		failing[ch.Print] = true
		ch.Unconfirmed = !ch.Pooled && slices.ContainsFunc(earlier, func(e *Report) bool { return e.Gate != nil && !e.Gate.failing(ch.Print) })
		if ch.Unconfirmed {
			notes = append(notes, ch.reason(compared)+" is not in each of the captures, and does not fail")
		}
	}
	for _, e := range earlier {
		if e.Gate == nil {
			continue
		}
		for _, ch := range e.Gate.Findings.All() {
			if ch.Fails && !failing[ch.Print] {
				failing[ch.Print] = true
				notes = append(notes, ch.reason(compared)+" was in an earlier capture and is not in the last, and does not fail")
			}
		}
	}
	return notes
}

// failing reports whether a finding of the fingerprint fails the gate.
func (g *Gate) failing(print string) bool {
	return slices.ContainsFunc(g.Findings.All(), func(ch Change) bool { return ch.Fails && ch.Print == print })
}

// warnings tells of findings that are possible, and do not fail for that.
func (p Policy) warnings(all []Change, compared bool) (notes []string) {
	for _, ch := range all {
		if (ch.Class == ClassNew || ch.Class == ClassGrown) && p.doubts(ch) && !p.fails(ch) && ch.Accepted == "" && !ch.Unconfirmed {
			notes = append(notes, "warning: "+ch.reason(compared)+" is not sure enough to fail")
		}
	}
	return notes
}

func acceptances(all []Change, compared bool) (notes []string) {
	for _, ch := range all {
		if ch.Accepted != "" {
			notes = append(notes, fmt.Sprintf("accepted until %s: %s: %s", ch.AcceptedUntil, ch.reason(compared), ch.Accepted))
		}
	}
	return notes
}

// circumstances adds what is wrong beside the report: with the baseline, or the command.
func (j *Judgement) circumstances(r *Report, t Trial) {
	if c := t.Command; c != nil && c.ExitCode != 0 {
		how := fmt.Sprintf("with exit code %d", c.ExitCode)
		if c.ExitCode < 0 {
			how = "by a signal"
		}
		j.add(ExitFindings, "the command itself failed, %s: %s", how, strings.Join(c.Args, " "))
	}
	if b := t.Baseline; b != nil && b.Report.Verdict.Status == Inconclusive {
		j.add(ExitInconclusive, "the baseline %s has nothing to compare with: %s; record it again", b.Name, b.Report.Verdict.Summary)
	} else if b != nil && foreign(b.Report, r) {
		j.add(ExitInconclusive, "the baseline %s seems to be of another program: none of its functions that run, allocate or wait is in this capture", b.Name)
	}
}

// baselineNotes says what makes two reports hard to compare.
func baselineNotes(base, head *Report, g Growth) []string {
	var out []string
	if n := len(base.Incomplete()); n > 0 {
		out = append(out, "the baseline itself has "+count(n, "input")+" not wholly read: findings may look new that are not")
	}
	if b, h := base.program().Go, head.program().Go; b != "" && h != "" && b != h && len(unlike(base, head)) == 0 {
		out = append(out, fmt.Sprintf("the baseline was captured from a program of %s, this report from one of %s", b, h))
	}
	for _, name := range g.Exact {
		switch {
		case head.stateOf(name) != analyze.Ran:
		case base.stateOf(name) != analyze.Ran:
			out = append(out, fmt.Sprintf("detector %s did not run for the baseline: all that it finds is new", name))
		case base.Sites == nil && head.Sites != nil:
			out = append(out, "the baseline does not list where goroutines block: possible findings that it has not fail; record it again")
		}
	}
	return out
}

// read reports whether something of the input was analysed.
func (in Input) read() bool { return in.Kind != evidence.Unknown && in.Bytes != nil && *in.Bytes > 0 }
