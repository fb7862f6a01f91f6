package main

import (
	"fmt"
	"net/http"
	"time"
)

// A warmUp brings its workers up slowly, so as not to overrun what they connect to.
type warmUp struct{ jobs chan int }

func newWarmUp(*environment) http.Handler {
	p := &warmUp{jobs: make(chan int, 1)}
	go func() {
		for range 16 {
			go p.serve()
			time.Sleep(700 * time.Millisecond)
		}
	}()
	return p
}

func (p *warmUp) serve() {
	for j := range p.jobs {
		time.Sleep(time.Duration(2+j%7) * time.Millisecond)
	}
}

func (p *warmUp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.jobs <- number(r)
	fmt.Fprintln(w, "queued")
}
