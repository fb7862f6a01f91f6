package main

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"sync"
	"time"
)

type metricBatch struct {
	points  int
	flushed chan struct{}
}

// A metricWriter stores points in batches; add returns when its batch has been stored.
type metricWriter struct {
	mu      sync.Mutex
	current *metricBatch
	batches int
}

func newMetricWriter(env *environment) http.Handler {
	m := &metricWriter{current: &metricBatch{flushed: make(chan struct{})}}
	go func() {
		for range time.Tick(250 * time.Millisecond) {
			m.flush()
		}
	}()
	return m
}

func (m *metricWriter) add() {
	m.mu.Lock()
	b := m.current
	b.points++
	m.mu.Unlock()
	<-b.flushed // want "leak/chan-receive"
}

func (m *metricWriter) flush() {
	m.mu.Lock()
	b := m.current
	m.current = &metricBatch{flushed: make(chan struct{})}
	m.mu.Unlock()
	if err := m.store(b); err != nil {
		log.Printf("%d points lost: %v", b.points, err)
		return // mend: close(b.flushed); return
	}
	close(b.flushed)
}

func (m *metricWriter) store(*metricBatch) error {
	m.batches++
	if m.batches%3 == 0 {
		return errors.New("the store is read-only")
	}
	return nil
}

func (m *metricWriter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	go m.add()
	fmt.Fprintln(w, "counted", number(r))
}
