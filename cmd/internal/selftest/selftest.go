// Package selftest proves that a gate is able to fail. It plants a regression of each kind that the gate may
// fail on in a copy of the evidence at hand, lets the detectors and the scores see it, and has the same policy
// judge. What does not fail then is a rule that is dead: accepted, ignored, without evidence, or beyond a
// threshold that nothing reaches.
package selftest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
	"go-debug/analyze/score"
	"go-debug/report"
)

// Test is a gate to test.
type Test struct {
	// Sets are the evidence of the runs that the gate judges, one or several.
	Sets []*evidence.Set
	// Trial is what they are judged by.
	Trial     report.Trial
	Detectors []*analyze.Detector
	Options   analyze.Options
	// Demand names the detectors, families of scores or rules that must be able to fail; empty means all that
	// the policy gates.
	Demand []string
	// Build makes a report of a run.
	Build func(*evidence.Set, *analyze.Result) *report.Report
}

// Names are what Demand may name.
func Names(detectors []*analyze.Detector) []string {
	var out []string
	for _, d := range detectors {
		if len(d.Plantings) > 0 {
			out = append(out, d.Name)
		}
	}
	for _, f := range score.Families {
		out = append(out, string(f))
	}
	return out
}

// Run plants and judges.
func (t *Test) Run(ctx context.Context) ([]report.Planting, error) {
	if len(t.Sets) == 0 {
		return nil, errors.New("there is no evidence to plant in")
	}
	var out []report.Planting
	for _, d := range t.Detectors {
		if len(t.Options.Only) > 0 && !slices.Contains(t.Options.Only, d.Name) || !t.demanded(d.Name) {
			continue
		}
		for i := range d.Plantings {
			p, err := t.plantFault(ctx, d, &d.Plantings[i])
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
	}
	scores, err := t.plantScores(ctx)
	return append(out, scores...), err
}

func (t *Test) demanded(name string) bool {
	return len(t.Demand) == 0 || slices.Contains(t.Demand, name)
}

// copies are the sets to plant in, and the line to plant at.
func (t *Test) copies() ([]*evidence.Set, evidence.Frame) {
	at := plant.Line(t.Sets[len(t.Sets)-1])
	out := make([]*evidence.Set, len(t.Sets))
	for i, s := range t.Sets {
		out[i] = plant.Copy(s)
	}
	return out, at
}

// plantFault tests one fault of a detector.
func (t *Test) plantFault(ctx context.Context, d *analyze.Detector, p *analyze.Planting) (report.Planting, error) {
	out := report.Planting{Subject: d.Name, Rules: p.Rules, State: report.PlantDead}
	pol := &t.Trial.Policy
	switch {
	case pol.FailOn == 0:
		out.Why = "the policy fails on findings of no severity"
		return out, nil
	case t.severity(d, p) < pol.FailOn:
		out.State, out.Why = report.PlantNotGated, fmt.Sprintf("its severity is %s, and the policy fails on %s", t.severity(d, p), pol.FailOn)
		return out, nil
	case p.Most < pol.MinConfidence:
		out.State, out.Why = report.PlantNotGated, fmt.Sprintf("it is %s at most, and the policy asks for %s", p.Most, pol.MinConfidence)
		return out, nil
	}
	sets, at := t.copies()
	for _, set := range sets {
		what, err := p.Put(set, at)
		if err != nil {
			out.Why, out.Try = "the evidence is absent: "+err.Error(), d.Needs[0].Try
			return out, nil
		}
		out.What = what
	}
	opt := t.Options
	opt.Only = []string{d.Name}
	reports, err := t.reports(ctx, sets, opt)
	if err != nil {
		return out, err
	}
	last := t.judge(reports)
	if failing(last, p) {
		out.State = report.PlantFails
		return out, nil
	}
	out.Why, out.Try = t.survived(last, d, p), d.Needs[0].Try
	return out, nil
}

// severity is that of the gravest of the rules, as the policy has it.
func (t *Test) severity(d *analyze.Detector, p *analyze.Planting) analyze.Severity {
	var most analyze.Severity
	for _, r := range d.Rules {
		if slices.Contains(p.Rules, r.ID) {
			most = max(most, cmp.Or(t.Options.Severities[r.ID], r.Severity))
		}
	}
	return most
}

func (t *Test) reports(ctx context.Context, sets []*evidence.Set, opt analyze.Options) ([]*report.Report, error) {
	var out []*report.Report
	for _, set := range sets {
		res, err := analyze.Run(ctx, set, t.Detectors, opt)
		if err != nil {
			return nil, err
		}
		out = append(out, t.Build(set, res))
	}
	return out, nil
}

// judge has the gate judge the findings of the planted runs, as it does those of the real ones. Scores are judged
// by themselves.
func (t *Test) judge(runs []*report.Report) *report.Report {
	trial := t.Trial
	trial.Before, trial.Runs, trial.Earlier, trial.Command = nil, nil, nil, nil
	last := len(runs) - 1
	for _, r := range runs[:last] {
		r.ApplyGate(trial)
	}
	trial.Earlier = runs[:last]
	runs[last].ApplyGate(trial)
	return runs[last]
}

func failing(r *report.Report, p *analyze.Planting) bool {
	return slices.ContainsFunc(r.Gate.Findings.All(), func(c report.Change) bool { return c.Fails && slices.Contains(p.Rules, c.Rule) })
}

// survived says why the gate did not fail on what was planted.
func (t *Test) survived(r *report.Report, d *analyze.Detector, p *analyze.Planting) string {
	var met *report.Change
	all := r.Gate.Findings.All()
	for i := range all {
		if slices.Contains(p.Rules, all[i].Rule) && (met == nil || all[i].Confidence > met.Confidence) {
			met = &all[i]
		}
	}
	pol := &t.Trial.Policy
	switch {
	case met == nil:
		for _, o := range r.Detectors {
			if o.Name == d.Name && o.State != analyze.Ran {
				return fmt.Sprintf("the detector is %s: %s", o.State, o.Why)
			}
		}
		return "the detector does not report it" + t.changed(d)
	case met.Accepted != "":
		return fmt.Sprintf("the policy accepts it until %s: %s", met.AcceptedUntil, met.Accepted)
	case met.Severity < pol.FailOn:
		return fmt.Sprintf("it is found with severity %s, and the policy fails on %s", met.Severity, pol.FailOn)
	case met.Confidence < pol.MinConfidence:
		return fmt.Sprintf("with this evidence it is %s, and the policy asks for %s", met.Confidence, pol.MinConfidence)
	case met.Unconfirmed:
		return "it is not found in each of the runs"
	}
	return fmt.Sprintf("it is found, and counts as %s: %s", met.Class, met.Why)
}

// changed names the parameters of the detector that the user has set, which may be out of reach.
func (t *Test) changed(d *analyze.Detector) string {
	text := ""
	for _, prm := range d.Params {
		if v, ok := t.Options.Params[d.Name+"."+prm.Name]; ok && v != prm.Default {
			text += fmt.Sprintf("; %s.%s is set to %g (default %g), which may be out of reach", d.Name, prm.Name, v, prm.Default)
		}
	}
	return text
}
