package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"go-debug/report"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t *testing.T, f *Format, r *report.Report, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Render(&b, r, o); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	cases := []struct {
		format *Format
		name   string
		o      Options
	}{
		{text, "60.txt", Options{Width: 60}}, {text, "80.txt", Options{}}, {text, "160.txt", Options{Width: 160}},
		{text, "verbose.txt", Options{Verbose: true}}, {text, "color.txt", Options{Color: true}},
		{jsonFormat, "json", Options{}}, {markdown, "md", Options{}}, {markdown, "verbose.md", Options{Verbose: true}},
		{junit, "xml", Options{}}, {tap, "tap", Options{}}, {sarifFormat, "sarif", Options{}}, {github, "github.txt", Options{}},
		{gitlab, "gitlab.json", Options{}}, {openmetrics, "prom", Options{}},
	}
	each(t, func(t *testing.T, r *report.Report) {
		_, sample, _ := strings.Cut(t.Name(), "/")
		for _, c := range cases {
			file := filepath.Join("testdata", sample+"."+c.name)
			got := render(t, c.format, r, c.o)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs (go test ./report/render -update writes it):\n%s", file, firstDifference(got, string(want)))
			}
		}
	})
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n got %q\nwant %q", i+1, a, b)
		}
	}
	return ""
}

