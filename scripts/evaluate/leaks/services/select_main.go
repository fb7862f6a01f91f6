package main

import (
	"fmt"
	"net/http"
)

// A greeter's main goroutine waits in select{} for ever.
type greeter struct{}

func newGreeter(*environment) http.Handler { return greeter{} }

func (greeter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "hello", number(r))
}
