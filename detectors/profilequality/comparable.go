package profilequality

import (
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// reportIncomparable reports profiles of one kind that differ in what their values mean. CPU profiles with
// different periods are a doubt of their own.
func reportIncomparable(p *analyze.Pass, kind evidence.Kind, profiles []*evidence.Profile, versions map[string]string) {
	if len(profiles) < 2 {
		return
	}
	var reasons []string
	differ := func(what string, of func(*evidence.Profile) string) {
		var seen []string
		for _, prof := range profiles {
			if v := of(prof); v != "" && !slices.Contains(seen, v) {
				seen = append(seen, v)
			}
		}
		if len(seen) > 1 {
			reasons = append(reasons, fmt.Sprintf("%d %s (%s)", len(seen), what, shown(seen)))
		}
	}
	differ("kinds of values", sampleTypes)
	differ("builds of the program", func(prof *evidence.Profile) string { return prof.Build })
	differ("Go versions", func(prof *evidence.Profile) string { return versions[prof.Source] })
	if kind != evidence.CPU {
		differ("sampling rates", func(prof *evidence.Profile) string {
			if prof.Period <= 0 {
				return ""
			}
			return fmt.Sprint(prof.Period)
		})
	}
	if len(reasons) == 0 {
		return
	}
	p.Report(finding(ruleIncomparable, kind, fmt.Sprintf("the %d %s profiles are of %s: differences between them, and their sum, may be of that and not of the program", len(profiles), kind, strings.Join(reasons, " and ")),
		stats.Measure{Name: "differences", Value: float64(len(reasons)), Unit: "count", N: int64(len(profiles)), Method: "what the profiles of the kind differ in"}, nil))
}

// shown names the first few values.
func shown(values []string) string {
	const most, width = 3, 24
	var out []string
	for _, v := range values[:min(len(values), most)] {
		if len(v) > width {
			v = v[:width] + "…"
		}
		out = append(out, v)
	}
	if len(values) > most {
		out = append(out, "…")
	}
	return strings.Join(out, ", ")
}

func sampleTypes(p *evidence.Profile) string {
	var names []string
	for _, t := range p.SampleTypes {
		names = append(names, t.Type)
	}
	return strings.Join(names, "/")
}
