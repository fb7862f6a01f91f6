package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// A daemon has a goroutine for each signal that it knows.
type daemon struct{ reloads atomic.Int64 }

func newDaemon(*environment) http.Handler {
	d := &daemon{}
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH} {
		c := make(chan os.Signal, 1)
		signal.Notify(c, s)
		go func() {
			for range c {
				d.reloads.Add(1)
			}
		}()
	}
	return d
}

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, number(r), d.reloads.Load())
}
