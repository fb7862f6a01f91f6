package render

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go-debug/analyze"
	"go-debug/report"
)

// openmetrics is gauges of the verdict, the findings and the load, for a Pushgateway or the textfile
// collector of the node exporter. It is valid in both text formats, Prometheus' and OpenMetrics'.
var openmetrics = &Format{
	Name:       "openmetrics",
	Title:      "gauges for a Pushgateway or a textfile collector",
	Extensions: []string{".prom", ".om"},
	Render:     renderOpenMetrics,
}

// family is the samples of one metric.
type family struct {
	name, help string
	samples    []string
}

// exposition collects families in the order in which they are first used.
type exposition struct{ families []*family }

func renderOpenMetrics(w io.Writer, r *report.Report, _ Options) error {
	r = clean(r)
	x := &exposition{}
	x.verdict(r)
	x.findings(r)
	for i := range r.Load {
		x.load(&r.Load[i])
	}
	var out bytes.Buffer
	for _, f := range x.families {
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s gauge\n", f.name, f.help, f.name)
		for _, s := range f.samples {
			out.WriteString(s)
		}
	}
	out.WriteString("# EOF\n")
	_, err := w.Write(out.Bytes())
	return err
}

// add appends a sample; labels are pairs. What is not known has no sample, and neither has a second
// value of one series.
func (x *exposition) add(name, help string, value *float64, labels ...string) {
	if value == nil || math.IsNaN(*value) || math.IsInf(*value, 0) {
		return
	}
	var b strings.Builder
	b.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		fmt.Fprintf(&b, `%s%s="%s"`, sep, labels[i], metricLabel(labels[i+1]))
	}
	if len(labels) > 0 {
		b.WriteByte('}')
	}
	b.WriteByte(' ')
	i := slices.IndexFunc(x.families, func(f *family) bool { return f.name == name })
	if i < 0 {
		i = len(x.families)
		x.families = append(x.families, &family{name: name, help: help})
	}
	f := x.families[i]
	if slices.ContainsFunc(f.samples, func(s string) bool { return strings.HasPrefix(s, b.String()) }) {
		return
	}
	b.WriteString(strconv.FormatFloat(*value, 'g', -1, 64))
	b.WriteByte('\n')
	f.samples = append(f.samples, b.String())
}

func metricLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

func gauge[N int | int64 | float64](n N) *float64 {
	v := float64(n)
	return &v
}

func truth(is bool) *float64 {
	if is {
		return gauge(1)
	}
	return gauge(0)
}

func (x *exposition) verdict(r *report.Report) {
	for _, s := range []report.Status{report.OK, report.Warn, report.Fail, report.Inconclusive} {
		x.add("go_debug_verdict", "1 for the verdict of the report, 0 for the others.", truth(r.Verdict.Status == s), "status", string(s))
	}
	x.add("go_debug_inputs", "Inputs that were read.", gauge(len(r.Inputs)))
	x.add("go_debug_inputs_incomplete", "Inputs that were not wholly read.", gauge(len(r.Incomplete())))
	for _, d := range r.Detectors {
		for _, s := range []analyze.State{analyze.Ran, analyze.Skipped, analyze.Inconclusive, analyze.Failed} {
			x.add("go_debug_detector_state", "1 for the state in which a detector ended, 0 for the others.", truth(d.State == s), "detector", d.Name, "state", string(s))
		}
	}
	if g := r.Gate; g != nil {
		x.add("go_debug_gate_failed", "Whether the gate failed.", truth(g.Failed))
		x.add("go_debug_gate_exit_code", "Exit code of the gate.", gauge(g.ExitCode))
	}
}

func (x *exposition) findings(r *report.Report) {
	type kind struct{ rule, severity, confidence string }
	counts := map[kind]int{}
	var order []kind
	for _, f := range r.Findings {
		k := kind{f.Rule, f.Severity.String(), f.Confidence.String()}
		if counts[k]++; counts[k] == 1 {
			order = append(order, k)
		}
	}
	for _, k := range order {
		x.add("go_debug_findings", "Findings by rule, severity and confidence.", gauge(counts[k]), "rule", k.rule, "severity", k.severity, "confidence", k.confidence)
	}
	if len(order) == 0 {
		x.add("go_debug_findings", "Findings by rule, severity and confidence.", gauge(0), "rule", "", "severity", "", "confidence", "")
	}
	for _, f := range r.Findings {
		if len(f.Measures) == 0 {
			continue
		}
		m := f.Measures[0]
		x.add("go_debug_finding", "Headline measure of each finding, in its unit.", m.Value, "rule", f.Rule, "fingerprint", f.Fingerprint,
			"location", place(f.Location), "measure", m.Name, "unit", m.Unit)
	}
}

func (x *exposition) load(l *report.Load) {
	at := []string{"source", l.Source, "route", l.Route}
	x.add("go_debug_load_arrivals_per_second", "Requests that arrived, per second.", l.ArrivalsPerS, at...)
	x.add("go_debug_load_requests_per_second", "Requests that were completed, per second.", l.QPS, at...)
	x.add("go_debug_load_in_flight", "Requests in flight, averaged over the window.", l.InFlight.Mean, at...)
	x.add("go_debug_load_in_flight_max", "Most requests in flight.", l.InFlight.Max, at...)
	x.add("go_debug_load_goroutines", "Goroutines at the end of the window.", l.Goroutines, at...)
	x.add("go_debug_load_littles_gap_ratio", "Share of in-flight time that does not belong to requests that were completed.", l.LittlesGap, at...)
	if t := l.LatencyNS; t != nil {
		for _, q := range []struct {
			quantile string
			ns       *float64
		}{{"0.5", t.P50}, {"0.9", t.P90}, {"0.95", t.P95}, {"0.99", t.P99}, {"1", t.Max}} {
			if q.ns != nil {
				x.add("go_debug_load_latency_seconds", "Latency by quantile; 1 is the slowest request.", gauge(*q.ns/1e9), slices.Concat(at, []string{"quantile", q.quantile})...)
			}
		}
	}
	for _, state := range slices.Sorted(maps.Keys(l.States)) {
		x.add("go_debug_load_state_ratio", "Share of in-flight time by state.", gauge(l.States[state]), slices.Concat(at, []string{"state", state})...)
	}
}
