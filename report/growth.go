package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go-debug/analyze"
)

// Growth says when a known finding counts as grown. The headline measure of the finding is
// compared with the measure of the same name and unit in the baseline.
//
// A value exceeds the baseline when it is more than MinEffect above it and
//
//   - the baseline states an interval: the value lies above its upper bound, and the
//     value's own lower bound, where there is one, above the baseline's value;
//   - neither states one: the value is Factor times the baseline's, and for counts the
//     difference is beyond chance as well: more than two standard deviations of the
//     difference of two Poisson counts, 2·√(before+after).
//
// A longer capture sees more of everything. So where both measures carry a window, the
// values per second must exceed too, or, where both reports know the requests of the same
// window (within a tenth), the values per request. Both tests must agree because a
// measure does not say whether it is a total over its window or a state at its end.
// Ratios, percentages and rates are compared as they are.
//
// Findings of the Exact detectors, which count goroutines one by one, are compared by how many
// survived and never by totals: see exact.
//
// A finding whose confidence rose to likely or proven counts as grown whatever its
// numbers say: the baseline never accepted it as that.
type Growth struct {
	Exact     []string // detectors whose findings are compared by survivors; leak
	Factor    float64  // without intervals: how many times the baseline; 1.5
	MinEffect float64  // relative change below which nothing counts; 0.1
	// Unlike says why measures are not compared, but for those of the exact detectors, which count; empty when all are.
	Unlike string
}

// DefaultGrowth is used by the gate when the user sets nothing.
func DefaultGrowth() Growth {
	return Growth{Exact: []string{"leak"}, Factor: 1.5, MinEffect: 0.1}
}

func (g Growth) isExact(rule string) bool { return slices.Contains(g.Exact, detectorOf(rule)) }

// Basis says what a compared value is divided by.
type Basis string

// The bases.
const (
	Total      Basis = "total"
	PerSecond  Basis = "per_s"
	PerRequest Basis = "per_request"
)

// side is a finding in its report.
type side struct {
	report  *Report
	finding *Finding
}

// judge sets the class of a finding that both reports have, and its numbers.
func (g Growth) judge(ch *Change, base, head side) {
	ch.Class = ClassKnown
	after := head.finding.headline()
	before := base.finding.like(after)
	ch.headline(before, after)
	switch {
	case head.finding.Confidence >= analyze.Likely && base.finding.Confidence < analyze.Likely:
		ch.Class = ClassGrown
		ch.Why = fmt.Sprintf("confidence rose from %s to %s", base.finding.Confidence, head.finding.Confidence)
	case g.isExact(head.finding.Rule) && g.exact(ch, base, head):
	case g.Unlike != "" && !g.isExact(head.finding.Rule):
		ch.Why = g.Unlike
	case ch.Before == nil || ch.After == nil:
		ch.Why = "no measure to compare"
	default:
		g.compare(ch, base.report, head.report, before, after)
	}
}

// like finds the measure of the same name and unit.
func (f *Finding) like(m *Measure) *Measure {
	for i := range f.Measures {
		if m != nil && f.Measures[i].Name == m.Name && f.Measures[i].Unit == m.Unit {
			return &f.Measures[i]
		}
	}
	return nil
}

func (g Growth) compare(ch *Change, base, head *Report, before, after *Measure) {
	grown, why := g.exceeds(before, after, 1, 1)
	if basis, b, h := divisors(base, head, before, after); basis != Total {
		ch.over(basis, b, h)
		if grown {
			grown, why = g.exceeds(before, after, b, h)
			why += basis.words()
		}
	}
	if ch.Why = why; grown {
		ch.Class = ClassGrown
	}
}

// over divides the numbers of a change.
func (ch *Change) over(basis Basis, before, after float64) {
	b, a := *ch.Before/before, *ch.After/after
	ch.Basis, ch.Before, ch.After = basis, &b, &a
}

func (b Basis) words() string {
	switch b {
	case PerRequest:
		return ", per request"
	case PerSecond:
		return ", per second"
	}
	return ""
}

// exceeds tests one measure against another, each divided by its divisor.
func (g Growth) exceeds(before, after *Measure, db, da float64) (bool, string) {
	b, a := *before.Value/db, *after.Value/da
	switch {
	case a <= b:
		return false, "not above the baseline"
	case a <= b+math.Abs(b)*g.MinEffect:
		return false, fmt.Sprintf("less than %.0f %% above the baseline", g.MinEffect*100)
	case before.Interval != nil:
		if a <= before.Interval[1]/db || after.Interval != nil && after.Interval[0]/da <= b {
			return false, "within the interval of the baseline"
		}
		return true, "above the interval of the baseline"
	case after.Interval != nil && after.Interval[0]/da <= b:
		return false, "its own interval reaches down to the baseline"
	case a < b*g.Factor:
		return false, fmt.Sprintf("less than %g times the baseline", g.Factor)
	case before.Unit == "count" && chance(*before.Value, *after.Value, da/db):
		return false, "no more than chance above the baseline"
	}
	return true, fmt.Sprintf("at least %g times the baseline", g.Factor)
}

// chance reports whether two Poisson counts, the second seen k times as long, are within
// two standard deviations of their difference.
func chance(before, after, k float64) bool {
	return after-k*before <= 2*math.Sqrt(after+k*k*before)
}

// divisors finds a common basis for two measures: requests of the load if both reports
// know them for the measure's window, else seconds.
func divisors(base, head *Report, before, after *Measure) (basis Basis, b, h float64) {
	switch {
	case !extensive(before.Unit), before.WindowS == nil, after.WindowS == nil,
		*before.WindowS <= 0, *after.WindowS <= 0:
		return Total, 1, 1
	}
	for _, l := range head.Load {
		old := base.loadOf(l.Source, l.Route, l.Origin)
		if l.Route == "all" && old != nil && l.during(*after.WindowS) && old.during(*before.WindowS) {
			return PerRequest, *old.Requests, *l.Requests
		}
	}
	return PerSecond, *before.WindowS, *after.WindowS
}

// extensive reports whether values of a unit add up over time.
func extensive(unit string) bool {
	switch unit {
	case "ratio", "percent":
		return false
	}
	return !strings.Contains(unit, "per_")
}

// during reports whether the load's request count belongs to a window of that length.
func (l *Load) during(windowS float64) bool {
	return l.Requests != nil && *l.Requests > 0 && l.WindowS != nil &&
		math.Abs(*l.WindowS-windowS) <= windowS/10
}
