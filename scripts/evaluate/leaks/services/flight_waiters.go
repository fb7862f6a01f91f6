package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A slowReport is made by one of those who want it; the others wait.
type slowReport struct {
	mu      sync.Mutex
	current *reportRun
}

type reportRun struct {
	wg   sync.WaitGroup
	rows int
}

func newSlowReport(*environment) http.Handler { return &slowReport{} }

func (s *slowReport) get(n int) int {
	s.mu.Lock()
	if run := s.current; run != nil {
		s.mu.Unlock()
		run.wg.Wait()
		return run.rows
	}
	run := &reportRun{}
	run.wg.Add(1)
	s.current = run
	s.mu.Unlock()
	time.Sleep(time.Duration(800+n%700) * time.Millisecond)
	run.rows = n
	s.mu.Lock()
	s.current = nil
	s.mu.Unlock()
	run.wg.Done()
	return run.rows
}

func (s *slowReport) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for range 5 {
		go s.get(number(r))
	}
	fmt.Fprintln(w, s.get(number(r)))
}
