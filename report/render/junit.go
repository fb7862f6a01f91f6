package render

import (
	"encoding/xml"
	"io"
	"strings"

	"go-debug/report"
)

// junit is the XML that CI servers know as test results: a suite for each detector, a test case for
// each rule at each place. It has the elements and attributes that the schemas of Ant and Surefire
// share, and file and line, which GitLab and others use.
var junit = &Format{
	Name:       "junit",
	Title:      "test results as XML, a case for each rule and place",
	Extensions: []string{".xml"},
	Render:     renderJUnit,
}

type junitSuites struct {
	XMLName  xml.Name      `xml:"testsuites"`
	Name     string        `xml:"name,attr"`
	Tests    int           `xml:"tests,attr"`
	Failures int           `xml:"failures,attr"`
	Errors   int           `xml:"errors,attr"`
	Suites   []*junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    *int          `xml:"line,attr,omitempty"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Output  *junitText    `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

type junitText struct {
	Text string `xml:",cdata"`
}

func renderJUnit(w io.Writer, r *report.Report, o Options) error {
	all := &junitSuites{Name: "go-debug"}
	byName := map[string]*junitSuite{}
	for _, c := range checks(clean(r)) {
		s := byName[c.Suite]
		if s == nil {
			s = &junitSuite{Name: c.Suite}
			byName[c.Suite] = s
			all.Suites = append(all.Suites, s)
		}
		s.add(&c, o)
	}
	for _, s := range all.Suites {
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(c *report.Check, o Options) {
	s.Tests++
	tc := junitCase{Class: "go-debug." + c.Suite, Name: c.Name}
	if c.Location != nil {
		tc.File, tc.Line = string(c.Location.File), c.Location.Line
	}
	lines := checkLines(c, o)
	message := &junitMessage{Message: c.Text, Type: c.Rule, Text: "\n" + strings.Join(lines, "\n") + "\n"}
	switch c.State {
	case report.Failed:
		s.Failures++
		tc.Failure = message
	case report.Errored:
		s.Errors++
		tc.Error = message
	case report.Skipped:
		s.Skipped++
		tc.Skipped = message
		message.Type = ""
	case report.Warned:
		tc.Output = &junitText{strings.Join(append([]string{"warning: " + c.Text}, lines...), "\n")}
	}
	s.Cases = append(s.Cases, tc)
}

// checks are the checks of a report as formats for pipelines show them: with what is known to be
// missing of an input. The report is clean.
func checks(r *report.Report) []report.Check {
	all := r.Checks()
	for i := range all {
		if in := all[i].Input; in != nil {
			if lost := lossPhrase(*in); lost != "" {
				all[i].Text += string(plainSpaces([]byte(" (" + lost + " lost)")))
			}
		}
	}
	return all
}

// checkLines are what a reader needs beside the text of a check, a line each: where, how sure, the
// numbers, what to do, and with -v the stacks.
func checkLines(c *report.Check, o Options) []string {
	var lines []string
	if c.Location != nil {
		lines = append(lines, "at "+strings.TrimSpace(place(c.Location)+" "+c.Location.Function))
	}
	if c.Rule != "" {
		lines = append(lines, "rule "+c.Rule+", severity "+c.Severity.String()+", confidence "+c.Confidence.String()+", fingerprint "+c.Fingerprint)
	}
	if c.Finding != nil {
		for _, phrase := range evidencePhrases(*c.Finding, Options{Verbose: true}) {
			lines = append(lines, "evidence "+string(plainSpaces([]byte(phrase))))
		}
	}
	if c.Hint != "" {
		lines = append(lines, "to do "+c.Hint)
	}
	if c.Next != "" {
		lines = append(lines, "next "+c.Next)
	}
	if c.Finding != nil && o.Verbose {
		for _, stack := range stacksOf(*c.Finding) {
			lines = append(lines, "stack")
			for i := range stack {
				lines = append(lines, "  "+strings.TrimSpace(stack[i].Function+" "+place(&stack[i])))
			}
		}
	}
	return lines
}
