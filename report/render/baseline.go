package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/report"
)

// Baseline writes what is in a stored baseline, for people. keys are the names of all baselines of its place, the
// oldest first; one alone is not listed.
func Baseline(w io.Writer, keys []string, b *report.StoredBaseline, o Options) error {
	p := &printer{Options: o}
	if p.Width == 0 {
		p.Width = DefaultWidth
	}
	p.Width = max(p.Width, minWidth)
	sketches, err := mergedSketches(b)
	if err != nil {
		return err
	}
	p.block(0, "BASELINE ", bold, Sanitize(BaselinePhrase(b)))
	p.block(0, "Saved:", dim, Sanitize(savedPhrase(b)))
	last := clean(b.Runs[len(b.Runs)-1])
	if s := checkedPhrase(last); s != "" {
		p.block(0, "Checked:", dim, s)
	}
	p.load(last)
	p.knownFindings(last)
	p.sketches(sketches)
	p.baselineList(keys)
	if p.err != nil {
		return p.err
	}
	_, err = w.Write(plainSpaces(p.out.Bytes()))
	return err
}

// BaselinePhrase says in one line what a baseline is of: "8 runs of go1.26.8, GOMAXPROCS 4; 2 findings are known".
func BaselinePhrase(b *report.StoredBaseline) string {
	out := plural(len(b.Runs), "run")
	if p := b.Program; p != nil {
		var of []string
		if p.Go != "" {
			of = append(of, string(p.Go))
		}
		if p.MaxProcs != nil {
			of = append(of, fmt.Sprintf("GOMAXPROCS %d", *p.MaxProcs))
		}
		if p.BuildID != "" {
			of = append(of, "build "+cutMiddle(string(p.BuildID), 16))
		}
		out += " of " + strings.Join(of, ", ")
	}
	if b.Revision != "" {
		out += ", revision " + string(b.Revision)
	}
	if b.Modified {
		out += " (modified)"
	}
	n := len(b.Runs[len(b.Runs)-1].Findings)
	if n == 0 {
		return out + "; no findings"
	}
	return out + "; " + plural(n, "known finding")
}

func savedPhrase(b *report.StoredBaseline) string {
	out := stamp(b.SavedAt) + " from " + b.Source
	if w := b.Window; w != nil {
		out += "; captured " + stamp(w.From)
		if w.To != w.From {
			out += " to " + stamp(w.To)
		}
	}
	return out
}

// stamp is a time to the second.
func stamp(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return t.UTC().Format(time.RFC3339)
}

func checkedPhrase(r *report.Report) string {
	var ran, not []string
	for _, d := range r.Detectors {
		if d.State == analyze.Ran {
			ran = append(ran, d.Name)
		} else {
			not = append(not, d.Name)
		}
	}
	out := strings.Join(ran, ", ")
	if len(not) > 0 {
		out += "; not " + strings.Join(not, ", ")
	}
	return out
}

var knownColumns = []column{{title: "Fingerprint"}, {title: "Rule", least: 12}, {title: "At", least: 12, tail: true}, {title: "Measure", least: 8}, {title: "Value", right: true}}

func (p *printer) knownFindings(r *report.Report) {
	if len(r.Findings) == 0 {
		return
	}
	p.heading("Known findings")
	var rows [][]string
	for i := range r.Findings {
		f := &r.Findings[i]
		row := []string{f.Fingerprint, f.Rule, place(f.Location), "", ""}
		if len(f.Measures) > 0 {
			row[3], row[4] = f.Measures[0].Name, human(rounded(f.Measures[0].Value), f.Measures[0].Unit)
		}
		rows = append(rows, row)
	}
	p.table(2, knownColumns, rows)
}

// sketch is a distribution over all runs.
type sketch struct {
	name string
	all  evidence.Histogram
}

// mergedSketches are the distributions of all runs, added up by name.
func mergedSketches(b *report.StoredBaseline) ([]*sketch, error) {
	var out []*sketch
	for _, r := range b.Runs {
		for i := range r.Distributions {
			d := &r.Distributions[i]
			h, err := d.Histogram()
			if err != nil {
				return nil, fmt.Errorf("distribution %q: %w", d.Name, err)
			}
			name := d.Family + " " + d.Name
			at := slices.IndexFunc(out, func(s *sketch) bool { return s.name == name })
			if at < 0 {
				at = len(out)
				out = append(out, &sketch{name: name})
			}
			out[at].all.Merge(h)
		}
	}
	return out, nil
}

var sketchColumns = []column{{title: "Distribution", least: 16}, {title: "n", right: true}, {title: "P50", right: true},
	{title: "P95", right: true}, {title: "P99", right: true}, {title: "Max", right: true}}

func (p *printer) sketches(all []*sketch) {
	if len(all) == 0 {
		return
	}
	p.heading("How long it took, all runs together")
	var rows [][]string
	for _, s := range all {
		row := []string{Sanitize(s.name), integer(s.all.Count)}
		for _, v := range []int64{s.all.Quantile(0.5), s.all.Quantile(0.95), s.all.Quantile(0.99), s.all.Max} {
			ns := float64(v)
			row = append(row, human(&ns, "ns"))
		}
		rows = append(rows, row)
	}
	p.table(2, sketchColumns, rows)
}

// baselineList names the baselines of a place, the newest first.
func (p *printer) baselineList(keys []string) {
	if len(keys) < 2 {
		return
	}
	p.heading(fmt.Sprintf("%s here, the newest first", plural(len(keys), "baseline")))
	n := p.limit(len(keys), maxRows)
	for i := range n {
		p.line("  " + Sanitize(keys[len(keys)-1-i]))
	}
	if n < len(keys) {
		p.line(fmt.Sprintf("  and %s", plural(len(keys)-n, "older one")))
	}
}
