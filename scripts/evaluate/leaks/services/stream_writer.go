package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A chatStream has one goroutine that reads what the chat server says and one that
// writes what the user does.
type chatStream struct {
	conn   net.Conn
	outbox chan string
}

func (s *chatStream) read() {
	defer s.conn.Close() // mend: defer func() { s.conn.Close(); close(s.outbox) }()
	in := bufio.NewScanner(s.conn)
	lines := 0
	for in.Scan() {
		lines++
	}
}

func (s *chatStream) write() {
	for m := range s.outbox { // want "leak/chan-receive"
		if _, err := fmt.Fprintln(s.conn, m); err != nil {
			return
		}
	}
}

type chat struct{ env *environment }

func newChat(env *environment) http.Handler { return &chat{env} }

func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := net.DialTimeout("tcp", c.env.peer, time.Second)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	s := &chatStream{conn: conn, outbox: make(chan string)}
	go s.write()
	s.outbox <- "BYE" // the chat server answers and hangs up
	go s.read()
	fmt.Fprintln(w, "joined")
}
