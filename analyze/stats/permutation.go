package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mathext"
)

// Two groups of runs, many variables: which variables rose? Testing each variable by itself finds
// something in almost every comparison of a program with itself, and dividing the level by the number of
// variables (Bonferroni, Holm) leaves nothing that few runs could ever reach. MaxT compares each variable
// with the largest change that any of them shows when the runs are dealt to the groups at random, which
// keeps the chance of one false alarm among all variables at the level, and respects that functions of
// one profile depend on each other.
//
// Westfall and Young, Resampling-Based Multiple Testing, 1993, procedure 2.8 (single step); the
// statistic is Welch's t with a floor under its standard error (Tusher, Tibshirani and Chu, PNAS 98, 2001:
// the fudge factor of SAM), since with few runs some variable of many always has a tiny variance.

// Rise is what a test says of one variable.
type Rise struct {
	Before, After float64 // medians of the groups
	// Change is After less Before; Interval bounds it (Hodges–Lehmann shift; see ShiftInterval).
	Change   float64
	Interval *[2]float64
	// T is the statistic, P the chance that any variable rises as much if nothing changed, and Fall that any
	// falls as much.
	T, P, Fall float64
	// Alone and AloneFall are these chances of the variable by itself, whatever the others do.
	Alone, AloneFall float64
}

// MaxTResult is a comparison of all variables.
type MaxTResult struct {
	Rises []Rise // one for each variable, in their order
	// Dealings is how many ways of dealing the runs were looked at, all there are (Exact) or a random
	// selection. The smallest P that can come out is 1/Dealings.
	Dealings int
	Exact    bool
}

const (
	maxDealings   = 9999
	exactDealings = 12870 // 16 over 8
)

// CanReach reports whether two groups of runs of these sizes can come out below a level at all.
func CanReach(before, after int, level float64) bool { return 1/choose(before+after, before) <= level }

// NeededRuns is the smallest size of two groups of one size that can come out below a level.
func NeededRuns(level float64) int {
	n := 2
	for !CanReach(n, n, level) {
		n++
	}
	return n
}

// choose is n over k, as a float since it may be large.
func choose(n, k int) float64 {
	c := 1.0
	for i := 1; i <= k; i++ {
		c = c * float64(n-k+i) / float64(i)
	}
	return c
}

// MaxT tests which variables rose from one group of runs to the other. before and after are runs ×
// variables; each run has as many variables. It looks at all ways to deal the runs where there are at
// most 12,870, else at 9,999 random ones from seed. A group of fewer than two runs has no variance: all P
// are 1 then.
func MaxT(before, after [][]float64, seed uint64) MaxTResult {
	runs := slices.Concat(before, after)
	var res MaxTResult
	if len(runs) == 0 || len(runs[0]) == 0 {
		return res
	}
	m := matrixOf(runs)
	res.Rises = make([]Rise, m.variables)
	for v := range res.Rises {
		r := riseOf(column(before, v), column(after, v))
		r.P, r.Fall, r.Alone, r.AloneFall = 1, 1, 1, 1
		res.Rises[v] = r
	}
	if len(before) < 2 || len(after) < 2 {
		return res
	}
	dealt := make([]int, len(after))
	for i := range dealt {
		dealt[i] = len(before) + i
	}
	c := newCounts(m, dealt)
	res.Exact = deal(dealt, len(runs), seed, c.add)
	res.Dealings = len(c.largest)
	c.chances(res.Rises)
	return res
}

func column(runs [][]float64, v int) []float64 {
	out := make([]float64, len(runs))
	for i := range runs {
		out[i] = runs[i][v]
	}
	return out
}

// matrix is all runs of both groups, centred: a row for each run, so that a dealing adds up whole rows.
type matrix struct {
	runs, variables int
	values, squares []float64 // less the mean of their variable, so that sums of squares lose no digits
	sum, sumSq      []float64 // of all runs
	floor           []float64 // see welch
}

func matrixOf(runs [][]float64) *matrix {
	m := &matrix{runs: len(runs), variables: len(runs[0])}
	n := float64(m.runs)
	m.values, m.squares = make([]float64, m.runs*m.variables), make([]float64, m.runs*m.variables)
	m.sum, m.sumSq, m.floor = make([]float64, m.variables), make([]float64, m.variables), make([]float64, m.variables)
	for v := range m.variables {
		mean := 0.0
		for i := range runs {
			mean += runs[i][v] / n
		}
		for i := range runs {
			d := runs[i][v] - mean
			m.values[i*m.variables+v], m.squares[i*m.variables+v] = d, d*d
			m.sum[v] += d
			m.sumSq[v] += d * d
		}
		// A tenth of the spread of all runs, and a hundredth of their mean, so that runs which happen to
		// agree to many digits prove nothing.
		m.floor[v] = (0.1*math.Sqrt(m.sumSq[v]/max(n-1, 1)) + 0.01*math.Abs(mean)) / math.Sqrt(n)
	}
	return m
}

