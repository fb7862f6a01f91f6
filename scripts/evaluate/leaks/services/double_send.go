package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

var errDeclined = errors.New("the card was declined")

type payments struct{}

func newPayments(*environment) http.Handler { return payments{} }

func (p payments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result := make(chan error)
	go p.authorise(number(r), result)
	if err := <-result; err != nil {
		http.Error(w, err.Error(), http.StatusPaymentRequired)
		return
	}
	fmt.Fprintln(w, "authorised")
}

func (p payments) authorise(n int, result chan<- error) {
	time.Sleep(3 * time.Millisecond)
	if n%3 == 0 {
		result <- errDeclined // mend: result <- errDeclined; return
	}
	result <- nil // want "leak/chan-send"
}
