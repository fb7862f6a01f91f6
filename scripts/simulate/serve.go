package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	_ "net/http/pprof"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// holdNormally is how long the healthy server holds a lock for a request: long against what a busy machine adds
// to a sleep, so that the planted share is the share that shows.
const holdNormally = 40 * time.Millisecond

const (
	shards = 8 // of the stock, each with a lock
	// clients is how many requests are in flight for each shard.
	clients = 4
)

// shop is a small service: it reads an order, prices it, reserves stock under a lock, and answers.
type shop struct {
	hold  time.Duration
	leaks float64 // per 1,000 requests

	stock  [shards]shelf
	recent sync.Mutex
	orders [][32]byte

	inFlight, served atomic.Int64
	buckets          [len(bounds)]atomic.Int64
	sumNS            atomic.Int64
}

// shelf is a part of the stock.
type shelf struct {
	sync.Mutex
	reserved map[string]int
}

// bounds are those of the histogram of latencies, in seconds.
var bounds = [...]float64{0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 1}

type order struct {
	Customer string
	Shard    int
	Lines    []line
}

type line struct {
	Item  string
	Count int
	Cents int
}

// serve runs the server on a free port, whose address it prints, until it is killed.
func serve(hold time.Duration, leaks float64) error {
	runtime.SetMutexProfileFraction(10)
	runtime.SetBlockProfileRate(10_000)
	s := &shop{hold: hold, leaks: leaks}
	for i := range s.stock {
		s.stock[i].reserved = map[string]int{}
	}
	http.HandleFunc("/order", s.handleOrder)
	http.HandleFunc("/metrics", s.handleMetrics)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, nil)
}

func (s *shop) handleOrder(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	s.inFlight.Add(1)
	defer s.observe(began)
	var o order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	total := price(&o)
	s.reserve(&o)
	receipt := s.file(&o)
	if rand.Float64() < s.leaks/1000 {
		s.notify(o.Customer)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"total":%d,"receipt":"%x"}`, total, receipt[:8])
}

// price sorts and adds up, and does what services do with text.
func price(o *order) int {
	slices.SortFunc(o.Lines, func(a, b line) int { return strings.Compare(a.Item, b.Item) })
	total := 0
	for _, l := range o.Lines {
		total += l.Count * l.Cents
	}
	return total
}

// reserve holds the lock of a part of the stock while it waits for what stands for a slow store.
func (s *shop) reserve(o *order) {
	at := &s.stock[o.Shard%shards]
	at.Lock()
	defer at.Unlock()
	time.Sleep(s.hold)
	for _, l := range o.Lines {
		at.reserved[l.Item] += l.Count
	}
}

// file keeps the fingerprints of the last orders.
func (s *shop) file(o *order) [32]byte {
	text, _ := json.Marshal(o)
	sum := sha256.Sum256(text)
	s.recent.Lock()
	defer s.recent.Unlock()
	if s.orders = append(s.orders, sum); len(s.orders) > 1000 {
		s.orders = slices.Clone(s.orders[500:])
	}
	return sum
}

// notify starts a goroutine that nobody receives from.
func (s *shop) notify(customer string) {
	sent := make(chan string)
	go func() { sent <- customer }()
}

func (s *shop) observe(began time.Time) {
	took := time.Since(began)
	s.inFlight.Add(-1)
	s.served.Add(1)
	s.sumNS.Add(int64(took))
	for i, le := range bounds {
		if took.Seconds() <= le {
			s.buckets[i].Add(1)
		}
	}
}

func (s *shop) handleMetrics(w http.ResponseWriter, _ *http.Request) {
	n := s.served.Load()
	fmt.Fprintf(w, "# TYPE http_requests_total counter\nhttp_requests_total %d\n", n)
	fmt.Fprintf(w, "# TYPE http_server_requests_in_flight gauge\nhttp_server_requests_in_flight %d\n", s.inFlight.Load())
	fmt.Fprintf(w, "# TYPE go_goroutines gauge\ngo_goroutines %d\n", runtime.NumGoroutine())
	fmt.Fprintf(w, "# TYPE http_request_duration_seconds histogram\n")
	for i, le := range bounds {
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"%g\"} %d\n", le, min(s.buckets[i].Load(), n))
	}
	fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"+Inf\"} %d\nhttp_request_duration_seconds_sum %g\nhttp_request_duration_seconds_count %d\n",
		n, float64(s.sumNS.Load())/1e9, n)
}

// drive sends orders from closed-loop clients until ctx ends.
func drive(ctx context.Context, url string) {
	var wg sync.WaitGroup
	defer wg.Wait()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: shards * clients}}
	defer client.CloseIdleConnections()
	for c := range shards * clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), uint64(time.Now().UnixNano())))
			for ctx.Err() == nil {
				send(ctx, client, url, c%shards, rng)
			}
		})
	}
}

func send(ctx context.Context, client *http.Client, url string, shard int, rng *rand.Rand) {
	o := order{Customer: fmt.Sprintf("customer-%d", rng.IntN(1000)), Shard: shard}
	for range 1 + rng.IntN(30) {
		o.Lines = append(o.Lines, line{Item: fmt.Sprintf("item-%d", rng.IntN(200)), Count: 1 + rng.IntN(5), Cents: rng.IntN(10000)})
	}
	body, _ := json.Marshal(o)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/order", bytes.NewReader(body))
	if err != nil {
		return
	}
	res, err := client.Do(req)
	if err != nil {
		time.Sleep(10 * time.Millisecond)
		return
	}
	var answer bytes.Buffer
	answer.ReadFrom(res.Body)
	res.Body.Close()
}

// noise takes one core for random times, half of the time in all, as other jobs on a CI machine do.
func noise(ctx context.Context) error {
	for ctx.Err() == nil {
		until := time.Now().Add(time.Duration(rand.ExpFloat64() * float64(300*time.Millisecond)))
		for time.Now().Before(until) {
			sha256.Sum256(make([]byte, 4096))
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(rand.ExpFloat64() * float64(300*time.Millisecond))):
		}
	}
	return nil
}
