package profilequality

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/detectors/detectortest"
)

func TestFunctionsExist(t *testing.T) {
	detectortest.Signatures(t, signature.LostFunctions(), signature.Preempted)
}

// TestEveryDoubtIsReported holds that no kind of doubt is without a rule.
func TestEveryDoubtIsReported(t *testing.T) {
	for kind, rule := range ruleOf {
		if !slices.ContainsFunc(Detector.Rules, func(r analyze.Rule) bool { return r.ID == rule }) {
			t.Errorf("%s is reported as %q, which is no rule", kind, rule)
		}
	}
	for _, r := range Detector.Rules {
		if r.Severity > analyze.Low {
			t.Errorf("%s: a doubt is severe", r.ID)
		}
	}
}

func frames(n int, functions ...string) evidence.Stack {
	var s evidence.Stack
	for _, f := range functions {
		s = append(s, evidence.Frame{Function: f, File: "std.go", Line: 1})
	}
	for len(s) < n {
		s = append(s, evidence.Frame{Function: "main.walk", File: "/src/main.go", Line: 20 + len(s)%2})
	}
	return s
}

// change edits a profile that is without fault.
type change func(*evidence.Profile)

// profile is of a thousand values: some at a stack, the others at another.
func profile(kind evidence.Kind, seconds float64, some int64, stack evidence.Stack, changes ...change) *evidence.Profile {
	p := &evidence.Profile{Position: evidence.Position{Source: string(kind)}, Kind: kind, DurationNS: int64(seconds * 1e9), Period: 1e7, Records: 2}
	for _, k := range profiled {
		if k.kind == kind {
			p.SampleTypes = []evidence.ValueType{{Type: k.column}}
		}
	}
	if kind == evidence.CPU {
		p.SampleTypes = append(p.SampleTypes, evidence.ValueType{Type: "cpu"})
	}
	p.Totals = make([]int64, len(p.SampleTypes))
	add := func(n int64, s evidence.Stack) {
		vs := evidence.ValueStack{Count: 1}
		for _, f := range s {
			vs.Frames = append(vs.Frames, int32(len(p.Frames)))
			p.Frames = append(p.Frames, f)
		}
		for i, v := range []int64{n, n * 1e7}[:len(p.SampleTypes)] {
			vs.Values = append(vs.Values, v)
			p.Totals[i] += v
		}
		p.Stacks = append(p.Stacks, vs)
	}
	add(some, stack)
	add(1000-some, frames(2))
	for _, c := range changes {
		c(p)
	}
	return p
}

func build(id string) change { return func(p *evidence.Profile) { p.Build = id } }

func period(ns int64) change { return func(p *evidence.Profile) { p.Period = ns } }

func detect(t *testing.T, set *evidence.Set) (string, analyze.Outcome, []analyze.Finding) {
	t.Helper()
	res, err := analyze.Run(context.Background(), set, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s %s", strings.TrimPrefix(f.Rule, "profilequality/"), f.Location.Function))
		for _, m := range f.Measures {
			if m.Name == "" || m.Unit == "" || m.Method == "" || m.N == 0 {
				t.Errorf("%s: measure %+v", f.Rule, m)
			}
		}
	}
	return strings.Join(out, "; "), res.Outcomes[0], res.Findings
}

