package analyze

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/recovered"
)

// Pass is what a detector gets: the evidence, its parameters, and the confidence that the
// best met need allows.
type Pass struct {
	Evidence *evidence.Set
	// Ceiling is the highest confidence among the needs that are met.
	Ceiling Confidence

	detector   *Detector
	params     map[string]float64
	severities map[string]Severity
	result     *Result
	outcome    Outcome
}

// Param is the value of one of the detector's parameters.
func (p *Pass) Param(name string) float64 {
	v, ok := p.params[name]
	if !ok {
		panic("detector " + p.detector.Name + " asks for the undeclared parameter " + name)
	}
	return v
}

// Report adds a finding. Its confidence is cut to the ceiling.
func (p *Pass) Report(f Finding) {
	rule := p.detector.rule(f.Rule)
	if rule == nil {
		panic("detector " + p.detector.Name + " reports the undeclared rule " + f.Rule)
	}
	f.Noun = cmp.Or(f.Noun, p.detector.Noun, p.detector.Name)
	f.Severity = cmp.Or(p.severities[rule.ID], rule.Severity)
	f.Confidence = min(f.Confidence, p.Ceiling)
	f.Remedy = cmp.Or(f.Remedy, rule.Remedy)
	f.Fingerprint = fingerprint(&f)
	p.result.Findings = append(p.result.Findings, f)
}

// ReportLoad adds an entry to the load section.
func (p *Pass) ReportLoad(l LoadReport) { p.result.Load = append(p.result.Load, l) }

// Inconclusive says that the evidence cannot answer the detector's question, and what would.
func (p *Pass) Inconclusive(why, try string) {
	p.outcome.State, p.outcome.Why, p.outcome.Try = Inconclusive, why, try
}

// NotChecked notes a question that stayed open although the detector ran.
func (p *Pass) NotChecked(what, try string) {
	p.outcome.Unchecked = append(p.outcome.Unchecked, Unchecked{What: what, Try: try})
}

func (d *Detector) rule(id string) *Rule {
	for i := range d.Rules {
		if d.Rules[i].ID == id {
			return &d.Rules[i]
		}
	}
	return nil
}

// Result is what a run of all detectors found.
type Result struct {
	Findings []Finding
	// Rules are those of the findings, by ID.
	Rules    []Rule
	Outcomes []Outcome
	Load     []LoadReport
}

// Options select detectors and override their parameters.
type Options struct {
	// Only names the detectors to run; empty means all.
	Only []string
	// Params overrides defaults by "detector.param".
	Params map[string]float64
	// Severities overrides those of rules by their ID.
	Severities map[string]Severity
}

