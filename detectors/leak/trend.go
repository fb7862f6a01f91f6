package leak

import (
	"math"

	"go-debug/analyze/stats"
)

// trendDumps is from how many dumps on a trend can be significant: the old are known from
// the second dump on, and four rising values are the fewest that reach p < 0.05.
const trendDumps = 5

// A verdict is what a cohort test says.
type verdict uint8

const (
	steady  verdict = iota // no growth, or goroutines leave
	stopped                // it grew, and arrivals slowed down or ended
	growing
)

// limits are the parameters of the tests.
type limits struct {
	growth int
	exits  float64
	p      float64
}

// A timeline is when the dumps were taken and what happened in the intervals between.
type timeline struct {
	x        []float64 // of the dumps: seconds from the first, or their numbers
	timed    bool
	requests []float64 // of the intervals; nil where nobody counts them
	started  []float64 // goroutines of the whole program, of the intervals; nil without ids
}

// exposure is what births are measured by, for each interval: requests where they are counted, or the
// other goroutines that the program starts where it starts far more of them, because its traffic does
// that; else time.
func (t timeline) exposure(births []int) []float64 {
	if t.requests != nil {
		return t.requests
	}
	var others []float64
	sum := 0.0
	for i, b := range births[:min(len(births), len(t.started))] {
		n := t.started[i] - float64(b)
		if n <= 0 || n < trafficShare*float64(b) {
			return intervalsOf(t.x)
		}
		others = append(others, n)
		sum += n
	}
	if sum < minTraffic {
		return intervalsOf(t.x)
	}
	return others
}

const (
	// trafficShare is how many times the births the other goroutines must be, minTraffic how many in all:
	// fewer may be helpers of those that are judged.
	trafficShare = 3
	minTraffic   = 100
)

// intervalsOf are the lengths of the intervals between points in time.
func intervalsOf(x []float64) []float64 {
	var out []float64
	for i := 1; i < len(x); i++ {
		out = append(out, x[i]-x[i-1])
	}
	return out
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
	// births are those who came in an interval and are still here at the last dump, for the
	// intervals from the first on; the last ones are left out where many pass.
	births []int
	slows  bool // births slow down beyond chance
	few    bool // births are too few to show it if they did
	scant  bool // of two dumps: most stayed and as many came, but too few to say more
	p      float64
	slope  stats.Slope
}

// survivors are those who came after the first dump and stayed.
func (c *cohort) survivors() int { return total(c.births) }

// judge tests a history.
func judge(h *history, t timeline, l limits) *cohort {
	var weaker *cohort
	for age := 1; age <= 2; age++ {
		c := judgeAge(h, t, l, age)
		if c.verdict == growing || len(t.x) < trendDumps {
			return c
		}
		if weaker == nil || c.verdict > weaker.verdict {
			weaker = c
		}
	}
	return weaker
}

