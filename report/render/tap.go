package render

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go-debug/report"
)

// tap is the Test Anything Protocol, version 14, a test point for each rule and place.
var tap = &Format{
	Name:       "tap",
	Title:      "Test Anything Protocol 14, a test point for each rule and place",
	Extensions: []string{".tap"},
	Render:     renderTAP,
}

func renderTAP(w io.Writer, r *report.Report, o Options) error {
	all := checks(clean(r))
	var out bytes.Buffer
	fmt.Fprintf(&out, "TAP version 14\n1..%d\n", len(all))
	for i := range all {
		tapPoint(&out, i+1, &all[i], o)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// tapPoint writes one test point. What fails carries a YAML block; what was found and does not
// fail is a comment below its point.
func tapPoint(out *bytes.Buffer, n int, c *report.Check, o Options) {
	status := "ok"
	if c.Failing() {
		status = "not ok"
	}
	fmt.Fprintf(out, "%s %d - %s", status, n, tapText(c.Suite+": "+c.Name))
	if c.State == report.Skipped {
		fmt.Fprintf(out, " # SKIP %s", tapText(c.Text))
	}
	out.WriteByte('\n')
	if c.State == report.Passed {
		return
	}
	out.WriteString("  ---\n")
	fmt.Fprintf(out, "  message: %s\n", strconv.QuoteToGraphic(c.Text))
	fmt.Fprintf(out, "  severity: %s\n", tapSeverity(c))
	if lines := checkLines(c, o); len(lines) > 0 {
		out.WriteString("  data:\n")
		for _, line := range lines {
			fmt.Fprintf(out, "    - %s\n", strconv.QuoteToGraphic(line))
		}
	}
	out.WriteString("  ...\n")
}

// tapSeverity is the word that TAP producers use for the weight of a diagnostic.
func tapSeverity(c *report.Check) string {
	switch c.State {
	case report.Failed:
		return "fail"
	case report.Errored:
		return "error"
	}
	return "comment"
}

// tapText escapes what begins a directive, and the escape itself.
func tapText(s string) string { return strings.NewReplacer(`\`, `\\`, `#`, `\#`).Replace(s) }
