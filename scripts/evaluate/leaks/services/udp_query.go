package main

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A resolver asks over UDP; answers may be lost on the way.
type resolver struct{ answers atomic.Int64 }

func newResolver(*environment) http.Handler { return &resolver{} }

func (s *resolver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	go s.query(number(r))
	fmt.Fprintln(w, s.answers.Load())
}

func (s *resolver) query(n int) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return
	}
	defer conn.Close()
	started := time.Now() // mend: started := time.Now(); conn.SetReadDeadline(started.Add(400*time.Millisecond))
	if n%4 != 0 {
		conn.WriteTo([]byte("answer"), conn.LocalAddr())
	}
	buf := make([]byte, 512)
	if _, _, err := conn.ReadFrom(buf); err != nil { // want "leak/io"
		return
	}
	s.answers.Add(1 + int64(time.Since(started)/time.Second))
}
