package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
)

type account struct {
	mu      sync.Mutex
	balance int
}

type ledger struct {
	accounts [6]account
	rejected atomic.Int64
}

func newLedger(*environment) http.Handler {
	l := &ledger{}
	for i := range l.accounts {
		l.accounts[i].balance = 1000 + i
	}
	return l
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	go l.settle(&l.accounts[n%len(l.accounts)], n*331%1500)
	fmt.Fprintln(w, "accepted")
}

func (l *ledger) settle(a *account, amount int) {
	a.mu.Lock() // want "leak/mutex"
	if a.balance < amount {
		l.rejected.Add(1)
		return // mend: a.mu.Unlock(); return
	}
	a.balance -= amount % 5
	a.mu.Unlock()
}
