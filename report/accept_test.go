package report

import (
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

func day(t *testing.T, text string) Day {
	t.Helper()
	d, err := ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMatchPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"leak/*", "leak/chan-send", true}, {"leak/*", "mutexwait/convoy", false}, {"*", "a/b.c", true},
		{"main.f", "main.f", true}, {"main.f", "main.f.func1", false}, {"main.f*", "main.f.func1", true},
		{"example.com/a/*", "example.com/a/b/c.(*T).Run", true}, {"*.(*T).Run", "example.com/a/b.(*T).Run", true},
		{"main.do[...].func?", "main.do[...].func1", true}, {"main.do[x].func1", "main.dox.func1", false}, {"", "x", false}, {`a\b`, `a\b`, true},
	} {
		if got := MatchPattern(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q on %q: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestAccept(t *testing.T) {
	leak := faultOf("leak", analyze.High, analyze.Likely)
	leak.Location.Function = "main.(*pool).run.func1"
	captured := input("a", true)
	captured.At = time.Date(2026, 3, 10, 23, 59, 0, 0, time.UTC)
	atTime := func() *Report {
		return New(&evidence.Set{Inputs: []evidence.Input{captured}}, &analyze.Result{Findings: []analyze.Finding{leak}, Outcomes: ran("leak")}, tool)
	}
	by := func(a Acceptance, until string) []Acceptance {
		a.Reason, a.Origin, a.Until = "known, see the tracker", ".go-debug.yaml:3", day(t, until)
		return []Acceptance{a}
	}
	print, pattern := Acceptance{Fingerprint: "leak"}, Acceptance{Rule: "leak/*", Function: "main.(*pool).*"}
	// The clock says another day than the capture.
	late := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		head *Report
		list []Acceptance
		want int
		says string
	}{
		"by fingerprint":               {atTime(), by(print, "2026-12-31"), 0, ""},
		"by pattern":                   {atTime(), by(pattern, "2026-12-31"), 0, ""},
		"by closure without number":    {atTime(), by(Acceptance{Rule: "leak/x", Function: "main.(*pool).run.func"}, "2026-12-31"), 0, ""},
		"another function":             {atTime(), by(Acceptance{Rule: "leak/*", Function: "main.(*queue).*"}, "2026-12-31"), 1, "met no finding: it can go"},
		"another rule":                 {atTime(), by(Acceptance{Rule: "mutexwait/*", Function: "*"}, "2026-12-31"), 1, "met no finding"},
		"the last day":                 {atTime(), by(print, "2026-03-10"), 0, ""},
		"the day after":                {atTime(), by(print, "2026-03-09"), 1, ".go-debug.yaml:3: the acceptance of fingerprint leak (known, see the tracker) expired after 2026-03-09: it meets 1 finding, fix that or set a new day"},
		"no capture time, by now":      {runOf(leak), by(print, "2026-04-30"), 1, "expired after 2026-04-30"},
		"no capture time, last day":    {runOf(leak), by(print, "2026-05-01"), 0, ""},
		"expired, and nothing to meet": {runOf(), by(print, "2026-04-30"), 1, "it meets no finding any more, remove it"},
		"nothing to meet":              {runOf(), by(print, "2026-05-02"), 0, "it can go"},
	}
	for name, c := range cases {
		policy := GatePolicy()
		policy.Accept, policy.Now = c.list, late
		code := c.head.ApplyGate(Trial{Growth: DefaultGrowth(), Policy: policy})
		g := c.head.Gate
		var said []string
		for _, r := range g.Reasons {
			said = append(said, r.Text)
		}
		if text := strings.Join(append(said, g.Notes...), "\n"); code != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: exit %d, %q, want %d, %q", name, code, text, c.want, c.says)
		}
		if new := g.Findings.New; code == 0 && len(new) > 0 && (new[0].Accepted != "known, see the tracker" || new[0].AcceptedUntil == "" || new[0].Fails) {
			t.Errorf("%s: the report does not say what is accepted: %+v", name, new[0])
		}
	}
}

// What is accepted neither fails when it grew nor when it is out of sight; a finding that the
// baseline knows fails when its acceptance has expired.
func TestAcceptAndBaseline(t *testing.T) {
	leak, unsure := faultOf("leak", analyze.High, analyze.Likely), faultOf("leak", analyze.High, analyze.Possible)
	blind := runOf()
	blind.Detectors[1].State = analyze.Skipped
	seenBefore := New(&evidence.Set{Inputs: []evidence.Input{input("a", true)}}, &analyze.Result{Findings: []analyze.Finding{leak}, Outcomes: ran("leak")}, tool)
	lost := New(&evidence.Set{Inputs: []evidence.Input{input("a", true)}}, &analyze.Result{Outcomes: append(ran("mutexwait"), analyze.Outcome{Detector: "leak", State: analyze.Inconclusive, Why: "cut"})}, tool)
	for name, c := range map[string]struct {
		base, head *Report
		until      string
		want       int
	}{
		"grown":              {runOf(unsure), runOf(leak), "2026-12-31", 0},
		"grown, expired":     {runOf(unsure), runOf(leak), "2025-12-31", 1},
		"known, expired":     {runOf(leak), runOf(leak), "2025-12-31", 1},
		"detector gone":      {seenBefore, lost, "2026-12-31", 4}, // what the detector cannot say of others is not accepted
		"fixed, not expired": {runOf(leak), runOf(), "2026-12-31", 0},
	} {
		policy := GatePolicy()
		policy.Now = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
		policy.Accept = []Acceptance{{Fingerprint: "leak", Reason: "r", Until: day(t, c.until), Origin: "f:1"}}
		if code := c.head.ApplyGate(Trial{Baseline: &Baseline{Name: "b", Report: c.base}, Growth: DefaultGrowth(), Policy: policy}); code != c.want {
			t.Errorf("%s: exit %d, want %d: %+v", name, code, c.want, c.head.Gate.Reasons)
		}
	}
}

func TestParseDay(t *testing.T) {
	for _, bad := range []string{"", "2026-13-01", "31.12.2026", "2026-12-31T00:00:00Z", "2026-2-1", "never"} {
		if d, err := ParseDay(bad); err == nil {
			t.Errorf("%q is read as %s", bad, d)
		}
	}
	if d := DayOf(time.Date(2026, 1, 1, 0, 30, 0, 0, time.FixedZone("", 3600))); d.String() != "2025-12-31" {
		t.Errorf("day %s: it is that of UTC", d)
	}
}
