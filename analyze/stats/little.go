package stats

import "math"

// LittleMethod names the checks by Little's law.
const LittleMethod = "Little's law, L = X·W"

// Concurrency is the mean number in the system that throughput and residence time explain:
// L = X·W, with X per second and W in seconds (Little 1961).
func Concurrency(perS, residenceS float64) float64 { return perS * residenceS }

// Residence is the time each request would have to stay for a throughput to need so many
// in the system: W = L/X, in seconds. It is NaN without throughput.
func Residence(inSystem, perS float64) float64 {
	if perS <= 0 {
		return math.NaN()
	}
	return inSystem / perS
}

// LittleGap is 1 − (Δduration_sum/Δt)/L: the share of the concurrency that the requests
// which completed in the window do not explain. On a window the law holds up to the ages of
// what is open at its ends, ∫L dt = ΣW(completed) + ages at end − ages at start: the gap is near
// 0 in a steady state, positive while requests pile up, negative while a backlog drains and
// near 1 when requests stay for ever. It is NaN for an empty window or L ≤ 0.
func LittleGap(durationSumS, windowS, meanInFlight float64) float64 {
	if windowS <= 0 || meanInFlight <= 0 {
		return math.NaN()
	}
	return 1 - durationSumS/windowS/meanInFlight
}

// Arrivals recovers the arrival rate from completions and the change of concurrency:
// λ = X + ΔL/Δt, per second, never below 0 (scrapes of gauges and counters are not atomic).
func Arrivals(completedPerS, deltaInFlight, windowS float64) float64 {
	if windowS <= 0 {
		return math.NaN()
	}
	return max(completedPerS+deltaInFlight/windowS, 0)
}
