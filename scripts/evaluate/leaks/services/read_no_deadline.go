package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// sensors polls meters that speak a line-based protocol.
type sensors struct {
	env      *environment
	readings atomic.Int64
}

func newSensors(env *environment) http.Handler { return &sensors{env: env} }

func (s *sensors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	command := "PING"
	if number(r)%3 == 0 {
		command = "MUTE" // a meter with an empty battery takes the call and says nothing
	}
	go s.poll(command)
	fmt.Fprintln(w, s.readings.Load())
}

func (s *sensors) poll(command string) {
	conn, err := net.DialTimeout("tcp", s.env.peer, time.Second)
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintln(conn, command) // mend: fmt.Fprintln(conn, command); conn.SetReadDeadline(time.Now().Add(500*time.Millisecond))
	in := bufio.NewReader(conn)
	if _, err := in.ReadString('\n'); err != nil { // want "leak/io"
		return
	}
	s.readings.Add(1)
}
