package signature

import (
	"fmt"
	"math"

	"go-debug/analyze/evidence"
)

// Words say what a number of samples costs: "17 % of the CPU (0.34 cores, 1.2 ms per request)". Without a
// window there are no cores, without requestsPerS (0) nothing is said per request.
func (s Share) Words(samples int64, requestsPerS float64) string {
	text := fmt.Sprintf("%.*f %% of the CPU", decimals(100*ratio(samples, s.Total)), 100*ratio(samples, s.Total))
	cores := s.CoresOf(samples)
	switch {
	case cores > 0 && requestsPerS > 0:
		text += fmt.Sprintf(" (%.2g cores, %s per request)", cores, Duration(cores/requestsPerS*1e9))
	case cores > 0:
		text += fmt.Sprintf(" (%.2g cores)", cores)
	}
	return text
}

func decimals(percent float64) int {
	if percent < 9.95 {
		return 1
	}
	return 0
}

// Duration writes nanoseconds with two or three digits: "1.2 ms".
func Duration(ns float64) string {
	switch {
	case ns >= 999.5e6:
		return fmt.Sprintf("%.3g s", ns/1e9)
	case ns >= 999.5e3:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	case ns >= 999.5:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	default:
		return fmt.Sprintf("%.0f ns", ns)
	}
}

// Number writes a rate or count with three digits and the words for large ones: "2.1 million".
func Number(v float64) string {
	switch {
	case v >= 999_500:
		return fmt.Sprintf("%.3g million", v/1e6)
	case v >= 999.5:
		step := math.Pow(10, math.Floor(math.Log10(v))-2)
		n := int64(math.Round(math.Round(v/step) * step))
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

// RequestRate is the requests answered per second, as the metrics of the capture count them over all
// routes; 0 when they do not say.
func RequestRate(set *evidence.Set) float64 {
	for i := range set.Loads {
		l := &set.Loads[i]
		if l.Kind != evidence.Metrics || l.Route != "all" {
			continue
		}
		var first, last *evidence.LoadPoint
		for j := range l.Points {
			p := &l.Points[j]
			if p.Requests == nil || p.At.IsZero() {
				continue
			}
			if first == nil {
				first = p
			}
			last = p
		}
		if first == nil {
			continue
		}
		// A counter that fell was reset: the program began anew.
		if s := last.At.Sub(first.At).Seconds(); s > 0 && *last.Requests > *first.Requests {
			return (*last.Requests - *first.Requests) / s
		}
	}
	return 0
}

// Top is the line that most samples belong to: the largest line of the function with most, so that a
// function that does something on many lines is not hidden behind one that does it on one.
func Top(sites []Site) (Site, bool) {
	functions := map[string]int64{}
	for _, s := range sites {
		functions[s.Location.Function] += s.Samples
	}
	best, found := Site{}, false
	for _, s := range sites { // most samples first
		if !found || functions[s.Location.Function] > functions[best.Location.Function] {
			best, found = s, true
		}
	}
	return best, found
}
