package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"time"
)

// replication keeps thirty streams open to its peer, with a sender and a receiver each.
type replication struct{ env *environment }

func newReplication(env *environment) http.Handler {
	s := &replication{env}
	for range 30 {
		go s.stream()
	}
	return s
}

func (s *replication) stream() {
	conn, err := net.DialTimeout("tcp", s.env.peer, time.Second)
	if err != nil {
		return
	}
	defer conn.Close()
	answers := make(chan string)
	go func() {
		defer close(answers)
		for in := bufio.NewScanner(conn); in.Scan(); {
			answers <- in.Text()
		}
	}()
	for s.env.ctx.Err() == nil {
		if _, err := fmt.Fprintln(conn, "PING"); err != nil {
			return
		}
		if _, ok := <-answers; !ok {
			return
		}
		time.Sleep(2 * time.Second)
	}
}

func (s *replication) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, number(r))
}
