package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// mailers adds a worker whenever a mail finds all of them busy, so that there are as many as
// were ever needed at once.
type mailers struct {
	mails   chan int
	workers atomic.Int64
}

func newMailers(*environment) http.Handler { return &mailers{mails: make(chan int)} }

func (m *mailers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for i := range 3 {
		m.send(3*number(r) + i)
	}
	fmt.Fprintln(w, m.workers.Load(), "workers")
}

func (m *mailers) send(mail int) {
	select {
	case m.mails <- mail:
	default:
		m.workers.Add(1)
		go m.work(mail)
	}
}

func (m *mailers) work(mail int) {
	for {
		time.Sleep(time.Duration(5+mail*37%300) * time.Millisecond)
		mail = <-m.mails
	}
}
