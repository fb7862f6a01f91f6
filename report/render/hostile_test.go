package render

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmtext "github.com/yuin/goldmark/text"

	"go-debug/report"
)

// hostileTexts are those that one format or another must not take for its own.
var hostileTexts = append([]string{
	"::error::owned", strings.Repeat("x::error::", 60), strings.Repeat("世::error::", 60), "a ::error::b", "##vso[a]##vso[b]###[c]", "%0A::error::owned", "x\n##vso[task.complete result=Succeeded]", "##[error]owned", "::add-mask::x", "::set-output name=a::b",
	"]]><script>", "<![CDATA[", "<!--", "-->", "</testcase>", "</script><script>alert(1)</script>", "&#0;&bogus;", "\ufffe\uffff", "\x0b\x0c",
	"ok 1 - fine", "not ok 1", "1..0 # SKIP", "# SKIP", "\\#", "  ---", "  ...", "Bail out!", "TAP version 14",
	`"} 1`, "# EOF", "# TYPE go_debug_x gauge", "a{b=\"c\"} 1 1", "=cmd|' /C calc'!A0", "+1+1", "@SUM(1)", "-2+3", "\t=1",
	"{{.}}", "${x}", "$(x)", "`x`", "';x", "\",\"x\":\"", "\\u0000", "file:///etc/passwd", "javascript:alert(1)", "../../../etc/passwd", "C:\\x",
	"| a | b |\n| --- | --- |", "\n\n# heading", "\n- [x] done", "~~x~~", "<https://evil.example>", "![a][b]", "[b]: https://evil.example", "\n    code", "\n---\n", "$x$",
	"\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", "😀\u200d", "\x9b31m", "\xe2\x80", "\x1bP1$r\x1b\\", "\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\",
	"%", "%25", "%s%n", "\\", "\"", "'", "a\x00b", strings.Repeat("\n", 50), strings.Repeat("|", 80), strings.Repeat("`", 80), strings.Repeat("<", 80),
}, nasty...)

// readers parse each format with a parser that knows nothing of the renderer. A format without one
// fails the test.
var readers = map[string]func(doc string) error{
	"text":        func(string) error { return nil }, // what is demanded of every format is all there is
	"json":        readJSON,
	"gitlab":      readJSON,
	"sarif":       readJSON,
	"markdown":    readMarkdown,
	"junit":       readXML,
	"tap":         readLines(regexp.MustCompile(`^(TAP version 14|1\.\.\d+|(not )?ok \d+.*|  .*)$`)),
	"github":      readLines(regexp.MustCompile(`^::(error|warning|notice) [^:]*::.*$`)),
	"openmetrics": readMetrics,
}

func readJSON(doc string) error {
	dec := json.NewDecoder(strings.NewReader(doc))
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("goes on behind its end: %v", err)
	}
	return nil
}

func readXML(doc string) error {
	dec := xml.NewDecoder(strings.NewReader(doc))
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.Comment, xml.Directive:
			return fmt.Errorf("holds %T", tok)
		case xml.StartElement:
			if !strings.Contains(" testsuites testsuite testcase failure error skipped properties property system-out system-err ", " "+tok.Name.Local+" ") {
				return fmt.Errorf("holds the element %q", tok.Name.Local)
			}
		}
	}
}

func readLines(allowed *regexp.Regexp) func(string) error {
	return func(doc string) error {
		for line := range strings.Lines(doc) {
			if line = strings.TrimSuffix(line, "\n"); !allowed.MatchString(line) {
				return fmt.Errorf("holds the line %q", line)
			}
		}
		return nil
	}
}

func readMetrics(doc string) error {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(doc))
	for name := range families {
		if !strings.HasPrefix(name, "go_debug_") {
			return fmt.Errorf("holds the metric %q", name)
		}
	}
	return errors.Join(err)
}

// readMarkdown reads as GitHub does: nothing in a text may become a link, an image, a page of HTML, a
// task or struck out.
func readMarkdown(doc string) error {
	src := []byte(doc)
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(gmtext.NewReader(src))
	return ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.RawHTML: // a word with a bar in a table stands between these
			if tag := string(n.Segments.Value(src)); tag != "<code>" && tag != "</code>" {
				return ast.WalkStop, fmt.Errorf("holds the tag %q", tag)
			}
		case *ast.Heading:
			if n.Level != 2 && n.Level != 3 {
				return ast.WalkStop, fmt.Errorf("holds a heading of level %d", n.Level)
			}
		default:
			switch n.Kind().String() {
			case "Link", "Image", "AutoLink", "HTMLBlock", "Strikethrough", "TaskCheckBox", "Blockquote", "ThematicBreak":
				return ast.WalkStop, fmt.Errorf("holds a %s", n.Kind())
			}
		}
		return ast.WalkContinue, nil
	})
}

// pipelineCommand matches what CI runners obey in a log: GitHub at the beginning of a line, spaces
// before it allowed, and Azure anywhere.
var pipelineCommand = regexp.MustCompile(`(?im)^[ \t]*::[a-z-]|##vso\[|##\[`)

// Whatever stands in any text of a report: every format parses, holds nothing that it would not hold
// otherwise, and no byte of it steers a terminal, a browser or a pipeline.
func TestHostileTextInEveryFormat(t *testing.T) {
	for _, f := range Formats {
		read, ok := readers[f.Name]
		if !ok {
			t.Errorf("%s: no independent parser reads it: add one to readers", f.Name)
			continue
		}
		for _, s := range hostileTexts {
			options := []Options{{}, {Verbose: true, Width: 40}}
			if f != text && f != markdown { // the others have one layout
				options = options[1:]
			}
			for _, o := range options {
				r := poisoned(gated(), s)
				r.Inputs = append(r.Inputs, report.Input{Name: s, Error: s, Hint: s, Notes: []string{s}})
				out := render(t, f, r, o)
				if err := read(out); err != nil {
					t.Errorf("%s of %q: %v", f.Name, s, err)
				}
				checkInert(t, f, s, out)
			}
		}
	}
}

func checkInert(t *testing.T, f *Format, s, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s of %q is no UTF-8", f.Name, s)
	}
	for _, c := range out {
		if c != '\n' && report.Invisible(c) {
			t.Errorf("%s of %q holds %q", f.Name, s, c)
			break
		}
	}
	if f == github { // every line of it is a command, of its own
		out = regexp.MustCompile(`(?m)^::(error|warning|notice) `).ReplaceAllString(out, "")
	}
	if m := pipelineCommand.FindString(out); m != "" {
		t.Errorf("%s of %q: a pipeline would obey %q", f.Name, s, m)
	}
}

// The parsers find what they are there to find.
func TestReadersFindFaults(t *testing.T) {
	for name, docs := range map[string][]string{
		"json": {"{", "{} {}"}, "junit": {"<testsuites><script/></testsuites>", "<testsuites>", "<!-- x --><testsuites/>"},
		"markdown": {"<b>x</b>", "[a](b)", "![a](b)", "https://evil.example", "> x", "# x", "~~x~~", "- [x] a"},
		"tap":      {"TAP version 14\nBail out!"}, "github": {"text", "::set-output name=a::b"}, "openmetrics": {"x{ 1", "up 1\n"},
	} {
		for _, doc := range docs {
			if readers[name](doc) == nil {
				t.Errorf("%s: %q passes", name, doc)
			}
		}
	}
}
