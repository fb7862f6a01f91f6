package render

import (
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/report"
)

// report prints the sections in their order.
func (p *printer) report(r *report.Report) {
	if r.Gate != nil {
		p.gate(r.Gate)
	}
	if r.Diff != nil {
		p.difference(r.Diff)
	}
	if r.Diff != nil && r.Gate == nil { // a comparison is no report of either side
		p.changes(r.Diff.Findings)
		return
	}
	p.block(0, strings.ToUpper(string(r.Verdict.Status))+" ", statusStyle(r.Verdict.Status), r.Verdict.Summary)
	p.inputs(r)
	p.load(r)
	p.findings(r.Findings)
	p.unchecked(r)
	if next := nextCommand(r); next != "" {
		fmt.Fprintln(&p.out)
		p.command(0, "Next:", next)
	}
}

func statusStyle(s report.Status) style {
	switch s {
	case report.Fail:
		return red
	case report.OK:
		return green
	}
	return yellow
}

func severityStyle(s analyze.Severity) style {
	switch {
	case s >= analyze.High:
		return red
	case s >= analyze.Medium:
		return yellow
	case s >= analyze.Low:
		return cyan
	}
	return plain
}

func (p *printer) inputs(r *report.Report) {
	p.block(0, "Read:", dim, inputsPhrase(r))
	remarks := inputRemarks(r)
	n := p.limit(len(remarks), maxRemarks)
	for _, m := range remarks[:n] {
		p.block(2, cutMiddle(m.name, p.Width/2)+":", plain, m.text)
		switch {
		case strings.HasPrefix(m.try, "go-debug "):
			p.command(4, "hint:", m.try)
		case m.try != "":
			p.block(4, "hint:", dim, m.try)
		}
	}
	p.more(2, len(remarks)-n, "remark")
	if s := sourcePhrase(r.Source); s != "" {
		p.block(0, "Source:", dim, s)
	}
}

func (p *printer) load(r *report.Report) {
	if len(r.Load) == 0 {
		return
	}
	p.heading("Throughput beside concurrency")
	n := p.limit(len(r.Load), maxRows)
	var rows [][]string
	for _, l := range r.Load[:n] {
		rows = append(rows, loadRow(l))
	}
	p.loadTable(rows)
	p.more(2, len(r.Load)-n, "row")
	remarks := loadRemarks(r, p.Options)
	for _, m := range remarks[:p.limit(len(remarks), maxRemarks)] {
		p.block(2, cutMiddle(m.name, p.Width/3)+":", plain, m.text)
	}
	for _, m := range slowestRemarks(r, p.Options) {
		p.hang(2, 4, cutMiddle(m.name, p.Width/2)+":", plain, m.text)
	}
	p.courses(r.Load)
}

// courses draws arrivals above concurrency, on one time axis, of the loads of all routes.
func (p *printer) courses(loads []report.Load) {
	drawn := 0
	for _, l := range loads {
		rows := sparks(l)
		if len(rows) == 0 || l.Route != "all" || drawn == p.limit(drawn+1, maxSparks) {
			continue
		}
		drawn++
		for i, s := range rows {
			label := ""
			if i == 0 && len(loads) > 1 {
				p.block(2, "", plain, cutMiddle(loadName(l), p.Width/2)+":")
			}
			label = fmt.Sprintf("%-10s", s.name)
			p.block(4, label, dim, s.drawing+joint+joint+s.scale)
		}
	}
}

// loadTable prints one table, or where that is too wide one of throughput beside
// concurrency and one of latency.
func (p *printer) loadTable(rows [][]string) {
	cols, known := known(loadColumns, rows)
	if _, ok := plan(cols, known, p.Width-2); ok {
		p.table(2, loadColumns, rows)
		return
	}
	var load, latency [][]string
	for _, row := range rows {
		load = append(load, row[:latencyColumn])
		times := row[latencyColumn:]
		if slices.ContainsFunc(times, func(s string) bool { return s != "-" }) {
			latency = append(latency, append([]string{row[0]}, times...))
		}
	}
	p.table(2, loadColumns[:latencyColumn], load)
	if len(latency) > 0 {
		fmt.Fprintln(&p.out)
		name := column{title: "Latency", least: loadColumns[0].least}
		p.table(2, append([]column{name}, loadColumns[latencyColumn:]...), latency)
	}
}

func (p *printer) findings(all []report.Finding) {
	if len(all) == 0 {
		return
	}
	p.heading("Findings")
	causes := byCause(all)
	n := p.limit(len(causes), maxFindings)
	for i, c := range causes[:n] {
		if i > 0 {
			fmt.Fprintln(&p.out)
		}
		p.finding(i+1, c)
	}
	if n < len(causes) {
		fmt.Fprintln(&p.out)
		p.more(2, len(causes)-n, "finding")
	}
}

// evidenceColumn is where the texts of a finding's lines begin.
const evidenceColumn = 14

