package evidence

import "time"

// Load is the request load of one service (or route) as one source saw it.
type Load struct {
	Source string `json:"source"` // trace, metrics, loadtest
	Kind   Kind   `json:"kind"`
	Route  string `json:"route"` // "all" or a route label
	// Points are in time order. Counters in them are cumulative, as scraped.
	Points []LoadPoint `json:"points"`
	// Roles says which metric or file field supplied each role: "requests": "http_requests_total".
	Roles map[string]string `json:"roles,omitempty"`
}

// LoadPoint is one scrape or one bin. A nil field was not there: unknown is not zero.
type LoadPoint struct {
	// At is the time of the scrape; zero when unknown, and then no rate can be taken.
	At time.Time `json:"at,omitzero"`
	// Seq orders points without a time.
	Seq int `json:"seq"`

	Goroutines *float64 `json:"goroutines"`
	InFlight   *float64 `json:"in_flight"`
	Requests   *float64 `json:"requests"` // cumulative completed requests
	Errors     *float64 `json:"errors"`   // cumulative failed requests

	// LatencySumS, LatencyCount and LatencyBuckets are a cumulative latency histogram.
	LatencySumS    *float64        `json:"latency_sum_s"`
	LatencyCount   *float64        `json:"latency_count"`
	LatencyBuckets []LatencyBucket `json:"latency_buckets,omitempty"`
}

// LatencyBucket is one bucket of a classic histogram: Count requests took at most LE
// seconds (cumulative). The last bucket has LE = +Inf, written as a string by
// Prometheus and as math.MaxFloat64 here, so that the point stays valid JSON.
type LatencyBucket struct {
	LE    float64 `json:"le"`
	Count float64 `json:"count"`
}
