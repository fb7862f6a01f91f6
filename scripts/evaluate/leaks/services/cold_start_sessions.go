package main

import (
	"fmt"
	"net/http"
	"time"
)

// Subscriptions last a minute. The process is new, so that none has ended yet while it is
// looked at: until then nothing in it differs from a leak.
type subscriptions struct{ env *environment }

func newSubscriptions(env *environment) http.Handler { return &subscriptions{env} }

func (s *subscriptions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	go s.serve(time.Now().Add(time.Minute))
	fmt.Fprintln(w, "subscribed", number(r))
}

func (s *subscriptions) serve(until time.Time) {
	expired := time.NewTimer(time.Until(until))
	defer expired.Stop()
	keepAlive := time.NewTicker(15 * time.Second)
	defer keepAlive.Stop()
	for {
		select {
		case <-keepAlive.C:
		case <-expired.C:
			return
		case <-s.env.ctx.Done():
			return
		}
	}
}
