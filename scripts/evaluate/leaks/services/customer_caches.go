package main

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"
)

// customerCaches has a cache for each customer, and a janitor for each cache, from the customer's first request on.
type customerCaches struct {
	mu     sync.Mutex
	caches map[int]*agingCache
}

func newCustomerCaches(*environment) http.Handler {
	return &customerCaches{caches: map[int]*agingCache{}}
}

type agingCache struct {
	mu      sync.Mutex
	entries map[string]time.Time
}

func newAgingCache() *agingCache {
	c := &agingCache{entries: map[string]time.Time{}}
	go c.janitor(30 * time.Second)
	return c
}

func (c *agingCache) janitor(every time.Duration) {
	for range time.Tick(every) {
		c.mu.Lock()
		for k, at := range c.entries {
			if time.Since(at) > every {
				delete(c.entries, k)
			}
		}
		c.mu.Unlock()
	}
}

func (s *customerCaches) of(customer int) *agingCache {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.caches[customer]
	if !ok {
		c = newAgingCache()
		s.caches[customer] = c
	}
	return c
}

// ServeHTTP has 200 customers. Some come all the time, some once in a minute: the process is new, and has not met them all.
func (s *customerCaches) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	share := math.Mod(float64(n)*math.Phi, 1)
	c := s.of(int(200 * math.Pow(share, 4)))
	c.mu.Lock()
	c.entries[fmt.Sprint("request ", n)] = time.Now()
	c.mu.Unlock()
	fmt.Fprintln(w, "customer", int(200*math.Pow(share, 4)))
}
