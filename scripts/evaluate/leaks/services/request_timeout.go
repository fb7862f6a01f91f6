package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

type search struct{}

func newSearch(*environment) http.Handler { return search{} }

func (s search) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 30*time.Millisecond)
	defer cancel()
	hits, err := s.find(ctx, number(r))
	if err != nil {
		http.Error(w, err.Error(), http.StatusGatewayTimeout)
		return
	}
	fmt.Fprintln(w, hits)
}

// find asks the index, for as long as the context lives.
func (s search) find(ctx context.Context, n int) ([]int, error) {
	result := make(chan []int) // mend: result := make(chan []int, 1)
	go func() {
		hits := s.scanIndex(n)
		result <- hits // want "leak/chan-send"
	}()
	select {
	case hits := <-result:
		return hits, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s search) scanIndex(n int) []int {
	took := 5 * time.Millisecond
	if n%3 == 0 {
		took = 80 * time.Millisecond
	}
	time.Sleep(took)
	return []int{n, n + 1, n + 2}
}