func (p *printer) finding(n int, c cause) {
	f := c.Finding
	label := fmt.Sprintf("%2d. %s %s ", n, strings.ToUpper(f.Severity.String()), f.Confidence)
	p.hang(0, 4, label, severityStyle(f.Severity), p.cause(f))
	for i, line := range evidencePhrases(f, p.Options) {
		label := "evidence"
		if i > 0 {
			label = ""
		}
		p.hang(4, evidenceColumn, label, dim, line)
	}
	if line := quoted(f.Code); line != "" {
		p.hang(4, evidenceColumn, "source", dim, line)
	}
	if why := codePhrase(f.Code); why != "" {
		p.hang(4, evidenceColumn, "source", dim, why)
	}
	for _, also := range c.also {
		p.hang(4, evidenceColumn, "also", dim, alsoPhrase(c.Finding, also))
		for i, line := range evidencePhrases(also, p.Options) {
			if p.Verbose || i == 0 && len(c.also) == 1 {
				p.hang(evidenceColumn, evidenceColumn, "", plain, line)
			}
		}
	}
	if f.Remedy != "" {
		p.hang(4, evidenceColumn, "remedy", dim, f.Remedy)
	}
	p.diff(f.Code)
	if why := unseenPhrase(f.Code); why != "" {
		p.hang(4, evidenceColumn, "unseen", dim, why)
	}
	if !p.Verbose {
		return
	}
	if f.CreatedBy != nil {
		p.hang(4, evidenceColumn, "created", dim, strings.TrimSpace(place(f.CreatedBy)+" "+p.function(f.CreatedBy.Function)))
	}
	p.stacks(f)
	if f.Next != "" {
		p.command(4, "next     ", f.Next)
	}
}

// cause is "main.go:29 main.fetch.func1: message [rule]".
func (p *printer) cause(f report.Finding) string {
	where := ""
	if f.Location != nil {
		where = strings.TrimSpace(cutMiddle(place(f.Location), p.Width/2) + " " + p.function(f.Location.Function))
	}
	if where != "" {
		where += ": "
	}
	return where + f.Message + " [" + f.Rule + "]"
}

// function shortens a function's name so that it leaves room for the rest.
func (p *printer) function(name string) string { return cutMiddle(name, p.Width/2) }

func (p *printer) stacks(f report.Finding) {
	for i, stack := range stacksOf(f) {
		label := "stack"
		if i > 0 {
			label = fmt.Sprintf("stack %d", i+1)
		}
		for _, fr := range stack {
			at := place(&fr)
			room := p.Width - evidenceColumn - displayWidth(at) - 1
			p.hang(4, evidenceColumn, label, dim, strings.TrimSpace(cutMiddle(fr.Function, max(room, 20))+" "+at))
			label = ""
		}
	}
}

// diff prints the change that the source analysis proposes, each line on a line of its own.
func (p *printer) diff(c *report.Code) {
	for _, l := range diffOf(c) {
		s := plain
		switch l.sign {
		case '-':
			s = red
		case '+':
			s = green
		}
		// A change stands at the end of a line more often than in its middle.
		text := cutMiddle(strings.TrimRight(string(l.sign)+" "+l.text, " "), p.Width-evidenceColumn)
		p.line(strings.Repeat(" ", evidenceColumn) + p.paint(s, text))
	}
}

func (p *printer) unchecked(r *report.Report) {
	remarks := uncheckedRemarks(r)
	if len(remarks) == 0 {
		return
	}
	p.heading("Not checked")
	width := 0
	for _, m := range remarks {
		width = max(width, displayWidth(m.name))
	}
	for _, g := range grouped(remarks) {
		for _, m := range g.remarks {
			p.hang(2, 4+width, m.name, plain, m.text)
		}
		p.command(min(4+width, p.Width/2), "try:", g.try)
	}
}

func (p *printer) gate(g *report.Gate) {
	s := green
	if g.Failed {
		s = red
	}
	p.block(0, gateStatus(g)+" ", s, gatePhrase(g))
	for _, reason := range g.Reasons {
		p.block(2, "-", plain, reason.Text)
	}
	for _, n := range g.Notes {
		p.block(2, "note:", dim, n)
	}
	if g.Baseline != "" {
		p.changes(g.Findings.All())
	}
	if len(g.Load) > 0 {
		p.heading("Load before and after")
		n := p.limit(len(g.Load), 2*maxRows)
		var rows [][]string
		for _, c := range g.Load[:n] {
			rows = append(rows, loadChangeRow(c))
		}
		p.table(2, loadChangeColumns, rows)
		p.more(2, len(g.Load)-n, "row")
	}
	p.selfTest(g.SelfTest)
	fmt.Fprintln(&p.out)
}

func (p *printer) changes(changes []report.Change) {
	if len(changes) == 0 {
		return
	}
	p.heading("Findings before and after")
	n := p.limit(len(changes), 2*maxRows)
	var rows [][]string
	for _, c := range changes[:n] {
		rows = append(rows, changeRow(c))
	}
	p.table(2, changeColumns, rows)
	p.more(2, len(changes)-n, "row")
	if anyFails(changes) {
		p.hang(2, 2, "", plain, failLegend)
	}
}