func TestFindings(t *testing.T) {
	cpu := func(some int64, s evidence.Stack, changes ...change) *evidence.Profile {
		return profile(evidence.CPU, 10, some, s, changes...)
	}
	of := func(kind evidence.Kind, depth int) *evidence.Profile { return profile(kind, 0, 100, frames(depth)) }
	for name, tc := range map[string]struct {
		profiles []*evidence.Profile
		version  string
		want     string
	}{
		"a sound profile":           {[]*evidence.Profile{cpu(500, frames(20))}, "", ""},
		"a starved host":            {[]*evidence.Profile{cpu(130, frames(3, "runtime.asyncPreempt"))}, "", "starved-host "},
		"lost samples":              {[]*evidence.Profile{cpu(20, frames(1, "runtime/pprof.lostProfileEvent"))}, "", "lost-samples "},
		"a high rate":               {[]*evidence.Profile{cpu(500, frames(20), period(2e6))}, "", "rate-above-tick "},
		"a difference":              {[]*evidence.Profile{cpu(-20, frames(20))}, "", "difference "},
		"cut stacks":                {[]*evidence.Profile{cpu(90, frames(64))}, "", "truncated-stacks main.walk"},
		"cut stacks of a heap":      {[]*evidence.Profile{of(evidence.Heap, 128)}, "go1.26.8", "truncated-stacks main.walk"},
		"deep stacks of a heap":     {[]*evidence.Profile{of(evidence.Heap, 100)}, "go1.26.8", ""},
		"cut stacks of an old heap": {[]*evidence.Profile{of(evidence.Heap, 32)}, "go1.22.12", "truncated-stacks main.walk"},
		"cut stacks of waits":       {[]*evidence.Profile{of(evidence.Block, 128), of(evidence.Mutex, 128)}, "", "truncated-stacks main.walk; truncated-stacks main.walk"},
		"allocations":               {[]*evidence.Profile{of(evidence.Allocs, 126)}, "", "truncated-stacks main.walk"},
		"a difference of waits":     {[]*evidence.Profile{profile(evidence.Mutex, 0, -3, frames(9))}, "", "difference "},
		"a heap over a time":        {[]*evidence.Profile{profile(evidence.Heap, 30, 100, frames(9))}, "", "difference "},
		"allocations over a time":   {[]*evidence.Profile{profile(evidence.Allocs, 30, 100, frames(9))}, "", ""},
		"two rates":                 {[]*evidence.Profile{cpu(500, frames(20)), cpu(500, frames(20), period(5e6))}, "", "incomparable "},
		"two builds":                {[]*evidence.Profile{cpu(500, frames(20), build("a")), cpu(500, frames(20), build("b"))}, "", "incomparable "},
		"two profiles alike":        {[]*evidence.Profile{cpu(500, frames(20), build("a")), cpu(500, frames(20), build("a"))}, "", ""},
		"a build and none":          {[]*evidence.Profile{cpu(500, frames(20), build("a")), cpu(500, frames(20))}, "", ""},
		"heaps of two rates":        {[]*evidence.Profile{of(evidence.Heap, 9), profile(evidence.Heap, 0, 100, frames(9), period(1))}, "", "incomparable "},
		"two kinds":                 {[]*evidence.Profile{cpu(500, frames(20), build("a")), profile(evidence.Heap, 0, 100, frames(9), build("b"))}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			set := &evidence.Set{Profiles: tc.profiles}
			for _, p := range tc.profiles {
				set.Inputs = append(set.Inputs, evidence.Input{Position: p.Position, Kind: p.Kind, Go: tc.version})
			}
			got, out, _ := detect(t, set)
			if got != tc.want || out.State != analyze.Ran || len(out.Unchecked) != 0 {
				t.Errorf("%s, not checked %v, findings %q, want %q", out.State, out.Unchecked, got, tc.want)
			}
		})
	}
}

func TestGoVersions(t *testing.T) {
	a, b := profile(evidence.Mutex, 0, 100, frames(9)), profile(evidence.Mutex, 0, 100, frames(9))
	a.Source, b.Source = "before.pb.gz", "after.pb.gz"
	set := &evidence.Set{Profiles: []*evidence.Profile{a, b}, Inputs: []evidence.Input{
		{Position: a.Position, Go: "go1.25.1"}, {Position: b.Position, Go: "go1.26.8"}}}
	got, _, fs := detect(t, set)
	if got != "incomparable " || !strings.Contains(fs[0].Message, "2 Go versions (go1.25.1, go1.26.8)") {
		t.Errorf("%q: %+v", got, fs)
	}
}

func TestTooFewSamples(t *testing.T) {
	few := func(seconds float64) *evidence.Profile {
		p := profile(evidence.CPU, seconds, 500, frames(9))
		p.Stacks, p.Totals = p.Stacks[:1], []int64{87, 87e7}
		p.Stacks[0].Values = []int64{87, 87e7}
		return p
	}
	want := "87 samples are too few for shares: one of 10 % may be anything from"
	_, out, _ := detect(t, &evidence.Set{Profiles: []*evidence.Profile{few(2)}})
	if out.State != analyze.Inconclusive || !strings.HasPrefix(out.Why, want) || out.Try != "go-debug capture http://localhost:6060 --for 10s" {
		t.Errorf("alone: %+v", out)
	}
	_, out, _ = detect(t, &evidence.Set{Profiles: []*evidence.Profile{few(4), profile(evidence.Mutex, 0, 100, frames(9))}})
	if out.State != analyze.Ran || len(out.Unchecked) != 1 || !strings.HasPrefix(out.Unchecked[0].What, want) || out.Unchecked[0].Try != "go-debug capture http://localhost:6060 --for 20s" {
		t.Errorf("beside another: %+v", out)
	}
	if _, out, _ = detect(t, &evidence.Set{Profiles: []*evidence.Profile{few(60)}}); out.State != analyze.Ran || len(out.Unchecked) != 0 {
		t.Errorf("of an idle program: %+v", out)
	}
	odd := few(2)
	odd.SampleTypes[0].Type = "wall"
	if _, out, _ = detect(t, &evidence.Set{Profiles: []*evidence.Profile{odd}}); out.State != analyze.Inconclusive || !strings.Contains(out.Why, "no samples in the column") {
		t.Errorf("without samples: %+v", out)
	}
}

func TestOtherLanguages(t *testing.T) {
	p := profile(evidence.CPU, 10, 500, frames(80))
	for i := range p.Frames {
		p.Frames[i] = evidence.Frame{Function: "com.example.App.walk", File: "App.java", Line: i}
	}
	got, out, _ := detect(t, &evidence.Set{Profiles: []*evidence.Profile{p}})
	if got != "" || out.State != analyze.Ran || len(out.Unchecked) != 1 || !strings.Contains(out.Unchecked[0].What, "not a Go profile") {
		t.Errorf("findings %q, %+v", got, out)
	}
}
