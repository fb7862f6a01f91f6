package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// bounds are client_golang's default buckets.
var bounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// visit is a request as the middleware saw it, in nanoseconds since the epoch; End is 0 while it is open.
type visit struct {
	Start, End int64
	Scrape     bool
}

type meter struct {
	mu       sync.Mutex
	visits   []visit
	inFlight int
	done     int
	sum      float64
	buckets  []int
}

func newMeter() *meter { return &meter{buckets: make([]int, len(bounds)+1)} }

// count counts what a handler does.
func (m *meter) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		n := len(m.visits)
		start := time.Now()
		m.visits = append(m.visits, visit{Start: start.UnixNano()})
		m.inFlight++
		m.mu.Unlock()
		defer func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			end := time.Now()
			m.visits[n].End = end.UnixNano()
			m.inFlight--
			m.done++
			took := end.Sub(start).Seconds()
			m.sum += took
			i := 0
			for i < len(bounds) && took > bounds[i] {
				i++
			}
			m.buckets[i]++
		}()
		h.ServeHTTP(w, r)
	})
}

func (m *meter) truth() []visit {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]visit(nil), m.visits...)
}

// metrics writes what was counted. That is a request too, but not one of those that are counted.
func (m *meter) metrics(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	start := time.Now()
	defer func() {
		m.visits = append(m.visits, visit{Start: start.UnixNano(), End: time.Now().UnixNano(), Scrape: true})
	}()
	runtimeMetrics(w)
	fmt.Fprintf(w, "# TYPE http_server_requests_in_flight gauge\nhttp_server_requests_in_flight %d\n", m.inFlight)
	fmt.Fprintf(w, "# TYPE http_requests_total counter\nhttp_requests_total{code=\"200\"} %d\n", m.done)
	fmt.Fprintln(w, "# TYPE http_request_duration_seconds histogram")
	seen := 0
	for i, b := range bounds {
		seen += m.buckets[i]
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"%g\"} %d\n", b, seen)
	}
	fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"+Inf\"} %d\nhttp_request_duration_seconds_sum %g\nhttp_request_duration_seconds_count %d\n", m.done, m.sum, m.done)
}
