package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// A clientStream hands the messages of one call to its handler.
type clientStream struct {
	ctx  context.Context
	msgs chan int
}

func openStream(ctx context.Context, first int) *clientStream {
	s := &clientStream{ctx: ctx, msgs: make(chan int)}
	go s.recvLoop(first)
	return s
}

func (s *clientStream) recvLoop(first int) {
	defer close(s.msgs)
	for i := range 5 {
		time.Sleep(time.Millisecond)
		select { // want "leak/select"
		case s.msgs <- first + i:
		case <-s.ctx.Done():
			return
		}
	}
}

type telemetry struct{}

func newTelemetry(*environment) http.Handler { return telemetry{} }

// ServeHTTP reads a stream of points. The trace of the call is to outlive the call itself.
func (t telemetry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := context.WithoutCancel(r.Context()) // mend: ctx := r.Context()
	s := openStream(ctx, number(r))
	sum := 0
	for m := range s.msgs {
		if m%11 == 0 {
			http.Error(w, "not a point", http.StatusBadRequest)
			return
		}
		sum += m
	}
	fmt.Fprintln(w, sum)
}
