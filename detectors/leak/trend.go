package leak

import (
	"math"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// trendDumps is from how many dumps on a trend can be significant: the old are known from
// the second dump on, and four rising values are the fewest that reach p < 0.05.
const trendDumps = 5

// A verdict is what a cohort test says.
type verdict uint8

const (
	steady    verdict = iota // no growth, or goroutines leave
	dyingDown                // it grew, and arrivals slowed
	growing
)

// limits are the parameters of the tests.
type limits struct {
	growth  int
	exits   float64
	p       float64
	massive int
}

// A cohort is the result of following one site over several dumps.
type cohort struct {
	history *history
	verdict verdict
	dumps   int
	age     int       // intervals that a goroutine must have stayed to count as old
	old     []float64 // at the dumps from age on
	arrived int       // over all intervals
	joined  int       // grew old
	left    int       // of the old
	gained  int       // last of old less first
	awake   int       // of those here at the last dump: seen running meanwhile
	p       float64
	slope   stats.Slope
}

// judge tests a history. x are the dumps' times in seconds, or their numbers.
func judge(h *history, x []float64, l limits) *cohort {
	for age := 1; age <= 2; age++ {
		if c := judgeAge(h, x, l, age); c.verdict != steady || len(x) < trendDumps {
			return c
		}
	}
	return &cohort{history: h, dumps: len(x), age: 1}
}

func judgeAge(h *history, x []float64, l limits, age int) *cohort {
	n := len(x)
	c := &cohort{history: h, dumps: n, age: age, p: math.NaN()}
	for t := age; t < n; t++ {
		c.old = append(c.old, float64(h.tallies[t].stayed[age]))
	}
	var joins []int
	for t := 1; t < n; t++ {
		c.arrived += h.tallies[t].arrived
		if t > age {
			left := h.tallies[t].left[age]
			joins = append(joins, max(0, h.tallies[t].stayed[age]-h.tallies[t-1].stayed[age]+left))
			c.left += left
			c.joined += joins[len(joins)-1]
		}
	}
	c.awake = h.tallies[n-1].awake
	if len(c.old) > 0 {
		c.gained = int(c.old[len(c.old)-1] - c.old[0])
	}
	if n == 2 {
		return c.judgePair(l)
	}
	c.slope = stats.TheilSen(x[age:], c.old, 0.95)
	if c.gained < l.growth || float64(c.left) > l.exits*float64(c.joined) || !keepArriving(h.tallies) {
		return c
	}
	if !c.rises(l) {
		return c
	}
	c.verdict = growing
	if slowsDown(c.newcomers(joins)) {
		c.verdict = dyingDown
	}
	return c
}

// judgePair has one interval: the old are those of the first dump that are still here, so
// nothing rises. That nearly all stayed while as many came is all that can be asked.
func (c *cohort) judgePair(l limits) *cohort {
	h := c.history
	c.left = h.tallies[1].left[0]
	c.gained = h.tallies[1].arrived - c.left
	stayed := h.tallies[1].stayed[1]
	if stayed >= pairGrowth && c.gained >= max(pairGrowth, l.growth) && float64(c.left) <= l.exits*float64(stayed) {
		c.verdict = growing
	}
	return c
}

// pairGrowth is the least that two snapshots can say: below it a pair of goroutines more
// is chance.
const pairGrowth = 20

// rises tests the number of the old: the trend test where it has power, else a rise at
// every dump.
func (c *cohort) rises(l limits) bool {
	if c.dumps >= trendDumps && len(c.old) >= 4 {
		t := stats.MannKendall(c.old)
		c.p = t.PUp
		return t.PUp < l.p && c.slope.Value > 0
	}
	return risesEachTime(c.old)
}

func risesEachTime(v []float64) bool {
	for i := 1; i < len(v); i++ {
		if v[i] <= v[i-1] {
			return false
		}
	}
	return true
}

// keepArriving asks for arrivals in at least three intervals, or in all of fewer, the last
// two among them.
func keepArriving(tallies []tally) bool {
	n, with := len(tallies)-1, 0
	for t := 1; t <= n; t++ {
		if tallies[t].arrived > 0 {
			with++
		} else if t > n-2 {
			return false
		}
	}
	return with >= min(3, n)
}

// newcomers are those who grew old per interval. Where hardly anybody passes through, all
// arrivals count: they know one interval more.
func (c *cohort) newcomers(joins []int) []int {
	passed := 0
	for _, t := range c.history.tallies[1:] {
		passed += t.left[0]
	}
	if passed*10 > c.arrived {
		return joins
	}
	var arrived []int
	for _, t := range c.history.tallies[1:] {
		arrived = append(arrived, t.arrived)
	}
	return arrived
}

// slowsDown reports arrivals of which the late half has at most half as many as the early
// one, unless so few are as likely by chance.
func slowsDown(arrived []int) bool {
	half := len(arrived) / 2
	early, late := 0, 0
	for i := range half {
		early += arrived[i]
		late += arrived[len(arrived)-1-i]
	}
	return early > 0 && 2*late <= early && binomialLower(late, early+late) < 0.1
}

// binomialLower is P(X ≤ k) for n fair coins.
func binomialLower(k, n int) float64 {
	lg := func(v int) float64 { r, _ := math.Lgamma(float64(v) + 1); return r }
	sum := 0.0
	for i := 0; i <= k; i++ {
		sum += math.Exp(lg(n) - lg(i) - lg(n-i) - float64(n)*math.Ln2)
	}
	return min(sum, 1)
}

// times are the snapshots' times in seconds from the first; ok is false, and the times
// are plain numbers, when they are unknown or out of order.
func times(snaps []*evidence.Snapshot) (x []float64, ok bool) {
	x = make([]float64, len(snaps))
	ok = len(snaps) > 1
	for i, s := range snaps {
		if s.At.IsZero() || i > 0 && !s.At.After(snaps[i-1].At) {
			ok = false
			break
		}
		x[i] = s.At.Sub(snaps[0].At).Seconds()
	}
	if !ok {
		for i := range x {
			x[i] = float64(i)
		}
	}
	return x, ok
}
