package report

import (
	"fmt"
	"math"
	"slices"

	"go-debug/analyze/stats"
)

// survivorsMeasure is what a detector of leaks calls the goroutines that came during the
// window and were still there at its end. Without it they are those that arrived less those
// that exited.
const survivorsMeasure = "survivors"

// maxRiseP is what a 95 % interval leaves above its upper end.
const maxRiseP = 0.025

// survivors is the number of goroutines that a finding says have survived its window.
func (f *Finding) survivors() *Measure {
	if m := f.measure(survivorsMeasure); m != nil {
		return m
	}
	arrived, exited := f.measure("arrived"), f.measure("exited")
	if arrived == nil || exited == nil {
		return nil
	}
	m, n := *arrived, max(0, *arrived.Value-*exited.Value)
	m.Name, m.Value = survivorsMeasure, &n
	return &m
}

// measure finds a count by its name.
func (f *Finding) measure(name string) *Measure {
	i := slices.IndexFunc(f.Measures, func(m Measure) bool { return m.Name == name && m.Unit == "count" && m.Value != nil && *m.Value >= 0 })
	if i < 0 {
		return nil
	}
	return &f.Measures[i]
}

// exact compares the survivors of a finding that both reports have, per request where both
// know the requests of the window, else per second, else as they are. It is false where a
// report does not count survivors.
//
// The rate has grown when it exceeds the upper bound of the exact 95 % interval of the baseline's
// rate, is more than MinEffect above that rate, and the rise is beyond chance as well: the bound
// alone knows the noise of the baseline and not that of the report, and would call one equal rate
// in twelve grown.
func (g Growth) exact(ch *Change, base, head side) bool {
	before, after := base.finding.survivors(), head.finding.survivors()
	if before == nil || after == nil {
		return false
	}
	if g.risen(ch, base.report, head.report, before, after) {
		ch.Class = ClassGrown
	}
	return true
}

// outgrown compares the survivors at the place of a finding that the baseline does not have, though
// goroutines were seen to wait there. It is false where a report does not count them.
func (g Growth) outgrown(ch *Change, base, head *Report, f *Finding) bool {
	s, ok := f.site()
	if !ok {
		return false
	}
	before, after := base.stayed(s.ID), head.stayed(s.ID)
	return before != nil && after != nil && g.risen(ch, base, head, before, after)
}

// stayed is the number of survivors at a site, nil where that is not known.
func (r *Report) stayed(id string) *Measure {
	s := r.siteOf(id)
	if s == nil || s.Survivors == nil {
		return nil
	}
	n := float64(*s.Survivors)
	return &Measure{Name: survivorsMeasure, Value: &n, Unit: "count", WindowS: r.Sites.WindowS}
}

// risen reports survivors beyond those of the baseline, and records the comparison.
func (g Growth) risen(ch *Change, base, head *Report, before, after *Measure) bool {
	basis, b, h := divisors(base, head, before, after)
	k0, k1 := int64(math.Round(*before.Value)), int64(math.Round(*after.Value))
	lo, hi := stats.PoissonRate(k0, b, 0.95)
	p := stats.RateRise(k0, b, k1, h)
	rate0, rate1 := float64(k0)/b, float64(k1)/h
	n := k0 + k1
	ch.headline(before, after)
	ch.Basis, ch.Before, ch.After = basis, &rate0, &rate1
	ch.Interval, ch.P, ch.N = &[2]float64{lo, hi}, &p, &n
	ch.Method = stats.PoissonMethod + "; " + stats.RateRatioMethod
	counts, grown := fmt.Sprintf("%d survivors, %d in the baseline", k1, k0), false
	switch {
	case rate1 <= hi:
		ch.Why = fmt.Sprintf("%s: not above the upper 95 %% bound of the baseline%s", counts, basis.words())
	case rate1 <= rate0*(1+g.MinEffect):
		ch.Why = fmt.Sprintf("%s: less than %.0f %% above the baseline%s", counts, g.MinEffect*100, basis.words())
	case !(p < maxRiseP):
		ch.Why = fmt.Sprintf("%s: no more than chance above the baseline%s, p = %.2g", counts, basis.words(), p)
	default:
		grown = true
		ch.Why = fmt.Sprintf("%s: above the upper 95 %% bound of the baseline%s, p = %.2g", counts, basis.words(), p)
	}
	return grown
}
