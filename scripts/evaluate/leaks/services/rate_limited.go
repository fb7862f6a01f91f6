package main

import (
	"fmt"
	"net/http"
	"time"
)

// A limiter lets thirty requests a second through; bursts wait their turn.
type limiter struct{ tokens chan struct{} }

func newLimiter(env *environment) http.Handler {
	l := &limiter{tokens: make(chan struct{}, 10)}
	go func() {
		ticker := time.NewTicker(time.Second / 30)
		defer ticker.Stop()
		for range ticker.C {
			select {
			case l.tokens <- struct{}{}:
			default:
			}
		}
	}()
	return l
}

// ServeHTTP costs one token, and ten for an export.
func (l *limiter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cost := 1
	if number(r)%40 == 0 {
		cost = 10
	}
	for range cost {
		select {
		case <-l.tokens:
		case <-r.Context().Done():
			return
		}
	}
	fmt.Fprintln(w, cost)
}
