package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

type checkout struct{}

func newCheckout(*environment) http.Handler { return checkout{} }

// ServeHTTP prices a basket while its buyer is looked into.
func (c checkout) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	trusted := make(chan bool) // mend: trusted := make(chan bool, 1)
	go func() {
		trusted <- fraudScore(n) < 90 // want "leak/chan-send"
	}()
	total, err := priceBasket(n)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	if !<-trusted {
		http.Error(w, "declined", http.StatusForbidden)
		return
	}
	fmt.Fprintln(w, total)
}

func priceBasket(n int) (int, error) {
	time.Sleep(2 * time.Millisecond)
	if n%4 == 0 {
		return 0, errors.New("the basket is empty")
	}
	return n * 100, nil
}

func fraudScore(n int) int {
	time.Sleep(5 * time.Millisecond)
	return n * 31 % 100
}
