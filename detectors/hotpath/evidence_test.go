package hotpath

import (
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

var (
	compiling = []string{"regexp/syntax.Parse", "regexp.compile", "regexp.Compile", "main.handle", serve}
	writing   = []string{"internal/runtime/syscall/linux.Syscall6", "syscall.Write", "internal/poll.(*FD).Write", "os.(*File).Write", "main.put", serve}
)

// samplesAt are n of a thousand samples at a stack.
func samplesAt(names []string, n int64) *evidence.Profile {
	return cpu(row{n, stack(names...)}, work(1000-n))
}

func TestOutcomes(t *testing.T) {
	few := cpu(row{30, stack(compiling...)}, work(70))
	few.DurationNS = 1e9
	idle := cpu(row{30, stack(compiling...)}, work(70))
	idle.DurationNS = 60e9
	java := cpu(row{500, stack("java.util.regex.Pattern.compile@Pattern.java:1", "com.example.App.handle@App.java:9")})
	difference := cpu(row{500, stack(compiling...)}, row{-100, stack("main.render", serve)}, work(600))
	noSamples := profile(evidence.CPU, []string{"cpu"}, 10, row{900, stack(compiling...)})
	for name, tc := range map[string]struct {
		set   *evidence.Set
		state analyze.State
		why   string
	}{
		"few samples":          {set(few), analyze.Inconclusive, "too few samples"},
		"an idle program":      {set(idle), analyze.Ran, ""},
		"an empty profile":     {set(profile(evidence.CPU, []string{"samples", "cpu"}, 30)), analyze.Ran, ""},
		"of unknown duration":  {set(profile(evidence.CPU, []string{"samples", "cpu"}, 0)), analyze.Inconclusive, "too few samples"},
		"not Go":               {set(java), analyze.Inconclusive, "not a Go profile"},
		"a difference":         {set(difference), analyze.Inconclusive, "difference of two"},
		"without samples":      {set(noSamples), analyze.Inconclusive, "too few samples"},
		"allocations alone":    {set(allocs(row{1000, stack("main.collect", serve)})), analyze.Inconclusive, "not what takes the CPU"},
		"nothing of the kind":  {set(profile(evidence.Mutex, []string{"contentions", "delay"}, 10)), analyze.Skipped, "needs cpu or allocs"},
		"enough for an answer": {set(samplesAt([]string{"main.update", serve}, 500)), analyze.Ran, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, out, _ := detect(t, tc.set)
			if got != "" || out.State != tc.state || !strings.Contains(out.Why, tc.why) {
				t.Errorf("%s (%s), findings %q", out.State, out.Why, got)
			}
		})
	}
}

func TestAllocationsAlone(t *testing.T) {
	got, out, fs := detect(t, set(allocs(row{300, stack(compiling...)}, row{100, stack("time.NewTimer", "main.wait", serve)}, row{600, stack("main.collect", serve)})))
	if want := "regexp-compile main.handle:66 possible; time-after main.wait:66 possible"; got != want || out.State != analyze.Ran || len(out.Unchecked) != 1 {
		t.Fatalf("%s, %v, findings %q, want %q", out.State, out.Unchecked, got, want)
	}
	if want := "30 % of the allocated bytes go into compiling regular expressions"; fs[0].Message != want {
		t.Errorf("message %q, want %q", fs[0].Message, want)
	}
}

// traced is a trace of system calls of main.put, all of one length.
func traced(each time.Duration, n int64) *evidence.Trace {
	tr := &evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: 1e9}}, Stacks: [][]int32{{}, {}}}
	for i, f := range stack(writing[1:]...) {
		tr.Frames = append(tr.Frames, f)
		tr.Stacks[1] = append(tr.Stacks[1], int32(i))
	}
	site := evidence.SyscallSite{Stack: 1}
	site.Duration.AddN(each.Nanoseconds(), n)
	tr.Syscalls = []evidence.SyscallSite{site}
	return tr
}

