package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// topicHub has 60 permanent subscribers and some that come for a second.
type topicHub struct {
	env  *environment
	mu   sync.Mutex
	subs map[chan int]bool
}

func newTopicHub(env *environment) http.Handler {
	h := &topicHub{env: env, subs: map[chan int]bool{}}
	for range 60 {
		go h.listen(env.ctx)
	}
	return h
}

func (h *topicHub) listen(ctx context.Context) {
	s := make(chan int, 8)
	h.mu.Lock()
	h.subs[s] = true
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.subs, s)
		h.mu.Unlock()
	}()
	for {
		select {
		case <-s:
		case <-ctx.Done():
			return
		}
	}
}

func (h *topicHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	ctx, cancel := context.WithTimeout(h.env.ctx, time.Second)
	context.AfterFunc(ctx, cancel)
	go h.listen(ctx)
	if n%10 == 0 {
		h.mu.Lock()
		for s := range h.subs {
			select {
			case s <- n:
			default:
			}
		}
		h.mu.Unlock()
	}
	fmt.Fprintln(w, n)
}
