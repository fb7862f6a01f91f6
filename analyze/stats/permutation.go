package stats

import (
	"math"
	"math/rand/v2"
	"slices"

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
	// T is the statistic, P the chance that any variable shows as much if nothing changed.
	T, P float64
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
	columns := columnsOf(runs)
	res.Rises = make([]Rise, len(columns))
	for v := range columns {
		x := columns[v].values
		res.Rises[v] = riseOf(x[:len(before)], x[len(before):])
		res.Rises[v].P = 1
	}
	if len(before) < 2 || len(after) < 2 {
		return res
	}
	dealt := make([]int, len(after))
	for i := range dealt {
		dealt[i] = len(before) + i
	}
	for v := range columns {
		res.Rises[v].T = columns[v].welch(dealt)
	}
	largest, exact := dealings(columns, dealt, len(runs), seed)
	res.Dealings, res.Exact = len(largest), exact
	slices.Sort(largest)
	for v := range res.Rises {
		r := &res.Rises[v]
		at, _ := slices.BinarySearch(largest, r.T-1e-9*math.Abs(r.T))
		r.P = float64(len(largest)-at) / float64(len(largest))
	}
	return res
}

// column is a variable over all runs of both groups.
type column struct {
	values     []float64
	centred    []float64 // less their mean, so that sums of squares lose no digits
	sum, sumSq float64   // of centred
	floor      float64
}

// columnsOf turns runs × variables into variables × runs.
func columnsOf(runs [][]float64) []column {
	out := make([]column, len(runs[0]))
	n := float64(len(runs))
	for v := range out {
		c := &out[v]
		mean := 0.0
		for i := range runs {
			c.values = append(c.values, runs[i][v])
			mean += runs[i][v] / n
		}
		for _, x := range c.values {
			d := x - mean
			c.centred = append(c.centred, d)
			c.sum += d
			c.sumSq += d * d
		}
		// A tenth of the spread of all runs, and a hundredth of their mean, so that runs which happen to
		// agree to many digits prove nothing.
		c.floor = (0.1*math.Sqrt(c.sumSq/max(n-1, 1)) + 0.01*math.Abs(mean)) / math.Sqrt(n)
	}
	return out
}

// welch is the difference of the means over its standard error and the floor; after are the runs of the
// second group.
func (c *column) welch(after []int) float64 {
	k := float64(len(after))
	m := float64(len(c.centred)) - k
	var sum, sumSq float64
	for _, i := range after {
		x := c.centred[i]
		sum += x
		sumSq += x * x
	}
	d := sum/k - (c.sum-sum)/m
	if math.Abs(d) <= 1e-12*c.floor || c.floor == 0 {
		return 0
	}
	rest, restSq := c.sum-sum, c.sumSq-sumSq
	variance := max(0, (sumSq-sum*sum/k)/(k-1))/k + max(0, (restSq-rest*rest/m)/(m-1))/m
	return d / (math.Sqrt(variance) + c.floor)
}

// dealings are the largest statistics over all variables for each way of dealing n runs so that as many
// as were dealt are in the second group. The way they were really dealt is among them.
func dealings(columns []column, dealt []int, n int, seed uint64) (largest []float64, exact bool) {
	deal := func(after []int) {
		top := math.Inf(-1)
		for v := range columns {
			top = max(top, columns[v].welch(after))
		}
		largest = append(largest, top)
	}
	k := len(dealt)
	if choose(n, k) <= exactDealings {
		eachSubset(make([]int, 0, k), 0, n, k, deal)
		return largest, true
	}
	deal(dealt)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	rng := rand.New(rand.NewPCG(seed, uint64(n)<<32|uint64(k)))
	for range maxDealings {
		rng.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
		deal(order[:k])
	}
	return largest, false
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
