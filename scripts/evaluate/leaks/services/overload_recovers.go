package main

import (
	"fmt"
	"net/http"
	"time"
)

// A renderer has one worker. At its start it loads fonts, and the pages that come meanwhile
// wait; then it catches up.
type renderer struct{ pages chan func() }

func newRenderer(*environment) http.Handler {
	s := &renderer{pages: make(chan func())}
	go func() {
		time.Sleep(7 * time.Second)
		for page := range s.pages {
			page()
		}
	}()
	return s
}

func (s *renderer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	done := make(chan struct{})
	select {
	case s.pages <- func() { time.Sleep(2 * time.Millisecond); close(done) }:
		<-done
		fmt.Fprintln(w, number(r))
	case <-r.Context().Done():
	}
}
