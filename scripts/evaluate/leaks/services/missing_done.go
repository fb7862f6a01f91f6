package main

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const carriers = 4

var errNoRoute = errors.New("the carrier does not go there")

type shipping struct{}

func newShipping(*environment) http.Handler { return shipping{} }

// ServeHTTP names the cheapest of the carriers that answer in time.
func (s shipping) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	var best atomic.Int64
	best.Store(1 << 30)
	var wg sync.WaitGroup
	wg.Add(carriers)
	for i := range carriers {
		go func() {
			price, err := s.ask(i, n)
			if err != nil {
				return // mend: wg.Done(); return
			}
			best.Store(min(best.Load(), price))
			wg.Done()
		}()
	}
	all := make(chan struct{})
	go func() {
		wg.Wait() // want "leak/waitgroup"
		close(all)
	}()
	select {
	case <-all:
	case <-time.After(40 * time.Millisecond):
	}
	fmt.Fprintln(w, best.Load())
}

func (s shipping) ask(carrier, n int) (int64, error) {
	time.Sleep(time.Duration(2+carrier) * time.Millisecond)
	if carrier == 1 && n%3 == 0 {
		return 0, errNoRoute
	}
	return int64(400 + 10*carrier), nil
}