// welch sets t to the statistic of each variable for a dealing: the difference of the means over its standard
// error and the floor. after are the runs of the second group; sum and sumSq are scratch.
func (m *matrix) welch(after []int, t, sum, sumSq []float64) {
	clear(sum)
	clear(sumSq)
	for _, i := range after {
		row, squares := m.values[i*m.variables:(i+1)*m.variables], m.squares[i*m.variables:(i+1)*m.variables]
		for v := range row {
			sum[v] += row[v]
			sumSq[v] += squares[v]
		}
	}
	k := float64(len(after))
	l := float64(m.runs) - k
	for v := range t {
		rest, restSq := m.sum[v]-sum[v], m.sumSq[v]-sumSq[v]
		d := sum[v]/k - rest/l
		if math.Abs(d) <= 1e-12*m.floor[v] || m.floor[v] == 0 {
			t[v] = 0
			continue
		}
		variance := max(0, (sumSq[v]-sum[v]*sum[v]/k)/(k-1))/k + max(0, (restSq-rest*rest/l)/(l-1))/l
		t[v] = d / (math.Sqrt(variance) + m.floor[v])
	}
}

// counts keeps, over all dealings, the largest and the smallest statistic of any variable, and how often each
// variable shows as much by itself as it really does.
type counts struct {
	m                 *matrix
	real              []float64
	largest, smallest []float64
	above, below      []int
	t, sum, sumSq     []float64
}

func newCounts(m *matrix, dealt []int) *counts {
	n := m.variables
	c := &counts{m: m, real: make([]float64, n), above: make([]int, n), below: make([]int, n), t: make([]float64, n), sum: make([]float64, n), sumSq: make([]float64, n)}
	m.welch(dealt, c.real, c.sum, c.sumSq)
	return c
}

// slack is by how much statistics of equal dealings may differ in their last digits.
func slack(t float64) float64 { return 1e-9 * math.Abs(t) }

func (c *counts) add(after []int) {
	c.m.welch(after, c.t, c.sum, c.sumSq)
	largest, smallest := math.Inf(-1), math.Inf(1)
	for v, t := range c.t {
		largest, smallest = max(largest, t), min(smallest, t)
		if t >= c.real[v]-slack(c.real[v]) {
			c.above[v]++
		}
		if t <= c.real[v]+slack(c.real[v]) {
			c.below[v]++
		}
	}
	c.largest, c.smallest = append(c.largest, largest), append(c.smallest, smallest)
}

// chances turns the counts into the chances of the variables.
func (c *counts) chances(rises []Rise) {
	slices.Sort(c.largest)
	slices.Sort(c.smallest)
	n := float64(len(c.largest))
	for v := range rises {
		r, t := &rises[v], c.real[v]
		up, _ := slices.BinarySearch(c.largest, t-slack(t))
		down := sort.Search(len(c.smallest), func(i int) bool { return c.smallest[i] > t+slack(t) })
		r.T, r.P, r.Fall = t, (n-float64(up))/n, float64(down)/n
		r.Alone, r.AloneFall = float64(c.above[v])/n, float64(c.below[v])/n
	}
}

// deal calls f with ways of dealing n runs so that as many as were dealt are in the second group: all there are, or a
// random selection, the way they were really dealt first.
func deal(dealt []int, n int, seed uint64, f func(after []int)) (exact bool) {
	k := len(dealt)
	if choose(n, k) <= exactDealings {
		eachSubset(make([]int, 0, k), 0, n, k, f)
		return true
	}
	f(dealt)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	rng := rand.New(rand.NewPCG(seed, uint64(n)<<32|uint64(k)))
	for range maxDealings {
		for i := range k { // the first k of a shuffle
			j := i + rng.IntN(n-i)
			order[i], order[j] = order[j], order[i]
		}
		f(order[:k])
	}
	return false
}

// eachSubset calls f with each way to choose k of the numbers from i to n-1 in addition to those chosen.
func eachSubset(chosen []int, i, n, k int, f func([]int)) {
	if k == 0 {
		f(chosen)
		return
	}
	for ; i <= n-k; i++ {
		eachSubset(append(chosen, i), i+1, n, k-1, f)
	}
}

func riseOf(before, after []float64) Rise {
	r := Rise{Before: Median(before), After: Median(after)}
	r.Change, r.Interval = ShiftInterval(before, after, 0.95)
	return r
}

// ShiftInterval is the Hodges–Lehmann estimate of how much the second sample lies above the first (the
// median of all differences), and the interval of the confidence by the distribution of the rank sum
// (normal approximation with continuity correction). The interval is nil where the samples are too small
// for any at that confidence.
func ShiftInterval(before, after []float64, confidence float64) (shift float64, interval *[2]float64) {
	n, m := len(before), len(after)
	if n == 0 || m == 0 {
		return 0, nil
	}
	differences := make([]float64, 0, n*m)
	for _, a := range before {
		for _, b := range after {
			differences = append(differences, b-a)
		}
	}
	slices.Sort(differences)
	shift = Median(differences)
	z := mathext.NormalQuantile((1 + confidence) / 2)
	product := float64(n * m)
	k := int(math.Floor(product/2 - z*math.Sqrt(product*float64(n+m+1)/12) - 0.5))
	if k < 0 || choose(n+m, n) < 2/(1-confidence) {
		return shift, nil
	}
	return shift, &[2]float64{differences[k], differences[len(differences)-1-k]}
}

// Holm adjusts the P values of a few tests for their number: the k-th smallest of n counts n-k+1 times,
// and no smaller than those before it (Holm, Scandinavian Journal of Statistics 6, 1979).
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(p))
	floor := 0.0
	for i, at := range order {
		floor = max(floor, min(1, p[at]*float64(len(p)-i)))
		out[at] = floor
	}
	return out
}
