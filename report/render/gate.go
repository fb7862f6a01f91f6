package render

import (
	"fmt"
	"slices"
	"strings"

	"go-debug/report"
)

// The phrases of a gate that all formats for people share.

// gateStatus is the outcome in capitals.
func gateStatus(g *report.Gate) string {
	if g.Failed {
		return "GATE FAILED"
	}
	return "GATE PASSED"
}

// gatePhrase says by what the gate judged and what it found: "exit 1; 1 new, 2 known;
// baseline main.json; fails on high, likely or surer".
func gatePhrase(g *report.Gate) string {
	parts := []string{fmt.Sprintf("exit %d", g.ExitCode)}
	var tally []string
	for _, c := range []struct {
		name    string
		changes []report.Change
	}{
		{"new", g.Findings.New}, {"grown", g.Findings.Grown}, {"unchecked", g.Findings.Unchecked},
		{"known", g.Findings.Known}, {"fixed", g.Findings.Fixed},
	} {
		if len(c.changes) > 0 {
			tally = append(tally, fmt.Sprintf("%d %s", len(c.changes), c.name))
		}
	}
	switch {
	case len(tally) == 0:
		parts = append(parts, "no findings")
	case g.Baseline == "":
		parts = append(parts, plural(len(g.Findings.New), "finding"))
	default:
		parts = append(parts, strings.Join(tally, ", "))
	}
	if g.Baseline == "" {
		parts = append(parts, "no baseline")
	} else {
		parts = append(parts, "baseline "+string(g.Baseline))
	}
	if g.Captures > 1 {
		parts = append(parts, "captured "+plural(g.Captures, "time"))
	}
	if g.FailOn != "" {
		parts = append(parts, fmt.Sprintf("fails on %s severity, %s or surer", g.FailOn, g.MinConfidence))
	}
	return strings.Join(parts, "; ")
}

var changeColumns = []column{
	{title: "Finding"}, {title: "Rule", least: 12}, {title: "At", least: 12, tail: true},
	{title: "Measure", least: 10}, {title: "Before", right: true}, {title: "After", right: true}, {title: "Change", right: true},
}

// failMark stands before the class of a finding that fails the gate, failLegend below the
// table.
const (
	failMark   = "! "
	failLegend = "! fails the gate"
)

func anyFails(changes []report.Change) bool {
	return slices.ContainsFunc(changes, func(c report.Change) bool { return c.Fails })
}

func changeRow(c report.Change) []string {
	class := string(c.Class)
	switch {
	case c.Fails:
		class = failMark + class
	case c.Accepted != "":
		class = "accepted"
	}
	unit := c.Unit
	if c.Basis != report.Total && c.Before != nil {
		unit = strings.TrimPrefix(unit+"_", "count_") + string(c.Basis)
	}
	at := place(c.Location)
	if at == "" && c.Location != nil {
		at = c.Location.Function
	}
	return []string{class, c.Rule, at, c.Measure, human(rounded(c.Before), unit), human(rounded(c.After), unit), change(c.Before, c.After)}
}

// rounded drops digits that a quotient pretends to have.
func rounded(v *float64) *float64 {
	if v == nil || *v == float64(int64(*v)) {
		return v
	}
	r := significant(*v)
	return &r
}

var loadChangeColumns = []column{
	{title: "Load", least: 16}, {title: "Measure"}, {title: "Before", right: true}, {title: "After", right: true}, {title: "Change", right: true},
}

// loadMetrics are the names of the metrics for people.
var loadMetrics = map[string]string{"qps": "QPS", "in_flight": "in flight", "latency_p95": "P95 latency"}

func loadChangeRow(c report.LoadChange) []string {
	name, ok := loadMetrics[c.Metric]
	if !ok {
		name = c.Metric
	}
	return []string{c.Source + " " + c.Route, name, human(rounded(c.Before), c.Unit), human(rounded(c.After), c.Unit), change(c.Before, c.After)}
}
