package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A window collects writes for two and a half seconds; all who wrote wait for its commit.
type windowedWriter struct {
	mu     sync.Mutex
	commit chan struct{}
}

func newWindowedWriter(env *environment) http.Handler {
	s := &windowedWriter{commit: make(chan struct{})}
	go func() {
		ticker := time.NewTicker(2500 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-env.ctx.Done():
				return
			}
			s.mu.Lock()
			close(s.commit)
			s.commit = make(chan struct{})
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *windowedWriter) write() {
	s.mu.Lock()
	commit := s.commit
	s.mu.Unlock()
	<-commit
}

func (s *windowedWriter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for range 3 {
		go s.write()
	}
	fmt.Fprintln(w, "written", number(r))
}