// A stored report renders to the same bytes as a fresh one, in every format.
func TestStoredReportRendersTheSame(t *testing.T) {
	check := func(t *testing.T, r *report.Report) {
		var b bytes.Buffer
		if err := report.Write(&b, r); err != nil {
			t.Fatal(err)
		}
		stored, err := report.Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range Formats {
			for _, o := range []Options{{}, {Width: 120, Color: true, Verbose: true}} {
				if fresh, again := render(t, f, r, o), render(t, f, stored, o); fresh != again {
					t.Errorf("%s: %s", f.Name, firstDifference(again, fresh))
				}
			}
		}
	}
	each(t, check)
	for _, s := range nasty {
		t.Run(fmt.Sprintf("%.20q", s), func(t *testing.T) { check(t, poisoned(gated(), s)) })
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestColourCarriesNothing(t *testing.T) {
	each(t, func(t *testing.T, r *report.Report) {
		colored := render(t, text, r, Options{Color: true})
		if !sgr.MatchString(colored) {
			t.Error("no colour")
		}
		if got, want := sgr.ReplaceAllString(colored, ""), render(t, text, r, Options{}); got != want {
			t.Errorf("without colour the text differs: %s", firstDifference(got, want))
		}
	})
}

// command matches the lines that may be wider than the terminal: commands stay whole.
var command = regexp.MustCompile(`^ *(Next:|try:|hint:|next) `)

func TestNoLineIsTooWide(t *testing.T) {
	check := func(t *testing.T, r *report.Report) {
		for _, width := range []int{40, 80, 160} {
			for _, verbose := range []bool{false, true} {
				out := render(t, text, r, Options{Width: width, Verbose: verbose})
				for _, line := range strings.Split(out, "\n") {
					if displayWidth(line) > width && !command.MatchString(line) {
						t.Errorf("%d columns at width %d: %q", displayWidth(line), width, line)
					}
					if strings.TrimRight(line, " ") != line {
						t.Errorf("trailing space: %q", line)
					}
				}
			}
		}
	}
	each(t, check)
	for _, s := range nasty {
		t.Run(fmt.Sprintf("%.20q", s), func(t *testing.T) { check(t, poisoned(gated(), s)) })
	}
}

func TestVerdictComesFirst(t *testing.T) {
	for _, s := range samples {
		r := s.make()
		want := strings.ToUpper(string(r.Verdict.Status)) + "  "
		if r.Gate != nil {
			want = "GATE FAILED"
		}
		if out := render(t, text, r, Options{}); !strings.HasPrefix(out, want) {
			t.Errorf("%s begins with %.40q, want %q", s.name, out, want)
		}
	}
}

func TestAtMostTenFindings(t *testing.T) {
	r := many()
	out := render(t, text, r, Options{})
	if !strings.Contains(out, "\n10. ") || strings.Contains(out, "\n11. ") || !strings.Contains(out, "and 4 more findings") {
		t.Errorf("not ten findings and a count of the rest:\n%s", out)
	}
	if out := render(t, text, r, Options{Verbose: true}); !strings.Contains(out, "\n14. ") || strings.Contains(out, "more findings") {
		t.Error("verbose does not show all findings")
	}
}

func TestStacksOnlyWhenVerbose(t *testing.T) {
	for _, f := range []*Format{text, markdown} {
		if out := render(t, f, sample(), Options{}); strings.Contains(out, "runtime.gopark") {
			t.Errorf("%s shows stacks unasked", f.Name)
		}
		if out := render(t, f, sample(), Options{Verbose: true}); !strings.Contains(out, "runtime.chansend1 runtime/chan.go:161") {
			t.Errorf("%s -v lacks frames with their lines", f.Name)
		}
	}
}

func TestNotCheckedIsNotClean(t *testing.T) {
	for _, f := range []*Format{text, markdown} {
		if out := render(t, f, clear(), Options{}); strings.Contains(out, "Not checked") {
			t.Errorf("%s: everything was checked, but: %s", f.Name, out)
		}
		out := render(t, f, unread(), Options{})
		for _, want := range []string{"INCONCLUSIVE", "Not checked", "no such file", "go-debug capture"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s lacks %q:\n%s", f.Name, want, out)
			}
		}
	}
}

// nasty texts try to steer a terminal, break a table, a code span, a list or a page.
var nasty = []string{
	"\x1b[2J\x1b[31mowned", "a\nFAIL  2 fake leaks\n::error::x", "\r\x00\x07\x7f", "\u009b31m\u0085", "user\u202eevil\u2066x\u2069",
	"zero\u200bwidth\ufeff\u2060\u00ad", "bad\xff\xc0\x80utf8", "|||", "a|b\\|c\\", "`", "``` x ```", "`<img src=x onerror=alert(1)>`",
	"<script>alert(1)</script>", "[click](javascript:alert(1))", "![x](https://evil.example/x.png)", "# heading", "- item", "1. item",
	"> quote", "***", "===", "@everyone #1 GH-1", "https://evil.example www.evil.example", "&lt;b&gt;", "a\tb", "--- ---", "\\",
	strings.Repeat("x", 2500), strings.Repeat("世界", 300), strings.Repeat("e\u0301\u0301\u0301\u0301", 50), "\u2028\u2029", "\U000e0001\ufe0f",
	"%s%d%!", "", " ", "\u3164\u115f\u034f\u2800",
}

// poisoned puts a text into every string of a report that is not a fixed word.
func poisoned(r *report.Report, s string) *report.Report {
	fixed := map[string]bool{report.SchemaName: true}
	for _, w := range []string{"fail", "warn", "ok", "inconclusive", "ran", "skipped", "failed", "new", "grown", "known", "fixed", "unchecked",
		"total", "per_s", "per_request"} {
		fixed[w] = true
	}
	return r.MapStrings(func(old string) string {
		if fixed[old] {
			return old
		}
		return s
	})
}

func TestNastyTextStaysText(t *testing.T) {
	for _, s := range nasty {
		r := poisoned(gated(), s)
		for _, f := range Formats {
			for _, verbose := range []bool{false, true} {
				out := render(t, f, r, Options{Verbose: verbose})
				for i, c := range out {
					if c != '\n' && report.Invisible(c) || c == utf8.RuneError && !strings.HasPrefix(out[i:], "\ufffd") {
						t.Fatalf("%s of %q holds %q", f.Name, s, c)
					}
				}
				if strings.Contains(out, "\nFAIL  2 fake") || strings.Contains(out, "\n::error::x") {
					t.Errorf("%s of %q: text began a line of its own", f.Name, s)
				}
			}
		}
		var back any
		if err := json.Unmarshal([]byte(render(t, jsonFormat, r, Options{})), &back); err != nil {
			t.Errorf("JSON of %q does not parse: %v", s, err)
		}
	}
}

// outsideCode drops code spans and fenced blocks from Markdown.
func outsideCode(doc string) string {
	var b strings.Builder
	fenced := false
	for _, line := range strings.Split(doc, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") && !strings.Contains(strings.TrimLeft(line, " `"), "`") {
			fenced = !fenced
			continue
		}
		if !fenced {
			b.WriteString(dropSpans(line) + "\n")
		}
	}
	return b.String()
}

