package main

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// An expiring cache has a janitor that throws out what is old.
type expiring struct {
	mu      sync.Mutex
	entries map[string]time.Time
	stop    chan struct{}
}

func newExpiring(every time.Duration) *expiring {
	c := &expiring{entries: map[string]time.Time{}, stop: make(chan struct{})}
	go c.janitor(every)
	return c
}

func (c *expiring) janitor(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select { // want "leak/select"
		case now := <-ticker.C:
			c.evict(now)
		case <-c.stop:
			return
		}
	}
}

func (c *expiring) evict(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, until := range c.entries {
		if now.After(until) {
			delete(c.entries, k)
		}
	}
}

func (c *expiring) put(k string, ttl time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[k] = time.Now().Add(ttl)
}

func (c *expiring) Close() { close(c.stop) }

// rendering keeps the fragments of one page while it is put together.
type rendering struct{}

func newRendering(*environment) http.Handler { return rendering{} }

func (s rendering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fragments := newExpiring(20 * time.Second)
	if err := s.layout(fragments, number(r)); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound) // mend: fragments.Close(); http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	fragments.put("footer", time.Second)
	fragments.Close()
	fmt.Fprintln(w, "page", number(r))
}

func (s rendering) layout(c *expiring, n int) error {
	if n%3 == 1 {
		return errors.New("no such page")
	}
	c.put("header", time.Second)
	return nil
}
