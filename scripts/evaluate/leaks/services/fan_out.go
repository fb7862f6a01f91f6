package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// fanOut asks twenty shards; the slowest takes up to half a second.
type fanOut struct{}

func newFanOut(*environment) http.Handler { return fanOut{} }

func (f fanOut) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 400*time.Millisecond)
	defer cancel()
	answers := make(chan int)
	for shard := range 20 {
		go func() {
			time.Sleep(rand.N(500 * time.Millisecond))
			select {
			case answers <- shard:
			case <-ctx.Done():
			}
		}()
	}
	got := 0
	for range 20 {
		select {
		case <-answers:
			got++
		case <-ctx.Done():
		}
	}
	fmt.Fprintln(w, number(r), got)
}
