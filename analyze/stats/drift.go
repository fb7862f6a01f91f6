package stats

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// DriftMethod names the test of a backlog's increments.
const DriftMethod = "t-test of the increments of L against 0, Bartlett-HAC variance of at least Poisson's"

// minDriftSteps is the fewest increments of which the variance says anything.
const minDriftSteps = 5

// Drift is the result of a test whether a backlog grows steadily.
type Drift struct {
	N    int
	Mean float64 // increment per bin
	T, P float64 // one-sided; P is 1 when there is nothing to test
}

// DriftOf asks whether a backlog rose by more than a queue at the brink of capacity wanders. steps
// are the increments per bin, in time order; events the arrivals and completions of the same bins. With
// independent arrivals and completions an increment varies by their number (Skellam 1946): that is the least
// variance assumed, and a steadier series is luck. Bursts vary more, which the series itself shows. A queue
// below capacity returns to its mean, so its increments cancel and the test errs to the safe side.
func DriftOf(steps, events []float64) Drift {
	out := Drift{N: min(len(steps), len(events)), P: 1, Mean: math.NaN()}
	if out.N < minDriftSteps {
		return out
	}
	n := float64(out.N)
	out.Mean = stat.Mean(steps[:out.N], nil)
	variance := max(longRunVariance(steps[:out.N]), stat.Mean(events[:out.N], nil))
	if variance <= 0 {
		return out
	}
	out.T = out.Mean / math.Sqrt(variance/n)
	out.P = distuv.StudentsT{Sigma: 1, Nu: n - 1}.Survival(out.T)
	return out
}
