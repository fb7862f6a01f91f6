package render

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go-debug/report"
)

// markdown is GitHub's dialect, for job summaries, pull requests and tickets.
var markdown = &Format{
	Name:       "markdown",
	Title:      "for job summaries, pull requests and tickets",
	Extensions: []string{".md", ".markdown"},
	Render:     renderMarkdown,
}

func renderMarkdown(w io.Writer, r *report.Report, o Options) error {
	m := &page{Options: o}
	m.report(clean(r))
	_, err := w.Write(plainSpaces(m.out.Bytes()))
	return err
}

// page writes Markdown. Texts it is given are clean; prose and code escape them.
type page struct {
	Options
	out bytes.Buffer
}

func (m *page) printf(format string, args ...any) { fmt.Fprintf(&m.out, format, args...) }

func (m *page) report(r *report.Report) {
	if r.Gate != nil {
		m.gate(r.Gate)
	}
	if r.Diff != nil {
		m.difference(r.Diff)
	}
	if r.Diff != nil && r.Gate == nil { // a comparison is no report of either side
		m.changes(r.Diff.Findings)
		return
	}
	m.printf("## %s: %s\n\n", strings.ToUpper(string(r.Verdict.Status)), prose(r.Verdict.Summary))
	m.printf("Read %s\n", prose(inputsPhrase(r)))
	remarks := inputRemarks(r)
	n := m.limit(len(remarks), maxRemarks)
	m.remarks(remarks[:n])
	m.more(len(remarks)-n, "remark")
	if s := sourcePhrase(r.Source); s != "" {
		m.printf("\nSource: %s\n", prose(s))
	}
	m.load(r)
	m.findings(r.Findings)
	if open := uncheckedRemarks(r); len(open) > 0 {
		m.printf("\n### Not checked\n\n")
		m.unchecked(open)
	}
	if next := nextCommand(r); next != "" {
		m.printf("\n**Next:** %s\n", code(next))
	}
}

// unchecked lists open questions, those that one command would settle below it.
func (m *page) unchecked(open []remark) {
	for _, g := range grouped(open) {
		indent := ""
		if len(g.remarks) > 1 {
			m.printf("- try %s:\n", code(g.try))
			indent = "  "
		}
		for _, rm := range g.remarks {
			m.printf("%s- %s: %s", indent, code(rm.name), prose(rm.text))
			if rm.try != "" && indent == "" {
				m.printf("; try %s", code(rm.try))
			}
			m.printf("\n")
		}
	}
}

// remarks are a list of its own.
func (m *page) remarks(list []remark) {
	for i, rm := range list {
		if i == 0 {
			m.printf("\n")
		}
		m.printf("- %s: %s", code(rm.name), prose(rm.text))
		switch {
		case strings.HasPrefix(rm.try, "go-debug "):
			m.printf("; try %s", code(rm.try))
		case rm.try != "":
			m.printf("; hint: %s", prose(rm.try))
		}
		m.printf("\n")
	}
}

func (m *page) more(n int, noun string) {
	if n > 0 {
		m.printf("\nand %s\n", plural(n, "more "+noun))
	}
}

func (m *page) load(r *report.Report) {
	if len(r.Load) == 0 {
		return
	}
	m.printf("\n### Throughput beside concurrency\n\n")
	n := m.limit(len(r.Load), maxRows)
	var rows [][]string
	for _, l := range r.Load[:n] {
		rows = append(rows, loadRow(l))
	}
	m.table(loadColumns, rows)
	m.more(len(r.Load)-n, "row")
	remarks := loadRemarks(r, m.Options)
	m.remarks(append(remarks[:m.limit(len(remarks), maxRemarks)], slowestRemarks(r, m.Options)...))
	drawn := 0
	for _, l := range r.Load {
		rows := sparks(l)
		if len(rows) == 0 || l.Route != "all" || drawn == m.limit(drawn+1, maxSparks) {
			continue
		}
		if drawn++; drawn == 1 {
			m.printf("\n")
		}
		for _, s := range rows {
			m.printf("- `%s` %s %s, %s\n", s.drawing, loadName(l), s.name, s.scale)
		}
	}
}

