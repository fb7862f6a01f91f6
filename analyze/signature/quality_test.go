package signature

import (
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// deep is a stack of n frames.
func deep(n int) []evidence.Frame { return frames(slices.Repeat([]string{"main.walk"}, n)...) }

func TestDoubts(t *testing.T) {
	work := frames("main.work")
	for name, tt := range map[string]struct {
		stack   []evidence.Frame
		samples int64 // of a thousand
		change  func(*evidence.Set)
		want    string
		shares  bool
	}{
		"none":                    {stack: work, samples: 500},
		"a few preempted":         {stack: frames("runtime.asyncPreempt", "main.work"), samples: 40},
		"a starved host":          {stack: frames("runtime.asyncPreempt", "main.work"), samples: 130, want: "starved-host", shares: true},
		"lost in C":               {stack: frames("runtime._ExternalCode", "runtime._LostExternalCode"), samples: 10, want: "lost-samples", shares: true},
		"lost in the buffer":      {stack: frames("runtime/pprof.lostProfileEvent"), samples: 10, want: "lost-samples", shares: true},
		"hardly any lost":         {stack: frames("runtime/pprof.lostProfileEvent"), samples: 9},
		"deep":                    {stack: deep(63), samples: 900},
		"cut":                     {stack: deep(64), samples: 50, want: "truncated-stacks"},
		"hardly any cut":          {stack: deep(64), samples: 49},
		"a rate of 250":           {stack: work, samples: 500, change: period(4e6)},
		"a rate of 500":           {stack: work, samples: 500, change: period(2e6), want: "rate-above-tick"},
		"an unknown rate":         {stack: work, samples: 500, change: period(0)},
		"a difference":            {stack: work, samples: -10, want: "difference", shares: true},
		"more than all Ps use":    {stack: work, samples: 600, change: procs(0.8), want: "stale-samples"},
		"all that they can use":   {stack: work, samples: 600, change: procs(1)},
		"more in system calls":    {stack: frames("internal/runtime/syscall/linux.Syscall6", "main.work"), samples: 600, change: procs(0.5)},
		"profiles of other rates": {stack: work, samples: 500, change: two(10e6, 5e6), want: "mixed-periods", shares: true},
		"profiles of one rate":    {stack: work, samples: 500, change: two(10e6, 10e6)},
	} {
		set := profileOf(10, map[string][]evidence.Frame{"it": tt.stack, "rest": frames("main.other")}, map[string]int64{"it": tt.samples, "rest": 1000 - tt.samples})
		if tt.change != nil {
			tt.change(set)
		}
		p := Read(set)
		var kinds []string
		for _, d := range p.Doubts() {
			kinds = append(kinds, string(d.Kind))
			if d.Why == "" || d.Measure.Name == "" || d.Measure.Unit == "" || d.Measure.Method == "" || d.Measure.N == 0 {
				t.Errorf("%s: %+v", name, d)
			}
		}
		if got := strings.Join(kinds, " "); got != tt.want || p.Doubted() != tt.shares {
			t.Errorf("%s: doubts %q (shares: %t), want %q", name, got, p.Doubted(), tt.want)
		}
	}
	if d := Read(&evidence.Set{}).Doubts(); len(d) != 0 {
		t.Errorf("no profile: %+v", d)
	}
}

func period(ns int64) func(*evidence.Set) {
	return func(s *evidence.Set) { s.Profiles[0].Period = ns }
}

// procs gives the program, by its trace, one P, which could take so much of the samples.
func procs(part float64) func(*evidence.Set) {
	return func(s *evidence.Set) {
		s.Profiles[0].Period = 10e6
		s.Profiles[0].DurationNS = int64(part * 1000 * 10e6)
		of(s, "a", "a")
	}
}

// of says which targets the profile and the trace, of a program with one P, are of.
func of(s *evidence.Set, profile, trace string) {
	s.Profiles[0].Source = "cpu"
	s.Inputs = []evidence.Input{{Position: evidence.Position{Source: "cpu"}, Target: profile}, {Position: evidence.Position{Source: "trace"}, Target: trace}}
	s.Trace = &evidence.Trace{Windows: []evidence.TraceWindow{{Position: evidence.Position{Source: "trace"}, MaxProcs: 1}}}
}

// A window that does not hold its samples is no window: nothing says how much CPU was in use.
func TestStaleSamplesHaveNoWindow(t *testing.T) {
	set := profileOf(10, map[string][]evidence.Frame{"it": frames("main.work")}, map[string]int64{"it": 1000})
	procs(0.4)(set)
	if p := Read(set); p.Cores() != 0 || p.WindowNS != 0 || p.Idle(100) {
		t.Errorf("%v cores in %d ns", p.Cores(), p.WindowNS)
	}
	// How many Ps another program has, or one that nobody has recorded, says nothing.
	for _, target := range []string{"b", ""} {
		of(set, target, "a")
		if p := Read(set); p.Cores() != 2.5 {
			t.Errorf("target %q: %v cores, want 2.5", target, p.Cores())
		}
	}
	of(set, "", "")
	if p := Read(set); p.Cores() != 2.5 {
		t.Errorf("no targets: %v cores, want 2.5", p.Cores())
	}
}

// two makes it two profiles of different periods.
func two(a, b int64) func(*evidence.Set) {
	return func(s *evidence.Set) {
		other := *s.Profiles[0]
		s.Profiles[0].Period, other.Period = a, b
		s.Profiles = append(s.Profiles, &other)
	}
}

// The documentation says what 200 samples tell of a share of 10 %.
func TestMinSamples(t *testing.T) {
	lo, hi := stats.WilsonShare(0.1, MinSamples/3.0, 0.95)
	if lo < 0.045 || lo > 0.055 || hi < 0.19 || hi > 0.2 {
		t.Errorf("[%.3f, %.3f]", lo, hi)
	}
}

func TestMaxDepth(t *testing.T) {
	for _, tt := range []struct {
		kind    evidence.Kind
		version string
		want    int
	}{
		{evidence.CPU, "go1.20.14", 64}, {evidence.CPU, "", 64}, {evidence.CPU, "go1.27.0", 64},
		{evidence.Heap, "go1.22.12", 32}, {evidence.Mutex, "go1.20", 32}, {evidence.Heap, "go1.23rc1", 128},
		{evidence.Block, "go1.26.8", 128}, {evidence.Allocs, "", 128}, {evidence.Heap, "devel go1.28-abc", 128}, {evidence.Heap, "go1.", 128},
	} {
		if got := MaxDepth(tt.kind, tt.version); got != tt.want {
			t.Errorf("MaxDepth(%s, %q) = %d, want %d", tt.kind, tt.version, got, tt.want)
		}
	}
}

func TestTruncation(t *testing.T) {
	p := profileOf(1, map[string][]evidence.Frame{"a": deep(126), "b": deep(124)}, map[string]int64{"a": 30, "b": 70}).Profiles[0]
	if c := TruncationOf(p, 0, 128); c.Cut != 0 || c.Total != 100 {
		t.Errorf("CPU: %+v", c)
	}
	p.Kind = evidence.Heap // which leaves out up to three frames of the allocator
	if c := TruncationOf(p, 0, 128); c.Cut != 30 || c.Share() != 0.3 || len(c.Stack) != 126 {
		t.Errorf("heap: %+v", c)
	}
	for _, column := range []int{-1, 9} {
		if c := TruncationOf(p, column, 128); c.Total != 0 || c.Share() != 0 {
			t.Errorf("column %d: %+v", column, c)
		}
	}
}

func TestIsGo(t *testing.T) {
	for name, want := range map[string]bool{"main.go": true, "App.java": false, "a.cc": false, "": false} {
		p := &evidence.Profile{Frames: []evidence.Frame{{Function: "f", File: name}}}
		if IsGo(p) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
	if !IsGo(&evidence.Profile{}) || !IsGo(&evidence.Profile{Frames: frames("runtime.mcall")}) {
		t.Error("an empty profile, or the runtime's")
	}
}
