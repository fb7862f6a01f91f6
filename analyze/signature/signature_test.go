package signature

import (
	"math"
	"testing"

	"go-debug/analyze/evidence"
)

// profileOf makes a CPU profile of stacks, each with a number of samples of 10 ms.
func profileOf(windowS float64, stacks map[string][]evidence.Frame, samples map[string]int64) *evidence.Set {
	p := &evidence.Profile{Kind: evidence.CPU, DurationNS: int64(windowS * 1e9),
		SampleTypes: []evidence.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}, Totals: []int64{0, 0}}
	for name, frames := range stacks {
		s := evidence.ValueStack{Values: []int64{samples[name], samples[name] * 1e7}}
		for _, f := range frames {
			s.Frames = append(s.Frames, int32(len(p.Frames)))
			p.Frames = append(p.Frames, f)
		}
		p.Totals[0] += s.Values[0]
		p.Totals[1] += s.Values[1]
		p.Stacks = append(p.Stacks, s)
	}
	return &evidence.Set{Profiles: []*evidence.Profile{p}}
}

func frames(functions ...string) (out []evidence.Frame) {
	for i, f := range functions {
		out = append(out, evidence.Frame{Function: f, File: "f.go", Line: i + 1})
	}
	return out
}

func TestShares(t *testing.T) {
	set := profileOf(10, map[string][]evidence.Frame{
		"compile":   frames("regexp/syntax.Parse", "regexp.Compile", "regexp.MustCompile", "main.handle", "main.main"),
		"init":      frames("regexp.MustCompile", "main.init"),
		"scheduler": frames("runtime.findRunnable", "runtime.schedule", "runtime.mcall"),
		"grow":      frames("runtime.growslice", "slices.Grow[go.shape.int]", "main.collect"),
		"other":     frames("main.work", "main.main"),
	}, map[string]int64{"compile": 100, "init": 20, "scheduler": 300, "grow": 80, "other": 500})
	p := Read(set)
	if p.Samples != 1000 || !p.Enough() || math.Abs(p.Cores()-1) > 1e-9 {
		t.Fatalf("%d samples, %g cores", p.Samples, p.Cores())
	}
	for _, tt := range []struct {
		name string
		sig  Signature
		want int64
		site string
	}{
		{"anywhere", Signature{Anywhere: []string{"regexp.MustCompile"}}, 120, "main.handle"},
		{"unless", Signature{Anywhere: []string{"regexp.MustCompile"}, Unless: []string{"main.init"}}, 100, "main.handle"},
		{"leaf", Signature{Leaf: []string{"runtime.growslice", "runtime.schedule"}}, 80, "main.collect"},
		{"pattern", Signature{Anywhere: []string{"regexp*"}}, 120, "main.handle"},
		{"type arguments", Signature{Anywhere: []string{"slices.Grow"}}, 80, "main.collect"},
		{"no line of the program", Signature{Anywhere: []string{"runtime.schedule"}}, 300, ""},
		{"none", Signature{Anywhere: []string{"runtime.sched"}}, 0, ""},
	} {
		s := p.Of(tt.sig)
		site := ""
		if len(s.Sites) > 0 {
			site = s.Sites[0].Location.Function
		}
		if s.Samples != tt.want || s.Total != 1000 || site != tt.site {
			t.Errorf("%s: %d of %d samples at %q, want %d at %q", tt.name, s.Samples, s.Total, site, tt.want, tt.site)
		}
		if tt.want > 0 && len(s.Stack) == 0 {
			t.Errorf("%s: no stack", tt.name)
		}
	}
}

func TestIntervalsAreWidened(t *testing.T) {
	s := Share{Samples: 100, Total: 1000}
	lo, hi := s.Interval(1)
	wlo, whi := s.Interval(Overdispersion)
	if r := (whi - wlo) / (hi - lo); r < 1.7 || r > 1.76 {
		t.Errorf("interval [%g, %g] becomes [%g, %g]: %g times as wide, want √3", lo, hi, wlo, whi, r)
	}
	if s.Above(0.08, 1) == s.Above(0.08, Scheduler) {
		t.Error("the widening does not matter at 8 %")
	}
	if few := (Share{Samples: 100, Total: 100}); few.Above(0.1, 1) {
		t.Error("100 samples are enough")
	}
	if lo, hi := (Share{}).Interval(1); lo != 0 || hi != 1 {
		t.Errorf("no samples: [%g, %g]", lo, hi)
	}
}

func TestReadLeavesOtherProfilesOut(t *testing.T) {
	p := Read(&evidence.Set{Profiles: []*evidence.Profile{{Kind: evidence.Heap}, {Kind: evidence.CPU, SampleTypes: []evidence.ValueType{{Type: "cpu"}}, Totals: []int64{5}}}})
	if p.Samples != 0 || p.Enough() || p.Cores() != 0 {
		t.Errorf("%d samples", p.Samples)
	}
	if s := p.Of(Signature{Anywhere: []string{"*"}}); s.Value() != 0 || s.Above(0, 1) {
		t.Errorf("share %+v", s)
	}
}
