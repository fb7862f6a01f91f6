package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// A lease is renewed until it is given back.
type lease struct {
	renewals atomic.Int64
	returned atomic.Bool
	end      chan struct{}
}

func (l *lease) keep() {
	for {
		select { // want "leak/select"
		case <-time.After(700 * time.Millisecond):
			l.renewals.Add(1)
		case <-l.end:
			return
		}
	}
}

func (l *lease) giveBack() {
	l.returned.Store(true) // mend: l.returned.Store(true); close(l.end)
}

type lockService struct{}

func newLockService(*environment) http.Handler { return lockService{} }

func (s lockService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l := &lease{end: make(chan struct{})}
	go l.keep()
	defer l.giveBack()
	time.Sleep(5 * time.Millisecond)
	fmt.Fprintln(w, number(r), l.renewals.Load())
}
