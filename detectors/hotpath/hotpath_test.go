package hotpath

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/detectors/detectortest"
)

func TestFunctionsExist(t *testing.T) {
	sigs := []signature.Signature{stackGrowth, timerHeap, timerUse}
	for _, c := range costs {
		sigs = append(sigs, signature.Signature{Anywhere: c.call.Names()})
	}
	detectortest.Signatures(t, sigs...)
}

// TestRules holds that costs, rules and parameters fit together.
func TestRules(t *testing.T) {
	for _, c := range costs {
		if !hasRule(c.rule) || !hasParam(c.param) || c.does == "" || len(c.call.Functions) == 0 {
			t.Errorf("cost %+v lacks rule, parameter, words or functions", c)
		}
	}
	if len(costs) > signature.MaxCalls {
		t.Errorf("%d costs are more than can be measured at once", len(costs))
	}
}

func hasRule(id string) bool {
	for _, r := range rules {
		if r.ID == id {
			return true
		}
	}
	return false
}

func hasParam(name string) bool {
	for _, p := range params {
		if p.Name == name {
			return true
		}
	}
	return false
}

// stack makes frames, innermost first. A name of the program may carry the file and line: "main.f@main.go:7".
func stack(names ...string) evidence.Stack {
	var s evidence.Stack
	for _, n := range names {
		name, at, placed := strings.Cut(n, "@")
		f := evidence.Frame{Function: name, File: "/go/src/std.go", Line: 1}
		if strings.HasPrefix(name, "main.") {
			f.File, f.Line = "/src/app/main.go", 66
		}
		if placed {
			i := strings.LastIndexByte(at, ':')
			f.File = at[:i]
			fmt.Sscan(at[i+1:], &f.Line)
		}
		s = append(s, f)
	}
	return s
}

// row is a number of samples or bytes at a stack.
type row struct {
	n     int64
	stack evidence.Stack
}

func profile(kind evidence.Kind, types []string, seconds float64, rows ...row) *evidence.Profile {
	p := &evidence.Profile{Kind: kind, DurationNS: int64(seconds * 1e9), Period: 1e7, Totals: make([]int64, len(types)), Default: len(types) - 1}
	for _, t := range types {
		p.SampleTypes = append(p.SampleTypes, evidence.ValueType{Type: t})
	}
	for _, r := range rows {
		vs := evidence.ValueStack{Count: 1}
		for _, f := range r.stack {
			vs.Frames = append(vs.Frames, int32(len(p.Frames)))
			p.Frames = append(p.Frames, f)
		}
		for i, t := range types {
			v := r.n
			if t == "cpu" {
				v *= 1e7
			}
			vs.Values = append(vs.Values, v)
			p.Totals[i] += v
		}
		p.Stacks = append(p.Stacks, vs)
	}
	return p
}

// cpu makes a 10 s CPU profile at 100 Hz.
func cpu(rows ...row) *evidence.Profile {
	return profile(evidence.CPU, []string{"samples", "cpu"}, 10, rows...)
}

func allocs(rows ...row) *evidence.Profile {
	return profile(evidence.Allocs, []string{"alloc_objects", "alloc_space"}, 10, rows...)
}

func set(profiles ...*evidence.Profile) *evidence.Set { return &evidence.Set{Profiles: profiles} }

func detect(t *testing.T, s *evidence.Set) (string, analyze.Outcome, []analyze.Finding) {
	t.Helper()
	res, err := analyze.Run(context.Background(), s, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcomes[0].State == analyze.Failed {
		t.Fatal(res.Outcomes[0].Why)
	}
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s %s:%d %s", strings.TrimPrefix(f.Rule, "hotpath/"), f.Location.Function, f.Location.Line, f.Confidence))
		for _, m := range f.Measures {
			if m.Name == "" || m.Unit == "" || m.Method == "" || m.N == 0 {
				t.Errorf("%s: measure lacks name, unit, method or n: %+v", f.Rule, m)
			}
		}
		if f.Message == "" || f.Remedy == "" || len(f.Stacks) == 0 || len(f.Identity) == 0 && !f.Location.IsZero() {
			t.Errorf("%s: message, remedy, stack or identity is missing: %+v", f.Rule, f)
		}
	}
	return strings.Join(out, "; "), res.Outcomes[0], res.Findings
}

const (
	serve = "net/http.(*conn).serve"
	dep   = "example.com/lib.Do@/go/pkg/mod/example.com/lib@v1.2.3/lib.go:9"
)

