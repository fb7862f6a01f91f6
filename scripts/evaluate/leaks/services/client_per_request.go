package main

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

type exchangeRates struct{ env *environment }

func newExchangeRates(env *environment) http.Handler { return &exchangeRates{env} }

func (s *exchangeRates) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 2 * time.Second} // mend: client := &http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(s.env.upstream + "/quick")                             // want "leak/io"
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	n, err := io.Copy(w, resp.Body)
	if err != nil {
		return
	}
	fmt.Fprintln(w, n)
}
