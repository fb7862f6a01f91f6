package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

type deployments struct {
	mu    sync.Mutex
	state map[int]string
}

func newDeployments(*environment) http.Handler { return &deployments{state: map[int]string{}} }

// ServeHTTP deploys; every third deployment is called off.
func (d *deployments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	d.set(n, "running")
	go d.notifyWhenDone(n)
	time.AfterFunc(300*time.Millisecond, func() {
		if n%3 != 0 {
			d.set(n, "done")
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.state, n)
	})
	fmt.Fprintln(w, "deploying", n)
}

func (d *deployments) set(n int, state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state[n] = state
}

func (d *deployments) finished(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state[n] == "done" // mend: return d.state[n] != "running"
}

func (d *deployments) notifyWhenDone(n int) {
	for !d.finished(n) {
		time.Sleep(200 * time.Millisecond) // want "leak/sleep"
	}
}
