package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// A resizable pool replaces its workers by as many as it is told to have.
type resizable struct {
	mu   sync.Mutex
	jobs chan string
	quit chan struct{}
	size int
}

func newResizable(*environment) http.Handler {
	p := &resizable{jobs: make(chan string)}
	p.resize(4)
	return p
}

func (p *resizable) resize(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.quit != nil && n != p.size { // mend: if p.quit != nil {
		close(p.quit)
	}
	p.size, p.quit = n, make(chan struct{})
	for range n {
		go p.work(p.quit)
	}
}

func (p *resizable) work(quit chan struct{}) {
	for {
		select { // want "leak/select"
		case j := <-p.jobs:
			_ = strings.ToUpper(j)
		case <-quit:
			return
		}
	}
}

// ServeHTTP takes a job, and now and then a new size from the autoscaler.
func (p *resizable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	if n%8 == 0 {
		p.resize(2 + n/16%2)
	}
	p.jobs <- "job"
	fmt.Fprintln(w, "done", n)
}
