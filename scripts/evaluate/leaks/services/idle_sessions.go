package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A basket has a goroutine of its own, which ends when nobody has asked for it for a while.
type basket struct{ items chan int }

type basketStore struct {
	mu      sync.Mutex
	baskets map[int]*basket
}

func newBasketStore(*environment) http.Handler { return &basketStore{baskets: map[int]*basket{}} }

func (s *basketStore) run(id int, c *basket) {
	idle := time.NewTimer(2 * time.Second)
	defer idle.Stop()
	for n := 0; ; n++ {
		select {
		case <-c.items:
			idle.Reset(2 * time.Second)
		case <-idle.C:
			s.mu.Lock()
			delete(s.baskets, id)
			s.mu.Unlock()
			return
		}
	}
}

// ServeHTTP puts an item into one of the baskets; new customers come all the time.
func (s *basketStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := number(r) / 4
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.baskets[id]
	if !ok {
		c = &basket{items: make(chan int, 4)}
		s.baskets[id] = c
		go s.run(id, c)
	}
	select {
	case c.items <- number(r):
	default:
	}
	fmt.Fprintln(w, len(s.baskets), "baskets")
}
