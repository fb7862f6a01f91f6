package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// rates follows the pairs that were asked for.
type rates struct {
	mu       sync.Mutex
	followed map[string]int
}

func newRates(*environment) http.Handler { return &rates{followed: map[string]int{}} }

func (s *rates) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pair := fmt.Sprintf("EUR/%03d", number(r)%10)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.followed[pair]; !known {
		s.followed[pair] = 100
	}
	go s.follow(pair) // mend: if s.followed[pair] == 100 { s.followed[pair]++; go s.follow(pair) }
	fmt.Fprintln(w, s.followed[pair])
}

func (s *rates) follow(pair string) {
	for range time.Tick(300 * time.Millisecond) { // want "leak/chan-receive"
		s.mu.Lock()
		s.followed[pair]++
		s.mu.Unlock()
	}
}
