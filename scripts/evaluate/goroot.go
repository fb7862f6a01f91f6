package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An upstreamCase is one program by which the Go project tests its leak profile: it makes
// goroutines that cannot end and prints that profile.
type upstreamCase struct {
	Name   string   `json:"name"`
	Made   int      `json:"made"`  // expected leaks that the program's profile holds
	Found  int      `json:"found"` // of them, those that a finding at possible or above names
	Unmade []string `json:"unmade,omitempty"`
	Missed []string `json:"missed,omitempty"`
	Alarms []string `json:"alarms,omitempty"`
	Error  string   `json:"error,omitempty"`

	flaky    bool // what leaks depends on the scheduler
	folder   string
	expected []*regexp.Regexp
}

const (
	gorootPrograms = "src/runtime/testdata/testgoroutineleakprofile"
	gorootTest     = "src/runtime/goroutineleakprofile_test.go"
	flakyRuns      = 3
)

// judgeGoroot runs the programs out of GOROOT and has their profiles analysed.
func (e *evaluation) judgeGoroot(ctx context.Context, t tool, res *results) error {
	goroot, err := gorootOf(ctx)
	if err != nil {
		return err
	}
	cases, err := readCases(filepath.Join(goroot, gorootTest))
	if errors.Is(err, os.ErrNotExist) {
		res.Skipped = append(res.Skipped, "GOROOT has no "+gorootTest)
		return nil
	}
	if err != nil {
		return err
	}
	binaries := map[string]string{}
	for _, folder := range []string{"", "goker"} {
		bin := filepath.Join(e.work, "goroot-"+folder)
		dir := filepath.Join(goroot, gorootPrograms, folder)
		err := goBuild(ctx, dir, ".", bin, newBuild("leakprofile"))
		if err != nil { // go1.27 has the profile without, and knows no such experiment
			err = goBuild(ctx, dir, ".", bin, build{})
		}
		if err != nil {
			res.Skipped = append(res.Skipped, fmt.Sprintf("GOROOT's %s: %v", gorootPrograms, err))
			return nil
		}
		binaries[folder] = bin
	}
	for _, c := range cases {
		if !e.only.MatchString(c.Name) {
			continue
		}
		if err := c.run(ctx, t, binaries[c.folder], e.work); err != nil {
			c.Error = err.Error()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		res.Goroot = append(res.Goroot, c)
	}
	return nil
}

func gorootOf(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// readCases reads the table of the Go project's own test: which leaks each program is
// expected to make.
func readCases(name string) ([]upstreamCase, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
	if err != nil {
		return nil, err
	}
	var cases []upstreamCase
	goker := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if id, ok := n.Lhs[0].(*ast.Ident); ok && strings.HasSuffix(id.Name, "TestCases") {
				goker = id.Name == "gokerTestCases"
			}
		case *ast.CallExpr:
			if c, ok := caseOf(n); ok {
				if goker {
					c.folder = "goker"
				}
				cases = append(cases, c)
			}
		}
		return true
	})
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s: its table has another form than that of go1.26", name)
	}
	return cases, nil
}

