package analyze

import "go-debug/analyze/stats"

// LoadReport is throughput beside concurrency for one source and route: the load section
// of the report. Nil means "not known".
type LoadReport struct {
	Source   string
	Route    string
	WindowS  float64
	Requests *float64
	Censored *float64

	ArrivalsPerS *float64
	QPS          *float64 // completed per second
	InFlight     LoadInFlight
	Latency      *LoadLatency
	States       map[string]float64 // share of in-flight time by state
	LittlesGap   *float64           // 1 − (Δ duration sum / Δt) / mean in-flight
	Goroutines   *float64           // at the end of the window

	Verdict  string // ok, growing, plateau, leak, recovered, unanswered, inconclusive
	Cause    string
	Sentence string // "950 QPS at 91 in flight; P99 118 ms"
	Measures []stats.Measure
	Series   *LoadSeries
}

// LoadInFlight is concurrency over the window. Lower and Upper are set instead of Mean
// where only an interval can be known.
type LoadInFlight struct{ Mean, Max, Lower, Upper *float64 }

// LoadLatency holds latency percentiles in nanoseconds.
type LoadLatency struct {
	P50, P90, P95, P99, Max *float64
	// UpperBound is true when the percentiles are upper bounds of histogram buckets.
	UpperBound bool
	N          int64
	Method     string
}

// LoadSeries is the load over time in bins of one width.
type LoadSeries struct {
	BinS         float64
	ArrivalsPerS []*float64
	QPS          []*float64
	InFlight     []*float64
	Goroutines   []*float64
}