func judgeAge(h *history, t timeline, l limits, age int) *cohort {
	n := len(t.x)
	c := &cohort{history: h, dumps: n, age: age, p: math.NaN()}
	passed := 0
	for i := age; i < n; i++ {
		c.old = append(c.old, float64(h.tallies[i].stayed[age]))
	}
	for i := 1; i < n; i++ {
		c.arrived += h.tallies[i].arrived
		passed += h.tallies[i].left[0]
		if i > age {
			left := h.tallies[i].left[age]
			c.left += left
			c.joined += max(0, h.tallies[i].stayed[age]-h.tallies[i-1].stayed[age]+left)
		}
	}
	c.awake = h.tallies[n-1].awake
	if len(c.old) > 0 {
		c.gained = int(c.old[len(c.old)-1] - c.old[0])
	}
	if n == 2 {
		return c.judgePair(l)
	}
	// Where hardly anybody passes through, those who came last count too.
	c.births = h.born[1:]
	if passed*10 > c.arrived {
		c.births = h.born[1 : n-age]
	}
	c.slope = stats.TheilSen(t.x[age:], c.old, 0.95)
	if c.gained < l.growth || float64(c.left) > l.exits*float64(c.joined) || !c.rises(l) {
		return c
	}
	half, beyondChance := slowsDown(c.births, t.exposure(c.births))
	early, late := halves(c.births)
	c.slows, c.few = beyondChance, early+late < minHalves
	switch {
	case keepsComing(c.births, t.requests) && !half:
		c.verdict = growing
	case intervals(c.births) >= 2:
		c.verdict = stopped
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
	switch least := min(stayed, c.gained); {
	case least >= pairGrowth && c.gained >= l.growth && float64(c.left) <= l.exits*float64(stayed):
		c.verdict = growing
	case least >= scantGrowth && c.gained >= l.growth && float64(c.left) <= endedShare*float64(stayed):
		c.scant = true
	}
	return c
}

// pairGrowth is the least that two snapshots can say: below it a pair of goroutines more
// is chance.
const pairGrowth = 20

// scantGrowth is what two snapshots can say where the source shows how the goroutines get stuck: others may pass
// the line, but most stayed.
const scantGrowth = 5

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

// keepsComing asks for births in at least three intervals, or in all of fewer, the last
// two among them. One of these may be without where there are so few births that chance leaves an interval
// out. Intervals with hardly any requests, where those are counted, do not count.
func keepsComing(births []int, requests []float64) bool {
	var counted []int
	least := idleShare * sum(requests) / float64(max(len(requests), 1))
	for i, b := range births {
		if b > 0 || i >= len(requests) || requests[i] >= least && least > 0 {
			counted = append(counted, b)
		}
	}
	n := len(counted)
	last := counted[max(0, n-2):]
	left := len(last) - intervals(last)
	if left > 1 || left == 1 && total(counted) >= maxGap*n {
		return false
	}
	return n > 0 && intervals(counted) >= min(3, n)
}

// maxGap is the mean number of births from which on chance leaves an interval without any in less than 5 % of
// the cases.
const maxGap = 3

// idleShare of the mean number of requests is so few that nothing has to come of them.
const idleShare = 0.1

// intervals is the number of intervals with births.
func intervals(births []int) int {
	n := 0
	for _, b := range births {
		if b > 0 {
			n++
		}
	}
	return n
}

// slowsDown compares the late half of the births with the early one, both per exposure. half
// reports at most half the rate, as a ramp to a plateau has, unless so few are as likely by chance;
// beyondChance reports any decline that chance does not explain.
func slowsDown(births []int, exposure []float64) (half, beyondChance bool) {
	early, late := halves(births)
	earlyExposure, lateExposure := halves(exposure[:len(births)])
	if early == 0 || earlyExposure <= 0 || lateExposure <= 0 {
		return false, false
	}
	share := lateExposure / (earlyExposure + lateExposure)
	p := stats.BinomialLower(int64(late), int64(early+late), share)
	half = 2*float64(late)/lateExposure <= float64(early)/earlyExposure && p < rampChance
	return half && !levelsOff(births, exposure), p < declineChance
}

// levelsOff reports births that came down to a rate at which they stay: the leak goes on, whatever made it
// faster at first. A ramp fades on.
func levelsOff(births []int, exposure []float64) bool {
	n := len(births)
	_, late := halves(births)
	if n < 5 || late < minLevel || exposure[n-1] <= 0 || exposure[n-3] <= 0 {
		return false
	}
	return float64(births[n-1])/exposure[n-1] >= levelShare*float64(births[n-3])/exposure[n-3]
}

// evenly reports counts that are in proportion to their exposures, as far as chance or a factor of two
// from the mean allows: traffic varies more than chance.
func evenly(counts []int, exposure []float64) bool {
	var events, all float64
	v := make([]float64, len(counts))
	for i, n := range counts {
		v[i] = float64(n)
		events += v[i]
		all += exposure[i]
	}
	if stats.Dispersion(v, exposure) >= unevenChance {
		return true
	}
	for i := range v {
		if 2*v[i]*all < events*exposure[i] {
			return false
		}
	}
	return true
}

// halves are the sums of the early half and of the late half; one in the middle is in neither.
func halves[T int | float64](v []T) (early, late T) {
	for i := range len(v) / 2 {
		early += v[i]
		late += v[len(v)-1-i]
	}
	return early, late
}

const (
	// minHalves is from how many births on a ramp would show at times: of 10 that fade to a quarter of
	// their rate every third does, of 8 none.
	minHalves = 10
	// rampChance lets a leak of few goroutines come unevenly: 30 fall into halves of 10 and 20 or
	// worse in one of 20 captures.
	rampChance = 0.02
	// minLevel is from how many births in the late half on a level can be told from a ramp that fades,
	// levelShare what must be left of the rate of two intervals before: of a ramp with a time constant
	// of half the window less than half is.
	minLevel   = 100
	levelShare = 0.8
	// unevenChance is from where on births per request differ between intervals beyond chance.
	unevenChance = 0.01
	// declineChance is the level at which births that fade are no steady leak, at the price of
	// calling one leak in a hundred possible instead of likely.
	declineChance = 0.01
)

func total(v []int) int {
	sum := 0
	for _, n := range v {
		sum += n
	}
	return sum
}
