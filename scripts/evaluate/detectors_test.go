package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/detectors/detectortest"
)

var update = flag.Bool("update", false, "rewrite the page on cross-talk")

const crossTalkFile = "../../fixtures/CROSSTALK.md"

// TestCrossTalk judges every fixture by every detector: the page about it is current, and says why a detector speaks
// where the fault is another's.
func TestCrossTalk(t *testing.T) {
	subjects, err := plantedSubjects(t.Context(), "../../fixtures", regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := unmeasured(subjects); err != nil {
		t.Error(err)
	}
	_, unexplained := crossTalk(subjects)
	for _, line := range unexplained {
		t.Errorf("%s: say why at the end of the fixture's source: // crosstalk RULE: why", line)
	}
	page := crossTalkPage(subjects)
	if *update {
		if err := os.WriteFile(crossTalkFile, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(crossTalkFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page {
		t.Errorf("%s is not what the fixtures show: go test ./scripts/evaluate -run CrossTalk -update", crossTalkFile)
	}
	for _, s := range subjects {
		for _, m := range s.Missed {
			t.Errorf("%s: missed %s", s.Name, m)
		}
		if s.Kind == kindTwin && len(alarms(s)) > 0 {
			t.Errorf("%s is healthy: %+v", s.Name, alarms(s))
		}
	}
}

func TestCompareAndTally(t *testing.T) {
	at := func(rule string, severity analyze.Severity, line int) analyze.Finding {
		return analyze.Finding{Rule: rule, Severity: severity, Confidence: analyze.Likely, Location: evidence.Frame{Function: "main.f", File: "/src/main.go", Line: line}}
	}
	want := func(rule string, line int) detectortest.Want {
		return detectortest.Want{File: "main.go", Line: line, Rule: rule}
	}
	fixture := &subject{Name: "a", Kind: kindFixture, Home: "gc", wants: []detectortest.Want{want("gc/cpu", 7), want("gc/alloc", 9)},
		reasons: map[string]string{"hotpath/fmt": "it formats"}}
	fixture.compare([]analyze.Finding{at("gc/cpu", analyze.Medium, 7), at("hotpath/fmt", analyze.Low, 7), at("sched/churn", analyze.Medium, 3)})
	twin := &subject{Name: "a-healthy", Kind: kindTwin}
	twin.compare([]analyze.Finding{at("gc/cpu", analyze.Medium, 7)})
	other := &subject{Name: "net/http", Kind: kindSurvey}
	other.compare([]analyze.Finding{at("gc/cpu", analyze.Medium, 7), at("gc/stretched-pause", analyze.Low, 0)})
	all := []*subject{fixture, twin, other}
	by := tallies(all)
	if got := *by["gc/cpu"]; got != (tally{planted: 1, found: 1, heads: 1, top: 1, twins: 1, survey: 1}) {
		t.Errorf("gc/cpu: %+v", got)
	}
	if got := *by["gc/alloc"]; got != (tally{planted: 1}) || len(fixture.Missed) != 1 {
		t.Errorf("gc/alloc: %+v, missed %v", got, fixture.Missed)
	}
	if by["hotpath/fmt"].cross != 1 || by["sched/churn"].cross != 1 || by["gc/stretched-pause"].minor != 1 {
		t.Errorf("cross-talk is not counted")
	}
	explained, unexplained := crossTalk(all)
	if len(explained) != 1 || !strings.HasSuffix(explained[0], ": it formats") || len(unexplained) != 1 || !strings.HasPrefix(unexplained[0], "a: sched/churn at main.go:3") {
		t.Errorf("explained %q, unexplained %q", explained, unexplained)
	}
	if page := matrix(all); !strings.Contains(page, "| gc (1) |") {
		t.Errorf("matrix:\n%s", page)
	}
}

func TestReasons(t *testing.T) {
	dir := t.TempDir()
	src := "package main\n\n// crosstalk gc/cpu: the strings are garbage\n// crosstalk of another kind\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := reasonsIn(dir)
	if err != nil || len(got) != 1 || got["gc/cpu"] != "the strings are garbage" {
		t.Errorf("%v, %v", got, err)
	}
}
