package inflight

import (
	"time"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

func unanswered(p *evidence.LoadPoint) bool {
	return p.Goroutines == nil && p.InFlight == nil && p.Requests == nil && p.LatencyCount == nil && p.LatencySumS == nil && len(p.LatencyBuckets) == 0
}

// hurriedPart is the part of the usual time between two scrapes below which one came too early, as it does where the one before
// had to wait: a rate over so short a time is noise, or nonsense.
const hurriedPart = 0.5

// leastSpacing is the least time between two scrapes of which a rate is taken.
func leastSpacing(points []evidence.LoadPoint) time.Duration {
	var spaces []float64
	var before time.Time
	for i := range points {
		if unanswered(&points[i]) {
			continue
		}
		if at := points[i].At; !before.IsZero() && at.After(before) {
			spaces = append(spaces, at.Sub(before).Seconds())
		}
		before = points[i].At
	}
	if len(spaces) < minTrendBins {
		return 0
	}
	return time.Duration(hurriedPart * stats.Median(spaces) * float64(time.Second))
}

// leastExpected is how many completions an interval must be due by the rate of the window for none to be no chance: e⁻¹⁰.
const leastExpected = 10

// answeredAtOnce marks scrapes that say what the one before said, where requests are in flight and many should have
// completed since, and that a later one tells of progress: a server that comes to answer late answers all that have
// asked meanwhile with the same state, whose time is none of theirs. A rate of the intervals between them, and of the one
// behind, is nonsense; of all together it is right. A server that never moves again is left as it says.
func answeredAtOnce(points []evidence.LoadPoint) []bool {
	same := make([]bool, len(points))
	rate := completionRate(points)
	before, pending := -1, []int(nil)
	for i := range points {
		p := &points[i]
		switch {
		case unanswered(p):
			continue
		case before < 0 || !repeats(&points[before], p) || rate*p.At.Sub(points[before].At).Seconds() < leastExpected:
			for _, k := range pending {
				same[k] = true
			}
			before, pending = i, nil
		default:
			pending = append(pending, i)
		}
	}
	return same
}

// repeats holds when b says of requests what a said, and some are in flight.
func repeats(a, b *evidence.LoadPoint) bool {
	return finite(a.Requests) && finite(b.Requests) && *a.Requests == *b.Requests &&
		finite(a.InFlight) && finite(b.InFlight) && *a.InFlight == *b.InFlight && *a.InFlight > 0
}

// completionRate is requests per second from the first to the last scrape that counts them, 0 where that is not known.
func completionRate(points []evidence.LoadPoint) float64 {
	var first, last *evidence.LoadPoint
	for i := range points {
		if p := &points[i]; finite(p.Requests) && !p.At.IsZero() {
			if first == nil {
				first = p
			}
			last = p
		}
	}
	if first == nil || !last.At.After(first.At) {
		return 0
	}
	return (*last.Requests - *first.Requests) / last.At.Sub(first.At).Seconds()
}
