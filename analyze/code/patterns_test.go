package code

import (
	"context"
	"fmt"
	"go/format"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"go-debug/analyze/evidence"
)

// The archives of testdata hold small programs, one per file or, where it takes several
// files, per directory. Comments in a program say what a capture of it shows and what is to
// be made of it:
//
//	// site: WAIT FRAME… [< CREATOR]    a blocked goroutine, the innermost frame first
//	// want: PATTERN [certain] [@MARK]  and the line to change; "none" for healthy twins
//	// why: TEXT                        a part of the sentence; @MARK stands for file:line
//	// invisible: TEXT
//	// timed: TEXT                      what ends the wait by itself; "nothing" where nothing does
//	// keyed: TEXT                      the map of which the goroutine serves an entry; "nothing" for others
//
// A FRAME is function@mark, and a line ending in "// @mark" has the mark. A file NAME.after
// holds the snippet that is expected for the program NAME.go.
func TestPatterns(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	patterns := map[string]int{}
	healthy := map[string]int{}
	for _, name := range archives {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		group := strings.TrimSuffix(filepath.Base(name), ".txtar")
		for _, c := range casesOf(t, ar) {
			t.Run(group+"/"+c.name, func(t *testing.T) { c.run(t) })
			if c.pattern == "" {
				healthy[group]++
			} else {
				patterns[c.pattern]++
			}
		}
		if healthy[group] == 0 {
			t.Errorf("%s has no healthy twin", name)
		}
	}
	for _, p := range []string{evidence.PatternPrematureReturn, evidence.PatternTimeout, evidence.PatternNCast, evidence.PatternRangeWithoutClose,
		evidence.PatternDoubleSend, evidence.PatternForgottenCancel, evidence.PatternStartWithoutStop, evidence.PatternMutexLeftLocked,
		evidence.PatternMissingDone, evidence.PatternNilChannel, evidence.PatternTickerOrphan, evidence.PatternNoDeadline,
		evidence.PatternBodyNotClosed, evidence.PatternRowsNotClosed} {
		if patterns[p] < 2 {
			t.Errorf("pattern %s is tested in %d ways only", p, patterns[p])
		}
	}
}

// A testCase is one program with the goroutines of its capture.
type testCase struct {
	name  string
	files map[string]string // by path
	after string

	groups  []evidence.Group
	pattern string
	certain bool
	culprit string // file:line
	whys    []string
	unseen  string
	timed   string
	keyed   string
}

var (
	directive = regexp.MustCompile(`^// (site|want|why|invisible|timed|keyed): (.*)$`)
	inText    = regexp.MustCompile(`@\w+`)
	mark      = regexp.MustCompile(` *// @(\w+)`)
)

func casesOf(t *testing.T, ar *txtar.Archive) []*testCase {
	t.Helper()
	var out []*testCase
	byName := map[string]*testCase{}
	for _, f := range ar.Files {
		name, rest, nested := strings.Cut(f.Name, "/")
		if !nested {
			name, rest = strings.TrimSuffix(strings.TrimSuffix(f.Name, ".go"), ".after"), "main.go"
		}
		c := byName[name]
		if c == nil {
			c = &testCase{name: name, files: map[string]string{}}
			byName[name] = c
			out = append(out, c)
		}
		if strings.HasSuffix(f.Name, ".after") {
			c.after = string(f.Data)
			continue
		}
		c.files[rest] = string(f.Data)

	}
	for _, c := range out {
		c.read(t)
	}
	return out
}

// read takes the directives and marks out of the files.
func (c *testCase) read(t *testing.T) {
	t.Helper()
	if c.files["go.mod"] == "" {
		c.files["go.mod"] = "module example.com/app\n"
	}
	marks := map[string]evidence.Frame{}
	var directives [][2]string
	for name, text := range c.files {
		for i, line := range strings.Split(text, "\n") {
			if m := directive.FindStringSubmatch(line); m != nil {
				directives = append(directives, [2]string{m[1], m[2]})
			}
			for _, m := range mark.FindAllStringSubmatch(line, -1) {
				marks[m[1]] = evidence.Frame{File: name, Line: i + 1}
			}
		}
	}
	for name, text := range c.files {
		c.files[name] = mark.ReplaceAllString(text, "")
	}
	if len(directives) == 0 {
		t.Fatalf("%s says nothing about its capture", c.name)
	}
	for _, d := range directives {
		switch d[0] {
		case "site":
			c.groups = append(c.groups, groupOf(t, d[1], marks))
		case "why":
			c.whys = append(c.whys, c.place(d[1], marks))
		case "invisible":
			c.unseen = d[1]
		case "timed":
			c.timed = c.place(d[1], marks)
		case "keyed":
			c.keyed = d[1]
		case "want":
			for i, w := range strings.Fields(d[1]) {
				switch m, isMark := strings.CutPrefix(w, "@"); {
				case i == 0 && w != "none":
					c.pattern = w
				case w == "certain":
					c.certain = true
				case isMark:
					if marks[m].Line == 0 {
						t.Fatalf("%s has no mark %s", c.name, m)
					}
					c.culprit = fmt.Sprintf("%s:%d", marks[m].File, marks[m].Line)
				}
			}
		}
	}
}

