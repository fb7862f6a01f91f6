package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// A gameSession lasts between half a second and three; players come and go all the time.
type gameSession struct {
	moves chan string
	end   chan struct{}
}

func (s *gameSession) run() {
	for {
		select {
		case <-s.moves:
		case <-s.end:
			return
		}
	}
}

type games struct{}

func newGames(*environment) http.Handler { return games{} }

func (g games) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := &gameSession{moves: make(chan string), end: make(chan struct{})}
	go s.run()
	s.moves <- "open"
	time.AfterFunc(500*time.Millisecond+rand.N(2500*time.Millisecond), func() { close(s.end) })
	fmt.Fprintln(w, "playing", number(r))
}
