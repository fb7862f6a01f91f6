package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxOutstanding bounds the requests in flight, and with them the sockets: half of a
// common limit of 20,000 descriptors, as the generator may serve the dependency too.
const maxOutstanding = 8000

// A request is what the generator sends as its i-th.
type request struct{ method, path, body string }

// A load is an open-loop arrival process: requests start on schedule whether or not the
// earlier ones have been answered, as they do when the clients are many and independent.
type load struct {
	perSecond float64
	burst     int // arrivals come in groups of this many; 0 means one at a time
	request   func(i int, g *generator) request
	mayRefuse bool // answers of 4xx and 5xx are part of the service
}

// A generator sends a load to one server.
type generator struct {
	load
	base    string
	client  *http.Client
	devices []string // filled in by the scenario's prepare, where requests need them

	inFlight    atomic.Int64
	maxInFlight atomic.Int64

	mu        sync.Mutex
	latencies []time.Duration
	failed    int
	first     error
}

// summary is what the clients saw.
type summary struct {
	sent, answered, unanswered, failed int
	dropped                            int // not sent, as maxOutstanding was reached
	firstError                         error
	seconds                            float64
	maxInFlight                        int64
	p50, p95, p99, max                 time.Duration
}

func (s summary) String() string {
	return fmt.Sprintf("%.0f/s sent, %.0f/s answered, %d unanswered, %d dropped, in flight at most %d, latency p50 %v p95 %v p99 %v max %v",
		float64(s.sent)/s.seconds, float64(s.answered)/s.seconds, s.unanswered, s.dropped, s.maxInFlight,
		s.p50.Round(100*time.Microsecond), s.p95.Round(100*time.Microsecond), s.p99.Round(100*time.Microsecond), s.max.Round(time.Millisecond))
}

func listenLoopback() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

func newGenerator(base string, l load) *generator {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(addr); err != nil || !net.ParseIP(host).IsLoopback() {
			return nil, fmt.Errorf("%s is not a loopback address", addr)
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return &generator{load: l, base: base, client: &http.Client{Transport: &http.Transport{
		DialContext:         dial,
		MaxIdleConns:        maxOutstanding,
		MaxIdleConnsPerHost: maxOutstanding,
	}}}
}

// run sends until the context ends. Requests that are open then are given up and counted
// as unanswered.
func (g *generator) run(ctx context.Context) summary {
	start := time.Now()
	burst := max(g.burst, 1)
	gap := time.Duration(float64(burst) / g.perSecond * float64(time.Second))
	var wg sync.WaitGroup
	var s summary
	for next := start; ; next = next.Add(gap) {
		if !wait(ctx, time.Until(next)) {
			break
		}
		for range burst {
			if g.inFlight.Load() >= maxOutstanding {
				s.dropped++
				continue
			}
			r := g.request(s.sent, g)
			s.sent++
			g.maxInFlight.Store(max(g.maxInFlight.Load(), g.inFlight.Add(1)))
			wg.Go(func() {
				defer g.inFlight.Add(-1)
				g.observe(ctx, r)
			})
		}
	}
	s.seconds = time.Since(start).Seconds()
	wg.Wait()
	g.client.CloseIdleConnections()
	return g.summarise(s)
}

func (g *generator) observe(ctx context.Context, r request) {
	start := time.Now()
	_, err := g.do(ctx, r)
	took := time.Since(start)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err == nil:
		g.latencies = append(g.latencies, took)
	case ctx.Err() == nil:
		g.failed++
		if g.first == nil {
			g.first = err
		}
	}
}

// do sends one request and returns the body of its answer.
func (g *generator) do(ctx context.Context, r request) (string, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, g.base+r.path, strings.NewReader(r.body))
	if err != nil {
		return "", err
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= 300 && !g.mayRefuse {
		err = fmt.Errorf("%s %s: %s", r.method, r.path, resp.Status)
	}
	return string(body), err
}

func (g *generator) summarise(s summary) summary {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.failed, s.firstError = g.failed, g.first
	s.answered = len(g.latencies)
	s.unanswered = s.sent - s.answered - s.failed
	s.maxInFlight = g.maxInFlight.Load()
	slices.Sort(g.latencies)
	rank := func(q float64) time.Duration {
		if len(g.latencies) == 0 {
			return 0
		}
		return g.latencies[int(q*float64(len(g.latencies)-1))]
	}
	s.p50, s.p95, s.p99, s.max = rank(.5), rank(.95), rank(.99), rank(1)
	return s
}
