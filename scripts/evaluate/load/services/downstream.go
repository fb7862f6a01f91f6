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

// ends is the standard input of the backend. It closes with this process, and not before: hence a variable that lives as long.
var ends io.WriteCloser

// backend runs a service that takes ever longer, in a process of its own, which ends with this one: its standard
// input does. It returns the address.
func backend(name string) string {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command(self, "-scenario", name, "-backend")
	cmd.Stderr = os.Stderr
	if ends, err = cmd.StdinPipe(); err != nil {
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
	return strings.TrimSpace(line)
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
	url := "http://" + backend("slow_downstream")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		resp, err := client.Get(url)
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
	addr := backend("slow_downstream_tcp")
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer c.Close()
		if _, err := c.Write([]byte{1}); err == nil {
			_, err = c.Read(make([]byte, 1))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
}
