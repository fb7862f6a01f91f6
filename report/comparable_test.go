package report

import (
	"math"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/score"
	"go-debug/analyze/stats"
)

// programRun is a report of a program with 100 requests unless they are said to be otherwise.
func programRun(goVersion string, procs int, requests *float64, detectors []string, fs ...analyze.Finding) *Report {
	in := input("metrics", true)
	in.Go, in.MaxProcs = goVersion, procs
	outcomes := ran(detectors...)
	outcomes[0].Reads = []evidence.Kind{evidence.LoadTest}
	return New(&evidence.Set{Inputs: []evidence.Input{in}},
		&analyze.Result{Findings: fs, Outcomes: outcomes, Load: []analyze.LoadReport{{Source: "metrics", Route: "all", Requests: requests}}}, tool)
}

// What makes a baseline incomparable is said in a line and never passes, unless the policy goes across it; what
// is counted is compared all the same.
func TestComparability(t *testing.T) {
	some, none := stats.Float(100), stats.Float(0)
	both := []string{"leak", "mutexwait"}
	base := func() *Report { return programRun("go1.26.3", 4, some, both) }
	leak := faultOf("leak", analyze.High, analyze.Likely)
	for name, tt := range map[string]struct {
		base, head *Report
		across     []string
		want       int
		says       string
	}{
		"alike":                       {base(), programRun("go1.26.3", 4, some, both), nil, 0, ""},
		"another release":             {base(), programRun("go1.26.9-X:nogreenteagc", 4, some, both), nil, 0, "note: the baseline was captured from a program of go1.26.3"},
		"another Go version":          {base(), programRun("go1.27.0", 4, some, both), nil, 4, "the baseline is of a program of go1.26.3, and this is one of go1.27.0: scores (runtime, cpu, alloc, delay, wait)"},
		"across Go versions":          {base(), programRun("go1.27.0", 4, some, both), []string{AcrossGo}, 0, "note: the baseline is of a program of go1.26.3"},
		"a leak across Go versions":   {base(), programRun("go1.27.0", 4, some, both, leak), []string{AcrossGo}, 1, "new finding leak/x"},
		"a leak and another Go":       {base(), programRun("go1.27.0", 4, some, both, leak), nil, 1, "accept it with --across go"},
		"another GOMAXPROCS":          {base(), programRun("go1.26.3", 8, some, both), nil, 4, "the baseline ran with GOMAXPROCS 4, and this with 8: scores (load, runtime, cpu, delay, wait)"},
		"across the wrong difference": {base(), programRun("go1.26.3", 8, some, both), []string{AcrossGo}, 4, "GOMAXPROCS"},
		"across both":                 {base(), programRun("go1.27.0", 8, some, both), Acrosses, 0, "note: the baseline ran with GOMAXPROCS 4"},
		"nobody knows GOMAXPROCS":     {base(), programRun("go1.26.3", 0, some, both), nil, 0, ""},
		"nobody knows the version":    {base(), programRun("", 4, some, both), nil, 0, ""},
		"a detector less now":         {base(), programRun("go1.26.3", 4, some, both[:1]), nil, 4, "detector mutexwait ran for the baseline and now did not run"},
		"a detector more now":         {base(), programRun("go1.26.3", 4, some, append(both, "gc")), nil, 4, "detector gc is not in the baseline"},
		"no request now":              {base(), programRun("go1.26.3", 4, none, both), nil, 4, "the baseline saw requests and this capture saw none"},
		"requests unknown now":        {base(), programRun("go1.26.3", 4, nil, both), nil, 4, "the baseline saw requests and this capture saw none"},
		"requests that are no number": {base(), programRun("go1.26.3", 4, stats.Float(math.NaN()), both), nil, 4, "the baseline saw requests and this capture saw none"},
		"no request in the baseline":  {programRun("go1.26.3", 4, none, both), programRun("go1.26.3", 4, some, both), nil, 4, "the baseline saw no request"},
		"no request on either side":   {programRun("go1.26.3", 4, none, both), programRun("go1.26.3", 4, none, both), nil, 0, ""},
	} {
		policy := GatePolicy()
		policy.Across = tt.across
		code := tt.head.ApplyGate(Trial{Baseline: &Baseline{"b", tt.base}, Growth: DefaultGrowth(), Policy: policy, Scores: DefaultScoreRules()})
		var said []string
		for _, r := range tt.head.Gate.Reasons {
			said = append(said, r.Text)
		}
		for _, n := range tt.head.Gate.Notes {
			said = append(said, "note: "+n)
		}
		if code != tt.want || !strings.Contains(strings.Join(said, "\n"), tt.says) {
			t.Errorf("%s: exit code %d, want %d; says %q, want %q", name, code, tt.want, said, tt.says)
		}
	}
}