// work is the rest of the program's samples.
func work(n int64) row { return row{n, stack("main.render", serve)} }

func TestFindings(t *testing.T) {
	compile := []string{"regexp/syntax.Parse", "regexp.compile", "regexp.Compile", "regexp.MustCompile"}
	for name, tc := range map[string]struct {
		rows []row
		want string
	}{
		"compiled per request":         {[]row{{30, stack(append(compile, "main.handle", serve)...)}, work(970)}, "regexp-compile main.handle:66 likely"},
		"compiled through MatchString": {[]row{{30, stack("regexp.compile", "regexp.Compile", "regexp.MatchString", "main.handle", serve)}, work(970)}, "regexp-compile main.handle:66 likely"},
		"compiled in a dependency":     {[]row{{30, stack(append(compile, dep, "main.handle", serve)...)}, work(970)}, "regexp-compile main.handle:66 likely"},
		"compiled by a program of one goroutine": {[]row{{30, stack(append(compile, "main.scan", "main.main", "runtime.main")...)},
			{970, stack("main.scan", "main.main", "runtime.main")}}, "regexp-compile main.scan:66 possible"},
		"compiled by such a program for seconds": {[]row{{300, stack(append(compile, "main.scan", "main.main", "runtime.main")...)},
			{700, stack("main.scan", "main.main", "runtime.main")}}, "regexp-compile main.scan:66 likely"},
		"a template of its own":      {[]row{{30, stack("text/template/parse.Parse", "text/template.(*Template).Parse", "main.page", serve)}, work(970)}, "template-parse main.page:66 likely"},
		"a clone's escaping":         {[]row{{30, stack("html/template.escapeTemplate", "html/template.(*Template).Execute", "main.page", serve)}, work(970)}, "template-parse main.page:66 likely"},
		"append":                     {[]row{{150, stack("runtime.memmove", "runtime.growslice", "main.collect", serve)}, work(850)}, "slice-growth main.collect:66 likely"},
		"a builder without room":     {[]row{{150, stack("runtime.growslice", "strings.(*Builder).WriteString", "main.text", serve)}, work(850)}, "slice-growth main.text:66 likely"},
		"a buffer without room":      {[]row{{150, stack("runtime.memclrNoHeapPointers", "bytes.growSlice", "bytes.(*Buffer).grow", "bytes.(*Buffer).Write", "main.text", serve)}, work(850)}, "slice-growth main.text:66 likely"},
		"a dependency's append":      {[]row{{150, stack("runtime.growslice", dep, "main.handle", serve)}, work(850)}, "slice-growth example.com/lib.Do:9 possible"},
		"a map":                      {[]row{{150, stack("internal/runtime/maps.(*table).split", "internal/runtime/maps.(*table).rehash", "runtime.mapassign_faststr", "main.index", serve)}, work(850)}, "map-growth main.index:66 likely"},
		"a map of go1.20":            {[]row{{150, stack("runtime.evacuate_faststr", "runtime.growWork_faststr", "runtime.mapassign_faststr", "main.index", serve)}, work(850)}, "map-growth main.index:66 likely"},
		"concatenation":              {[]row{{150, stack("runtime.mallocgc", "runtime.concatstrings", "runtime.concatstring2", "main.text", serve)}, work(850)}, "concatenation main.text:66 likely"},
		"conversion":                 {[]row{{150, stack("runtime.memmove", "runtime.slicebytetostring", "main.key", serve)}, work(850)}, "conversion main.key:66 likely"},
		"copying by Clone":           {[]row{{150, stack("runtime.memmove", "runtime.growslice", "slices.Clone[...]", "main.snapshot", serve)}, {100, stack("runtime.mallocgc", "runtime.growslice", "slices.Clone[...]", "main.snapshot", serve)}, work(750)}, "copying main.snapshot:66 possible"},
		"copying":                    {[]row{{250, stack("runtime.memmove", "main.shift", serve)}, work(750)}, "copying main.shift:66 possible"},
		"a timer for each wait":      {[]row{{90, stack("time.newTimer", "time.NewTimer", "time.After", "main.wait", serve)}, work(910)}, "time-after main.wait:66 likely"},
		"timers":                     {[]row{{150, stack("runtime.(*timers).siftDown", "runtime.(*timers).run", "runtime.findRunnable", "runtime.mcall")}, work(850)}, "timer-heap :0 possible"},
		"timers that a line sets":    {[]row{{150, stack("runtime.siftupTimer", "runtime.runtimer", "runtime.mcall")}, {10, stack("time.(*Timer).Reset", "main.touch", serve)}, work(840)}, "timer-heap main.touch:66 possible"},
		"timers made in a loop once": {[]row{{150, stack("runtime.(*timers).run", "runtime.mcall")}, {90, stack("time.After", "main.wait", serve)}, work(760)}, "time-after main.wait:66 likely"},
		"defer in a loop": {[]row{{50, stack("runtime.newdefer", "runtime.deferproc", "main.all@/src/main.go:7", serve)},
			{60, stack("runtime.popDefer", "runtime.(*_panic).nextDefer", "main.all@/src/main.go:9", serve)}, work(890)}, "defer-in-loop main.all:7 likely"},
		"stacks":         {[]row{{90, stack("runtime.copystack", "runtime.newstack", "main.walk", "main.walk", "main.handle.func1")}, work(910)}, "stack-growth main.walk:66 likely"},
		"formatting":     {[]row{{150, stack("strconv.AppendInt", "fmt.(*pp).doPrintf", "fmt.Sprintf", "main.row", serve)}, work(850)}, "fmt main.row:66 likely"},
		"logging":        {[]row{{150, stack("fmt.(*pp).doPrintf", "fmt.Appendf", "log.(*Logger).output", "log.Printf", "main.row", serve)}, work(850)}, "fmt main.row:66 likely"},
		"JSON":           {[]row{{150, stack("reflect.Value.Field", "encoding/json.Marshal", "main.a", serve)}, {140, stack("encoding/json.Unmarshal", "main.b", serve)}, work(710)}, "json main.a:66 likely"},
		"bytes to files": {[]row{{450, stack("internal/runtime/syscall/linux.Syscall6", "syscall.Write", "internal/poll.(*FD).Write", "os.(*File).Write", "main.put", serve)}, work(550)}, "unbuffered-io main.put:66 possible"},
		"lines to files": {[]row{{450, stack("syscall.Write", "internal/poll.(*FD).Write", "os.(*File).Write", "fmt.Fprintf", "main.put", serve)}, work(550)}, "unbuffered-io main.put:66 possible"},
		"pieces on many lines": {[]row{{200, stack("syscall.Write", "internal/poll.(*FD).Write", "os.(*File).Write", "main.put@/src/app/main.go:7", serve)},
			{120, stack("syscall.Write", "internal/poll.(*FD).Write", "os.(*File).Write", "main.put@/src/app/main.go:8", serve)},
			{130, stack("syscall.Write", "internal/poll.(*FD).Write", "os.(*File).Write", "main.put@/src/app/main.go:9", serve)}, work(550)}, "unbuffered-io main.put:7 possible"},
		"a text from many lines": {[]row{{80, stack("runtime.concatstrings", "main.text@/src/app/main.go:7", serve)},
			{81, stack("runtime.concatstrings", "main.text@/src/app/main.go:8", serve)}, work(839)}, "concatenation main.text:8 likely"},
		"C": {[]row{{300, stack("runtime.cgocall", "main._Cfunc_add@_cgo_gotypes.go:40", "main.sum", serve)}, work(700)}, "cgo main.sum:66 possible"},
	} {
		t.Run(name, func(t *testing.T) {
			got, out, _ := detect(t, set(cpu(tc.rows...)))
			if got != tc.want || out.State != analyze.Ran {
				t.Errorf("%s, findings %q, want %q", out.State, got, tc.want)
			}
		})
	}
}

