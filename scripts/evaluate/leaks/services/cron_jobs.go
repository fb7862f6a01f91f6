package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// nightly runs 150 tasks every four seconds, which take two.
type nightly struct{ env *environment }

func newNightly(env *environment) http.Handler {
	s := &nightly{env}
	go func() {
		for env.ctx.Err() == nil {
			s.run()
			time.Sleep(2 * time.Second)
		}
	}()
	return s
}

func (s *nightly) run() {
	gate := make(chan struct{}, 40)
	var wg sync.WaitGroup
	for range 150 {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			time.Sleep(500 * time.Millisecond)
		})
	}
	wg.Wait()
}

func (s *nightly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, number(r))
}
