package main

import (
	"fmt"
	"net/http"
	"time"
)

// A scaler adds a worker every two seconds, up to thirty.
type scaler struct{ jobs chan int }

func newScaler(env *environment) http.Handler {
	s := &scaler{jobs: make(chan int)}
	go func() {
		for range 30 {
			go s.work()
			time.Sleep(2 * time.Second)
		}
	}()
	return s
}

func (s *scaler) work() {
	for j := range s.jobs {
		time.Sleep(time.Duration(1+j%5) * time.Millisecond)
	}
}

func (s *scaler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.jobs <- number(r)
	fmt.Fprintln(w, "done")
}
