package report

import (
	"cmp"
	"fmt"
	"math"

	"go-debug/analyze/score"
	"go-debug/analyze/stats"
)

const (
	// minSamples is the least number of samples of one profile that a comparison means something for.
	minSamples = 200
	// overdispersion is how much wider than binomial the shares of a function in profiles of one
	// program spread.
	overdispersion = 3
)

// testSamples compares one run with one: only for what is sampled is there anything to tell chance by.
func testSamples(vars []variable, rules ScoreRules) {
	var total [2]int64
	for i := range vars {
		for side := range total {
			total[side] = max(total[side], vars[i].n[side])
		}
	}
	sampled := vars[0].Family == string(score.CPU)
	p := make([]float64, len(vars))
	z := make([]float64, len(vars))
	for i := range vars {
		v := &vars[i]
		z[i] = sampleZ(v)
		p[i] = math.Erfc(math.Abs(z[i]) / math.Sqrt2)
	}
	p = stats.Holm(p)
	for i := range vars {
		v := &vars[i]
		switch {
		case !sampled:
			v.Direction, v.Why = ScoreUntold, "one run on each side: nothing says how much runs differ by themselves"
		case min(total[0], total[1]) < minSamples:
			v.Direction, v.Why = ScoreUntold, fmt.Sprintf("%d and %d samples: a comparison of two profiles takes at least %d", total[0], total[1], minSamples)
		default:
			v.P, v.Direction = &p[i], ScoreSteady
			v.Method = fmt.Sprintf("difference of two sampled rates with √%d of the binomial spread, two-sided, Holm over %d functions", overdispersion, len(vars))
			if p[i] <= rules.level() && z[i] > 0 {
				v.Direction = ScoreWorse
			} else if p[i] <= rules.level() {
				v.Direction = ScoreBetter
			}
		}
	}
}

// sampleZ is the difference of two rates over its spread. Value is samples over exposure; a side without
// samples has the exposure that the other would have.
func sampleZ(v *variable) float64 {
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
	spread := math.Sqrt(overdispersion * ((n0+1)/(e0*e0) + (n1+1)/(e1*e1)))
	return (*v.After - *v.Before) / spread
}
