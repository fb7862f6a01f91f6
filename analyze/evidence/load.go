package evidence

import (
	"cmp"
	"slices"
	"time"
)

// Load is the request load of one service (or route) as one source saw it.
type Load struct {
	Source string `json:"source"` // trace, metrics, loadtest
	Kind   Kind   `json:"kind"`
	Route  string `json:"route"` // "all" or a route label
	// Origin tells loads of one source and route apart: the instance of a Prometheus server's target, or the
	// name of a load test's output. Empty where points of several inputs are one series.
	Origin string `json:"origin,omitempty"`
	// Points are in time order. Counters in them are cumulative, as scraped.
	Points []LoadPoint `json:"points"`
	// Roles says which metric or file field supplied each role: "requests": "http_requests_total".
	Roles map[string]string `json:"roles,omitempty"`

	// Latencies are those of the single requests in nanoseconds, where these were seen.
	Latencies *Histogram `json:"latencies,omitempty"`
	// Met are the latencies by how many requests were in flight when one arrived, itself included; ascending.
	Met []Met `json:"met,omitempty"`
	// Stated is what a load generator says of the whole test, where it says nothing of single requests.
	Stated *StatedLoad `json:"stated,omitempty"`
	// Generator is the load generator that measured; nil for a server's own metrics.
	Generator *Generator `json:"generator,omitempty"`
}

// Met holds the requests that met a like number of others.
type Met struct {
	// InFlight is the most that were in flight on arrival in this group: above that of the group before.
	InFlight  int       `json:"in_flight"`
	Latencies Histogram `json:"latencies"` // ns
}

// MetLevel is the InFlight of the group to which a request belongs that met n, itself included: every number up to
// 16, then eight levels an octave.
func MetLevel(n int) int {
	const fine = 16
	if n <= fine {
		return max(n, 1)
	}
	step := 1
	for step*fine < n {
		step *= 2
	}
	step /= 2 // n lies in (step·16, step·32]
	return (n + 2*step - 1) / (2 * step) * (2 * step)
}

// AddMet counts a request that met n and took ns.
func (l *Load) AddMet(n int, ns int64) { l.Met = AddMet(l.Met, n, ns) }

// AddMet counts a request that met n and took ns in groups that ascend, and returns them.
func AddMet(groups []Met, n int, ns int64) []Met {
	level := MetLevel(n)
	i := len(groups) // they are few and large: looked at in place, from the end
	for i > 0 && groups[i-1].InFlight >= level {
		i--
	}
	if i == len(groups) || groups[i].InFlight != level {
		groups = slices.Insert(groups, i, Met{InFlight: level})
	}
	groups[i].Latencies.Add(ns)
	return groups
}

// MergeMet joins the groups of two loads. Neither is changed.
func MergeMet(a, b []Met) []Met {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y Met) int { return cmp.Compare(x.InFlight, y.InFlight) })
	var out []Met
	for i := range all {
		if n := len(out); n == 0 || out[n-1].InFlight != all[i].InFlight {
			out = append(out, Met{InFlight: all[i].InFlight})
		}
		out[len(out)-1].Latencies.Merge(&all[i].Latencies)
	}
	return out
}

// Generator is a load generator and how it decided when to send.
type Generator struct {
	Name string `json:"name"`
	Loop Loop   `json:"loop"`
	// Workers is how many requests can be in flight at most; 0 when nobody says so.
	Workers int `json:"workers,omitempty"`
}

// Loop is what a load generator waits for before it sends a request.
type Loop string

// The loops. A closed one sends the next request when the last one was answered: a server that stalls is sent
// less, and the requests that would have met the stall are in no percentile.
const (
	OpenLoop    Loop = "open"    // sends on schedule
	ClosedLoop  Loop = "closed"  // sends when the last reply is there
	UnknownLoop Loop = "unknown" // the output does not tell
)

// StatedLoad is a load generator's summary of a whole test.
type StatedLoad struct {
	DurationS    float64         `json:"duration_s"`
	Requests     float64         `json:"requests"`
	Errors       *float64        `json:"errors"`
	MeanLatencyS *float64        `json:"mean_latency_s"`
	MaxLatencyS  *float64        `json:"max_latency_s"`
	Quantiles    []Quantile      `json:"quantiles,omitempty"` // ascending in Q
	Buckets      []LatencyBucket `json:"buckets,omitempty"`
}

// Quantile is a latency that a share Q of the requests did not exceed.
type Quantile struct {
	Q       float64 `json:"q"` // 0 to 1
	Seconds float64 `json:"s"`
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

	// MeanInFlight and MaxInFlight are of the time since the point before, where single requests were
	// seen; InFlight is the state at this moment.
	MeanInFlight *float64 `json:"mean_in_flight,omitempty"`
	MaxInFlight  *float64 `json:"max_in_flight,omitempty"`
	Started      *float64 `json:"started,omitempty"` // cumulative requests begun

	// CPUSeconds is the processor time of the process, CollectorSeconds that of its collector, GCCycles the collections: all cumulative.
	// HeapGoal is the size in bytes at which the next one ends.
	CPUSeconds       *float64 `json:"cpu_s,omitempty"`
	CollectorSeconds *float64 `json:"collector_s,omitempty"`
	GCCycles         *float64 `json:"gc_cycles,omitempty"`
	HeapGoal         *float64 `json:"heap_goal_bytes,omitempty"`

	// LatencySumS, LatencyCount and LatencyBuckets are a cumulative latency histogram.
	LatencySumS    *float64        `json:"latency_sum_s"`
	LatencyCount   *float64        `json:"latency_count"`
	LatencyBuckets []LatencyBucket `json:"latency_buckets,omitempty"`
	// Sparse says that bounds which are not listed bound nothing: the histogram is a native one.
	Sparse bool `json:"sparse,omitempty"`
}

// LatencyBucket is one bucket of a classic histogram: Count requests took at most LE
// seconds (cumulative). The last bucket has LE = +Inf, written as a string by
// Prometheus and as math.MaxFloat64 here, so that the point stays valid JSON.
type LatencyBucket struct {
	LE    float64 `json:"le"`
	Count float64 `json:"count"`
}
