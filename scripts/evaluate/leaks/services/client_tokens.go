package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// tokenLimits gives every client a bucket of tokens that fills up again.
type tokenLimits struct {
	mu      sync.Mutex
	buckets map[string]chan struct{}
}

func newTokenLimits(*environment) http.Handler {
	return &tokenLimits{buckets: map[string]chan struct{}{}}
}

func (l *tokenLimits) bucket(client string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets[client]
	if !ok {
		b = make(chan struct{}, 3)
		l.buckets[client] = b
		go refill(b)
	}
	return b
}

func refill(bucket chan struct{}) {
	for {
		bucket <- struct{}{} // want "leak/chan-send"
		time.Sleep(100 * time.Millisecond)
	}
}

// ServeHTTP knows its clients by their address and port.
func (l *tokenLimits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client := fmt.Sprintf("10.0.0.7:%d", 20000+number(r)) // mend: client := fmt.Sprintf("10.0.0.%d", number(r)%5)
	select {
	case <-l.bucket(client):
		fmt.Fprintln(w, "welcome")
	case <-time.After(50 * time.Millisecond):
		http.Error(w, "slow down", http.StatusTooManyRequests)
	}
}