// caseOf reads makeTest("Name", patterns...) and makeFlakyTest.
func caseOf(call *ast.CallExpr) (upstreamCase, bool) {
	id, ok := call.Fun.(*ast.Ident)
	if !ok || id.Name != "makeTest" && id.Name != "makeFlakyTest" || len(call.Args) == 0 {
		return upstreamCase{}, false
	}
	c := upstreamCase{flaky: id.Name == "makeFlakyTest"}
	for i, arg := range call.Args {
		lit, ok := arg.(*ast.BasicLit)
		if !ok {
			return upstreamCase{}, false
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil {
			return upstreamCase{}, false
		}
		if i == 0 {
			c.Name = text
			continue
		}
		re, err := regexp.Compile(text)
		if err != nil {
			return upstreamCase{}, false
		}
		c.expected = append(c.expected, re)
	}
	return c, true
}

// run runs the program, several times where it depends on the scheduler, and counts each
// expected leak once.
func (c *upstreamCase) run(ctx context.Context, t tool, binary, work string) error {
	made, found := map[string]bool{}, map[string]bool{}
	runs := 1
	if c.flaky {
		runs = flakyRuns
	}
	for range runs {
		dump, err := c.execute(ctx, binary)
		if err != nil {
			return err
		}
		if err := c.judge(ctx, t, dump, work, made, found); err != nil {
			return err
		}
	}
	for _, re := range c.expected {
		switch name := re.String(); {
		case found[name]:
			c.Found++
			c.Made++
		case made[name]:
			c.Made++
			c.Missed = append(c.Missed, name)
		default:
			c.Unmade = append(c.Unmade, name)
		}
	}
	slices.Sort(c.Alarms)
	c.Alarms = slices.Compact(c.Alarms)
	return nil
}

func (c *upstreamCase) execute(ctx context.Context, binary string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, c.Name)
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	if !c.flaky {
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	return out, nil
}

func (c *upstreamCase) judge(ctx context.Context, t tool, dump []byte, work string, made, found map[string]bool) error {
	input, report := filepath.Join(work, "goroot.debug2.txt"), filepath.Join(work, "goroot.json")
	if err := os.WriteFile(input, dump, 0o644); err != nil {
		return err
	}
	v, err := t.analyze(ctx, "", input, report)
	if err != nil {
		return err
	}
	leaked := leakedIn(string(dump))
	for i := range v.Findings {
		f := &v.Findings[i]
		if rank(f.Confidence) > rank("possible") {
			continue
		}
		known := false
		for _, l := range leaked {
			if !f.shows(l) {
				continue
			}
			for _, re := range c.expected {
				if re.MatchString(l.name) {
					known, found[re.String()] = true, true
				}
			}
		}
		if !known {
			c.Alarms = append(c.Alarms, fmt.Sprintf("%s %s at %s", f.Confidence, f.Rule, f.Location.Function))
		}
	}
	for _, l := range leaked {
		for _, re := range c.expected {
			if re.MatchString(l.name) {
				made[re.String()] = true
			}
		}
	}
	return nil
}

// A leakedGoroutine is one that the runtime marks.
type leakedGoroutine struct {
	name      string // entry function and wait, in the form of the Go project's test
	functions []string
}

// shows reports a goroutine that a finding is about: at its place, or on a stack of those that leak with
// it, whom it names.
func (f *finding) shows(l leakedGoroutine) bool {
	if slices.Contains(l.functions, f.Location.Function) {
		return true
	}
	return slices.ContainsFunc(f.Stacks, func(s stack) bool {
		unknown := func(function string) bool { return !slices.Contains(l.functions, function) }
		return len(s) > 0 && !slices.ContainsFunc(s, unknown)
	})
}

var stateOf = regexp.MustCompile(`^goroutine \d+(?: \S+=\S+)* (\[.*\]):`)

func leakedIn(dump string) []leakedGoroutine {
	var out []leakedGoroutine
	for block := range strings.SplitSeq(dump, "\n\n") {
		header, rest, _ := strings.Cut(block, "\n")
		m := stateOf.FindStringSubmatch(header)
		if m == nil || !strings.Contains(m[1], "(leaked)") {
			continue
		}
		var l leakedGoroutine
		entry := ""
		for line := range strings.Lines(rest) {
			if strings.HasPrefix(line, "created by ") {
				break
			}
			if !strings.HasPrefix(line, "\t") {
				entry = strings.TrimSpace(line)
				l.functions = append(l.functions, withoutArguments(entry))
			}
		}
		l.name = entry + " " + strings.ReplaceAll(m[1], " (leaked)", "")
		out = append(out, l)
	}
	return out
}

// withoutArguments cuts the last parenthesis: main.(*T).f(0x1, 0x2) is main.(*T).f.
func withoutArguments(call string) string {
	if i := strings.LastIndex(call, "("); i > 0 && strings.HasSuffix(call, ")") {
		return call[:i]
	}
	return call
}