func (m *page) findings(all []report.Finding) {
	if len(all) == 0 {
		return
	}
	m.printf("\n### Findings\n\n")
	causes := byCause(all)
	n := m.limit(len(causes), maxFindings)
	for i, c := range causes[:n] {
		m.finding(i+1, c)
	}
	m.more(len(causes)-n, "finding")
}

func (m *page) finding(n int, c cause) {
	f := c.Finding
	number := fmt.Sprintf("%d. ", n)
	indent := strings.Repeat(" ", len(number)) // less would end the list item
	m.printf("%s**%s, %s** %s%s (%s)\n", number, f.Severity, f.Confidence, where(f.Location), prose(f.Message), code(f.Rule))
	for _, line := range evidencePhrases(f, m.Options) {
		m.printf("%s- evidence: %s\n", indent, prose(line))
	}
	if line := quoted(f.Code); line != "" {
		m.printf("%s- source: %s\n", indent, code(line))
	}
	if why := codePhrase(f.Code); why != "" {
		m.printf("%s- source: %s\n", indent, prose(why))
	}
	if why := unseenPhrase(f.Code); why != "" {
		m.printf("%s- unseen: %s\n", indent, prose(why))
	}
	for _, also := range c.also {
		m.printf("%s- also: %s\n", indent, prose(alsoPhrase(c.Finding, also)))
		for _, line := range evidencePhrases(also, m.Options) {
			m.printf("%s- evidence: %s\n", indent, prose(line))
		}
	}
	if f.Remedy != "" {
		m.printf("%s- remedy: %s\n", indent, prose(f.Remedy))
	}
	m.diff(indent, f.Code)
	if !m.Verbose {
		return
	}
	if f.CreatedBy != nil {
		m.printf("%s- created: %s\n", indent, strings.TrimSuffix(where(f.CreatedBy), ": "))
	}
	if f.Next != "" {
		m.printf("%s- next: %s\n", indent, code(f.Next))
	}
	for _, stack := range stacksOf(f) {
		m.printf("\n%s```text\n", indent)
		for _, fr := range stack { // "at" keeps a frame from closing the fence
			m.printf("%sat %s\n", indent, strings.TrimSpace(fr.Function+" "+place(&fr)))
		}
		m.printf("%s```\n\n", indent)
	}
}

// diff is a block of its own. Every line of it begins with its sign, so that none closes the fence.
func (m *page) diff(indent string, c *report.Code) {
	lines := diffOf(c)
	if len(lines) == 0 {
		return
	}
	m.printf("\n%s```diff\n", indent)
	for _, l := range lines {
		m.printf("%s%s\n", indent, strings.TrimRight(string(l.sign)+" "+l.text, " "))
	}
	m.printf("%s```\n\n", indent)
}

// where is "`main.go:29` `main.fetch`: ", or empty.
func where(f *report.Frame) string {
	if f == nil {
		return ""
	}
	var parts []string
	for _, s := range []string{place(f), f.Function} {
		if s != "" {
			parts = append(parts, code(s))
		}
	}
	return strings.Join(parts, " ") + ": "
}

func (m *page) gate(g *report.Gate) {
	m.printf("## %s: %s\n\n", gateStatus(g), prose(gatePhrase(g)))
	for _, reason := range g.Reasons {
		m.printf("- %s\n", prose(reason.Text))
	}
	for _, n := range g.Notes {
		m.printf("- note: %s\n", prose(n))
	}
	if g.Baseline != "" {
		m.changes(g.Findings.All())
	}
	if len(g.Load) > 0 {
		m.printf("\n### Load before and after\n\n")
		n := m.limit(len(g.Load), 2*maxRows)
		var rows [][]string
		for _, c := range g.Load[:n] {
			rows = append(rows, loadChangeRow(c))
		}
		m.table(loadChangeColumns, rows)
		m.more(len(g.Load)-n, "row")
	}
	m.selfTest(g.SelfTest)
	m.printf("\n")
}

