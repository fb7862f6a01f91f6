package main

import (
	"fmt"
	"math"
	"net/http"
	"time"
)

// simulations runs more of them by day than by night; a day lasts nine seconds.
type simulations struct{ env *environment }

func newSimulations(env *environment) http.Handler {
	s := &simulations{env}
	go s.schedule()
	return s
}

func (s *simulations) schedule() {
	start := time.Now()
	for s.env.ctx.Err() == nil {
		phase := time.Since(start).Seconds() / 9 * 2 * math.Pi
		for range int(6 + 5*math.Sin(phase)) {
			go s.run()
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *simulations) run() {
	steps := make(chan int)
	go func() {
		defer close(steps)
		for i := range 4 {
			time.Sleep(200 * time.Millisecond)
			steps <- i
		}
	}()
	for range steps {
		time.Sleep(time.Millisecond)
	}
}

func (s *simulations) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, number(r))
}
