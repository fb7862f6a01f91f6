package main

import (
	"encoding/json"
	"math"
	"slices"
	"sync"
	"time"
)

// visit is a request as the service's middleware saw it, in nanoseconds since the epoch. Scrapes are requests too, which
// the service does not count in its metrics.
type visit struct {
	Start, End int64
	Scrape     bool
}

// clientTruth is requests as their clients see them. A nil one notes nothing.
type clientTruth struct {
	mu     sync.Mutex
	visits []visit
}

// begin notes a request, and returns what notes its end.
func (c *clientTruth) begin() (end func()) {
	if c == nil {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.visits)
	c.visits = append(c.visits, visit{Start: time.Now().UnixNano()})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.visits[n].End = time.Now().UnixNano()
	}
}

func (c *clientTruth) all() []visit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.visits)
}

func fetchTruth(url string) ([]visit, error) {
	data, err := fetch(url+"/truth", truthTimeout)
	if err != nil {
		return nil, err
	}
	var out []visit
	return out, json.Unmarshal(data, &out)
}

// period is the time that a file covers.
type period struct{ From, To time.Time }

// made reports whether requests piled up at all: a machine may be faster than the scenario takes it to be.
func made(visits []visit, over period) bool {
	third := over.To.Sub(over.From) / 3
	_, first := truthOf(visits, period{over.From, over.From.Add(third)}, false)
	_, last := truthOf(visits, period{over.To.Add(-third), over.To}, false)
	return last >= 2*first && last-first >= 10
}

// truthOf is throughput and mean concurrency over a time, from the single requests, with those for metrics or without.
func truthOf(visits []visit, over period, scrapes bool) (qps, inFlight float64) {
	a, b := over.From.UnixNano(), over.To.UnixNano()
	var done, area float64
	for _, v := range visits {
		if v.Scrape && !scrapes {
			continue
		}
		end := v.End
		if end == 0 {
			end = math.MaxInt64
		}
		if end > a && end <= b {
			done++
		}
		if lo, hi := max(v.Start, a), min(end, b); hi > lo {
			area += float64(hi - lo)
		}
	}
	return done / over.To.Sub(over.From).Seconds(), area / float64(b-a)
}
