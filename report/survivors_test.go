package report

import (
	"math/rand/v2"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/stats"
)

// leaked is a report of a leak with so many survivors in a window, at so many requests.
func leaked(survivors, window, requests float64) *Report {
	f := faultOf("leak", analyze.High, analyze.Likely)
	f.Measures = []stats.Measure{{Name: "goroutines", Value: 1e6 * survivors, Unit: "count"},
		stats.Measure{Name: "survivors", Value: survivors, Unit: "count", N: 6}.Over(window)}
	r := runOf(f)
	if requests > 0 {
		r.Load = []Load{{Source: "metrics", Route: "all", Requests: &requests, WindowS: &window}}
	}
	return r
}

func TestSurvivors(t *testing.T) {
	cases := map[string]struct {
		base, head *Report
		want       Class
		basis      Basis
		why        string
	}{
		"equal":                         {leaked(100, 10, 0), leaked(100, 10, 0), ClassKnown, PerSecond, "not above the upper"},
		"totals do not count":           {leaked(100, 10, 0), leaked(300, 30, 0), ClassKnown, PerSecond, "not above the upper"},
		"within the bound":              {leaked(100, 10, 0), leaked(120, 10, 0), ClassKnown, PerSecond, "not above the upper"},
		"above the bound, chance":       {leaked(100, 10, 0), leaked(125, 10, 0), ClassKnown, PerSecond, "no more than chance"},
		"above the bound":               {leaked(100, 10, 0), leaked(140, 10, 0), ClassGrown, PerSecond, "above the upper 95 % bound of the baseline, per second"},
		"a tight bound, a small effect": {leaked(100_000, 10, 0), leaked(105_000, 10, 0), ClassKnown, PerSecond, "less than 10 %"},
		"a tight bound":                 {leaked(10_000, 10, 0), leaked(11_500, 10, 0), ClassGrown, PerSecond, "above the upper"},
		"none before":                   {leaked(0, 10, 0), leaked(20, 10, 0), ClassGrown, PerSecond, "above the upper"},
		"none before, few now":          {leaked(0, 10, 0), leaked(3, 10, 0), ClassKnown, PerSecond, "not above the upper"},
		"twice the load":                {leaked(100, 10, 1000), leaked(200, 10, 2000), ClassKnown, PerRequest, "per request"},
		"half the load":                 {leaked(100, 10, 1000), leaked(100, 10, 500), ClassGrown, PerRequest, "per request"},
		"the load of one side only":     {leaked(100, 10, 1000), leaked(200, 10, 0), ClassGrown, PerSecond, "per second"},
		"no window":                     {leaked(3, 0, 0), leaked(5, 0, 0), ClassKnown, Total, "not above"},
		"no window, many":               {leaked(3, 0, 0), leaked(30, 0, 0), ClassGrown, Total, "above the upper"},
	}
	for name, c := range cases {
		ch := Compare(c.base, c.head, DefaultGrowth()).Changes[0]
		if ch.Class != c.want || ch.Basis != c.basis || !strings.Contains(ch.Why, c.why) {
			t.Errorf("%s: %s, %s, %q, want %s, %s, %q", name, ch.Class, ch.Basis, ch.Why, c.want, c.basis, c.why)
		}
		if ch.Measure != "survivors" || ch.Interval == nil || ch.P == nil || ch.N == nil || !strings.Contains(ch.Method, "Poisson") {
			t.Errorf("%s: the comparison does not say how it was made: %+v", name, ch)
		}
	}
}

// Without the measure they are those that arrived less those that left; without these, the
// general rule holds.
func TestSurvivorsOfOtherMeasures(t *testing.T) {
	run := func(ms ...stats.Measure) *Report {
		f := faultOf("leak", analyze.High, analyze.Likely)
		f.Measures = append([]stats.Measure{{Name: "goroutines", Value: 300, Unit: "count"}}, ms...)
		return runOf(f)
	}
	count := func(name string, v float64) stats.Measure {
		return stats.Measure{Name: name, Value: v, Unit: "count"}.Over(10)
	}
	a := run(count("arrived", 110), count("exited", 10))
	b := run(count("arrived", 210), count("exited", 110))
	if ch := Compare(a, b, DefaultGrowth()).Changes[0]; ch.Class != ClassKnown || ch.Measure != "survivors" || *ch.After != 10 {
		t.Errorf("arrived less exited: %+v", ch)
	}
	if ch := Compare(run(), b, DefaultGrowth()).Changes[0]; ch.Measure != "goroutines" {
		t.Errorf("without survivors in the baseline: %+v", ch)
	}
	other := Growth{Factor: 1.5, MinEffect: 0.1}
	if ch := Compare(a, b, other).Changes[0]; ch.Measure != "goroutines" {
		t.Errorf("a detector that is not exact: %+v", ch)
	}
}

// Two runs of one leak must not fail more often than the level says; half as much again must.
func TestSurvivorsKeepTheirLevel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	draw := func(mean float64) float64 {
		n := 0.0
		for sum := rng.ExpFloat64(); sum < mean; sum += rng.ExpFloat64() {
			n++
		}
		return n
	}
	const runs = 1000
	grown := map[float64]int{}
	for _, factor := range []float64{1, 1.5} {
		for range runs {
			ch := Compare(leaked(draw(200), 10, 0), leaked(draw(200*factor), 10, 0), DefaultGrowth()).Changes[0]
			if ch.Class == ClassGrown {
				grown[factor]++
			}
		}
	}
	if grown[1] > runs*4/100 || grown[1.5] < runs*95/100 {
		t.Errorf("of %d runs %d grew at the same rate and %d at 1.5 times the rate", runs, grown[1], grown[1.5])
	}
}
