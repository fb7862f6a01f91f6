package main

import (
	"errors"
	"fmt"
	"log"
	"net/http"
)

// An auditLog writes events in the order in which they happen.
type auditLog struct {
	events  chan string
	written int
}

func newAuditLog(*environment) http.Handler {
	a := &auditLog{events: make(chan string, 8)}
	go a.run()
	return a
}

func (a *auditLog) run() {
	for e := range a.events {
		if err := a.write(e); err != nil {
			log.Printf("audit: %v", err)
			return // mend: continue
		}
	}
}

func (a *auditLog) write(string) error {
	a.written++
	if a.written%5 == 0 {
		return errors.New("the disk is full")
	}
	return nil
}

func (a *auditLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event := fmt.Sprintf("request %d", number(r))
	go func() {
		a.events <- event // want "leak/chan-send"
	}()
	fmt.Fprintln(w, "done")
}