func TestTracesTellSmallPieces(t *testing.T) {
	for name, tc := range map[string]struct {
		trace *evidence.Trace
		want  string
	}{
		"no trace":    {nil, "unbuffered-io main.put:66 possible"},
		"short calls": {traced(time.Microsecond, 90_000), "small-io main.put:66 likely"},
		"long calls":  {traced(40*time.Microsecond, 9000), ""},
		"a few calls": {traced(time.Microsecond, 20), "unbuffered-io main.put:66 possible"},
	} {
		s := set(samplesAt(writing, 450))
		s.Trace = tc.trace
		got, _, fs := detect(t, s)
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		if name == "short calls" && !strings.Contains(fs[0].Message, "90,000 calls a second of 1 µs") {
			t.Errorf("message %q", fs[0].Message)
		}
	}
}

func TestWords(t *testing.T) {
	s := set(samplesAt(compiling, 170), allocs(row{400, stack(compiling...)}, row{600, stack("main.collect", serve)}))
	requests := func(n float64) *float64 { return &n }
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s.Loads = []evidence.Load{{Kind: evidence.Metrics, Route: "all", Points: []evidence.LoadPoint{
		{At: start, Requests: requests(0)}, {At: start.Add(10 * time.Second), Requests: requests(1000)}}}}
	_, _, fs := detect(t, s)
	if want := "17 % of the CPU (0.17 cores, 1.7 ms per request) goes into compiling regular expressions"; len(fs) != 1 || fs[0].Message != want {
		t.Fatalf("findings %+v, want %q", fs, want)
	}
	measures := map[string]float64{}
	for _, m := range fs[0].Measures {
		measures[m.Name] = m.Value
	}
	if measures["cpu_share"] != 0.17 || measures["alloc_bytes_share"] != 0.4 {
		t.Errorf("measures %v", measures)
	}
	if m := fs[0].Measures[0]; m.Interval == nil || m.Interval[0] < 0.12 || m.Interval[1] > 0.22 || m.WindowS == nil || *m.WindowS != 10 {
		t.Errorf("measure %+v", m)
	}

	inDependency := samplesAt([]string{"regexp.compile", dep, "main.handle", serve}, 170)
	_, _, fs = detect(t, set(inDependency))
	if want := ", in example.com/lib.Do (lib/lib.go:9)"; len(fs) != 1 || !strings.HasSuffix(fs[0].Message, want) {
		t.Errorf("findings %+v, want %q", fs, want)
	}
	growing := samplesAt([]string{"runtime.growslice", dep, "main.handle", serve}, 170)
	_, _, fs = detect(t, set(growing))
	if want := "; the line is a dependency's, called from main.go:66"; len(fs) != 1 || !strings.HasSuffix(fs[0].Message, want) {
		t.Errorf("findings %+v, want %q", fs, want)
	}
}

func TestDoubtsLowerConfidence(t *testing.T) {
	lost := cpu(row{170, stack(compiling...)}, row{30, stack("runtime/pprof.lostProfileEvent")}, work(800))
	if got, _, _ := detect(t, set(lost)); got != "regexp-compile main.handle:66 possible" {
		t.Errorf("with lost samples: %q", got)
	}
	starved := cpu(row{170, stack(compiling...)}, row{130, append(stack("runtime.asyncPreempt"), stack("main.render", serve)...)}, work(700))
	if got, _, _ := detect(t, set(starved)); got != "regexp-compile main.handle:66 possible" {
		t.Errorf("on a starved host: %q", got)
	}
	deep := stack(compiling...)
	for len(deep) < 64 {
		deep = append(deep, stack("main.walk")...)
	}
	if got, _, _ := detect(t, set(cpu(row{170, deep}, work(830)))); got != "regexp-compile main.handle:66 likely" {
		t.Errorf("with cut stacks: %q", got)
	}
}

// The same fault in another capture, on other lines, is the same finding.
func TestFingerprints(t *testing.T) {
	_, _, a := detect(t, set(samplesAt(compiling, 170)))
	moved := []string{"regexp.(*parser).x", "regexp.compile", "regexp.Compile", "main.handle@/src/app/main.go:90", "main.other", serve}
	_, _, b := detect(t, set(samplesAt(moved, 300)))
	if len(a) != 1 || len(b) != 1 || a[0].Fingerprint != b[0].Fingerprint {
		t.Errorf("%+v and %+v", a, b)
	}
}
