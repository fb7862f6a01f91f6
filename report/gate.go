package report

import (
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
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

// ApplyGate judges the report against the baseline (nil for none), and records the
// judgement as its gate section. It returns the exit code.
func (r *Report) ApplyGate(base *Baseline, g Growth, p Policy) int {
	var c *Comparison
	gate := &Gate{MinConfidence: p.MinConfidence}
	if base != nil {
		c = Compare(base.Report, r, g)
		gate.Baseline, gate.Load, gate.Notes = Text(base.Name), c.Load, baselineNotes(base.Report, r)
	}
	if p.FailOn > 0 {
		gate.FailOn = Text(p.FailOn.String())
	}
	j := Judge(r, c, p)
	gate.ExitCode, gate.Failed, gate.Reasons = j.ExitCode, j.ExitCode != ExitOK, j.Reasons
	all := &Comparison{Changes: changes(r, c)}
	for i := range all.Changes {
		all.Changes[i].Fails = p.fails(all.Changes[i])
	}
	gate.Findings = GateFindings{New: all.Of(ClassNew), Grown: all.Of(ClassGrown), Known: all.Of(ClassKnown),
		Fixed: all.Of(ClassFixed), Unchecked: all.Of(ClassUnchecked)}
	r.Gate = gate
	*r = *r.canonical()
	return j.ExitCode
}

// baselineNotes says what makes two reports hard to compare.
func baselineNotes(base, head *Report) []string {
	var out []string
	if n := len(base.Incomplete()); n > 0 {
		out = append(out, "the baseline itself has "+count(n, "input")+" not wholly read: findings may look new that are not")
	}
	if base.Verdict.Status == Inconclusive {
		out = append(out, "the baseline is inconclusive: every finding counts as new")
	}
	if b, h := base.program(), head.program(); b != "" && h != "" && b != h {
		out = append(out, fmt.Sprintf("the baseline was captured from a program of %s, this report from one of %s", b, h))
	}
	return out
}

// program is the Go version of the captured program, where the inputs agree on one.
func (r *Report) program() Text {
	var v Text
	for _, in := range r.Inputs {
		if in.Go != "" && v != "" && in.Go != v {
			return ""
		}
		if in.Go != "" {
			v = in.Go
		}
	}
	return v
}

// read reports whether something of the input was analysed.
func (in Input) read() bool { return in.Kind != evidence.Unknown && in.Bytes != nil && *in.Bytes > 0 }
