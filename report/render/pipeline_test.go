package render

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	junitxml "github.com/joshdk/go-junit"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/xeipuuv/gojsonschema"

	"go-debug/report"
)

// everyReport runs a test over the samples, and over one with each nasty text in every string.
func everyReport(t *testing.T, check func(t *testing.T, r *report.Report)) {
	each(t, check)
	for _, s := range nasty {
		t.Run(fmt.Sprintf("%.20q", s), func(t *testing.T) { check(t, poisoned(gated(), s)) })
	}
}

// tally counts the checks by state.
func tally(r *report.Report) map[report.CheckState]int {
	n := map[report.CheckState]int{}
	for _, c := range r.Checks() {
		n[c.State]++
	}
	return n
}

func TestJUnitReadsBack(t *testing.T) {
	everyReport(t, func(t *testing.T, r *report.Report) {
		suites, err := junitxml.Ingest([]byte(render(t, junit, r, Options{})))
		if err != nil {
			t.Fatal(err)
		}
		got := map[report.CheckState]int{}
		for _, s := range suites {
			for _, tc := range s.Tests {
				switch tc.Status {
				case junitxml.StatusPassed:
					got[report.Passed]++
				case junitxml.StatusSkipped:
					got[report.Skipped]++
				case junitxml.StatusFailed:
					got[report.Failed]++
				case junitxml.StatusError:
					got[report.Errored]++
				}
			}
		}
		want := tally(r)
		want[report.Passed] += want[report.Warned]
		delete(want, report.Warned)
		for s, n := range want {
			if got[s] != n {
				t.Errorf("%d %s, want %d", got[s], s, n)
			}
		}
	})
}

var (
	tapPointLine = regexp.MustCompile(`^(not )?ok (\d+) - ((?:[^\\#]|\\[\\#])*?)( # SKIP ((?:[^\\#]|\\[\\#])*))?$`)
	tapYAMLLine  = regexp.MustCompile(`^  (?:message: (".*")|severity: (?:fail|error|comment)|data:|  - (".*"))$`)
)

// TestTAPReadsBack parses by the grammar of the specification of TAP 14, of which a producer may use a
// part.
func TestTAPReadsBack(t *testing.T) {
	everyReport(t, func(t *testing.T, r *report.Report) {
		lines := strings.Split(strings.TrimSuffix(render(t, tap, r, Options{}), "\n"), "\n")
		checks := r.Checks()
		if lines[0] != "TAP version 14" || lines[1] != fmt.Sprintf("1..%d", len(checks)) {
			t.Fatalf("begins with %q", lines[:2])
		}
		n, open := 0, false
		for _, line := range lines[2:] {
			switch {
			case open && line == "  ...":
				open = false
			case open:
				m := tapYAMLLine.FindStringSubmatch(line)
				if m == nil {
					t.Fatalf("not in the YAML block: %q", line)
				}
				for _, quoted := range m[1:] {
					if _, err := strconv.Unquote(quoted); quoted != "" && err != nil {
						t.Errorf("%q: %v", quoted, err)
					}
				}
			case line == "  ---":
				open = true
			default:
				m := tapPointLine.FindStringSubmatch(line)
				if m == nil {
					t.Fatalf("no test point: %q", line)
				}
				c := checks[n]
				n++
				if m[2] != strconv.Itoa(n) || (m[1] != "") != c.Failing() || (m[4] != "") != (c.State == report.Skipped) {
					t.Errorf("%q for %+v", line, c)
				}
			}
		}
		if n != len(checks) || open {
			t.Errorf("%d points, want %d; a block left open: %v", n, len(checks), open)
		}
	})
}

// sarifSchemaOf takes the official schema of SARIF 2.1.0 (errata 01) from the source of the library,
// which keeps it to itself.
func sarifSchemaOf(t *testing.T) *gojsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, _ = strconv.Unquote(lit.Value)
		}
		return text == ""
	})
	schema, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSARIFIsValid(t *testing.T) {
	schema := sarifSchemaOf(t)
	if result, err := schema.Validate(gojsonschema.NewStringLoader(`{"version": "2.1.0", "runs": [{}]}`)); err != nil || result.Valid() {
		t.Fatalf("a run without a tool is valid (%v): it is no schema of SARIF", err)
	}
	everyReport(t, func(t *testing.T, r *report.Report) {
		doc := render(t, sarifFormat, r, Options{})
		back, err := sarif.FromString(doc)
		if err != nil {
			t.Fatal(err)
		}
		result, err := schema.Validate(gojsonschema.NewStringLoader(doc))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range result.Errors() {
			t.Errorf("against the schema: %s", e)
		}
		// The reader drops what it does not know: it must know everything.
		dec := json.NewDecoder(strings.NewReader(doc))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&sarif.Report{}); err != nil {
			t.Error(err)
		}
		want := 0
		for _, c := range r.Checks() {
			if c.Rule != "" && c.State != report.Skipped {
				want++
			}
		}
		if got := len(back.Runs[0].Results); got != want {
			t.Errorf("%d results, want %d", got, want)
		}
	})
}

