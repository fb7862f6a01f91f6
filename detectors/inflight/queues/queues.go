// Package queues simulates queues whose truth is known, as a server's metrics would show them: what the inflight
// detector makes of them is its rate of false alarms, and its power.
package queues

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"go-debug/analyze/evidence"
)

// Model is a service under a load, scraped at even intervals.
type Model struct {
	Name    string
	Servers int     // 0: as many as there are requests (M/G/∞)
	Rate    float64 // services per second of all servers together; of M/G/∞ what one second of load is counted in
	Scrapes int
	Every   float64 // seconds between scrapes
	// Load is the arrivals in units of Rate, t running from 0 to 1 over the window and below 0 in the warm-up.
	Load func(t float64) float64
	// Peak is the largest value of Load.
	Peak float64
	// Spread is the coefficient of variation of service times: 1 for exponential ones (M), other values for lognormal.
	Spread float64
	// Leak is the share of requests that never end, whoever serves them.
	Leak float64
	// Traced is an execution trace of the window instead of scrapes: it shows each request that begins or ends in it.
	Traced bool
	// Diverges is the truth.
	Diverges bool
}

// WarmUp is how many seconds a model runs before its window.
const WarmUp = 60

// request is in the service from its arrival to its end; +Inf when it leaked.
type request struct{ arrival, end float64 }

// Set runs the model once and returns what is seen of it.
func (m Model) Set(rng *rand.Rand) *evidence.Set {
	if m.Traced {
		return &evidence.Set{Trace: m.traced(rng)}
	}
	return &evidence.Set{Loads: []evidence.Load{m.scraped(rng)}}
}

// scraped runs the model once and returns what metrics say of it: a gauge of requests in flight, a counter of
// those that completed, and the sum of their durations.
func (m Model) scraped(rng *rand.Rand) evidence.Load {
	requests := m.run(rng)
	l := evidence.Load{Source: "metrics", Kind: evidence.Metrics, Route: "all"}
	byEnd := slices.Clone(requests)
	slices.SortFunc(byEnd, func(a, b request) int {
		if a.end < b.end {
			return -1
		}
		if a.end > b.end {
			return 1
		}
		return 0
	})
	arrived, ended := 0, 0
	var sum float64
	for i := range m.Scrapes {
		now := float64(i) * m.Every
		for arrived < len(requests) && requests[arrived].arrival <= now {
			arrived++
		}
		for ended < len(byEnd) && byEnd[ended].end <= now {
			sum += byEnd[ended].end - byEnd[ended].arrival
			ended++
		}
		flight, done, total := float64(arrived-ended), float64(ended), sum
		l.Points = append(l.Points, evidence.LoadPoint{At: time.Unix(1760000000, 0).Add(time.Duration(now * float64(time.Second))).UTC(), Seq: i,
			InFlight: &flight, Requests: &done, LatencyCount: &done, LatencySumS: &total})
	}
	return l
}

// window is its length in seconds.
func (m Model) window() float64 { return float64(m.Scrapes-1) * m.Every }

// Window says what is seen: "60 scrapes", "10 s trace".
func (m Model) Window() string {
	if m.Traced {
		return fmt.Sprintf("%.0f s trace", m.window())
	}
	return fmt.Sprintf("%d scrapes", m.Scrapes)
}

// run draws arrivals by thinning, and serves them first come, first served.
func (m Model) run(rng *rand.Rand) []request {
	window := m.window()
	var out []request
	free := &times{} // when each server is free again
	for range m.Servers {
		heap.Push(free, math.Inf(-1))
	}
	for now := -float64(WarmUp); now <= window; now += rng.ExpFloat64() / (m.Rate * m.Peak) {
		if rng.Float64()*m.Peak > m.Load(now/window) {
			continue
		}
		if rng.Float64() < m.Leak {
			out = append(out, request{now, math.Inf(1)})
			continue
		}
		begin := now
		if m.Servers > 0 {
			begin = max(now, heap.Pop(free).(float64))
		}
		end := begin + m.service(rng)
		if m.Servers > 0 {
			heap.Push(free, end)
		}
		out = append(out, request{now, end})
	}
	return out
}

// service draws a service time. Those of M/G/∞ have a mean of a fifth of a second.
func (m Model) service(rng *rand.Rand) float64 {
	mean := 0.2
	if m.Servers > 0 {
		mean = float64(m.Servers) / m.Rate
	}
	if m.Spread == 1 {
		return mean * rng.ExpFloat64()
	}
	variance := math.Log(1 + m.Spread*m.Spread)
	return mean * math.Exp(math.Sqrt(variance)*rng.NormFloat64()-variance/2)
}

// times is a heap of moments.
type times []float64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *times) Push(x any)        { *t = append(*t, x.(float64)) }
func (t *times) Pop() any {
	old := *t
	x := old[len(old)-1]
	*t = old[:len(old)-1]
	return x
}
