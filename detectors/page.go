package detectors

import (
	"fmt"
	"strconv"
	"strings"

	"go-debug/analyze"
)

// Page is the documentation of a detector in Markdown: what explain prints and what stands
// in the detector's README.md. It is made from doc.go, the rules, needs and parameters.
func Page(d *analyze.Detector) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", d.Name, sections(d.Text(), d.Name))
	b.WriteString("\n## Rules\n")
	for _, r := range d.Rules {
		b.WriteString("\n" + rule(&r, "###"))
	}
	b.WriteString("\n## What it needs\n\n| evidence | captures | confidence at most | supplied by |\n| --- | --- | --- | --- |\n")
	for _, n := range d.Needs {
		fmt.Fprintf(&b, "| %s | %d | %s | `%s` |\n", n.Kind, max(n.Captures, 1), n.Confidence, n.Try)
	}
	if len(d.Params) > 0 {
		b.WriteString("\n## Parameters\n\nSet one with `--param " + d.Name + ".NAME=VALUE`.\n\n| name | default | unit | why |\n| --- | --- | --- | --- |\n")
		for _, p := range d.Params {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", p.Name, strconv.FormatFloat(p.Default, 'g', -1, 64), p.Unit, p.Why)
		}
	}
	return b.String()
}

// RulePage is the documentation of one rule, followed by where to read on.
func RulePage(d *analyze.Detector, r *analyze.Rule) string {
	return rule(r, "#") + fmt.Sprintf("\nDetector: %s, which %s.\nRead on: go-debug explain %s\n", d.Name, d.Title(), d.Name)
}

func rule(r *analyze.Rule, heading string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n%s (severity %s).\n", heading, r.ID, r.Title, r.Severity)
	if doc := strings.TrimSpace(r.Doc); doc != "" {
		fmt.Fprintf(&b, "\n%s\n", doc)
	}
	fmt.Fprintf(&b, "\nRemedy: %s\n", r.Remedy)
	return b.String()
}

// sections turns the headings of a Go doc comment into Markdown ones below the title, and
// capitalises the first sentence, which lost its "Package x".
func sections(text, name string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "# ") {
			lines[i] = "#" + l
		}
	}
	if lines[0] != "" {
		lines[0] = strings.ToUpper(lines[0][:1]) + lines[0][1:]
	}
	return strings.Join(lines, "\n")
}

// Find returns the detector and rule that an argument of explain names: "leak" gives the
// detector alone, "leak/chan-send" both.
func Find(name string) (*analyze.Detector, *analyze.Rule) {
	for _, d := range All {
		if d.Name == name {
			return d, nil
		}
		for i := range d.Rules {
			if d.Rules[i].ID == name {
				return d, &d.Rules[i]
			}
		}
	}
	return nil, nil
}

// Names lists every name that Find knows: detectors, then their rules, in order.
func Names() []string {
	var out []string
	for _, d := range All {
		out = append(out, d.Name)
		for _, r := range d.Rules {
			out = append(out, r.ID)
		}
	}
	return out
}
