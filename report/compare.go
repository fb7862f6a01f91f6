package report

import (
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// Comparison is what changed between a baseline and the report at hand.
type Comparison struct {
	Changes []Change
	Load    []LoadChange
	// Lost are detectors that ran for the baseline and did not run now.
	Lost []string
}

// Class says what became of a finding.
type Class string

// The classes.
const (
	ClassNew       Class = "new"       // not in the baseline
	ClassGrown     Class = "grown"     // in both, and worse now
	ClassKnown     Class = "known"     // in both, and not shown to be worse
	ClassFixed     Class = "fixed"     // in the baseline; its detector ran now, on evidence as good, and did not find it
	ClassUnchecked Class = "unchecked" // in the baseline; its detector could not tell now
)

// Change is one finding in the light of the baseline.
type Change struct {
	Class      Class              `json:"class" jsonschema:"new: not in the baseline; grown: worse than there; known: in both; fixed: only in the baseline; unchecked: only there, but its detector could not tell now or had less evidence"`
	Fails      bool               `json:"fails" jsonschema:"whether the gate fails because of it"`
	Rule       string             `json:"rule" jsonschema:"rule of the finding"`
	Severity   analyze.Severity   `json:"severity" jsonschema:"severity of the finding"`
	Confidence analyze.Confidence `json:"confidence" jsonschema:"confidence of the finding, now if it is there now"`
	Message    string             `json:"message" jsonschema:"one line of cause"`
	Print      string             `json:"fingerprint" jsonschema:"what findings are matched by"`
	Location   *Frame             `json:"location" jsonschema:"the line to look at"`
	Measure    string             `json:"measure" jsonschema:"name of the headline measure"`
	Unit       string             `json:"unit" jsonschema:"unit of before and after"`
	Basis      Basis              `json:"basis" jsonschema:"total: before and after are the values as measured; per_s or per_request: divided by the window or by the requests of the load"`
	Before     *float64           `json:"before" jsonschema:"headline measure in the baseline; null when it is not there"`
	After      *float64           `json:"after" jsonschema:"headline measure now; null when it is not there"`
	// Interval, P, N and Method say how a rate was compared.
	Interval *[2]float64 `json:"before_interval" jsonschema:"95 % interval of before, where the comparison is of counted events"`
	P        *float64    `json:"p" jsonschema:"probability of such a rise if nothing had changed"`
	N        *int64      `json:"n" jsonschema:"events counted on both sides"`
	Method   string      `json:"method" jsonschema:"how interval and p were found"`
	Why      string      `json:"why" jsonschema:"what the class follows from"`
	// NewSite and Outgrown are set for new findings of the exact detectors.
	NewSite  bool `json:"new_site" jsonschema:"whether nobody was seen to block there in the baseline"`
	Outgrown bool `json:"outgrown" jsonschema:"whether the finding is new, and far more goroutines stay at a place where they passed in the baseline"`
	// Pooled is set where several runs of both sides were counted together.
	Pooled        bool `json:"pooled" jsonschema:"whether significantly more goroutines stay there than before, over all runs together"`
	Accepted      Text `json:"accepted" jsonschema:"the reason for which the policy accepts the finding; null when it does not"`
	AcceptedUntil Text `json:"accepted_until" jsonschema:"the last day on which it does; null when it does not"`
	Unconfirmed   bool `json:"unconfirmed" jsonschema:"whether it would have failed and did not in an earlier capture of the same target"`
}

// LoadChange is one number of the load, before and after.
type LoadChange struct {
	Source string   `json:"source" jsonschema:"source of the load on both sides"`
	Route  string   `json:"route" jsonschema:"route on both sides"`
	Metric string   `json:"metric" jsonschema:"qps, in_flight or latency_p95"`
	Unit   string   `json:"unit" jsonschema:"unit of before and after"`
	Before *float64 `json:"before" jsonschema:"in the baseline"`
	After  *float64 `json:"after" jsonschema:"now"`
}

// Compare matches the findings of two reports by fingerprint. Several findings may share
// one (the same fault on two lines of a function): those on the same line are paired
// first, the others in order, and what is left over is new or fixed. How growth is judged
// is described at [Growth].
//
// A finding that is gone counts as fixed only if its detector ran now and had each kind of
// evidence that it had for the baseline: without the mutex profile that showed it, a fault
// is not gone but out of sight.
func Compare(base, head *Report, g Growth) *Comparison {
	c := &Comparison{Lost: lost(base, head), Load: compareLoad(base, head)}
	pairs, gone := match(base.Findings, head.Findings)
	for i := range head.Findings {
		f := &head.Findings[i]
		ch := newChange(ClassNew, f)
		if old := pairs[i]; old != nil {
			g.judge(&ch, side{base, old}, side{head, f})
		} else {
			ch.headline(nil, f.headline())
			ch.Why = "not in the baseline"
			if g.isExact(f.Rule) {
				ch.NewSite = base.lacksSite(f)
				ch.Outgrown = !ch.NewSite && g.outgrown(&ch, base, head, f)
			}
		}
		c.Changes = append(c.Changes, ch)
	}
	for _, old := range gone {
		name := detectorOf(old.Rule)
		ch := newChange(ClassFixed, old)
		ch.Why = "in the baseline only"
		if head.stateOf(name) != analyze.Ran {
			ch.Class, ch.Why = ClassUnchecked, fmt.Sprintf("detector %s %s", name, head.absence(name))
		} else if less := lacking(base, head, name); len(less) > 0 {
			ch.Class, ch.Why = ClassUnchecked, fmt.Sprintf("detector %s had %s for the baseline and lacks it now", name, joined(less))
		}
		ch.headline(old.headline(), nil)
		c.Changes = append(c.Changes, ch)
	}
	return c
}

// Of returns the changes of a class, in order.
func (c *Comparison) Of(class Class) []Change {
	out := []Change{}
	for _, ch := range c.Changes {
		if ch.Class == class {
			out = append(out, ch)
		}
	}
	return out
}

// match pairs each head finding with its baseline finding; gone are the baseline findings
// that are left over.
func match(base, head []Finding) (pairs []*Finding, gone []*Finding) {
	pairs = make([]*Finding, len(head))
	byPrint := map[string][]*Finding{}
	for i := range base {
		byPrint[base[i].Fingerprint] = append(byPrint[base[i].Fingerprint], &base[i])
	}
	taken := map[*Finding]bool{}
	pair := func(accept func(old, f *Finding) bool) {
		for i := range head {
			for _, old := range byPrint[head[i].Fingerprint] {
				if pairs[i] == nil && !taken[old] && accept(old, &head[i]) {
					pairs[i], taken[old] = old, true
				}
			}
		}
	}
	pair(sameLine)
	pair(func(_, _ *Finding) bool { return true })
	for i := range base {
		if !taken[&base[i]] {
			gone = append(gone, &base[i])
		}
	}
	return pairs, gone
}

func sameLine(a, b *Finding) bool {
	x, y := a.Location, b.Location
	if x == nil || y == nil || x.Line == nil || y.Line == nil {
		return x == y
	}
	return x.File == y.File && *x.Line == *y.Line
}

func newChange(class Class, f *Finding) Change {
	return Change{Class: class, Rule: f.Rule, Severity: f.Severity, Confidence: f.Confidence,
		Message: f.Message, Print: f.Fingerprint, Location: f.Location, Basis: Total}
}

// headline sets the measure of a change that has one side only.
func (ch *Change) headline(before, after *Measure) {
	for _, m := range []*Measure{before, after} {
		if m != nil {
			ch.Measure, ch.Unit = m.Name, m.Unit
		}
	}
	ch.Before, ch.After = before.value(), after.value()
}

func (f *Finding) headline() *Measure {
	if len(f.Measures) == 0 {
		return nil
	}
	return &f.Measures[0]
}

func (m *Measure) value() *float64 {
	if m == nil {
		return nil
	}
	return m.Value
}

// lacking are the kinds of evidence that a detector had for the baseline and has not now, or
// has now only of inputs that were not wholly read.
func lacking(base, head *Report, name string) []evidence.Kind {
	var out []evidence.Kind
	old, now := base.evidenceOf(name), head.evidenceOf(name)
	if len(old) == 0 { // a report from before this was recorded
		old = base.kinds(false)
		if h := head.detector(name); h != nil {
			old = slices.DeleteFunc(old, func(k evidence.Kind) bool { return !slices.Contains(h.Reads, k) })
		}
	}
	if len(now) == 0 {
		now = head.kinds(false)
	}
	wholeBase, wholeHead := base.kinds(true), head.kinds(true)
	for _, k := range old {
		if !slices.Contains(now, k) || slices.Contains(wholeBase, k) && !slices.Contains(wholeHead, k) {
			out = append(out, k)
		}
	}
	return out
}

// evidenceOf are the kinds of evidence that a detector had.
func (r *Report) evidenceOf(name string) []evidence.Kind {
	if d := r.detector(name); d != nil {
		return d.Evidence
	}
	return nil
}

// kinds are the kinds of the inputs, each once: of all that were read, or of those that were
// wholly read.
func (r *Report) kinds(whole bool) []evidence.Kind {
	var out []evidence.Kind
	for _, in := range r.Inputs {
		if (in.Complete || !whole && in.read()) && !slices.Contains(out, in.Kind) {
			out = append(out, in.Kind)
		}
	}
	return out
}

func joined(kinds []evidence.Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, " and ")
}