// Run runs the detectors over the evidence. The result is ordered and depends on nothing
// but the arguments.
func Run(ctx context.Context, set *evidence.Set, detectors []*Detector, opt Options) (*Result, error) {
	if err := opt.Check(detectors); err != nil {
		return nil, err
	}
	res := &Result{}
	for _, d := range detectors {
		if len(opt.Only) > 0 && !slices.Contains(opt.Only, d.Name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out := runOne(ctx, set, d, opt, res)
		out.Reads, out.Evidence = d.kinds(), slices.DeleteFunc(d.kinds(), func(k evidence.Kind) bool { return !set.Has(k, 1) })
		out.Supporting = d.Supporting
		res.Outcomes = append(res.Outcomes, out)
	}
	res.Findings = fold(dedupe(res.Findings), rulesByID(detectors))
	res.Rules = rulesOf(res.Findings, detectors, opt.Severities)
	return res, nil
}

// rulesOf are the rules of the findings, each once, by ID.
func rulesOf(findings []Finding, detectors []*Detector, severities map[string]Severity) []Rule {
	var out []Rule
	for _, d := range detectors {
		for _, rule := range d.Rules {
			if slices.ContainsFunc(findings, func(f Finding) bool { return f.Rule == rule.ID }) {
				rule.Severity = cmp.Or(severities[rule.ID], rule.Severity)
				out = append(out, rule)
			}
		}
	}
	slices.SortFunc(out, func(a, b Rule) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func rulesByID(detectors []*Detector) map[string]*Rule {
	out := map[string]*Rule{}
	for _, d := range detectors {
		for i := range d.Rules {
			out[d.Rules[i].ID] = &d.Rules[i]
		}
	}
	return out
}

// detectorOf is the detector's name in a rule's ID.
func detectorOf(rule string) string {
	name, _, _ := strings.Cut(rule, "/")
	return name
}

// fewest is the number of captures of a kind that the most modest need for it asks for.
func (d *Detector) fewest(k evidence.Kind) int {
	n := math.MaxInt
	for _, need := range d.Needs {
		if need.Kind == k {
			n = min(n, max(need.Captures, 1))
		}
	}
	return n
}

// kinds are the kinds of the detector's needs, each once.
func (d *Detector) kinds() []evidence.Kind {
	var out []evidence.Kind
	for _, n := range d.Needs {
		if !slices.Contains(out, n.Kind) {
			out = append(out, n.Kind)
		}
	}
	return out
}

// Check refuses names of detectors and parameters that no detector has.
func (opt Options) Check(detectors []*Detector) error {
	names := make([]string, len(detectors))
	known := map[string]bool{}
	for i, d := range detectors {
		names[i] = d.Name
		for _, p := range d.Params {
			known[d.Name+"."+p.Name] = true
		}
	}
	for _, n := range opt.Only {
		if !slices.Contains(names, n) {
			return fmt.Errorf("unknown detector %q (have %s)", n, strings.Join(names, ", "))
		}
	}
	for k := range opt.Params {
		if !known[k] {
			return fmt.Errorf("unknown parameter %q (see go-debug explain DETECTOR)", k)
		}
	}
	return nil
}

// newPass is what a detector gets of the evidence. Its ceiling is 0 where no need is met.
func newPass(set *evidence.Set, d *Detector, opt Options) *Pass {
	p := &Pass{Evidence: set, detector: d, params: map[string]float64{}, severities: opt.Severities, result: &Result{},
		outcome: Outcome{Detector: d.Name, State: Ran}}
	for _, prm := range d.Params {
		p.params[prm.Name] = prm.Default
		if v, ok := opt.Params[d.Name+"."+prm.Name]; ok {
			p.params[prm.Name] = v
		}
	}
	for _, n := range d.Needs {
		if set.Has(n.Kind, max(n.Captures, 1)) {
			p.Ceiling = max(p.Ceiling, n.Confidence)
		}
	}
	return p
}

// ReadsCode reports whether Set.Code could change what the detectors find in the evidence. A detector that
// fails at the question gets the source, and fails or not when it runs.
func ReadsCode(set *evidence.Set, detectors []*Detector, opt Options) bool {
	return slices.ContainsFunc(detectors, func(d *Detector) (reads bool) {
		if d.ReadsCode == nil || len(opt.Only) > 0 && !slices.Contains(opt.Only, d.Name) {
			return false
		}
		p := newPass(set, d, opt)
		defer func() {
			if recover() != nil {
				reads = true
			}
		}()
		return p.Ceiling > 0 && d.ReadsCode(p)
	})
}

func runOne(ctx context.Context, set *evidence.Set, d *Detector, opt Options, res *Result) (out Outcome) {
	p := newPass(set, d, opt)
	if p.Ceiling == 0 {
		return unmet(set, d)
	}
	// A detector that panics is a defect of ours; it must not take the others' findings with it.
	defer func() {
		if r := recover(); r != nil {
			out = Outcome{Detector: d.Name, State: Failed, Why: "detector panicked: " + recovered.Cause(ctx, r)}
		}
	}()
	if err := d.Run(ctx, p); err != nil {
		return Outcome{Detector: d.Name, State: Failed, Why: err.Error()}
	}
	res.Findings = append(res.Findings, p.result.Findings...)
	res.Load = append(res.Load, p.result.Load...)
	if why := blind(set, d); why != "" && !d.Supporting && p.outcome.State == Ran && len(p.result.Findings) == 0 {
		p.Inconclusive(why, d.Needs[0].Try)
	}
	return p.outcome
}

// unmet is skipped when nothing the detector reads is there, and inconclusive when there
// is some of it but too little.
func unmet(set *evidence.Set, d *Detector) Outcome {
	out := Outcome{Detector: d.Name, State: Skipped}
	var wants []string
	for _, k := range d.kinds() {
		if set.Has(k, 1) {
			out.State = Inconclusive
		}
		want := string(k)
		if n := d.fewest(k); n > 1 {
			want = fmt.Sprintf("%d × %s", n, k)
		}
		wants = append(wants, want)
	}
	out.Why = "needs " + strings.Join(wants, " or ")
	if len(d.Needs) > 0 {
		out.Try = d.Needs[0].Try
	}
	return out
}

// dedupe keeps the most important of findings with one fingerprint and one location, and orders them.
func dedupe(fs []Finding) []Finding {
	slices.SortStableFunc(fs, compareFindings)
	type key struct {
		print, file string
		line        int
	}
	seen := map[key]bool{}
	var out []Finding
	for _, f := range fs {
		k := key{f.Fingerprint, f.Location.File, f.Location.Line}
		if seen[k] {
			continue
		}
		seen[k] = true
		out = append(out, f)
	}
	return out
}

// blind says why the evidence cannot answer a detector's question although there is some of what it reads: all of it
// is of other runtimes, or profiles of locks and waits that were never turned on. It is empty where some can. Nothing
// found in such is not clean.
func blind(set *evidence.Set, d *Detector) string {
	why := ""
	for _, k := range d.kinds() {
		profiles := set.ProfilesOf(k)
		if len(profiles) == 0 {
			if set.Has(k, 1) {
				return ""
			}
			continue
		}
		for _, p := range profiles {
			switch {
			case !p.IsGo():
				why = fmt.Sprintf("the %s profile is not of a Go program: its shares stand, and say nothing of Go's runtime", k)
			case p.IsZero() && (k == evidence.Mutex || k == evidence.Block):
				why = cmp.Or(why, fmt.Sprintf("the %s profile is empty: it is off, or there was nothing to record", k))
			default:
				return ""
			}
		}
	}
	return why
}
