package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// backend is a service that takes ever longer, in a process of its own. It ends when its standard input does: with this
// process, if nothing lets go of the backend before.
type backend struct {
	addr  string
	input io.WriteCloser
}

func startBackend(name string) *backend {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command(self, "-scenario", name, "-backend")
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		log.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	return &backend{strings.TrimSpace(line), input}
}

// slower is how long a reply takes: from three seconds on ever longer.
func slower(start time.Time) time.Duration {
	return about(20*time.Millisecond) + max(time.Since(start)/10-300*time.Millisecond, 0)
}

// serveBackend is the process of a backend.
func serveBackend(name string) error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the other process ends
		os.Exit(0)
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	start := time.Now()
	switch name {
	case "slow_downstream":
		srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(slower(start))
			io.WriteString(w, "ok")
		})}
		return srv.Serve(l)
	case "slow_downstream_tcp":
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			go func() {
				defer c.Close()
				if _, err := c.Read(make([]byte, 1)); err == nil {
					time.Sleep(slower(start))
					c.Write([]byte{1})
				}
			}()
		}
	}
	return errors.New("no such backend: " + name)
}

// callsHTTP asks a backend by HTTP.
func callsHTTP() http.Handler {
	b := startBackend("slow_downstream")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		resp, err := client.Get("http://" + b.addr)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		io.Copy(w, resp.Body)
	})
}

// callsTCP asks a backend by a protocol of its own.
func callsTCP() http.Handler {
	b := startBackend("slow_downstream_tcp")
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer c.Close()
		if _, err = c.Write([]byte{1}); err == nil {
			_, err = c.Read(make([]byte, 1))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
}
