package render

import (
	"fmt"
	"slices"
	"strings"

	"go-debug/report"
)

// The phrases of a comparison that the formats for people share.

var diffStatuses = map[report.DiffStatus]string{
	report.Different: "DIFFERENT", report.NotShown: "NO DIFFERENCE SHOWN", report.Incomparable: "INCONCLUSIVE",
}

// scoreTable is scores under a heading.
type scoreTable struct {
	title, legend string
	scores        []report.ScoreChange
	rest          int // how many more of their kind there are
}

// scoreTables are what changed, then the largest differences that the runs are too few to tell from
// chance, and with -v all others.
func scoreTables(d *report.Diff, o Options) []scoreTable {
	by := map[report.Direction][]report.ScoreChange{}
	for _, c := range d.Scores {
		direction := c.Direction
		if direction == report.ScoreBetter {
			direction = report.ScoreWorse
		}
		by[direction] = append(by[direction], c)
	}
	var out []scoreTable
	add := func(title, legend string, scores []report.ScoreChange, most int) {
		if n := o.limit(len(scores), most); n > 0 {
			out = append(out, scoreTable{title, legend, scores[:n], len(scores) - n})
		}
	}
	add("Changed", scoreLegend, by[report.ScoreWorse], 2*maxRows)
	add("Largest differences, not told from chance", "", slices.DeleteFunc(by[report.ScoreUntold], func(c report.ScoreChange) bool { return c.Slight }), maxRows)
	if o.Verbose {
		add("No difference shown", "", by[report.ScoreSteady], 0)
		add("On one side only", "", by[report.ScoreOneSide], 0)
	}
	return out
}

const scoreLegend = "! worse, + better"

var scoreColumns = []column{
	{title: "Score", least: 20}, {title: "Before", right: true}, {title: "After", right: true},
	{title: "Change (95 % CI)", right: true}, {title: "p", right: true},
}

// metricColumns are those of Markdown, in the customary form of comparisons in pull requests.
var metricColumns = []column{{title: "metric"}, {title: "before"}, {title: "after"}, {title: "change (95 % CI)"}, {title: "p"}}

func scoreRow(c *report.ScoreChange) []string {
	unit, per, _ := strings.Cut(c.Unit, "_per_")
	name := c.Family
	switch {
	case per != "":
		name += "/" + per
	case strings.HasPrefix(c.Unit, "per_"):
		unit = c.Unit
	}
	p := ""
	if c.P != nil {
		p = probability(*c.P)
	}
	mark := map[report.Direction]string{report.ScoreWorse: failMark, report.ScoreBetter: "+ "}[c.Direction]
	return []string{mark + name + " " + c.Name, human(rounded(c.Before), unit), human(rounded(c.After), unit), shiftPhrase(c), p}
}

func (t *scoreTable) rows() [][]string {
	var rows [][]string
	for i := range t.scores {
		rows = append(rows, scoreRow(&t.scores[i]))
	}
	return rows
}

// drawnRows draw the runs behind the medians too, both sides on one scale that begins at 0.
func (t *scoreTable) drawnRows() [][]string {
	rows := t.rows()
	for i := range rows {
		before, after := runSparks(&t.scores[i])
		rows[i][1], rows[i][2] = strings.TrimSpace(rows[i][1]+" "+before), strings.TrimSpace(rows[i][2]+" "+after)
	}
	return rows
}

// runSparks are empty where the runs are not known, or more than one sees at a glance.
func runSparks(c *report.ScoreChange) (before, after string) {
	n := len(c.RunsBefore)
	var all []*float64
	for _, v := range slices.Concat(c.RunsBefore, c.RunsAfter) {
		all = append(all, &v)
	}
	if len(all) > 2*sparkColumns {
		return "", ""
	}
	drawing, _, _, ok := sparkline(all, 2*sparkColumns)
	if !ok {
		return "", ""
	}
	cells := []rune(drawing)
	return string(cells[:n]), string(cells[n:])
}

// probability never rounds to nothing.
func probability(p float64) string {
	if p < 0.0001 {
		return "<0.0001"
	}
	return fmt.Sprintf("%.2g", p)
}

// shiftPhrase is the change as a share of what was, with its interval: "+23 % (+15 to +31)".
func shiftPhrase(c *report.ScoreChange) string {
	if c.Before == nil || c.After == nil || *c.Before == 0 {
		return ""
	}
	if ratio := *c.After / *c.Before; ratio >= 3 {
		return "× " + number(significant(ratio))
	}
	percent := func(v float64) string { return fmt.Sprintf("%+.0f", 100*v / *c.Before) }
	text := percent(*c.After-*c.Before) + " %"
	if c.Interval != nil {
		text += " (" + percent(c.Interval[0]) + " to " + percent(c.Interval[1]) + ")"
	}
	return strings.ReplaceAll(text, "-", "−")
}

// untoldReasons say once why scores could not be compared.
func untoldReasons(d *report.Diff) []string {
	var out []string
	seen := map[string]int{}
	for _, c := range d.Scores {
		if c.Direction != report.ScoreUntold {
			continue
		}
		if seen[c.Why] == 0 {
			out = append(out, c.Why)
		}
		seen[c.Why]++
	}
	for i, why := range out {
		out[i] = plural(seen[why], "score") + ": " + why
	}
	return out
}

func (p *printer) difference(d *report.Diff) {
	s := map[report.DiffStatus]style{report.Different: yellow, report.NotShown: green, report.Incomparable: cyan}[d.Status]
	p.block(0, diffStatuses[d.Status]+" ", s, d.Summary)
	for _, n := range d.Notes {
		p.block(2, "note:", dim, n)
	}
	for _, why := range untoldReasons(d) {
		p.block(2, "-", plain, why)
	}
	for _, t := range scoreTables(d, p.Options) {
		p.heading(t.title)
		p.table(2, scoreColumns, t.rows())
		p.more(2, t.rest, "score")
		if t.legend != "" {
			p.hang(2, 2, "", plain, t.legend)
		}
	}
}

func (m *page) difference(d *report.Diff) {
	m.printf("## %s: %s\n\n", diffStatuses[d.Status], prose(d.Summary))
	for _, n := range d.Notes {
		m.printf("- note: %s\n", prose(n))
	}
	for _, why := range untoldReasons(d) {
		m.printf("- %s\n", prose(why))
	}
	for _, t := range scoreTables(d, m.Options) {
		m.printf("\n### %s\n\n", t.title)
		m.table(metricColumns, t.drawnRows())
		m.more(t.rest, "score")
		if t.legend != "" {
			m.printf("\n%s\n", t.legend)
		}
	}
	m.printf("\n")
}
