package render

import (
	"os"
	"slices"
	"strings"
	"testing"

	"go-debug/report"
)

// A command that settles several open questions is said once among them.
func TestOpenQuestionsShareACommand(t *testing.T) {
	const shared = "go-debug capture http://localhost:6060 --for 30s"
	for _, f := range []*Format{text, markdown} {
		_, open, _ := strings.Cut(render(t, f, sample(), Options{}), "Not checked")
		open, _, _ = strings.Cut(open, "Next:")
		if n := strings.Count(open, shared); n != 1 {
			t.Errorf("%s says the command %d times:\n%s", f.Name, n, open)
		}
		for _, name := range []string{"mutexwait", "selectwait", "leak"} {
			if !strings.Contains(open, name) {
				t.Errorf("%s lacks %s:\n%s", f.Name, name, open)
			}
		}
	}
}

func TestLoadRemarksAddToTheTable(t *testing.T) {
	for _, f := range []*Format{text, markdown} {
		out := strings.ReplaceAll(render(t, f, sample(), Options{}), "`", "")
		if strings.Contains(out, "0 QPS; verdict: inconclusive") || !strings.Contains(out, "2 QPS at 40 in flight; verdict: leak, cause stuck") ||
			!strings.Contains(strings.Join(strings.Fields(out), " "), "950 QPS at 91 in flight; P99 118 ms") || !strings.Contains(out, "3.1 %") {
			t.Errorf("%s:\n%s", f.Name, out)
		}
	}
}

// The headline keeps what it is judged by; how it was found is for -v.
func TestEvidenceLine(t *testing.T) {
	for _, c := range []struct {
		m          report.Measure
		want, full string
	}{
		{report.Measure{Name: "goroutines", Value: new(1243.0), Unit: "count", N: new(int64(6)), Interval: &[2]float64{1200, 1290}, Method: "theil-sen"},
			"goroutines 1,243 (95 % interval 1,200 to 1,290)", "goroutines 1,243 (95 % interval 1,200 to 1,290; n 6; theil-sen)"},
		{report.Measure{Name: "block_time", Value: new(4.4e9), Unit: "ns", N: new(int64(41233)), WindowS: new(10.0), Method: "mutex profile", Warnings: []string{"few"}},
			"block time 4.4 s (n 41,233; over 10 s; caution: few)", "block time 4.4 s (n 41,233; over 10 s; mutex profile; caution: few)"},
	} {
		for o, want := range map[Options]string{{}: c.want, {Verbose: true}: c.full} {
			if got := string(plainSpaces([]byte(measurePhrase(c.m, o)))); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
}

// A report of the contract's fields alone renders in every format, its stacks included.
func TestContractOfV1Renders(t *testing.T) {
	f, err := os.Open("../testdata/contract-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := report.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Formats {
		out := render(t, f, r, Options{Verbose: true})
		wants := []string{"main.go", "leak/chan-send"}
		if slices.Contains([]*Format{text, jsonFormat, markdown, junit, tap}, f) {
			wants = append(wants, "main.fetch.func1", "runtime.gopark", "theil-sen", "buffer it", "needs mutex")
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s lacks %q:\n%s", f.Name, want, out)
			}
		}
	}
}

// What is known to be missing of an input is said where the input is, in each format.
func TestLossIsShown(t *testing.T) {
	lost := func(bytes *int64, seconds *float64) *report.Report {
		r := unread()
		r.Inputs[0].LostBytes, r.Inputs[0].LostS = bytes, seconds
		return r
	}
	for _, c := range []struct {
		r    *report.Report
		want string
	}{
		{lost(new(int64(1.2e6)), new(3.4)), "no such file (1.2 MB, 3.4 s lost)"},
		{lost(nil, new(0.25)), "no such file (250 ms lost)"},
		{lost(new(int64(700)), nil), "no such file (700 B lost)"},
		{lost(new(int64(0)), new(0.0)), "no such file"},
	} {
		if got := string(plainSpaces([]byte(inputRemarks(c.r)[0].text))); !strings.HasSuffix(got, c.want) {
			t.Errorf("%q, want %q at its end", got, c.want)
		}
		for _, f := range Formats {
			if out := string(plainSpaces([]byte(render(t, f, c.r, Options{Width: 400})))); f != jsonFormat && f != openmetrics && !strings.Contains(strings.ReplaceAll(out, `\`, ""), c.want) {
				t.Errorf("%s lacks %q:\n%s", f.Name, c.want, out)
			}
		}
	}
}

// A route is spoken of if its requests mostly do what those of all do not, and there are enough of them.
func TestRoutesThatStandOut(t *testing.T) {
	load := func(route string, mean float64, states map[string]float64) report.Load {
		return report.Load{Source: "trace", Route: route, Verdict: "inconclusive", Sentence: route + " works", InFlight: report.InFlight{Mean: &mean}, States: states}
	}
	r := &report.Report{Load: []report.Load{
		load("all", 10, map[string]float64{"downstream": 0.8, "mutex": 0.2}),
		load("same", 8, map[string]float64{"downstream": 1}),
		load("locked", 1.5, map[string]float64{"mutex": 0.9, "running": 0.1}),
		load("mixed", 1.5, map[string]float64{"mutex": 0.4, "running": 0.3, "sleep": 0.3}),
		load("rare", 0.1, map[string]float64{"mutex": 1}),
	}}
	var got []string
	for _, m := range loadRemarks(r, Options{}) {
		got = append(got, m.name)
	}
	if want := "trace all, trace locked"; strings.Join(got, ", ") != want {
		t.Errorf("remarks on %q, want %s", got, want)
	}
}
