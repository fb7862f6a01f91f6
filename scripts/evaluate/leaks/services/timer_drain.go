package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

type pinger struct{ late atomic.Int64 }

func newPinger(*environment) http.Handler { return &pinger{} }

func (p *pinger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	go p.round(number(r))
	fmt.Fprintln(w, p.late.Load())
}

func (p *pinger) round(n int) {
	answer := make(chan struct{}, 1)
	took := 3 * time.Millisecond
	if n%3 == 0 {
		took = 40 * time.Millisecond
	}
	time.AfterFunc(took, func() { answer <- struct{}{} })
	timeout := time.NewTimer(20 * time.Millisecond)
	select {
	case <-answer:
	case <-timeout.C:
		p.late.Add(1)
	}
	if !timeout.Stop() {
		<-timeout.C // want "leak/chan-receive" // mend:
	}
}
