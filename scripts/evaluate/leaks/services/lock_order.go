package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

type wallet struct {
	id int
	mu sync.Mutex

	cents int
}

type exchange struct{}

func newExchange(*environment) http.Handler { return exchange{} }

// ServeHTTP swaps between two wallets, each way in the background.
func (e exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	a, b := &wallet{id: 2 * n, cents: 5000}, &wallet{id: 2*n + 1, cents: 7000}
	go e.transfer(a, b, 20)
	if n%2 == 0 {
		go e.transfer(b, a, 30)
	}
	fmt.Fprintln(w, "accepted")
}

func (e exchange) transfer(from, to *wallet, cents int) {
	first, second := from, to // mend: first, second := from, to; if to.id < from.id { first, second = to, from }
	first.mu.Lock()
	defer first.mu.Unlock()
	time.Sleep(2 * time.Millisecond) // asks for the limit
	second.mu.Lock()                 // want "leak/mutex"
	defer second.mu.Unlock()
	from.cents -= cents
	to.cents += cents
}
