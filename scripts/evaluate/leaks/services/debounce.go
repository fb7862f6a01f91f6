package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// An editor saves a document a second after the last change.
type editor struct {
	mu     sync.Mutex
	timers map[int]*time.Timer
	saved  int
}

func newEditor(*environment) http.Handler { return &editor{timers: map[int]*time.Timer{}} }

func (e *editor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	doc := number(r) % 50
	e.mu.Lock()
	defer e.mu.Unlock()
	if t, ok := e.timers[doc]; ok {
		t.Stop()
	}
	e.timers[doc] = time.AfterFunc(time.Second, func() { e.save(doc) })
	fmt.Fprintln(w, e.saved)
}

func (e *editor) save(doc int) {
	time.Sleep(50 * time.Millisecond)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.timers, doc)
	e.saved++
}
