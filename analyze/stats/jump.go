package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// JumpMethod names the test for a backlog that came at once and stayed.
const JumpMethod = "largest deficit of completions against the usual arrivals over all spans, in standard deviations of a queue at the brink; Bonferroni"

// Jump is a backlog that came within a span of bins and stayed to the end.
type Jump struct {
	From, To int     // bins of the span, To exclusive
	Growth   float64 // requests that were added in it
	Z, P     float64 // P is 1 when there is none
}

// JumpOf looks for the span of bins in which completions fell furthest behind what usually arrives, for backlogs that do
// not grow any more: the whole window dilutes these. Even at the brink of capacity a queue of independent arrivals
// and services moves by no more than about the root of both meanwhile (Skellam 1946), here twice the usual arrivals. What
// arrives above the usual does not count, so bursts and ramps make no jump. The backlog must not fall below half of what was
// added from there on, for at least a quarter of the bins, or it was a stall. arrived, ended and seconds are per bin; the
// usual arrivals are those of the first third.
func JumpOf(arrived, ended, seconds []float64) Jump {
	n := min(len(arrived), len(ended), len(seconds))
	out := Jump{P: 1}
	usual := usualRate(arrived[:n], seconds[:n])
	if n < minDriftSteps || usual <= 0 {
		return out
	}
	level := make([]float64, n+1) // of the backlog, against that at the begin
	for i := range n {
		level[i+1] = level[i] + arrived[i] - ended[i]
	}
	lowest := append([]float64(nil), level...) // from there to the end
	for i := n - 1; i >= 0; i-- {
		lowest[i] = min(lowest[i], lowest[i+1])
	}
	spans := 0
	for from := range n {
		var length, done float64
		for to := from + 1; to <= n-max(n/4, 1); to++ {
			length += seconds[to-1]
			done += ended[to-1]
			spans++
			growth := min(level[to]-level[from], usual*length-done)
			if lowest[to] < level[from]+growth/2 {
				continue
			}
			if z := growth / math.Sqrt(2*usual*length); z > out.Z {
				out = Jump{From: from, To: to, Growth: growth, Z: z}
			}
		}
	}
	out.P = min(1, float64(spans)*distuv.UnitNormal.Survival(out.Z))
	return out
}

// usualRate is the mean of the first third of the bins, per second.
func usualRate(counts, seconds []float64) float64 {
	var sum, length float64
	for i := range len(counts) / 3 {
		sum += counts[i]
		length += seconds[i]
	}
	if length <= 0 {
		return 0
	}
	return sum / length
}
