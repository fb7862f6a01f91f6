package main

import (
	"crypto/sha256"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// scenarios are by name. What load each is under stands in the evaluation's list.
var scenarios = map[string]func() http.Handler{
	"healthy_low":           func() http.Handler { return waits(20 * time.Millisecond) },
	"healthy_high":          func() http.Handler { return waits(50 * time.Millisecond) },
	"bursty":                func() http.Handler { return waits(30 * time.Millisecond) },
	"ramp":                  func() http.Handler { return waits(40 * time.Millisecond) },
	"streams":               streams,
	"stable_contention":     func() http.Handler { return convoy(2 * time.Millisecond) },
	"slow_steady":           func() http.Handler { return waits(1500 * time.Millisecond) },
	"mutex_saturated":       func() http.Handler { return convoy(8 * time.Millisecond) },
	"rwmutex_saturated":     func() http.Handler { return table(8 * time.Millisecond) },
	"pool_saturated":        func() http.Handler { return pool(4, 40*time.Millisecond) },
	"sql_pool_saturated":    func() http.Handler { return database(4, 40*time.Millisecond) },
	"worker_pool_saturated": func() http.Handler { return workers(4, 40*time.Millisecond) },
	"cpu_saturated":         func() http.Handler { return computes(5 * time.Millisecond) },
	"gc_saturated":          allocates,
	"slow_downstream":       callsHTTP,
	"slow_downstream_tcp":   callsTCP,
	"in_flight_leak":        leaks,
	"lost_reply_leak":       losesReplies,
	"retry_storm":           func() http.Handler { return pool(8, 40*time.Millisecond) },
	"burst_recovery":        func() http.Handler { return pool(8, 40*time.Millisecond) },
}

// about is a duration that varies by half as requests do.
func about(d time.Duration) time.Duration { return d/2 + rand.N(d) }

func waits(d time.Duration) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(about(d)) })
}

// streams answers for long to those that ask for it, and at once to the others.
func streams() http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.FormValue("stream") == "" {
			time.Sleep(about(20 * time.Millisecond))
			return
		}
		<-r.Context().Done()
	})
}

// convoy holds one lock for a while in each request.
func convoy(held time.Duration) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		time.Sleep(about(held))
	})
}

// table has a lock that many read and one in four writes.
func table(held time.Duration) http.Handler {
	var mu sync.RWMutex
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if rand.N(4) > 0 {
			mu.RLock()
			defer mu.RUnlock()
			time.Sleep(about(held))
			return
		}
		mu.Lock()
		defer mu.Unlock()
		time.Sleep(about(2 * held))
	})
}

// computes needs so much of a processor for each request.
func computes(d time.Duration) http.Handler {
	var sink atomic.Uint64
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		var sum [32]byte
		// 60 ns a round on processors of the 2020s.
		for range int(d / (60 * time.Nanosecond)) {
			sum = sha256.Sum256(sum[:])
		}
		sink.Add(uint64(sum[0]))
	})
}

// allocates keeps a heap of small objects that the collector must walk, and makes garbage all the time.
func allocates() http.Handler {
	type node struct {
		next *node
		_    [48]byte
	}
	var kept *node
	for range 1_500_000 {
		kept = &node{next: kept}
	}
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		var recent [64]*node // the rest is garbage at once: many requests in flight keep no more than few do
		for i := range 60_000 {
			recent[i%len(recent)] = &node{next: kept}
		}
	})
}

// leaks never answers one request in twenty.
func leaks() http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n.Add(1)%20 == 0 {
			select {} // keeps the request, whatever its client does
		}
		time.Sleep(about(20 * time.Millisecond))
	})
}

// losesReplies hands each request to a goroutine, which forgets to answer one in twenty.
func losesReplies() http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		reply := make(chan int)
		forgets := n.Add(1)%20 == 0
		go func() {
			time.Sleep(about(20 * time.Millisecond))
			if !forgets {
				reply <- 1
			}
		}()
		<-reply
	})
}
