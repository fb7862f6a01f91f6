package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// warmPool starts its workers over the first seconds, as their connections come up.
type warmPool struct {
	jobs chan int
	size atomic.Int64
}

func newWarmPool(*environment) http.Handler {
	p := &warmPool{jobs: make(chan int)}
	go func() {
		for range 300 {
			time.Sleep(20 * time.Millisecond)
			p.size.Add(1)
			go p.work()
		}
	}()
	return p
}

func (p *warmPool) work() {
	for range p.jobs {
		time.Sleep(5 * time.Millisecond)
	}
}

func (p *warmPool) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.jobs <- number(r)
	fmt.Fprintln(w, p.size.Load())
}
