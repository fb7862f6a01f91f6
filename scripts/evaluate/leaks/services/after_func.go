package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// exports can be called off: what they hold is given back by a callback of the context.
type exports struct{}

func newExports(*environment) http.Handler { return exports{} }

func (e exports) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	aborted := make(chan error) // mend: aborted := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		aborted <- context.Cause(ctx) // want "leak/chan-send"
	})
	select {
	case <-time.After(time.Duration(1+number(r)%5) * time.Millisecond):
		fmt.Fprintln(w, "exported", number(r))
	case err := <-aborted:
		fmt.Fprintln(w, err)
	}
}
