package report

import (
	"fmt"
	"strings"
	"testing"

	"go-debug/analyze"
)

// leakRuns are runs of 1,600 requests in which so many goroutines stay at one site; where found is set they are a
// finding as well, of a confidence that does not fail by itself.
func leakRuns(survivors []int, found func(run int) bool, others int) []*Report {
	var out []*Report
	for i, n := range survivors {
		f := Finding{Rule: "leak/chan-send", Severity: analyze.High, Confidence: analyze.Possible, Fingerprint: "f", Message: "goroutines stay",
			Wait: "chan-send", Location: &Frame{Function: "main.notify", File: "main.go", Line: new(9)}, StackFrames: [][]Frame{{{Function: "main.notify", Path: "/app/main.go", Line: new(9)}}}}
		s, _ := f.site()
		s.Survivors = &n
		r := &Report{Verdict: Verdict{Status: OK}, Detectors: []Detector{{Name: "leak", State: analyze.Ran}}, Sites: &SiteList{Sites: []Site{s}, WindowS: new(8.0)},
			Load: []Load{{Source: "metrics", Route: "all", QPS: new(200.0), WindowS: new(8.0)}}}
		if others > 0 {
			busy := Site{ID: "busy", Function: "main.serve", Wait: "select", Survivors: &others}
			r.Sites.Sites = append(r.Sites.Sites, busy)
		}
		if found(i) {
			r.Findings = []Finding{f}
		}
		out = append(out, r)
	}
	return out
}

// A leak that is too slow for any one run to be sure of is sure over all of them. What has not risen, or stands in
// few runs, is none.
func TestSurvivorsOverAllRuns(t *testing.T) {
	always, never := func(int) bool { return true }, func(int) bool { return false }
	half, last := func(i int) bool { return i%2 == 0 }, func(i int) bool { return i == 9 }
	ten := func(n int) []int { return []int{n, n + 1, n, n - 1, n, n, n + 1, n, n, n - 1} }
	for _, c := range []struct {
		title         string
		before, after []*Report
		fails         bool
	}{
		{"new in each run", leakRuns(make([]int, 10), never, 0), leakRuns(ten(4), always, 0), true},
		{"new in half of them, and not in the last", leakRuns(make([]int, 10), never, 3), leakRuns(ten(4), half, 3), true},
		{"known, and twice as fast", leakRuns(ten(5), always, 0), leakRuns(ten(10), always, 0), true},
		{"known, and as fast", leakRuns(ten(5), always, 0), leakRuns(ten(5), always, 0), false},
		{"as fast, and not found before", leakRuns(ten(5), never, 0), leakRuns(ten(5), always, 0), false},
		{"in one run of ten", leakRuns(make([]int, 10), never, 0), leakRuns(ten(4), last, 0), false},
		{"nowhere", leakRuns(ten(1), never, 0), leakRuns(ten(9), never, 0), false},
	} {
		trial := Trial{Growth: DefaultGrowth(), Policy: GatePolicy(), Scores: DefaultScoreRules()}
		trial.Against("base", c.before)
		r := trial.Replicates(c.after)
		code := r.ApplyGate(trial)
		if fails := code == ExitFindings; fails != c.fails {
			t.Errorf("%s: exit code %d, want a failure: %v; %+v", c.title, code, c.fails, r.Gate.Findings.All())
		}
		if text := fmt.Sprint(r.Gate.Reasons); c.fails && !strings.Contains(text, "per request, p =") {
			t.Errorf("%s: %s", c.title, text)
		}
	}
}