// An idle program is not called clean: nobody looked.
func TestIdleProgramsAreNotChecked(t *testing.T) {
	got, out, _ := detect(t, set(cpu(row{40, stack("regexp.compile", "regexp.Compile", "main.handle", serve)}, work(80))))
	if got != "" || out.State != analyze.Ran || len(out.Unchecked) != 1 || !strings.Contains(out.Unchecked[0].What, "0.12 cores") {
		t.Errorf("findings %q, %+v", got, out)
	}
}

func TestHealthyYieldsNothing(t *testing.T) {
	compile := []string{"regexp/syntax.Parse", "regexp.compile", "regexp.Compile", "regexp.MustCompile"}
	for name, rows := range map[string][]row{
		"compiled in an initialiser":      {{300, stack(append(compile, "main.init", "runtime.doInit1", "runtime.main")...)}, work(700)},
		"compiled in a package's init":    {{300, stack(append(compile, "main.init.0", "runtime.doInit1", "runtime.main")...)}, work(700)},
		"compiled in a variable's value":  {{300, stack(append(compile, "main.init.func1", "main.init")...)}, work(700)},
		"compiled once":                   {{300, stack(append(compile, "main.patterns", "sync.(*Once).doSlow", "sync.(*Once).Do", "main.handle", serve)...)}, work(700)},
		"compiled as a server starts":     {{100, stack(append(compile, "main.newServer", "main.main", "runtime.main")...)}, work(900)},
		"matching":                        {{900, stack("regexp.(*machine).step", "regexp.(*Regexp).MatchString", "main.handle", serve)}, work(100)},
		"executing a template":            {{900, stack("text/template.(*state).walk", "text/template.(*Template).Execute", "main.page", serve)}, work(100)},
		"growth inside of fmt":            {{80, stack("runtime.growslice", "fmt.(*buffer).writeString", "fmt.Sprintf", "main.row", serve)}, work(920)},
		"growth inside of another":        {{300, stack("runtime.growslice", "net/http.Header.Add", "main.handle", serve)}, work(700)},
		"growth on many lines":            {{80, stack("runtime.growslice", "main.a", serve)}, {80, stack("runtime.growslice", "main.b", serve)}, {80, stack("runtime.growslice", "main.c", serve)}, work(760)},
		"made with room":                  {{300, stack("runtime.mallocgc", "runtime.makeslice", "main.collect", serve)}, work(700)},
		"room made by Grow":               {{300, stack("runtime.growslice", "slices.Grow[...]", "main.collect", serve)}, {200, stack("bytes.(*Buffer).grow", "bytes.(*Buffer).Grow", "main.text", serve)}, work(500)},
		"the first table of a small map":  {{300, stack("internal/runtime/maps.(*Map).growToSmall", "runtime.mapassign_faststr", "main.index", serve)}, work(700)},
		"deadlines of contexts":           {{200, stack("time.newTimer", "time.AfterFunc", "context.WithDeadlineCause", "context.WithTimeout", "main.handle", serve)}, work(800)},
		"what is deferred":                {{300, stack("internal/sync.(*Mutex).Unlock", "runtime.deferreturn", "main.update", serve)}, work(700)},
		"panics":                          {{300, stack("runtime.(*_panic).nextFrame", "runtime.gopanic", "main.parse", serve)}, work(700)},
		"yielding":                        {{300, stack("runtime.schedule", "runtime.goschedImpl", "runtime.gopreempt_m", "runtime.newstack", "runtime.morestack")}, work(700)},
		"formatting to a slow connection": {{300, stack("syscall.Write", "internal/poll.(*FD).Write", "net.(*conn).Write", "bufio.(*Writer).Flush", "fmt.Fprintf", "main.page", serve)}, work(700)},
		"a buffered writer":               {{600, stack("syscall.Write", "internal/poll.(*FD).Write", "os.(*File).Write", "bufio.(*Writer).Flush", "bufio.(*Writer).WriteString", "main.put", serve)}, work(400)},
		"io.Copy":                         {{600, stack("syscall.Write", "internal/poll.(*FD).Write", "os.(*File).Write", "io.copyBuffer", "io.Copy", "main.serveFile", serve)}, work(400)},
		"the server's own responses":      {{600, stack("syscall.Write", "internal/poll.(*FD).Write", "net.(*conn).Write", "net/http.checkConnErrorWriter.Write", serve)}, work(400)},
		"a JSON server":                   {{120, stack("encoding/json.Marshal", "main.handle", serve)}, {20, stack("runtime.growslice", "main.handle", serve)}, {15, stack("fmt.Sprintf", "main.handle", serve)}, work(845)},
		"growing and clearing by make":    {{400, stack("runtime.memclrNoHeapPointers", "runtime.mallocgcLarge", "runtime.mallocgc", "runtime.makeslice", "main.buffer", serve)}, work(600)},
		"C now and then":                  {{100, stack("runtime.cgocall", "main._Cfunc_add@_cgo_gotypes.go:40", "main.sum", serve)}, work(900)},
		"a shared test of a threshold":    {{11, stack(append(compile, "main.handle", serve)...)}, work(989)},
	} {
		t.Run(name, func(t *testing.T) {
			if got, out, _ := detect(t, set(cpu(rows...))); got != "" || out.State != analyze.Ran {
				t.Errorf("%s, findings %q", out.State, got)
			}
		})
	}
}
