// Package stats holds the statistics of the reports: quantiles with intervals, trend
// tests, Little's law. It is the only package that imports gonum.
package stats

import "math"

// Measure is one number of a report with what a reader needs to judge it: unit, sample
// size, window, method and warnings. A nil pointer means "not known", never zero.
type Measure struct {
	Name     string      `json:"name"`
	Value    float64     `json:"value"`
	Unit     string      `json:"unit"` // count, ns, s, bytes, per_s, ratio, percent, …
	N        int64       `json:"n"`    // samples behind the value
	WindowS  *float64    `json:"window_s"`
	P50      *float64    `json:"p50"`
	P90      *float64    `json:"p90"`
	P95      *float64    `json:"p95"`
	P99      *float64    `json:"p99"`
	Max      *float64    `json:"max"`
	Interval *[2]float64 `json:"interval"` // 95 % unless Method says otherwise
	Method   string      `json:"method"`
	Warnings []string    `json:"warnings"`
}

// Float returns a pointer to v, or nil when v is NaN or infinite: JSON has neither.
func Float(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Over sets the window of a measure, in seconds.
func (m Measure) Over(seconds float64) Measure {
	if seconds > 0 {
		m.WindowS = Float(seconds)
	}
	return m
}

// Warn adds a warning.
func (m Measure) Warn(text string) Measure {
	m.Warnings = append(m.Warnings[:len(m.Warnings):len(m.Warnings)], text)
	return m
}