// Scores of what the programs are too unlike for are left out, and those of what is alike are not.
func TestScoresOfUnlikePrograms(t *testing.T) {
	side := func(version string, procs int, value float64) []*Report {
		var out []*Report
		for i := range 10 {
			r := programRun(version, procs, stats.Float(100), []string{"leak"})
			for _, f := range score.Families {
				r.Scores = append(r.Scores, Score{Family: string(f), Name: "x", Unit: "count", Value: value + float64(i), Better: "lower"})
			}
			out = append(out, r)
		}
		return out
	}
	for _, tt := range []struct {
		version string
		procs   int
		want    []string
	}{
		{"go1.26.0", 4, []string{"load", "runtime", "cpu", "alloc", "delay", "wait"}},
		{"go1.27.0", 4, []string{"load"}}, {"go1.26.0", 8, []string{"alloc"}}, {"go1.27.0", 8, nil},
	} {
		before, runs := side("go1.26.0", 4, 100), side(tt.version, tt.procs, 1000)
		policy := GatePolicy()
		policy.Across = Acrosses
		head := runs[len(runs)-1]
		code := head.ApplyGate(Trial{Baseline: &Baseline{"b", before[9]}, Before: before, Runs: runs, Growth: DefaultGrowth(), Policy: policy, Scores: DefaultScoreRules()})
		var worse []string
		for _, s := range head.Diff.Scores {
			if s.Direction == ScoreWorse {
				worse = append(worse, s.Family)
			}
		}
		slices.SortFunc(worse, func(a, b string) int {
			return slices.Index(score.Families, score.Family(a)) - slices.Index(score.Families, score.Family(b))
		})
		if !slices.Equal(worse, tt.want) || (code == ExitFindings) != (len(tt.want) > 0) {
			t.Errorf("%s on %d: worse %v, want %v; exit code %d", tt.version, tt.procs, worse, tt.want, code)
		}
	}
}

// A score that is no number is none: it must not read back as 0, which would be better than all others.
func TestScoresAreNumbers(t *testing.T) {
	got := newScores([]score.Score{{Name: "a", Value: math.NaN()}, {Name: "b", Value: math.Inf(1)}, {Name: "c", Value: 1}})
	if len(got) != 1 || got[0].Name != "c" {
		t.Errorf("%+v", got)
	}
}

func TestProgram(t *testing.T) {
	in := func(version, build string, procs int) evidence.Input {
		return evidence.Input{Go: version, BuildID: build, MaxProcs: procs}
	}
	set := &evidence.Set{Inputs: []evidence.Input{in("go1.26.1", "", 0), in("", "abc", 4)}, Trace: &evidence.Trace{Windows: []evidence.TraceWindow{{MaxProcs: 4}, {}}}}
	if p := newProgram(set); p.Go != "go1.26.1" || p.BuildID != "abc" || *p.MaxProcs != 4 {
		t.Errorf("%+v", p)
	}
	set.Trace.Windows[1].MaxProcs = 8
	set.Inputs = append(set.Inputs, in("go1.27.0", "abd", 0))
	if p := newProgram(set); p != nil {
		t.Errorf("what inputs do not agree on is known: %+v", p)
	}
}