// place puts file and line where a text has a mark.
func (c *testCase) place(text string, marks map[string]evidence.Frame) string {
	return inText.ReplaceAllStringFunc(text, func(m string) string {
		at := marks[m[1:]]
		dir := path.Base(path.Dir(at.File))
		if strings.Contains(c.files[at.File], "package main") {
			dir = ""
		}
		at.File = path.Join(dir, path.Base(at.File))
		return fmt.Sprintf("%s:%d", at.File, at.Line)
	})
}

// groupOf reads "chan-send main.fetch.func1@send < main.fetch@go".
func groupOf(t *testing.T, text string, marks map[string]evidence.Frame) evidence.Group {
	t.Helper()
	stack, creator, _ := strings.Cut(text, " < ")
	fields := strings.Fields(stack)
	g := evidence.Group{Wait: evidence.Wait(fields[0]), Count: 100}
	frame := func(s string) evidence.Frame {
		function, m, marked := strings.Cut(s, "@")
		f := evidence.Frame{Function: function, File: "/usr/local/go/src/some.go", Line: 1}
		if marked {
			at, ok := marks[m]
			if !ok {
				t.Fatalf("no mark %s for %s", m, text)
			}
			f.File, f.Line = "/build/app/"+at.File, at.Line
		}
		return f
	}
	for _, s := range fields[1:] {
		g.Stack = append(g.Stack, frame(s))
	}
	if creator != "" {
		g.CreatedBy = frame(strings.TrimSpace(creator))
	}
	return g
}

func (c *testCase) run(t *testing.T) {
	dir := t.TempDir()
	for name, text := range c.files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set := &evidence.Set{Snapshots: []evidence.Snapshot{{Kind: evidence.Goroutine, Complete: true, Groups: c.groups}}}
	res, err := Inspect(context.Background(), set, dir)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(res.Sites, func(s evidence.CodeSite) bool { return s.Pattern != "" })
	if c.pattern == "" {
		if i >= 0 {
			t.Fatalf("a healthy twin is called %s: %s", res.Sites[i].Pattern, res.Sites[i].Why)
		}
		for _, s := range res.Sites {
			if strings.HasPrefix(s.Why, differs) {
				t.Errorf("the test itself is wrong: %s", s.Why)
			}
			c.checkWhy(t, s)
			c.checkTimed(t, s)
			c.checkKeyed(t, s)
		}
		if c.timed != "" && c.timed != "nothing" && len(res.Sites) == 0 {
			t.Errorf("nothing is said of the place, want timed %q", c.timed)
		}
		return
	}
	if i < 0 {
		t.Fatalf("no pattern, want %s; sites: %+v", c.pattern, res.Sites)
	}
	c.check(t, res.Sites[i])
}

func (c *testCase) check(t *testing.T, s evidence.CodeSite) {
	if s.Pattern != c.pattern || s.Certain != c.certain {
		t.Errorf("%s (certain: %v): %s\nwant %s (certain: %v)", s.Pattern, s.Certain, s.Why, c.pattern, c.certain)
	}
	if at := fmt.Sprintf("%s:%d", s.Culprit.File, s.Culprit.Line); c.culprit != "" && at != c.culprit {
		t.Errorf("culprit %s, want %s (%s)", at, c.culprit, s.Why)
	}
	if s.Fix == "" || s.Why == "" {
		t.Errorf("a pattern without why (%q) or fix (%q)", s.Why, s.Fix)
	}
	c.checkWhy(t, s)
	c.checkTimed(t, s)
	c.checkKeyed(t, s)
	if s.Invisible != c.unseen && !(c.unseen != "" && strings.Contains(s.Invisible, c.unseen)) {
		t.Errorf("invisible: %q, want %q", s.Invisible, c.unseen)
	}
	if s.After != c.after {
		t.Errorf("after:\n%s\nwant:\n%s", s.After, c.after)
	}
	if s.After != "" {
		if formatted, err := format.Source([]byte(s.After)); err != nil || string(formatted) != s.After {
			t.Errorf("the snippet is not formatted (%v):\n%s", err, s.After)
		}
		if !c.holds(s.Before) {
			t.Errorf("not the source's own lines:\n%s", s.Before)
		}
	}
	if path.IsAbs(s.Culprit.File) || strings.Contains(s.Why+s.Fix, os.TempDir()) {
		t.Errorf("a machine's path in %+v", s)
	}
}

func (c *testCase) checkWhy(t *testing.T, s evidence.CodeSite) {
	for _, w := range c.whys {
		if !strings.Contains(s.Why, w) {
			t.Errorf("why: %q\nwant part %q", s.Why, w)
		}
	}
}

func (c *testCase) checkTimed(t *testing.T, s evidence.CodeSite) {
	if c.timed != "" && s.Timed != strings.TrimSuffix(c.timed, "nothing") {
		t.Errorf("timed: %q, want %q", s.Timed, c.timed)
	}
}

func (c *testCase) checkKeyed(t *testing.T, s evidence.CodeSite) {
	if c.keyed != "" && s.Keyed != strings.TrimSuffix(c.keyed, "nothing") {
		t.Errorf("keyed: %q, want %q", s.Keyed, c.keyed)
	}
}

// holds reports that the lines of a snippet stand in one of the files, in this order.
func (c *testCase) holds(snippet string) bool {
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for _, text := range c.files {
		if strings.Contains(squeeze(text), squeeze(snippet)) {
			return true
		}
	}
	return false
}
