package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime/pprof"
	"sync"
)

// approvals holds orders until somebody approves them. An order that is changed needs
// approval anew.
type approvals struct {
	env *environment

	mu      sync.Mutex
	pending map[int]chan bool
}

func newApprovals(env *environment) http.Handler {
	return &approvals{env: env, pending: map[int]chan bool{}}
}

func (a *approvals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	order := number(r) % 9
	verdict := make(chan bool)
	a.mu.Lock()
	a.pending[order] = verdict // mend: if old := a.pending[order]; old != nil { close(old) }; a.pending[order] = verdict
	a.mu.Unlock()
	labels := pprof.Labels("order", fmt.Sprintf("order-%d [draft]", order), "region", "eu")
	go pprof.Do(a.env.ctx, labels, func(context.Context) {
		a.execute(verdict)
	})
	fmt.Fprintln(w, "waiting for approval")
}

func (a *approvals) execute(verdict <-chan bool) bool {
	return <-verdict // want "leak/chan-receive"
}
