package analyze

import "go-debug/analyze/stats"

// LoadReport is throughput beside concurrency for one source and route: the load section
// of the report. Nil means "not known".
type LoadReport struct {
	Source   string
	Route    string
	Origin   string // the target or file, where several loads of one source stand side by side
	WindowS  float64
	Requests *float64
	Censored *float64

	ArrivalsPerS *float64
	QPS          *float64 // completed per second
	InFlight     LoadInFlight
	Latency      *LoadLatency
	States       map[string]float64 // share of in-flight time by state
	FanOut       *LoadFanOut        // nil where requests start no goroutines, or nobody saw
	Queued       *float64           // requests that wait rather than are served
	LittlesGap   *float64           // 1 − (Δ duration sum / Δt) / mean in-flight
	Goroutines   *float64           // at the end of the window

	Verdict  string // ok, growing, plateau, leak, recovered, unanswered, inconclusive
	Cause    string
	Sentence string // "950 QPS at 91 in flight; P99 118 ms; supports 64 concurrent at P99 < 50 ms"
	Support  *LoadSupport
	Measures []stats.Measure
	Series   *LoadSeries
}

// LoadInFlight is concurrency over the window. Lower and Upper are set instead of Mean
// where only an interval can be known.
type LoadInFlight struct{ Mean, Max, Lower, Upper *float64 }

// LoadFanOut is the goroutines that requests start, and what these do while requests wait for them. The counts are of
// requests that arrived and ended in the window.
type LoadFanOut struct {
	Started    int64 // by requests and by the goroutines that they started
	Left       int64 // of these, still there 10 ms after their requests were over
	Unfollowed int64 // of these, what they did is not known throughout
	Awaited    []LoadAwaited
}

// LoadAwaited is the share of in-flight time in one state while the goroutine of the request's own that ended the wait
// was in another.
type LoadAwaited struct {
	State, For string
	Share      float64
}

// LoadSupport is the concurrency up to which P99 is known to keep a limit.
type LoadSupport struct {
	InFlight int
	LimitNS  float64
	BoundNS  float64 // upper bound of P99 there
	Limited  bool    // more does not keep it; else more was not seen
	Method   string
}

// LoadLatency holds latency percentiles in nanoseconds.
type LoadLatency struct {
	P50, P90, P95, P99, Max *float64
	// Intervals are those of the percentiles, by their names; nil where the sample is too small for one.
	Intervals map[string][2]float64
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
