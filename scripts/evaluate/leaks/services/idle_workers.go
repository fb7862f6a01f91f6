package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
)

// workerPool starts all of its workers at once; most of them never get anything to do.
type workerPool struct {
	jobs chan int
	done atomic.Int64
}

func newWorkerPool(*environment) http.Handler {
	p := &workerPool{jobs: make(chan int, 64)}
	for range 12_000 {
		go p.work()
	}
	return p
}

func (p *workerPool) work() {
	for job := range p.jobs {
		p.done.Add(int64(job % 2))
	}
}

func (p *workerPool) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.jobs <- number(r)
	fmt.Fprintln(w, p.done.Load())
}
