package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// A callScope is a context with the deadline of a call in a protocol of its own.
type callScope struct {
	context.Context
	ended chan struct{}
}

func (s *callScope) Done() <-chan struct{} { return s.ended }

type lookup struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func (l *lookup) run(n int) int {
	time.Sleep(2 * time.Millisecond)
	if l.ctx.Err() != nil {
		return 0
	}
	return n * 7
}

type directory struct{ scope *callScope }

func newDirectory(env *environment) http.Handler {
	return &directory{scope: &callScope{Context: env.ctx, ended: make(chan struct{})}}
}

func (d *directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l := &lookup{}
	l.ctx, l.cancel = context.WithTimeout(d.scope, time.Hour) // want "leak/select"
	result := l.run(number(r))                                // mend: result := l.run(number(r)); l.cancel()
	fmt.Fprintln(w, result)
}
