package analyze

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

func goroutines(n int) *evidence.Set {
	s := &evidence.Set{}
	for i := range n {
		s.Snapshots = append(s.Snapshots, evidence.Snapshot{Position: evidence.Position{Seq: i}, Kind: evidence.Goroutine})
	}
	return s
}

func detector(name string, run func(*Pass)) *Detector {
	return &Detector{
		Name:   name,
		Rules:  []Rule{{ID: name + "/a", Severity: High, Remedy: "fix a"}, {ID: name + "/b", Severity: Low, Remedy: "fix b"}},
		Needs:  []Need{{Kind: evidence.Goroutine, Captures: 2, Confidence: Likely, Try: "capture twice"}, {Kind: evidence.Execution, Confidence: Possible}},
		Params: []Param{{Name: "min", Default: 3}},
		Run:    func(_ context.Context, p *Pass) error { run(p); return nil },
	}
}

func TestRunOutcomes(t *testing.T) {
	clean := func(*Pass) {}
	for _, tt := range []struct {
		name string
		set  *evidence.Set
		run  func(*Pass)
		want State
		why  string
	}{
		{"no evidence at all", &evidence.Set{}, clean, Skipped, "needs 2 × goroutine or trace"},
		{"too few captures", goroutines(1), clean, Inconclusive, "needs 2 × goroutine or trace"},
		{"clean", goroutines(2), clean, Ran, ""},
		{"says so itself", goroutines(2), func(p *Pass) { p.Inconclusive("blind", "look") }, Inconclusive, "blind"},
		{"panics", goroutines(2), func(*Pass) { panic("boom") }, Failed, "boom"},
		{"reports a rule it does not declare", goroutines(2), func(p *Pass) { p.Report(Finding{Rule: "x/y"}) }, Failed, "undeclared rule"},
		{"asks for a parameter it does not declare", goroutines(2), func(p *Pass) { p.Param("nope") }, Failed, "undeclared parameter"},
	} {
		res, err := Run(t.Context(), tt.set, []*Detector{detector("d", tt.run)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Outcomes[0]; got.State != tt.want || !strings.Contains(got.Why, tt.why) {
			t.Errorf("%s: %+v, want state %s, why %q", tt.name, got, tt.want, tt.why)
		}
	}
}

// The source is read where a detector that runs and has what it needs asks for it, or fails at the question.
func TestReadsCode(t *testing.T) {
	asks := func(answer func(p *Pass) bool) []*Detector {
		d := detector("d", func(*Pass) {})
		d.ReadsCode = answer
		return []*Detector{detector("other", func(*Pass) {}), d}
	}
	yes := func(*Pass) bool { return true }
	for _, tt := range []struct {
		name      string
		set       *evidence.Set
		detectors []*Detector
		opt       Options
		want      bool
	}{
		{"asked for", goroutines(2), asks(yes), Options{}, true},
		{"not asked for", goroutines(2), asks(func(*Pass) bool { return false }), Options{}, false},
		{"by a parameter", goroutines(2), asks(func(p *Pass) bool { return p.Param("min") == 5 }), Options{Params: map[string]float64{"d.min": 5}}, true},
		{"panics", goroutines(2), asks(func(*Pass) bool { panic("boom") }), Options{}, true},
		{"does not run", goroutines(2), asks(yes), Options{Only: []string{"other"}}, false},
		{"its needs are not met", goroutines(1), asks(yes), Options{}, false},
		{"nobody reads source", goroutines(2), asks(nil), Options{}, false},
	} {
		if got := ReadsCode(tt.set, tt.detectors, tt.opt); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Evidence that cannot show a fault does not make a program clean.
func TestBlindEvidenceIsInconclusive(t *testing.T) {
	profile := func(kind evidence.Kind, total int64, frames ...evidence.Frame) *evidence.Profile {
		return &evidence.Profile{Kind: kind, Totals: []int64{total}, Frames: frames}
	}
	java := evidence.Frame{Function: "java.util.HashMap.get", File: "HashMap.java"}
	goes := evidence.Frame{Function: "main.f", File: "/src/main.go"}
	d := reporting("d", nil)
	d.Needs = []Need{{Kind: evidence.Execution, Confidence: Likely}, {Kind: evidence.CPU, Confidence: Likely}, {Kind: evidence.Block, Confidence: Likely}}
	for name, tc := range map[string]struct {
		set  *evidence.Set
		want State
	}{
		"another runtime":            {&evidence.Set{Profiles: []*evidence.Profile{profile(evidence.CPU, 9, java)}}, Inconclusive},
		"another runtime, beside Go": {&evidence.Set{Profiles: []*evidence.Profile{profile(evidence.CPU, 9, java), profile(evidence.CPU, 9, goes)}}, Ran},
		"another runtime, and waits": {&evidence.Set{Profiles: []*evidence.Profile{profile(evidence.CPU, 9, java), profile(evidence.Block, 9, goes)}}, Ran},
		"waits that are off":         {&evidence.Set{Profiles: []*evidence.Profile{profile(evidence.Block, 0)}}, Inconclusive},
		"an idle program":            {&evidence.Set{Profiles: []*evidence.Profile{profile(evidence.CPU, 0)}}, Ran},
		"a trace beside them":        {&evidence.Set{Trace: &evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: 1}}}, Profiles: []*evidence.Profile{profile(evidence.Block, 0)}}, Ran},
	} {
		res, err := Run(t.Context(), tc.set, []*Detector{d}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Outcomes[0]; got.State != tc.want || (got.State == Inconclusive) != (got.Why != "") {
			t.Errorf("%s: %+v, want %s", name, got, tc.want)
		}
	}
}

// Each kind counts once, and one capture of it is evidence even where a better answer needs two.
func TestOutcomeNamesItsEvidence(t *testing.T) {
	d := detector("d", func(*Pass) {})
	d.Needs = append(d.Needs, Need{Kind: evidence.Goroutine, Captures: 1, Confidence: Possible})
	for n, want := range map[int][]evidence.Kind{0: {}, 1: {evidence.Goroutine}, 2: {evidence.Goroutine}} {
		res, err := Run(t.Context(), goroutines(n), []*Detector{d}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := res.Outcomes[0]
		if !slices.Equal(got.Evidence, want) || !slices.Equal(got.Reads, []evidence.Kind{evidence.Goroutine, evidence.Execution}) {
			t.Errorf("%d dumps: reads %v, evidence %v, want %v", n, got.Reads, got.Evidence, want)
		}
	}
}

func TestAFailedDetectorLeavesTheOthers(t *testing.T) {
	ok := detector("ok", func(p *Pass) { p.Report(Finding{Rule: "ok/a", Confidence: Likely}) })
	bad := detector("bad", func(p *Pass) { p.Report(Finding{Rule: "bad/a"}); panic("late") })
	fails := &Detector{Name: "fails", Needs: ok.Needs, Run: func(context.Context, *Pass) error { return errors.New("no luck") }}
	res, err := Run(t.Context(), goroutines(2), []*Detector{bad, fails, ok}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Findings) != 1 || res.Findings[0].Rule != "ok/a" {
		t.Errorf("findings %+v: want only the sound detector's", res.Findings)
	}
	if res.Outcomes[1].State != Failed || res.Outcomes[1].Why != "no luck" {
		t.Errorf("outcome %+v", res.Outcomes[1])
	}
}

func TestEvidenceCapsConfidence(t *testing.T) {
	d := detector("d", func(p *Pass) { p.Report(Finding{Rule: "d/a", Confidence: Proven}) })
	for _, tt := range []struct {
		set  *evidence.Set
		want Confidence
	}{
		{goroutines(2), Likely},
		{&evidence.Set{Trace: &evidence.Trace{Windows: make([]evidence.TraceWindow, 1)}}, Possible},
	} {
		res, _ := Run(t.Context(), tt.set, []*Detector{d}, Options{})
		if got := res.Findings[0].Confidence; got != tt.want {
			t.Errorf("confidence %v, want %v", got, tt.want)
		}
	}
}

func TestFindingsAreRankedAndDeduplicated(t *testing.T) {
	at := func(fn string, line int) evidence.Frame {
		return evidence.Frame{Function: fn, File: "main.go", Line: line}
	}
	d := detector("d", func(p *Pass) {
		p.Report(Finding{Rule: "d/b", Confidence: Likely, Location: at("main.z", 1)})
		p.Report(Finding{Rule: "d/a", Confidence: Weak, Location: at("main.x", 2), Cost: 5})
		p.Report(Finding{Rule: "d/a", Confidence: Possible, Location: at("main.x", 2), Message: "surer"})
		p.Report(Finding{Rule: "d/a", Confidence: Possible, Location: at("main.y", 3), Cost: 9})
	})
	res, _ := Run(t.Context(), goroutines(2), []*Detector{d}, Options{})
	var got []string
	for _, f := range res.Findings {
		got = append(got, f.Location.Function+" "+f.Confidence.String())
	}
	want := "main.y possible,main.x possible,main.z likely"
	if strings.Join(got, ",") != want {
		t.Errorf("order %v, want %s", got, want)
	}
	if f := res.Findings[1]; f.Severity != High || f.Remedy != "fix a" || f.Message != "surer" || len(f.Fingerprint) != 16 {
		t.Errorf("the rule's severity and remedy, or the surer duplicate, are missing: %+v", f)
	}
}

func TestFingerprintSurvivesUnrelatedEdits(t *testing.T) {
	f := Finding{Rule: "leak/chan-send", Wait: evidence.WaitChanSend,
		Location: evidence.Frame{Function: "main.fetch.func1", File: "main.go", Line: 29},
		Stacks:   []evidence.Stack{{{Function: "runtime.chansend1"}, {Function: "main.fetch.func1", Line: 29}}}}
	moved := f
	moved.Location = evidence.Frame{Function: "main.fetch.func2", File: "fetch.go", Line: 44}
	moved.Stacks = []evidence.Stack{{{Function: "main.fetch.func2", Line: 44}}}
	if fingerprint(&f) != fingerprint(&moved) {
		t.Error("a moved line, renamed file, renumbered closure or another capture format changed the fingerprint")
	}
	for _, other := range []Finding{{Rule: "leak/select", Wait: f.Wait, Location: f.Location, Stacks: f.Stacks},
		{Rule: f.Rule, Wait: f.Wait, Location: evidence.Frame{Function: "main.other"}}} {
		if fingerprint(&other) == fingerprint(&f) {
			t.Errorf("%+v has the fingerprint of another fault", other)
		}
	}
}

func TestOptions(t *testing.T) {
	var got float64
	d := detector("d", func(p *Pass) { got = p.Param("min") })
	for _, tt := range []struct {
		opt  Options
		want float64
		err  string
	}{
		{Options{}, 3, ""},
		{Options{Params: map[string]float64{"d.min": 7}}, 7, ""},
		{Options{Params: map[string]float64{"d.max": 7}}, 0, "unknown parameter"},
		{Options{Only: []string{"e"}}, 0, "unknown detector"},
	} {
		got = 0
		_, err := Run(t.Context(), goroutines(2), []*Detector{d}, tt.opt)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: error %v, want %q", tt.opt, err, tt.err)
		}
		if got != tt.want {
			t.Errorf("%+v: min = %v, want %v", tt.opt, got, tt.want)
		}
	}
}

func TestCancelledRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, goroutines(2), []*Detector{detector("d", func(*Pass) {})}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
