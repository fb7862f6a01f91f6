package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// runsWith makes runs with CPU shares by function: names, means, and as many samples as a usual profile.
func runsWith(rng *rand.Rand, n int, shares map[string]float64, extra ...Score) []*Report {
	var out []*Report
	for range n {
		r := &Report{Inputs: []Input{{Kind: evidence.CPU, Complete: true}, {Kind: evidence.Mutex, Complete: true}}}
		for _, name := range []string{"main.a", "main.b", "main.c", "main.d"} {
			samples := math.Round(1000*shares[name] + rng.NormFloat64()*math.Sqrt(3000*shares[name]))
			if samples > 0 {
				r.Scores = append(r.Scores, Score{Family: "cpu", Name: name, Unit: "ratio", Value: samples / 1000, N: new(int64(samples)), Better: "lower"})
			}
		}
		for _, s := range extra {
			s.Value *= 1 + 0.02*rng.NormFloat64()
			r.Scores = append(r.Scores, s)
		}
		out = append(out, r)
	}
	return out
}

func changeOf(t *testing.T, all []ScoreChange, name string) ScoreChange {
	t.Helper()
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no score %s in %+v", name, all)
	return ScoreChange{}
}

func TestCompareScores(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	base := map[string]float64{"main.a": 0.9, "main.b": 0.3, "main.c": 0.1, "main.d": 0.02}
	grown := map[string]float64{"main.a": 0.9, "main.b": 0.5, "main.c": 0.1, "main.d": 0.025}
	qps := Score{Family: "load", Name: "throughput", Unit: "per_s", Value: 100, Better: "higher"}
	slow, fast := qps, qps
	slow.Value = 60
	fast.Value = 160
	delay := Score{Family: "delay", Name: "main.lock", Unit: "ns_per_s", Value: 5e8, Better: "lower"}
	noise := delay
	noise.Value = 1e6
	rules := DefaultScoreRules()
	rules.Level = 0.01 // at 5 % one in twenty of the steady ones would be called changed
	for name, c := range map[string]struct {
		before, after []*Report
		score         string
		want          Direction
		why           string
	}{
		"a function grew":               {runsWith(rng, 8, base), runsWith(rng, 8, grown), "main.b", ScoreWorse, ""},
		"it shrank":                     {runsWith(rng, 8, grown), runsWith(rng, 8, base), "main.b", ScoreBetter, ""},
		"another did not":               {runsWith(rng, 8, base), runsWith(rng, 8, grown), "main.c", ScoreSteady, ""},
		"a small one by little":         {runsWith(rng, 8, base), runsWith(rng, 8, grown), "main.d", ScoreSteady, ""},
		"two runs are too few":          {runsWith(rng, 2, base), runsWith(rng, 2, grown), "main.b", ScoreUntold, "need n ≥ 8 on each side (below 5 the test cannot fire"},
		"one profile with one":          {runsWith(rng, 1, base), runsWith(rng, 1, grown), "main.b", ScoreWorse, ""},
		"one profile, steady":           {runsWith(rng, 1, base), runsWith(rng, 1, base), "main.b", ScoreSteady, ""},
		"less throughput":               {runsWith(rng, 8, base, qps), runsWith(rng, 8, base, slow), "throughput", ScoreWorse, ""},
		"more throughput":               {runsWith(rng, 8, base, qps), runsWith(rng, 8, base, fast), "throughput", ScoreBetter, ""},
		"one number says nothing":       {runsWith(rng, 1, base, qps), runsWith(rng, 1, base, slow), "throughput", ScoreUntold, "one run on each side"},
		"contention where none was":     {runsWith(rng, 5, base), runsWith(rng, 5, base, delay), "main.lock", ScoreWorse, ""},
		"as good as no contention":      {runsWith(rng, 5, base), runsWith(rng, 5, base, noise), "main.lock", ScoreSteady, "smaller than 1e+07 ns_per_s"},
		"there on one side only":        {runsWith(rng, 5, base), runsWith(rng, 5, base, qps), "throughput", ScoreOneSide, "known for 0 of 5 runs before"},
		"in another unit than before":   {runsWith(rng, 5, base, delay), runsWith(rng, 5, base, Score{Family: "delay", Name: "main.other", Unit: "ratio", Value: 1, Better: "lower"}), "main.other", ScoreOneSide, ""},
		"a function that was not there": {runsWith(rng, 5, map[string]float64{"main.a": 0.9}), runsWith(rng, 5, base), "main.b", ScoreWorse, ""},
	} {
		got := changeOf(t, CompareScores(c.before, c.after, rules), c.score)
		if got.Direction != c.want || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %s (%s), want %s (%s): %+v", name, got.Direction, got.Why, c.want, c.why, got)
		}
		if (got.Direction == ScoreWorse || got.Direction == ScoreBetter) && (got.P == nil || *got.P > 0.01 || got.Method == "") {
			t.Errorf("%s: without its p or method: %+v", name, got)
		}
	}
}

