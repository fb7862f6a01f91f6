package report

import (
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// runOf makes a report of whole input and detectors that ran.
func runOf(fs ...analyze.Finding) *Report {
	return New(&evidence.Set{Inputs: []evidence.Input{input("a", true)}},
		&analyze.Result{Findings: fs, Outcomes: ran("leak", "mutexwait")}, tool)
}

func measured(m stats.Measure) analyze.Finding {
	f := faultOf("leak", analyze.High, analyze.Likely)
	m.Name = "goroutines"
	f.Measures = []stats.Measure{m}
	return f
}

func classes(c *Comparison) []string {
	var out []string
	for _, ch := range c.Changes {
		out = append(out, string(ch.Class)+" "+ch.Rule)
	}
	return out
}

func TestCompareClasses(t *testing.T) {
	leak, other := faultOf("leak", analyze.High, analyze.Likely), faultOf("mutexwait", analyze.High, analyze.Likely)
	moved := leak
	moved.Location.Line = 99
	second := leak
	second.Location.Line = 50
	unsure := leak
	unsure.Confidence = analyze.Possible
	blind := runOf()
	blind.Detectors[0].State = analyze.Skipped
	cases := map[string]struct {
		base, head *Report
		want       []string
	}{
		"same":                      {runOf(leak), runOf(leak), []string{"known leak/x"}},
		"another line":              {runOf(leak), runOf(moved), []string{"known leak/x"}},
		"new":                       {runOf(leak), runOf(leak, other), []string{"known leak/x", "new mutexwait/x"}},
		"second place":              {runOf(leak), runOf(second, leak), []string{"new leak/x", "known leak/x"}},
		"one of two places is gone": {runOf(leak, second), runOf(second), []string{"known leak/x", "fixed leak/x"}},
		"fixed":                     {runOf(leak, other), runOf(other), []string{"known mutexwait/x", "fixed leak/x"}},
		"not looked for":            {runOf(leak), blind, []string{"unchecked leak/x"}},
		"surer":                     {runOf(unsure), runOf(leak), []string{"grown leak/x"}},
		"less sure":                 {runOf(leak), runOf(unsure), []string{"known leak/x"}},
	}
	for name, c := range cases {
		if got := classes(Compare(c.base, c.head, DefaultGrowth())); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// seen is a report whose detector leak had these kinds of evidence; "!" marks an input that was cut.
func seen(fs []analyze.Finding, kinds ...evidence.Kind) *Report {
	set := &evidence.Set{}
	leak := analyze.Outcome{Detector: "leak", State: analyze.Ran, Reads: []evidence.Kind{evidence.Mutex, evidence.Goroutine, evidence.Execution}}
	for _, k := range kinds {
		name, cut := strings.CutPrefix(string(k), "!")
		in := input(name, !cut)
		in.Kind = evidence.Kind(name)
		set.Inputs = append(set.Inputs, in)
		if slices.Contains(leak.Reads, in.Kind) {
			leak.Evidence = append(leak.Evidence, in.Kind)
		}
	}
	return New(set, &analyze.Result{Findings: fs, Outcomes: []analyze.Outcome{leak}}, tool)
}

func TestFixedNeedsTheEvidenceOfTheBaseline(t *testing.T) {
	found := []analyze.Finding{faultOf("leak", analyze.High, analyze.Likely)}
	old := seen(found, evidence.Mutex, evidence.Goroutine, evidence.Heap)
	old.Detectors[0].Evidence, old.Detectors[0].Reads = nil, nil
	cases := map[string]struct {
		base, head *Report
		want       Class
		exit       int
		why        string
	}{
		"the same kinds":      {seen(found, evidence.Mutex, evidence.Goroutine), seen(nil, evidence.Mutex, evidence.Goroutine), ClassFixed, ExitOK, "in the baseline only"},
		"more kinds":          {seen(found, evidence.Goroutine), seen(nil, evidence.Mutex, evidence.Goroutine), ClassFixed, ExitOK, "in the baseline only"},
		"no mutex profile":    {seen(found, evidence.Mutex, evidence.Goroutine), seen(nil, evidence.Goroutine), ClassUnchecked, ExitInconclusive, "had mutex for the baseline and lacks it now"},
		"two kinds gone":      {seen(found, evidence.Mutex, evidence.Execution, evidence.Goroutine), seen(nil, evidence.Goroutine), ClassUnchecked, ExitInconclusive, "had mutex and trace"},
		"a kind nobody reads": {seen(found, evidence.Heap, evidence.Goroutine), seen(nil, evidence.Goroutine), ClassFixed, ExitOK, "in the baseline only"},
		"cut now":             {seen(found, evidence.Mutex, evidence.Goroutine), seen(nil, "!mutex", evidence.Goroutine), ClassUnchecked, ExitInconclusive, "lacks it now"},
		"cut on both sides":   {seen(found, "!mutex", evidence.Goroutine), seen(nil, "!mutex", evidence.Goroutine), ClassFixed, ExitOK, "in the baseline only"},
		"cut, then gone":      {seen(found, "!mutex", evidence.Goroutine), seen(nil, evidence.Goroutine), ClassUnchecked, ExitInconclusive, "had mutex"},
		"an older baseline":   {old, seen(nil, evidence.Goroutine), ClassUnchecked, ExitInconclusive, "had mutex for"},
		"an older, the same":  {old, seen(nil, evidence.Mutex, evidence.Goroutine), ClassFixed, ExitOK, "in the baseline only"},
	}
	policy := GatePolicy()
	policy.AllowPartial = true
	for name, c := range cases {
		exit := c.head.ApplyGate(Trial{Baseline: &Baseline{Name: "base.json", Report: c.base}, Growth: DefaultGrowth(), Policy: policy})
		all := c.head.Gate.Findings.All()
		if len(all) != 1 || all[0].Class != c.want || !strings.Contains(all[0].Why, c.why) || exit != c.exit {
			t.Errorf("%s: exit %d, %+v, want %s because of %q and exit %d", name, exit, all, c.want, c.why, c.exit)
		}
	}
}

func TestGrowth(t *testing.T) {
	value := func(v float64, unit string, seconds float64, interval ...float64) analyze.Finding {
		m := stats.Measure{Value: v, Unit: unit}.Over(seconds)
		if len(interval) == 2 {
			m.Interval = &[2]float64{interval[0], interval[1]}
		}
		return measured(m)
	}
	cases := map[string]struct {
		base, head analyze.Finding
		want       Class
		basis      Basis
		why        string
	}{
		"four times":                    {value(300, "count", 0), value(1243, "count", 0), ClassGrown, Total, "at least 1.5 times"},
		"equal":                         {value(300, "count", 0), value(300, "count", 0), ClassKnown, Total, "not above"},
		"fewer":                         {value(300, "count", 0), value(30, "count", 0), ClassKnown, Total, "not above"},
		"less than the factor":          {value(300, "count", 0), value(400, "count", 0), ClassKnown, Total, "less than 1.5 times"},
		"two and four are chance":       {value(2, "count", 0), value(4, "count", 0), ClassKnown, Total, "chance"},
		"none and many":                 {value(0, "count", 0), value(40, "count", 0), ClassGrown, Total, "at least"},
		"beyond the interval":           {value(300, "count", 0, 280, 320), value(350, "count", 0), ClassGrown, Total, "above the interval"},
		"within the interval":           {value(300, "count", 0, 200, 400), value(390, "count", 0), ClassKnown, Total, "within the interval"},
		"its own interval is wide":      {value(300, "count", 0, 280, 320), value(350, "count", 0, 290, 400), ClassKnown, Total, "within"},
		"tight interval, tiny effect":   {value(1000, "ns", 0, 999, 1001), value(1050, "ns", 0), ClassKnown, Total, "10 %"},
		"three times as long a capture": {value(300, "count", 10), value(900, "count", 30), ClassKnown, PerSecond, "not above the baseline, per second"},
		"same capture, more":            {value(300, "count", 10), value(900, "count", 10), ClassGrown, PerSecond, "per second"},
		"a state seen for less time":    {value(300, "count", 30), value(300, "count", 10), ClassKnown, PerSecond, "not above"},
		"one window unknown":            {value(300, "count", 0), value(900, "count", 10), ClassGrown, Total, "at least"},
		"ratios are not divided":        {value(0.2, "ratio", 10), value(0.5, "ratio", 30), ClassGrown, Total, "at least"},
		"rates are not divided":         {value(20, "per_s", 10), value(50, "per_s", 30), ClassGrown, Total, "at least"},
		"other unit":                    {value(20, "ns", 0), value(50, "count", 0), ClassKnown, Total, "no measure to compare"},
	}
	for name, c := range cases {
		ch := Compare(runOf(c.base), runOf(c.head), DefaultGrowth()).Changes[0]
		if ch.Class != c.want || ch.Basis != c.basis || !strings.Contains(ch.Why, c.why) {
			t.Errorf("%s: %s, %s, %q, want %s, %s, %q", name, ch.Class, ch.Basis, ch.Why, c.want, c.basis, c.why)
		}
	}
}

func TestGrowthPerRequest(t *testing.T) {
	run := func(value, requests, window float64) *Report {
		r := runOf(measured(stats.Measure{Value: value, Unit: "count"}.Over(10)))
		r.Load = []Load{{Source: "trace", Route: "all", Requests: &requests, WindowS: &window}}
		return r
	}
	cases := map[string]struct {
		base, head *Report
		want       Class
		basis      Basis
	}{
		"twice the load":             {run(100, 1000, 10), run(200, 2000, 10), ClassKnown, PerRequest},
		"same load":                  {run(100, 1000, 10), run(200, 1000, 10), ClassGrown, PerRequest},
		"requests of another window": {run(100, 1000, 10), run(200, 2000, 60), ClassGrown, PerSecond},
	}
	for name, c := range cases {
		ch := Compare(c.base, c.head, DefaultGrowth()).Changes[0]
		if ch.Class != c.want || ch.Basis != c.basis {
			t.Errorf("%s: %s %s, want %s %s", name, ch.Class, ch.Basis, c.want, c.basis)
		}
	}
	ch := Compare(run(100, 1000, 10), run(200, 2000, 10), DefaultGrowth()).Changes[0]
	if *ch.Before != 0.1 || *ch.After != 0.1 {
		t.Errorf("before %v, after %v, want 0.1 per request", *ch.Before, *ch.After)
	}
}

func TestCompareLoad(t *testing.T) {
	run := func(route string, qps, mean, p95 *float64) *Report {
		r := runOf()
		r.Load = []Load{{Source: "trace", Route: route, QPS: qps, InFlight: InFlight{Mean: mean}, LatencyNS: &Latency{P95: p95}}}
		return r
	}
	f := stats.Float
	got := Compare(run("all", f(950), f(12), nil), run("all", f(940), f(91), f(1e6)), DefaultGrowth()).Load
	if len(got) != 2 || got[0].Metric != "qps" || *got[1].Before != 12 || *got[1].After != 91 {
		t.Errorf("load changes %+v", got)
	}
	if got := Compare(run("a", f(1), nil, nil), run("b", f(1), nil, nil), DefaultGrowth()).Load; len(got) != 0 {
		t.Errorf("different routes were compared: %+v", got)
	}
}

func TestCompareIsReflexive(t *testing.T) {
	r := full()
	for _, ch := range Compare(r, r, DefaultGrowth()).Changes {
		if ch.Class != ClassKnown {
			t.Errorf("a report against itself: %s %s (%s)", ch.Class, ch.Rule, ch.Why)
		}
	}
}
