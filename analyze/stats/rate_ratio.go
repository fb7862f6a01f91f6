package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// RateRatioMethod is the name of the test of [RateRise].
const RateRatioMethod = "exact conditional test of two Poisson rates, one-sided"

// RateRise is the one-sided p-value for a rate that rose: of before events over an exposure, after
// over another. Given the sum of both counts, the later one is binomial with the share of its
// exposure if the rates are equal (Przyborowski and Wilenski 1940). It takes the events as
// independent. It is NaN when an exposure is not positive or a count is negative, 1 when there
// are no later events.
func RateRise(before int64, exposureBefore float64, after int64, exposureAfter float64) float64 {
	if !(exposureBefore > 0) || !(exposureAfter > 0) || before < 0 || after < 0 {
		return math.NaN()
	}
	if after == 0 {
		return 1
	}
	share := exposureAfter / (exposureBefore + exposureAfter)
	return mathext.RegIncBeta(float64(after), float64(before)+1, share)
}
