package main

import (
	"fmt"
	"net/http"
	"time"
)

// longPoll answers when there is news, at the latest after two and a half seconds.
type longPoll struct{ news chan string }

func newLongPoll(env *environment) http.Handler {
	p := &longPoll{news: make(chan string)}
	go func() {
		for i := 0; ; i++ {
			time.Sleep(150 * time.Millisecond)
			select {
			case p.news <- fmt.Sprintf("news %d", i):
			case <-env.ctx.Done():
				return
			}
		}
	}()
	return p
}

func (p *longPoll) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	timeout := time.NewTimer(2500 * time.Millisecond)
	defer timeout.Stop()
	select {
	case n := <-p.news:
		fmt.Fprintln(w, n)
	case <-timeout.C:
		w.WriteHeader(http.StatusNoContent)
	case <-r.Context().Done():
	}
}
