package report

import (
	"cmp"
	"fmt"
	"math"

	"go-debug/analyze/score"
	"go-debug/analyze/stats"
)

// minSamples is the least number of samples of one profile that a comparison means something for.
const minSamples = 200

// sampling is how the scores of a family spread by sampling alone.
type sampling struct {
	overdispersion float64 // the variance, in that of independent samples
	nested         bool    // a sample counts for each function of its stack
	spread         string
}

// sampled are the families of which one profile tells its own spread. Functions in CPU profiles of one
// program spread √3 as widely as binomial counts. Allocation profiles take a sample every Period bytes on
// average, so that what b bytes rest on has a relative error of at most √(Period/b).
var sampled = map[string]sampling{
	string(score.CPU):   {overdispersion: 3, nested: true, spread: "√3 of the binomial spread"},
	string(score.Alloc): {overdispersion: 1, spread: "σ = √(rate/bytes)"},
}

// testSamples compares one run with one: only for what is sampled is there anything to tell chance by.
func testSamples(vars []variable, rules ScoreRules) {
	s, known := sampled[vars[0].Family]
	p := make([]float64, len(vars))
	z := make([]float64, len(vars))
	for i := range vars {
		z[i] = s.z(&vars[i])
		p[i] = math.Erfc(math.Abs(z[i]) / math.Sqrt2)
	}
	p = stats.Holm(p)
	total := s.total(vars)
	for i := range vars {
		v := &vars[i]
		switch {
		case !known:
			v.Direction, v.Why = ScoreUntold, "one run on each side: nothing says how much runs differ by themselves"
		case min(total[0], total[1]) < minSamples:
			v.Direction, v.Why = ScoreUntold, fmt.Sprintf("%d and %d samples: a comparison of two profiles takes at least %d", total[0], total[1], minSamples)
		default:
			v.P, v.Direction = &p[i], ScoreSteady
			v.Method = fmt.Sprintf("difference of two sampled rates with %s, two-sided, Holm over %d functions", s.spread, len(vars))
			if p[i] <= rules.level() && z[i] > 0 {
				v.Direction = ScoreWorse
			} else if p[i] <= rules.level() {
				v.Direction = ScoreBetter
			}
		}
	}
}

// total is the number of samples of each side: where functions share samples, as many as the outermost has.
func (s sampling) total(vars []variable) [2]int64 {
	var total [2]int64
	for i := range vars {
		for side := range total {
			if n := vars[i].n[side]; s.nested {
				total[side] = max(total[side], n)
			} else {
				total[side] += n
			}
		}
	}
	return total
}

// z is the difference of two rates over its spread. Value is samples over exposure; a side without
// samples has the exposure that the other would have.
func (s sampling) z(v *variable) float64 {
	exposure := func(side int, value float64) float64 {
		if value > 0 && v.n[side] > 0 {
			return float64(v.n[side]) / value
		}
		return 0
	}
	e0, e1 := exposure(0, *v.Before), exposure(1, *v.After)
	e0, e1 = cmp.Or(e0, e1), cmp.Or(e1, e0)
	if e0 == 0 {
		return 0
	}
	n0, n1 := *v.Before*e0, *v.After*e1
	spread := math.Sqrt(s.overdispersion * ((n0+1)/(e0*e0) + (n1+1)/(e1*e1)))
	return (*v.After - *v.Before) / spread
}
