// Command promhttp writes the trace of a server with client_golang's middleware that the tests of the decoder read: 40 requests
// for work, each of which sleeps a millisecond, and 10 for the metrics, by 4 clients.
//
//	go run -trimpath . ../promhttp.trace
package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/trace"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

//go:noinline
func work(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(time.Millisecond)
	io.WriteString(w, "done")
}

func main() {
	inFlight := promauto.NewGauge(prometheus.GaugeOpts{Name: "http_requests_in_flight"})
	total := promauto.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total"}, []string{"code"})
	took := promauto.NewHistogramVec(prometheus.HistogramOpts{Name: "http_request_duration_seconds"}, nil)
	mux := http.NewServeMux()
	mux.Handle("/work", promhttp.InstrumentHandlerInFlight(inFlight, promhttp.InstrumentHandlerCounter(total,
		promhttp.InstrumentHandlerDuration(took, http.HandlerFunc(work)))))
	mux.Handle("/metrics", promhttp.Handler())
	srv := httptest.NewServer(mux)
	f, err := os.Create(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := trace.Start(f); err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				get(srv.URL + "/work")
			}
		})
	}
	wg.Go(func() {
		for range 10 {
			get(srv.URL + "/metrics")
		}
	})
	wg.Wait()
	time.Sleep(20 * time.Millisecond) // the last reply is there before its write has ended
	trace.Stop()
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	srv.Close()
}

func get(url string) {
	resp, err := http.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		log.Fatal(err)
	}
}