var githubLine = regexp.MustCompile(`^::(error|warning|notice) ((?:[a-z]+=[^:,\r\n]*)(?:,[a-z]+=[^:,\r\n]*)*)::([^\r\n]*)$`)

// TestGitHubCommands parses as the runner does: one command a line, its properties up to the next
// "::".
func TestGitHubCommands(t *testing.T) {
	everyReport(t, func(t *testing.T, r *report.Report) {
		levels := map[string]int{}
		lines := strings.Split(strings.TrimSuffix(render(t, github, r, Options{}), "\n"), "\n")
		for _, line := range lines {
			m := githubLine.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("no command: %q", line)
			}
			levels[m[1]]++
			for _, stray := range regexp.MustCompile(`%..`).FindAllString(m[2]+m[3], -1) {
				if !slices.Contains([]string{"%25", "%0D", "%0A", "%3A", "%2C"}, stray) {
					t.Errorf("escape %q in %q", stray, line)
				}
			}
		}
		n := tally(r)
		verdict := map[bool]int{true: 1}[r.Gate != nil && r.Gate.Failed]
		if levels["error"] != n[report.Failed]+n[report.Errored]+verdict || levels["warning"] != n[report.Warned] {
			t.Errorf("%v for %v", levels, n)
		}
	})
}

func TestGitLabReadsBack(t *testing.T) {
	everyReport(t, func(t *testing.T, r *report.Report) {
		var issues []gitlabIssue
		if err := json.Unmarshal([]byte(render(t, gitlab, r, Options{})), &issues); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, is := range issues {
			if is.Fingerprint == "" && is.Description != "" || seen[is.Fingerprint] {
				t.Errorf("fingerprint %q is empty or there twice", is.Fingerprint)
			}
			seen[is.Fingerprint] = true
			if is.Location.Path == "" || is.Location.Lines.Begin < 1 {
				t.Errorf("place %+v", is.Location)
			}
			if !slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, is.Severity) {
				t.Errorf("severity %q", is.Severity)
			}
		}
	})
}

func TestOpenMetricsReadsBack(t *testing.T) {
	everyReport(t, func(t *testing.T, r *report.Report) {
		doc := render(t, openmetrics, r, Options{})
		if !strings.HasSuffix(doc, "\n# EOF\n") {
			t.Error("does not end in EOF")
		}
		text := expfmt.NewTextParser(model.UTF8Validation)
		families, err := text.TextToMetricFamilies(strings.NewReader(doc))
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		for name, f := range families {
			seen := map[string]bool{}
			for _, m := range f.Metric {
				if key := fmt.Sprint(m.Label); seen[key] {
					t.Errorf("%s%s is there twice", name, key)
				} else {
					seen[key] = true
				}
			}
		}
		if g := families["go_debug_gate_exit_code"]; r.Gate != nil && (g == nil || g.Metric[0].GetGauge().GetValue() != float64(r.Gate.ExitCode)) {
			t.Errorf("exit code %v", g)
		}
	})
}

// No format makes what was not checked look like what passed.
func TestPipelinesTellUncheckedFromPassed(t *testing.T) {
	for _, f := range []*Format{junit, tap, sarifFormat, github} {
		if a, b := render(t, f, clear(), Options{}), render(t, f, unread(), Options{}); a == b || !strings.Contains(b, "needs goroutine") || !strings.Contains(b, "no such file") {
			t.Errorf("%s of a report that read nothing:\n%s", f.Name, b)
		}
	}
}

func TestForFile(t *testing.T) {
	for arg, want := range map[string][2]string{
		"a.json": {"json", "a.json"}, "gitlab=a.json": {"gitlab", "a.json"}, "junit=x=y.txt": {"junit", "x=y.txt"},
		"k=v.md": {"markdown", "k=v.md"}, "results.xml": {"junit", "results.xml"},
	} {
		f, file, err := ForFile(arg)
		if err != nil || f.Name != want[0] || file != want[1] {
			t.Errorf("%s: %v %q %v", arg, f, file, err)
		}
	}
	for _, arg := range []string{"yaml=a", "json=", "report"} {
		if f, _, err := ForFile(arg); err == nil {
			t.Errorf("%s: taken as %s", arg, f.Name)
		}
	}
}

// Annotations name a file as it was found in the source; else as recorded, where a repository may have that.
func TestSourcePath(t *testing.T) {
	for _, tt := range []struct {
		frame report.Frame
		want  string
	}{
		{report.Frame{File: "store/rows.go", Path: "example.com/shop/store/rows.go", Source: "services/shop/store/rows.go"}, "services/shop/store/rows.go"},
		{report.Frame{File: "store/rows.go", Path: "example.com/shop/store/rows.go"}, "store/rows.go"},
		{report.Frame{File: "main.go", Path: "/home/ci/shop/main.go", Source: "main.go"}, "main.go"},
		{report.Frame{File: "main.go", Path: "shop/main.go"}, "shop/main.go"},
	} {
		if got := sourcePath(&tt.frame); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.frame, got, tt.want)
		}
	}
}
