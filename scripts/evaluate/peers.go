package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// peers are what the services call: they live in this process, so that the captures
// show the services alone.
type peers struct {
	upstream string // URL
	line     string // address
	http     *http.Server
	tcp      net.Listener
}

func startPeers() (*peers, error) {
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		web.Close()
		return nil, err
	}
	p := &peers{upstream: "http://" + web.Addr().String(), line: tcp.Addr().String(), http: &http.Server{Handler: upstream()}, tcp: tcp}
	go p.http.Serve(web)
	go p.acceptLines()
	return p, nil
}

func (p *peers) close() { errors.Join(p.http.Close(), p.tcp.Close()) }

func upstream() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/quick", func(w http.ResponseWriter, r *http.Request) {
		sleep(r.Context(), time.Millisecond+rand.N(5*time.Millisecond))
		fmt.Fprintln(w, `{"temperature": 17}`)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		sleep(r.Context(), 100*time.Millisecond+rand.N(200*time.Millisecond))
		fmt.Fprintln(w, `{"temperature": 17}`)
	})
	mux.HandleFunc("/error", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, strings.Repeat("the station is being serviced; ", 300))
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

// acceptLines serves the line protocol: PING is answered, BYE is answered and ends the
// connection, MUTE is not answered.
func (p *peers) acceptLines() {
	for {
		conn, err := p.tcp.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			for in := bufio.NewScanner(conn); in.Scan(); {
				switch in.Text() {
				case "PING":
					fmt.Fprintln(conn, "PONG")
				case "BYE":
					fmt.Fprintln(conn, "BYE")
					return
				}
			}
		}()
	}
}

// sleep reports false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
