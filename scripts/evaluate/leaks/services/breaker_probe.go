package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A breaker keeps calls from a service that is down, and lets probes through once it is half open.
type breaker struct {
	mu       sync.Mutex
	failures int
	open     bool
	halfOpen chan struct{}
	timer    *time.Timer
}

func newBreaker(*environment) http.Handler {
	return &breaker{halfOpen: make(chan struct{})}
}

func (b *breaker) trip() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = true
	b.halfOpen = make(chan struct{}) // mend: close(b.halfOpen); b.halfOpen = make(chan struct{})
	if b.timer != nil {
		b.timer.Stop()
	}
	b.timer = time.AfterFunc(700*time.Millisecond, b.retry)
}

func (b *breaker) retry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		b.open = false
		close(b.halfOpen)
		b.halfOpen = make(chan struct{})
	}
}

func (b *breaker) probe(halfOpen chan struct{}) {
	<-halfOpen // want "leak/chan-receive"
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = 0
}

// ServeHTTP calls the service. Of ten calls the first and the third fail.
func (b *breaker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n := number(r) % 10; n == 0 || n == 2 {
		b.trip()
	}
	b.mu.Lock()
	open, halfOpen := b.open, b.halfOpen
	b.mu.Unlock()
	if open {
		go b.probe(halfOpen)
		http.Error(w, "the circuit is open", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "called", number(r))
}
