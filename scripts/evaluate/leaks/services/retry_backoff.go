package main

import (
	"fmt"
	"net/http"
	"time"
)

// webhooks retries a delivery after 0.2, 0.4, 0.8 and 1.6 seconds, then gives up.
type webhooks struct{}

func newWebhooks(*environment) http.Handler { return webhooks{} }

func (s webhooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	go s.deliver(number(r))
	fmt.Fprintln(w, "queued")
}

func (s webhooks) deliver(n int) {
	wait := 200 * time.Millisecond
	for attempt := range 5 {
		if s.post(n, attempt) {
			return
		}
		time.Sleep(wait)
		wait *= 2
	}
}

func (s webhooks) post(n, attempt int) bool {
	time.Sleep(2 * time.Millisecond)
	return n%5 != 0 && attempt >= n%4
}
