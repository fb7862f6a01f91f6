package render

import (
	"cmp"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"go-debug/report"
)

// loadColumns are the columns of the load table; those from latencyColumn on are about
// latency.
var loadColumns = []column{
	{title: "Load", least: 20}, {title: "QPS", right: true}, {title: "In flight", right: true},
	{title: "Peak", right: true}, {title: "Queued", right: true}, {title: "Goroutines", right: true}, {title: "Little gap", right: true},
	{title: "P50", right: true}, {title: "P90", right: true}, {title: "P95", right: true}, {title: "P99", right: true}, {title: "Max", right: true},
}

const latencyColumn = 7

func loadRow(l report.Load) []string {
	latency := report.Latency{}
	if l.LatencyNS != nil {
		latency = *l.LatencyNS
	}
	inFlight := human(l.InFlight.Mean, "count")
	if l.InFlight.Mean == nil && (l.InFlight.Lower != nil || l.InFlight.Upper != nil) {
		inFlight = human(l.InFlight.Lower, "count") + " to " + human(l.InFlight.Upper, "count")
	}
	return []string{loadName(l), human(l.QPS, "per_s"), inFlight, human(l.InFlight.Max, "count"),
		few(l.Queued), human(l.Goroutines, "count"), share(l.LittlesGap),
		percentile(latency.P50, latency.Bound), percentile(latency.P90, latency.Bound), percentile(latency.P95, latency.Bound),
		percentile(latency.P99, latency.Bound), human(latency.Max, "ns")}
}

// loadName is "metrics all", with the target or file where there is one.
func loadName(l report.Load) string {
	name := l.Source + " " + l.Route
	if l.Origin != "" {
		name += " " + path.Base(string(l.Origin))
	}
	return name
}

// few writes a mean of things that may be nearly none.
func few(v *float64) string {
	if v != nil && *v > 0 && *v < 0.05 {
		return "<0.1"
	}
	return human(v, "count")
}

// share writes a ratio as a percentage to a tenth.
func share(ratio *float64) string {
	if ratio == nil {
		return "-"
	}
	return humanValue(math.Round(*ratio*1000)/10, "percent")
}

// percentile marks a value that is only known to lie in a bucket below it.
func percentile(v *float64, bound bool) string {
	if v != nil && bound {
		return "≤" + human(v, "ns")
	}
	return human(v, "ns")
}

// loadRemarks put the load in words: the sentence, the verdict with its cause, what the
// requests in flight are doing. Of a route without a fault the table says enough, unless it does something else than all.
func loadRemarks(r *report.Report, o Options) []remark {
	var out []remark
	for _, l := range r.Load {
		if !o.Verbose && l.Route != "all" && slices.Contains([]string{"", "ok", "inconclusive"}, l.Verdict) && !standsOut(r, &l) {
			continue
		}
		var parts []string
		if l.Sentence != "" {
			parts = append(parts, l.Sentence)
		}
		if l.Verdict != "" && l.Verdict != "ok" && (o.Verbose || l.Route == "all" || l.Verdict != "inconclusive") {
			parts = append(parts, strings.TrimSuffix("verdict: "+l.Verdict+", cause "+string(l.Cause), ", cause "))
		}
		if s := statesPhrase(l.States); s != "" && !strings.Contains(l.Sentence, " in flight = ") {
			parts = append(parts, "in flight: "+s)
		}
		if len(parts) > 0 {
			out = append(out, remark{name: loadName(l), text: strings.Join(parts, "; ")})
		}
	}
	return out
}

const (
	// mainShare of its time is what the requests of a route mostly do; leastShare of what all have in flight is enough to speak of.
	mainShare  = 0.5
	leastShare = 0.1
)

// standsOut reports a route whose requests mostly do something that those of all do not.
func standsOut(r *report.Report, l *report.Load) bool {
	i := slices.IndexFunc(r.Load, func(a report.Load) bool { return a.Route == "all" && a.Source == l.Source && a.Origin == l.Origin })
	if i < 0 || l.InFlight.Mean == nil || r.Load[i].InFlight.Mean == nil || *l.InFlight.Mean < leastShare**r.Load[i].InFlight.Mean {
		return false
	}
	most := mainState(l.States)
	return l.States[most] >= mainShare && most != mainState(r.Load[i].States)
}

// mainState is the state with the largest share, empty where there is none.
func mainState(states map[string]float64) (most string) {
	for _, s := range slices.Sorted(maps.Keys(states)) {
		if most == "" || states[s] > states[most] {
			most = s
		}
	}
	return most
}

// slowestRemarks say what the slowest requests did: the slowest of all, or of each load where everything is asked for. Those of
// all are those of a route, too, and said once.
func slowestRemarks(r *report.Report, o Options) []remark {
	var out []remark
	said := map[string]bool{}
	for _, l := range r.Load {
		if !o.Verbose && l.Route != "all" {
			continue
		}
		for _, m := range l.Measures {
			if m.Name != "slowest_request" || m.Value == nil {
				continue
			}
			text := humanValue(*m.Value, m.Unit) + ", " + m.Method
			for _, w := range m.Warnings {
				text += "; caution: " + w
			}
			if !said[text] {
				said[text] = true
				out = append(out, remark{name: loadName(l) + " slowest", text: text})
			}
			if !o.Verbose {
				break
			}
		}
	}
	return out
}

// statesPhrase names the largest shares of the time in flight.
func statesPhrase(states map[string]float64) string {
	names := slices.SortedFunc(maps.Keys(states), func(a, b string) int {
		return cmp.Or(cmp.Compare(states[b], states[a]), strings.Compare(a, b))
	})
	var parts []string
	for _, n := range names[:min(len(names), 3)] {
		parts = append(parts, humanValue(significant(states[n]*100), "percent")+" "+n)
	}
	return strings.Join(parts, ", ")
}
