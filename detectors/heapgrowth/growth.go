package heapgrowth

import (
	"math"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// A trend is how the memory at one line went from profile to profile.
type trend struct {
	slope, sigma float64 // bytes per unit of point.at, and its standard error
	growth       float64 // bytes over the window
	share        float64 // of the heap in use at the first profile
	monotone     bool
	// retained is the part of the objects that the line ever allocated which are still in use; NaN where
	// the profiles do not say.
	retained float64
	// steady is the growth per byte that the program allocated, in the later half over the earlier half;
	// NaN where that has no meaning.
	steady float64
	// lasting is the same, within the window over before it.
	lasting float64
	history float64 // in use at the first profile over the growth since
}

// maxTrendP is the chance of so even a rise without a trend, from so many profiles on that it can be met; with
// fewer, each has to be higher than the last.
const maxTrendP = 0.01

func (s *series) trendOf(st *site) trend {
	n := len(s.points)
	x, y, work := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range s.points {
		x[i], y[i], work[i] = s.points[i].at, st.states[i].bytes, s.points[i].allocated()
	}
	t := trend{retained: math.NaN(), steady: math.NaN(), lasting: math.NaN()}
	t.slope, t.sigma = line(x, y, s.sampling(st))
	t.growth = t.slope * (x[n-1] - x[0])
	t.share = t.growth / math.Max(s.points[0].inUse(), 1)
	t.monotone = rises(y)
	if now := st.now(); now.allocObjects > 0 {
		t.retained = math.Min(now.objects/now.allocObjects, 1)
	}
	gained := y[n-1] - y[0]
	if gained <= 0 {
		return t
	}
	t.history = y[0] / gained
	if mid := n / 2; n > minPoints && work[mid] > work[0] && work[n-1] > work[mid] {
		t.steady = (y[n-1] - y[mid]) / (work[n-1] - work[mid]) / ((y[mid] - y[0]) / (work[mid] - work[0]))
	}
	if work[0] > 0 && work[n-1] > work[0] && y[0] > 0 {
		t.lasting = gained / (work[n-1] - work[0]) / (y[0] / work[0])
	}
	return t
}

// rises reports values each of which is above the one before, or of many so nearly all that it is no chance.
func rises(y []float64) bool {
	if m := stats.MannKendall(y); m.S > 0 && m.PUp < maxTrendP {
		return true
	}
	for i := 1; i < len(y); i++ {
		if y[i] <= y[i-1] {
			return false
		}
	}
	return true
}

// line is the slope of the straight line of least squares, and its standard error: that of sampling, given
// the weights of the values in the slope, or of their distance from the line, whichever is larger.
func line(x, y []float64, sampling func(weights []float64) float64) (slope, sigma float64) {
	n := float64(len(x))
	var mx, my float64
	for i := range x {
		mx += x[i] / n
		my += y[i] / n
	}
	var sxx, sxy float64
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	if sxx == 0 {
		return 0, math.Inf(1)
	}
	slope = sxy / sxx
	weights := make([]float64, len(x))
	var rest float64
	for i := range x {
		weights[i] = (x[i] - mx) / sxx
		d := y[i] - my - slope*(x[i]-mx)
		rest += d * d
	}
	return slope, math.Sqrt(math.Max(sampling(weights), rest/(n-2)/sxx))
}

// sampling is the variance that sampling gives a weighted sum of a site's bytes. Objects that stay are the same
// samples in each profile, so that growth is as uncertain as what came and went in between; where nearly
// all goes, each profile is a sample of its own. Both are upper bounds of what is shared.
func (s *series) sampling(st *site) func([]float64) float64 {
	return func(weights []float64) float64 {
		var apart, together, rest float64
		for i := len(weights) - 1; i >= 0; i-- {
			at := st.states[i]
			apart += weights[i] * weights[i] * at.variance
			rest += weights[i]
			if i == 0 {
				break
			}
			// Each byte that came or went has the variance of a byte in use.
			before := st.states[i-1]
			came := math.Max(at.allocBytes-before.allocBytes, 0)
			went := math.Max(came-(at.bytes-before.bytes), 0)
			together += rest * rest * (came + went) * math.Max(at.variance, before.variance) / math.Max(math.Max(at.bytes, before.bytes), 1)
		}
		if st.now().allocBytes <= 0 {
			return apart
		}
		return math.Min(apart, together)
	}
}

// grows reports growth that is no chance and large enough to matter.
func (t trend) grows(p *analyze.Pass) bool {
	return t.monotone && t.growth > 0 && t.slope > p.Param("min-sigmas")*t.sigma &&
		t.share >= p.Param("min-growth") && t.growth >= p.Param("min-growth-bytes")
}

// maxSlowing is of trend.steady: half, as for goroutines, is where a ramp to a plateau begins.
const maxSlowing = 0.5

// slows reports growth that comes to its end: a cache that fills, a service that warms up.
func (t trend) slows() bool { return t.steady < maxSlowing || t.lasting < maxSlowing/2 }

// confidence is likely where a line that lets go of nothing has grown evenly for as long as can be seen:
// through the window, and before it.
func (s *series) confidence(p *analyze.Pass, t trend) analyze.Confidence {
	even := p.Param("min-steady")
	if t.slope > sureSigmas*t.sigma && t.retained >= p.Param("min-retained") && t.steady >= even && t.lasting >= even &&
		t.history >= p.Param("min-history") && len(s.points) >= enoughPoints && s.timed() {
		return analyze.Likely
	}
	return analyze.Possible
}

// sureSigmas is how far from no growth the slope has to be for its halves to be told apart.
const sureSigmas = 3

// enoughPoints have one order in 120 in which each is higher than the last: p < maxTrendP.
const enoughPoints = 5

// reportGrowth reports the lines that grow. It returns how many there are.
func reportGrowth(p *analyze.Pass, s *series) int {
	if len(s.points) < minPoints {
		return 0
	}
	crowd, crowded := s.crowd()
	found, slowing, moved, waiting := 0, (*site)(nil), (*site)(nil), 0.0
	whole := s.growthOfAll()
	for _, st := range s.sites() {
		if !st.isProgram() {
			continue // of connections and goroutines, which others judge
		}
		t := s.trendOf(st)
		switch {
		case !t.grows(p):
		case crowded:
			waiting += t.growth
		case whole < minOfAll*t.growth:
			if moved == nil {
				moved = st
			}
		case t.slows():
			if slowing == nil {
				slowing = st
			}
		default:
			p.Report(s.growthFinding(p, st, t))
			found++
		}
	}
	if crowded && waiting > 0 {
		p.NotChecked("whether the "+bytesText(waiting)+" by which memory grew are more than what "+crowd+" hold", tryLonger)
	}
	if moved != nil {
		p.NotChecked("whether memory at "+placeOf(moved.location)+" grows for good: as much is given back by other lines, and the heap as a whole does not grow", tryLonger)
	}
	if slowing != nil {
		p.NotChecked("whether memory at "+placeOf(slowing.location)+", which grows ever more slowly, comes to an end, as a cache that fills does", tryLonger)
	}
	return found
}

// minOfAll is the part of a line's growth by which the heap as a whole has to grow. Where objects of one line take
// the place of those of another, such as the ones that were there from the start, nothing grows.
const minOfAll = 0.5

// growthOfAll is the growth of all that is in use over the window, in bytes, by the line of least squares.
func (s *series) growthOfAll() float64 {
	n := len(s.points)
	x, y := make([]float64, n), make([]float64, n)
	for i := range s.points {
		x[i], y[i] = s.points[i].at, s.points[i].inUse()
	}
	slope, _ := line(x, y, func([]float64) float64 { return 0 })
	return slope * (x[n-1] - x[0])
}

// crowd reports goroutines that come with the growth: those that do work in progress hold it, and those that
// leak do. It is theirs, and the leak and inflight detectors' affair.
func (s *series) crowd() (string, bool) {
	snaps := s.set.SnapshotsOf(evidence.Goroutine)
	if len(snaps) < 2 {
		return "", false
	}
	first, last := snaps[0].Total, snaps[len(snaps)-1].Total
	if last < first+minCrowd || float64(last) < crowdFold*float64(first) {
		return "", false
	}
	return countText(float64(last-first)) + " more goroutines", true
}

// Goroutines grow when there are half as many more and a hundred: what is worth a warning by itself.
const (
	minCrowd  = 100
	crowdFold = 1.5
)
