package inflight

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// second is one second of a service: what is in flight at its end, what completes in it and how
// long that took.
type second struct {
	inFlight, completed, latency, goroutines float64
}

// scraped builds the load that one scrape a second would show, with a few per cent of noise.
func scraped(n int, f func(i int) second) evidence.Load {
	rng := rand.New(rand.NewPCG(11, 12))
	noise := func(v float64) float64 { return math.Round(v * (1 + 0.03*rng.NormFloat64())) }
	l := evidence.Load{Source: "metrics", Kind: evidence.Metrics, Route: "all"}
	var requests, sum float64
	buckets := []evidence.LatencyBucket{{LE: 0.01}, {LE: 0.1}, {LE: 0.25}, {LE: 1}, {LE: math.MaxFloat64}}
	for i := range n {
		s := f(i)
		done := noise(s.completed)
		requests += done
		sum += done * s.latency
		for k := range buckets {
			if s.latency <= buckets[k].LE {
				buckets[k].Count += done
			}
		}
		flight, goroutines, r, d := max(noise(s.inFlight), 0), noise(s.goroutines), requests, sum
		l.Points = append(l.Points, evidence.LoadPoint{At: time.Unix(1760000000+int64(i), 0).UTC(), Seq: i, InFlight: &flight, Goroutines: &goroutines,
			Requests: &r, LatencyCount: &r, LatencySumS: &d, LatencyBuckets: append([]evidence.LatencyBucket(nil), buckets...)})
	}
	return l
}

var (
	serveFrame   = evidence.Frame{Function: "net/http.(*conn).serve", File: "net/http/server.go", Line: 2073}
	handlerFrame = evidence.Frame{Function: "main.(*quotes).handleQuote", File: "shop/main.go", Line: 52}
	priceFrame   = evidence.Frame{Function: "main.(*quotes).price", File: "shop/main.go", Line: 69}
	workerFrame  = evidence.Frame{Function: "main.(*resync).notify", File: "shop/resync.go", Line: 31}
)

// waiting is the stack of a request that waits for a connection of a client's pool.
func waiting(extra ...evidence.Frame) evidence.Stack {
	s := evidence.Stack{
		{Function: "runtime.gopark", File: "runtime/proc.go", Line: 462},
		{Function: "runtime.selectgo", File: "runtime/select.go", Line: 351},
		{Function: "net/http.(*Transport).getConn", File: "net/http/transport.go", Line: 1479},
		{Function: "net/http.(*Client).do", File: "net/http/client.go", Line: 725},
	}
	s = append(s, extra...)
	return append(s, priceFrame, handlerFrame, evidence.Frame{Function: "net/http.serverHandler.ServeHTTP", File: "net/http/server.go", Line: 3340}, serveFrame)
}

// snapshots builds goroutine snapshots with the given numbers of waiting requests.
func snapshots(stack evidence.Stack, wait evidence.Wait, counts ...int) []evidence.Snapshot {
	var out []evidence.Snapshot
	for i, n := range counts {
		out = append(out, evidence.Snapshot{Position: evidence.Position{Source: "g", Seq: i}, Kind: evidence.Goroutine, Complete: true, Total: n + 40,
			Groups: []evidence.Group{
				{Wait: wait, Stack: stack, Count: n},
				{Wait: evidence.WaitIO, Count: 40, Stack: evidence.Stack{{Function: "internal/poll.runtime_pollWait"},
					{Function: "net/http.(*conn).readRequest"}, serveFrame}},
			}})
	}
	return out
}

func analyse(t *testing.T, set *evidence.Set) *analyze.Result {
	t.Helper()
	res, err := analyze.Run(context.Background(), set, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if o := res.Outcomes[0]; o.State == analyze.Failed {
		t.Fatalf("failed: %s", o.Why)
	}
	return res
}

func rules(res *analyze.Result) []string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, f.Rule)
	}
	return out
}