// allocated is a run whose functions allocated so many bytes, of which a profile took a sample every
// rate bytes.
func allocated(rate float64, bytes map[string]float64) []*Report {
	r := &Report{Inputs: []Input{{Kind: evidence.Allocs, Complete: true}}}
	for name, b := range bytes {
		r.Scores = append(r.Scores, Score{Family: "alloc", Name: name, Unit: "bytes_per_request", Value: b / 1000, N: new(int64(b / rate)), Better: "lower"})
	}
	return []*Report{r}
}

// Two allocation profiles are compared by the error that their sampling has, σ = √(rate/bytes), and not at all
// where they rest on too few samples.
func TestAllocationsOfOneRun(t *testing.T) {
	const rate = 512 << 10
	before := map[string]float64{"main.a": 100 << 20, "main.b": 300 << 20} // 200 and 600 samples
	for name, c := range map[string]struct {
		rate  float64
		after map[string]float64
		want  Direction
		why   string
	}{
		"half as much again":            {rate, map[string]float64{"main.a": 150 << 20, "main.b": 300 << 20}, ScoreWorse, ""},
		"half as much":                  {rate, map[string]float64{"main.a": 50 << 20, "main.b": 300 << 20}, ScoreBetter, ""},
		"within twice the error of one": {rate, map[string]float64{"main.a": 114 << 20, "main.b": 300 << 20}, ScoreSteady, ""},
		"too few samples":               {16 * rate, map[string]float64{"main.a": 150 << 20, "main.b": 300 << 20}, ScoreUntold, "49 and 55 samples: a comparison of two profiles takes at least 200"},
	} {
		got := changeOf(t, CompareScores(allocated(c.rate, before), allocated(c.rate, c.after), DefaultScoreRules()), "main.a")
		if got.Direction != c.want || got.Why != c.why && c.why != "" || c.want != ScoreUntold && !strings.Contains(got.Method, "σ = √(rate/bytes)") {
			t.Errorf("%s: %s (%s), want %s (%s): %+v", name, got.Direction, got.Why, c.want, c.why, got)
		}
	}
}

// In a family of many scores that are tested one by one, as few runs as could show one of them alone show none:
// that is not the same as no difference.
func TestFamilyNeedsMoreRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	scores := func(value float64) []Score {
		var out []Score
		for i := range 15 {
			out = append(out, Score{Family: "load", Name: fmt.Sprintf("P95 latency, route %d", i), Unit: "ns", Value: value, Better: "lower"})
		}
		return out
	}
	for n, want := range map[int]Direction{5: ScoreUntold, 6: ScoreWorse} {
		got := CompareScores(runsWith(rng, n, nil, scores(1e6)...), runsWith(rng, n, nil, scores(3e6)...), DefaultScoreRules())
		if len(got) != 15 || got[0].Direction != want || want == ScoreUntold && !strings.Contains(got[0].Why, "need n ≥ 8") {
			t.Errorf("%d runs: %+v", n, got[0])
		}
	}
}

// What grew most out of proportion comes first.
func TestScoreOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	before := runsWith(rng, 8, map[string]float64{"main.a": 0.5, "main.b": 0.1, "main.c": 0.2, "main.d": 0.2})
	after := runsWith(rng, 8, map[string]float64{"main.a": 0.8, "main.b": 0.4, "main.c": 0.2, "main.d": 0.05})
	var order []string
	for _, c := range CompareScores(before, after, DefaultScoreRules()) {
		order = append(order, c.Name+" "+string(c.Direction))
	}
	if got := strings.Join(order[:3], ", "); got != "main.b worse, main.a worse, main.d better" {
		t.Errorf("%s", got)
	}
}