// dropSpans follows the rule of the CommonMark specification: a run of backticks opens a
// span that the next run of the same length closes.
func dropSpans(line string) string {
	var out strings.Builder
	for i := 0; i < len(line); {
		if line[i] != '`' {
			out.WriteByte(line[i])
			i++
			continue
		}
		n := len(line[i:]) - len(strings.TrimLeft(line[i:], "`"))
		end := -1
		for j := i + n; j < len(line); j++ {
			if line[j] != '`' {
				continue
			}
			m := len(line[j:]) - len(strings.TrimLeft(line[j:], "`"))
			if m == n {
				end = j + m
				break
			}
			j += m - 1
		}
		if end < 0 {
			out.WriteString(line[i : i+n])
			i += n
			continue
		}
		i = end
	}
	return out.String()
}

func TestMarkdownMeansNothingButItsOwn(t *testing.T) {
	foreign := regexp.MustCompile("[`\\[\\]~@\\\\_<>]|https?://|www\\.|&[a-z]")
	for _, s := range nasty {
		doc := outsideCode(render(t, markdown, poisoned(gated(), s), Options{Verbose: true}))
		doc = regexp.MustCompile(`<code>[^<>]*</code>`).ReplaceAllString(doc, "")
		for _, line := range strings.Split(doc, "\n") {
			if m := foreign.FindString(line); m != "" {
				t.Errorf("%q leaves %q in %q", s, m, line)
			}
		}
	}
}

// A code span holds the word and leaves the sentence its punctuation.
func TestMarkdownPunctuation(t *testing.T) {
	for in, want := range map[string]string{
		"D = log((L+0.5)/(λ+1)), last":  "D = `log((L+0.5)/(λ+1))`, last",
		"(Little's law, L = X·W));":     "(Little's law, L = `X·W`));",
		"main.(*reg).look(): 3 waiting": "`main.(*reg).look()`: 3 waiting",
		"<b>. *x*,":                     "`<b>`. `*x*`,",
		"- a":                           "`-` a",
		"1. a":                          "`1`. a",
		"#.":                            "`#`.",
	} {
		if got := prose(in); got != want {
			t.Errorf("prose(%q) = %q, want %q", in, got, want)
		}
	}
}

// Cells are counted on the raw line: a bar ends a cell inside a code span as well.
func TestMarkdownTablesKeepTheirColumns(t *testing.T) {
	for _, s := range nasty {
		columns := 0
		for _, line := range strings.Split(render(t, markdown, poisoned(gated(), s), Options{}), "\n") {
			if !strings.HasPrefix(line, "|") {
				columns = 0
				continue
			}
			n := strings.Count(line, "|")
			if columns == 0 {
				columns = n
			}
			if n != columns {
				t.Errorf("%q: %d bars instead of %d in %q", s, n, columns, line)
			}
		}
	}
}

// What belongs to the tenth item of a list must be indented by four.
func TestMarkdownItemsStayInTheirList(t *testing.T) {
	indent := 0
	for _, line := range strings.Split(render(t, markdown, many(), Options{Verbose: true}), "\n") {
		if number, _, ok := strings.Cut(line, ". **high"); ok {
			indent = len(number) + 2
		} else if strings.HasPrefix(line, " ") && len(line)-len(strings.TrimLeft(line, " ")) != indent {
			t.Errorf("not indented by %d: %q", indent, line)
		}
	}
}

func TestFormatLookup(t *testing.T) {
	for ext, want := range map[string]string{"a.json": "json", "b/c.MD": "markdown", "x.txt": "text"} {
		f, err := ByExtension(ext)
		if err != nil || f.Name != want {
			t.Errorf("ByExtension(%q) = %v, %v", ext, f, err)
		}
	}
	if _, err := ByExtension("report"); err == nil || !strings.Contains(err.Error(), ".json") {
		t.Errorf("a name without extension: %v", err)
	}
	if _, err := ByName("yaml"); err == nil || !strings.Contains(err.Error(), "text, json, markdown") {
		t.Errorf("an unknown format: %v", err)
	}
	seen := map[string]bool{}
	for _, f := range Formats {
		for _, key := range append([]string{f.Name}, f.Extensions...) {
			if seen[key] {
				t.Errorf("%q is claimed twice", key)
			}
			seen[key] = true
		}
	}
}