func (r *Report) detector(name string) *Detector {
	for i := range r.Detectors {
		if r.Detectors[i].Name == name {
			return &r.Detectors[i]
		}
	}
	return nil
}

// stateOf is the state of a detector, empty when the report does not list it.
func (r *Report) stateOf(name string) analyze.State {
	if d := r.detector(name); d != nil {
		return d.State
	}
	return ""
}

// absence says in words why a detector gave no answer.
func (r *Report) absence(name string) string {
	switch d := r.detector(name); {
	case d == nil:
		return "did not run"
	case d.Why != "":
		return fmt.Sprintf("is %s: %s", d.State, d.Why)
	default:
		return "is " + string(d.State)
	}
}

func lost(base, head *Report) []string {
	var out []string
	for _, d := range base.Detectors {
		if d.State == analyze.Ran && head.stateOf(d.Name) != analyze.Ran {
			out = append(out, d.Name)
		}
	}
	return out
}

// compareLoad pairs load entries by source and route, in the order of head.
func compareLoad(base, head *Report) []LoadChange {
	var out []LoadChange
	for _, h := range head.Load {
		b := base.loadOf(h.Source, h.Route, h.Origin)
		if b == nil {
			continue
		}
		add := func(metric, unit string, before, after *float64) {
			if before != nil && after != nil {
				out = append(out, LoadChange{h.Source, h.Route, metric, unit, before, after})
			}
		}
		add("qps", "per_s", b.QPS, h.QPS)
		add("in_flight", "count", b.InFlight.Mean, h.InFlight.Mean)
		if b.LatencyNS != nil && h.LatencyNS != nil {
			add("latency_p95", "ns", b.LatencyNS.P95, h.LatencyNS.P95)
		}
	}
	return out
}

// loadOf is the load of a source, a route and an origin. Files of load tests are named anew for each run: where
// there is one load of the source and route only, it is that one.
func (r *Report) loadOf(source, route string, origin Text) *Load {
	var like []*Load
	for i := range r.Load {
		if r.Load[i].Source == source && r.Load[i].Route == route && r.Load[i].Origin == origin {
			return &r.Load[i]
		}
		if r.Load[i].Source == source && r.Load[i].Route == route {
			like = append(like, &r.Load[i])
		}
	}
	if len(like) == 1 && source == "loadtest" {
		return like[0]
	}
	return nil
}
