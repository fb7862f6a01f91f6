package selftest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/detectors"
	"go-debug/detectors/detectortest"
	"go-debug/report"
)

// healthy is a gate of n runs a side that passes: the runs are one capture of a healthy program.
func healthy(t *testing.T, n int) *Test {
	t.Helper()
	set := detectortest.Load(t, "../../../fixtures/mutexconvoy-healthy")
	test := &Test{Detectors: detectors.All, Options: analyze.Options{},
		Trial: report.Trial{Growth: report.DefaultGrowth(), Policy: report.GatePolicy(), Scores: report.DefaultScoreRules()},
		Build: func(set *evidence.Set, res *analyze.Result) *report.Report {
			return report.New(set, res, report.Tool{})
		}}
	for range n {
		test.Sets = append(test.Sets, set)
	}
	if n == 1 {
		return test
	}
	before, err := test.reports(t.Context(), test.Sets, test.Options)
	if err != nil {
		t.Fatal(err)
	}
	test.Trial.Before = before
	test.Trial.Baseline = &report.Baseline{Name: "base", Report: before[n-1]}
	return test
}

func run(t *testing.T, test *Test) []report.Planting {
	t.Helper()
	out, err := test.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func name(p report.Planting) string {
	if len(p.Rules) > 0 {
		return p.Rules[0]
	}
	return p.Subject
}

// in lists what is in a state.
func in(all []report.Planting, state report.PlantState) []string {
	var out []string
	for _, p := range all {
		if p.State == state {
			out = append(out, name(p))
		}
	}
	return out
}

// The capture has one heap profile: that memory grows cannot be seen in it.
const memory = "heapgrowth/retained"

func TestGateThatCanFail(t *testing.T) {
	test := healthy(t, 1)
	all := run(t, test)
	want := []string{"leak/chan-send", "mutexwait/convoy", "selectwait/herd", "gc/back-to-back", "netwait/sql-open", "inflight/diverging"}
	if got := in(all, report.PlantFails); !slices.Equal(got, want) {
		t.Errorf("alive %v, want %v", got, want)
	}
	if got := in(all, report.PlantDead); !slices.Equal(got, []string{memory}) {
		t.Errorf("dead: %v", got)
	}
	// What is graver than medium is asked for as well then.
	test.Trial.Policy.FailOn = analyze.Medium
	all = run(t, test)
	if got := in(all, report.PlantDead); !slices.Equal(got, []string{memory}) {
		t.Errorf("dead at medium: %v", got)
	}
	for _, rule := range []string{"gc/cpu", "gc/pause", "sched/churn", "hotpath/regexp-compile", "netwait/handshakes", "netwait/slow-clients", "mutexwait/rwmutex-bounce"} {
		if !slices.Contains(in(all, report.PlantFails), rule) {
			t.Errorf("%s is not alive at medium", rule)
		}
	}
}

// What the policy calls less grave it does not fail on, and that is no defect of it; what it calls graver, it
// does.
func TestSeveritiesOfThePolicy(t *testing.T) {
	test := healthy(t, 1)
	test.Options.Severities = map[string]analyze.Severity{"hotpath/regexp-compile": analyze.High, "selectwait/herd": analyze.Low}
	all := run(t, test)
	if !slices.Contains(in(all, report.PlantFails), "hotpath/regexp-compile") || !slices.Contains(in(all, report.PlantNotGated), "selectwait/herd") {
		t.Errorf("%+v", all)
	}
}

// Whatever makes a rule dead, the test names the rule and says what.
func TestDeadRules(t *testing.T) {
	until, err := report.ParseDay("2099-12-31")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		title string
		with  func(*Test)
		dead  string
		why   string
	}{
		{"an acceptance of all", func(g *Test) {
			g.Trial.Policy.Accept = []report.Acceptance{{Rule: "leak/*", Function: "*", Reason: "too noisy", Until: until}}
		}, "leak/chan-send", "accepts it until 2099-12-31: too noisy"},
		{"an acceptance of the program's package", func(g *Test) {
			g.Trial.Policy.Accept = []report.Acceptance{{Rule: "mutexwait/*", Function: "main.*", Reason: "known", Until: until}}
		}, "mutexwait/convoy", "accepts it"},
		{"no severity", func(g *Test) { g.Trial.Policy.FailOn = 0 }, "inflight/diverging", "no severity"},
		{"a confidence that the evidence cannot have", func(g *Test) {
			g.Sets[0].Trace = nil
			g.Trial.Policy.MinConfidence = analyze.Proven
		}, "mutexwait/convoy", "it is likely, and the policy asks for proven"},
		{"a threshold out of reach", func(g *Test) { g.Options.Params = map[string]float64{"selectwait.min-crowd": 1e9} }, "selectwait/herd", "min-crowd is set to 1e+09 (default 1000)"},
		{"no trace", func(g *Test) { g.Sets[0].Trace = nil }, "gc/back-to-back", "absent: no trace"},
		{"no profile", func(g *Test) { g.Sets[0].Profiles = nil }, "selectwait/herd", "absent: no CPU profile"},
		{"one dump without states", func(g *Test) {
			g.Sets[0].Snapshots, g.Sets[0].Trace = g.Sets[0].Snapshots[:1], nil
		}, "leak/chan-send", "one snapshot: growth cannot be seen"},
		{"scores of one run, asked for", func(g *Test) { g.Demand = []string{"delay"} }, "delay (lock delay by function)", "several runs"},
	} {
		test := healthy(t, 1)
		c.with(test)
		all := run(t, test)
		i := slices.IndexFunc(all, func(p report.Planting) bool { return name(p) == c.dead })
		if i < 0 || all[i].State != report.PlantDead || !strings.Contains(all[i].Why, c.why) {
			t.Errorf("%s: %+v, want %s dead: %s", c.title, all, c.dead, c.why)
		}
	}
}

// Scores are planted in all runs; too few runs show nothing, and neither does a family without evidence.
func TestScores(t *testing.T) {
	test := healthy(t, 7)
	test.Demand = []string{"load", "runtime", "cpu", "alloc", "delay", "wait"}
	all := run(t, test)
	if got := in(all, report.PlantDead); len(got) > 0 || len(all) != 7 {
		t.Errorf("dead of seven runs: %+v", all)
	}
	test.Sets = slices.Clone(test.Sets)
	for i, s := range test.Sets {
		c := *s
		c.Trace = nil
		test.Sets[i] = &c
	}
	test.Demand = []string{"wait"}
	if all := run(t, test); len(all) != 1 || !strings.Contains(all[0].Why, "absent: no trace") {
		t.Errorf("without a trace: %+v", all)
	}
	// There are so many scores of the load that six runs cannot show any.
	test = healthy(t, 6)
	test.Demand = []string{"load"}
	if all := run(t, test); len(all) != 1 || !strings.Contains(all[0].Why, "6 and 6 runs cannot show any change") {
		t.Errorf("six runs: %+v", all)
	}
	test = healthy(t, 2)
	test.Demand = []string{"cpu"}
	if all := run(t, test); len(all) != 1 || all[0].State != report.PlantDead || !strings.Contains(all[0].Why, "2 and 2 runs cannot show any change") {
		t.Errorf("two runs: %+v", all)
	}
}

// A finding must fail in each of several runs, as it must for the gate.
func TestSeveralRuns(t *testing.T) {
	test := healthy(t, 3)
	test.Demand = []string{"leak", "inflight"}
	test.Trial.Policy.Now = time.Now()
	if all := run(t, test); len(in(all, report.PlantFails)) != 2 {
		t.Errorf("%+v", all)
	}
}