func (m *page) changes(changes []report.Change) {
	if len(changes) == 0 {
		return
	}
	m.printf("\n### Findings before and after\n\n")
	n := m.limit(len(changes), 2*maxRows)
	var rows [][]string
	for _, c := range changes[:n] {
		rows = append(rows, changeRow(c))
	}
	m.table(changeColumns, rows)
	m.more(len(changes)-n, "row")
	if anyFails(changes) {
		m.printf("\n%s\n", failLegend)
	}
}

func (m *page) table(cols []column, rows [][]string) {
	cols, rows = known(cols, rows)
	rule := "|"
	m.printf("|")
	for _, c := range cols {
		m.printf(" %s |", c.title)
		if c.right {
			rule += " ---: |"
		} else {
			rule += " --- |"
		}
	}
	m.printf("\n%s\n", rule)
	for _, row := range rows {
		m.printf("|")
		for _, cell := range row {
			m.printf(" %s |", cellText(cell))
		}
		m.printf("\n")
	}
}

// cellText is prose for a table. A bar ends a cell even inside a code span, and readers
// differ on a backslash before it, so a word with a bar is written as entities.
func cellText(s string) string {
	if s == "-" { // an unknown value; no list begins in a cell
		return s
	}
	words := strings.Fields(s)
	for i, w := range words {
		if !strings.Contains(w, "|") {
			words[i] = prose(w)
			continue
		}
		var b strings.Builder
		for _, c := range w {
			if c < 0x80 && !('a' <= c|0x20 && c|0x20 <= 'z') && !('0' <= c && c <= '9') {
				fmt.Fprintf(&b, "&#%d;", c)
			} else {
				b.WriteRune(c)
			}
		}
		words[i] = "<code>" + b.String() + "</code>"
	}
	return strings.Join(words, " ")
}

// harmless matches words that mean nothing in Markdown wherever they stand: letters,
// digits, and punctuation that neither begins a construct nor joins into one. No "@", "#"
// or "//", which GitHub turns into mentions, references and links; no "www.".
var harmless = regexp.MustCompile(`^[(]?[\p{L}\p{N}×µ…±–−≥≤%=,.;:?/+'"-]*[)]?[.,;:!]*$`)

// blockStart matches words that begin a list, a quote, a heading or a rule at the start of
// a line.
var blockStart = regexp.MustCompile(`^([-+=]+|\p{N}+[.)])$`)

// prose escapes a text by putting every word that could mean something in Markdown or
// HTML into a code span, where nothing does. That also suits the words it meets in
// practice: function names, channels, flags.
func prose(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		lower := strings.ToLower(w)
		if !harmless.MatchString(w) || i == 0 && blockStart.MatchString(w) ||
			strings.Contains(w, "//") || strings.Contains(w, "--") || strings.Contains(lower, "www.") {
			word, end := cutPunctuation(w)
			words[i] = code(word) + end
		}
	}
	return strings.Join(words, " ")
}

// cutPunctuation splits off what belongs to the sentence and not to the word: commas and
// the like, and brackets that close more than the word opens.
func cutPunctuation(w string) (word, end string) {
	n := len(w)
	for n > 1 {
		last := w[n-1]
		surplus := last == ')' && strings.Count(w[:n], ")") > strings.Count(w[:n], "(")
		if !surplus && !strings.ContainsRune(",;:.", rune(last)) {
			break
		}
		n--
	}
	return w[:n], w[n:]
}

// code is a code span with a fence longer than any run of backticks in the text.
func code(s string) string {
	if strings.TrimSpace(s) == "" {
		return "` `"
	}
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || s[0] == ' ' || s[len(s)-1] == ' ' {
		s = " " + s + " "
	}
	return fence + s + fence
}
