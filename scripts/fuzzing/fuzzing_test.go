package main

import (
	"go/ast"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What go test prints, and what it means.
func TestRead(t *testing.T) {
	const begin = "fuzz: elapsed: 0s, gathering baseline coverage: 2/2 completed, now fuzzing with 2 workers\nfuzz: elapsed: 3s, execs: 40304 (13431/sec), new interesting: 104 (total: 108)\n"
	const end = "FAIL\nexit status 1\nFAIL\tgo-debug/x\t3.2s\n"
	for name, tt := range map[string]struct {
		out    string
		failed bool
		want   result
	}{
		"nothing":    {begin + "fuzz: elapsed: 3s, execs: 40310 (0/sec), new interesting: 104 (total: 108)\nPASS\nok  \tgo-debug/x\t3.2s\n", false, result{40310, 0}},
		"seeds only": {"fuzz: elapsed: 0s, gathering baseline coverage: 0/126 completed\nfuzz: elapsed: 2s, gathering baseline coverage: 119/126 completed\nPASS\n", false, result{119, 0}},
		"a finding": {begin + "--- FAIL: FuzzX (0.50s)\n    --- FAIL: FuzzX (0.00s)\n        x_test.go:205: bad\n    \n    Failing input written to testdata/fuzz/FuzzX/67825c97\n" +
			"    To re-run:\n    go test -run=FuzzX/67825c97\n" + end, true, result{40304, 1}},
		"a seed": {"failure while testing seed corpus entry: FuzzX/seed#0\nfuzz: elapsed: 0s, gathering baseline coverage: 0/3 completed\n" +
			"--- FAIL: FuzzX (0.18s)\n    --- FAIL: FuzzX (0.00s)\n        x_test.go:9: bad\n" + end, true, result{0, 1}},
		"it hangs": {begin + "--- FAIL: FuzzX (10.2s)\n    fuzzing process hung or terminated unexpectedly: exit status 2\n" +
			"    Failing input written to testdata/fuzz/FuzzX/1\n" + end, true, result{40304, 1}},
		"the time ends":           {begin + "--- FAIL: FuzzX (3.20s)\n    context deadline exceeded\n" + end, true, result{40304, 0}},
		"a context of the target": {begin + "--- FAIL: FuzzX (0.20s)\n    --- FAIL: FuzzX (0.00s)\n        x_test.go:9: context deadline exceeded\n    \n    Failing input written to testdata/fuzz/FuzzX/1\n" + end, true, result{40304, 1}},
		"it does not build":       {"x.go:1:1: expected package\nFAIL\tgo-debug/x [setup failed]\n", true, result{0, 1}},
		"whatever else":           {begin + "--- FAIL: FuzzX (0.20s)\n    EOF\n" + end, true, result{40304, 1}},
	} {
		if got := read([]byte(tt.out), tt.failed); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// hostile are the packages that read what others wrote.
var hostile = []string{"analyze/decode", "analyze/source", "analyze/unpack", "report", "cmd/internal/config"}

// unfuzzed are functions that read, and why no target calls them.
var unfuzzed = map[string]string{
	"analyze/decode/trace.DecodeReference": "the oracle that the decoder is compared with; go-debug does not call it",
}

// Every function that others call with a stream or its first bytes is called by a fuzz target of its
// package, or by a function of its tests that one calls.
func TestEveryDecoderIsFuzzed(t *testing.T) {
	files := map[string]map[bool][]*ast.File{} // by package and whether they are tests
	if err := eachFile("../..", func(path string, f *ast.File) {
		pkg := filepath.ToSlash(filepath.Dir(path))
		if files[pkg] == nil {
			files[pkg] = map[bool][]*ast.File{}
		}
		test := strings.HasSuffix(path, "_test.go")
		files[pkg][test] = append(files[pkg][test], f)
	}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, pkg := range slices.Sorted(maps.Keys(files)) {
		if !slices.ContainsFunc(hostile, func(h string) bool { return pkg == h || strings.HasPrefix(pkg, h+"/") }) {
			continue
		}
		called := calledByTargets(files[pkg][true])
		for _, name := range readers(files[pkg][false]) {
			n++
			why, excused := unfuzzed[pkg+"."+name]
			if called[name] == excused {
				t.Errorf("%s.%s: called by a fuzz target: %v; excused: %q", pkg, name, called[name], why)
			}
		}
	}
	if n < 12 {
		t.Errorf("only %d functions that read: the search for them misses some", n)
	}
}

// readers are the exported functions of files that are given a stream, or bytes to tell what they are.
func readers(files []*ast.File) (out []string) {
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || slices.Contains([]string{"Read", "UnmarshalJSON", "UnmarshalText"}, fn.Name.Name) && fn.Recv != nil {
				continue
			}
			for _, p := range fn.Type.Params.List {
				if isStream(p.Type) || isBytes(p.Type) && fn.Recv == nil {
					out = append(out, fn.Name.Name)
				}
			}
		}
	}
	return out
}

func isStream(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Reader"
}

func isBytes(e ast.Expr) bool {
	a, ok := e.(*ast.ArrayType)
	if !ok || a.Len != nil {
		return false
	}
	id, ok := a.Elt.(*ast.Ident)
	return ok && id.Name == "byte"
}

// calledByTargets are the names that fuzz targets mention, and functions of the same tests that they do.
func calledByTargets(tests []*ast.File) map[string]bool {
	bodies := map[string]*ast.BlockStmt{}
	var todo []string
	for _, f := range tests {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				bodies[fn.Name.Name] = fn.Body
				if strings.HasPrefix(fn.Name.Name, "Fuzz") {
					todo = append(todo, fn.Name.Name)
				}
			}
		}
	}
	called := map[string]bool{}
	for len(todo) > 0 {
		body := bodies[todo[0]]
		todo = todo[1:]
		if body == nil {
			continue
		}
		ast.Inspect(body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && !called[id.Name] {
				called[id.Name] = true
				todo = append(todo, id.Name)
			}
			return true
		})
	}
	return called
}
