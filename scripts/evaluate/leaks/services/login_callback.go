package main

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// logins wait for the identity provider's answer on a port of their own.
type logins struct{}

func newLogins(*environment) http.Handler { return logins{} }

func (logins) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	codes := make(chan string, 1)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case codes <- r.FormValue("code"):
		default: // a user who goes back in the browser answers twice
		}
	})
	srv := &http.Server{Handler: answer, ReadTimeout: time.Second} // mend: srv := &http.Server{Handler: answer, ReadTimeout: time.Second}; defer srv.Close()
	go srv.Serve(l)                                                // want "leak/io"
	go provider(fmt.Sprintf("http://%s/?code=%d", l.Addr(), number(r)))
	select {
	case code := <-codes:
		fmt.Fprintln(w, "signed in with", code)
	case <-time.After(time.Second):
		http.Error(w, "no answer", http.StatusGatewayTimeout)
	}
}

// provider sends the user back.
func provider(callback string) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	if resp, err := client.Get(callback); err == nil {
		resp.Body.Close()
	}
}
