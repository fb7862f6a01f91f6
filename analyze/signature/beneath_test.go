package signature

import (
	"fmt"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

var (
	growing = Call{Functions: []string{"runtime.growslice"}, Between: []string{"slices.Insert"}}
	printer = Call{Functions: []string{"fmt.*"}, Unless: []string{"os.*"}, Caller: true}
	writing = Call{Functions: []string{"os.(*File).Write"}, Within: []string{"syscall.*"}}
	ending  = Call{Functions: []string{"runtime.deferproc", "runtime.deferreturn"}, PerFunction: true, Place: []string{"runtime.deferproc"}}
)

// library is a line of another module.
var library = evidence.Frame{Function: "example.com/lib.Do", File: "/go/pkg/mod/example.com/lib@v1.0.0/lib.go", Line: 3}

func on(n int64, frames ...any) (stack []evidence.Frame, samples int64) {
	for _, f := range frames {
		switch f := f.(type) {
		case string:
			stack = append(stack, evidence.Frame{Function: f, File: "f.go", Line: 1})
		case evidence.Frame:
			stack = append(stack, f)
		}
	}
	return stack, n
}

func TestBeneath(t *testing.T) {
	at := func(function string, line int) evidence.Frame {
		return evidence.Frame{Function: function, File: "f.go", Line: line}
	}
	for name, tt := range map[string]struct {
		stack []any
		want  string // call, function and line
	}{
		"the line's own call":               {[]any{"runtime.growslice", at("main.f", 7), "main.main2"}, "0 main.f:7"},
		"through what may stand between":    {[]any{"runtime.growslice", "slices.Insert[...]", at("main.f", 7)}, "0 main.f:7"},
		"through what may not":              {[]any{"runtime.growslice", "net/http.Header.Add", at("main.f", 7)}, ""},
		"the nearest call counts":           {[]any{"runtime.growslice", "fmt.Sprint", at("main.f", 7)}, "1 main.f:7"},
		"what may not be within":            {[]any{"syscall.Write", "os.(*File).Write", "fmt.Fprint", at("main.f", 7)}, "2 main.f:7"},
		"what has to be within":             {[]any{"runtime.growslice", "os.(*File).Write", at("main.f", 7)}, ""},
		"a library's own line":              {[]any{"runtime.growslice", library, at("main.f", 7)}, "0 example.com/lib.Do:3"},
		"the caller of a library":           {[]any{"fmt.Sprint", library, at("main.f", 7)}, "1 main.f:7"},
		"a library that nobody calls":       {[]any{"fmt.Sprint", library, "net/http.(*conn).serve"}, "1 example.com/lib.Do:3"},
		"no line of the program":            {[]any{"fmt.Sprint", "net/http.(*conn).serve"}, ""},
		"work of the program":               {[]any{at("main.String", 9), "fmt.Sprint", at("main.f", 7)}, ""},
		"what cgo generates":                {[]any{"fmt.Sprint", evidence.Frame{Function: "main._Cfunc_x", File: "_cgo_gotypes.go", Line: 4}, at("main.f", 7)}, "1 main.f:7"},
		"initialisation":                    {[]any{"fmt.Sprint", at("main.f", 7), "main.init.0", "runtime.doInit1"}, ""},
		"a package's own initialiser":       {[]any{"fmt.Sprint", "example.com/app/names.init"}, ""},
		"a method that is called init":      {[]any{"fmt.Sprint", at("main.(*T).init", 7)}, "1 main.(*T).init:7"},
		"once":                              {[]any{"fmt.Sprint", at("main.f", 7), "sync.(*Once).doSlow", "main.g"}, ""},
		"a main goroutine that starts only": {[]any{"fmt.Sprint", at("main.f", 7), "main.main", "runtime.main"}, ""},
	} {
		stack, n := on(10, tt.stack...)
		rest, _ := on(0, "main.work")
		set := profileOf(1, map[string][]evidence.Frame{"it": stack, "rest": rest}, map[string]int64{"it": n, "rest": 990})
		got := ""
		for i, s := range Read(set).Beneath([]Call{growing, printer, writing, ending}) {
			if s.Total != 1000 {
				t.Errorf("%s: total %d", name, s.Total)
			}
			for _, site := range s.Sites {
				got += fmt.Sprintf("%d %s:%d", i, site.Location.Function, site.Location.Line)
				if site.Samples != 10 || s.Samples != 10 || len(site.Stack) != len(stack) {
					t.Errorf("%s: %d of %d samples, stack of %d", name, site.Samples, s.Samples, len(site.Stack))
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestBeneathAddsUpFunctions(t *testing.T) {
	line := func(n int) evidence.Frame { return evidence.Frame{Function: "main.f", File: "f.go", Line: n} }
	set := profileOf(1, map[string][]evidence.Frame{
		"defer":  {{Function: "runtime.deferproc"}, line(7)},
		"return": {{Function: "runtime.deferreturn"}, line(9)},
		"other":  {{Function: "runtime.deferreturn"}, {Function: "main.g", File: "f.go", Line: 30}},
	}, map[string]int64{"defer": 20, "return": 50, "other": 60})
	s := Read(set).Beneath([]Call{ending})[0]
	if len(s.Sites) != 2 || s.Samples != 130 || s.Sites[0].Samples != 70 || s.Sites[0].Location != line(7) || s.Sites[1].Samples != 60 {
		t.Errorf("%d samples, sites %+v", s.Samples, s.Sites)
	}
}

// A program whose main goroutine works is judged by it.
func TestBeneathOnTheMainGoroutine(t *testing.T) {
	stack, _ := on(0, "fmt.Sprint", "main.f", "main.main", "runtime.main")
	others, _ := on(0, "main.work")
	for other, want := range map[int64]int64{20: 10, 29: 10, 31: 0, 900: 0} {
		set := profileOf(1, map[string][]evidence.Frame{"main": stack, "other": others}, map[string]int64{"main": 10, "other": other})
		if got := Read(set).Beneath([]Call{printer})[0].Samples; got != want {
			t.Errorf("%d samples elsewhere: %d of 10, want %d", other, got, want)
		}
	}
}

func TestBeneathOfAnyColumn(t *testing.T) {
	p := &evidence.Profile{Kind: evidence.Allocs, SampleTypes: []evidence.ValueType{{Type: "alloc_space"}}, Totals: []int64{3000},
		Frames: frames("fmt.Sprint", "main.f"), Stacks: []evidence.ValueStack{{Frames: []int32{0, 1}, Values: []int64{3000}, Count: 1}}}
	if s := Beneath([]*evidence.Profile{p}, "alloc_space", []Call{printer})[0]; s.Samples != 3000 || s.Total != 3000 {
		t.Errorf("%d of %d bytes", s.Samples, s.Total)
	}
	if s := Beneath([]*evidence.Profile{p}, "inuse_space", []Call{printer})[0]; s.Samples != 0 || s.Total != 0 {
		t.Errorf("of a column that is not there: %d of %d", s.Samples, s.Total)
	}
}

func TestCallNames(t *testing.T) {
	c := Call{Functions: []string{"runtime.a", "runtime.b*", "runtime.old"}, Between: []string{"runtime.c"}, Within: []string{"runtime.d"}, Unless: []string{"runtime.e"}, Place: []string{"runtime.f"}, Gone: []string{"runtime.old"}}
	if got, want := strings.Join(c.Names(), " "), "runtime.a runtime.c runtime.d runtime.f runtime.e"; got != want {
		t.Errorf("names %s, want %s", got, want)
	}
}
