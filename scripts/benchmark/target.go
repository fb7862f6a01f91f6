package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// serve is the program that benchCapture captures: it waits in as many goroutines as it is told to,
// answers requests, and says of itself how much CPU it took and how long it stood still. Its URL goes
// into the file.
func serve(_ context.Context, file string, goroutines int64) error {
	park := make(chan struct{})
	for range goroutines {
		go descend(8, park)
	}
	var stall atomic.Int64
	go watchStalls(&stall)
	mux := http.NewServeMux()
	mux.HandleFunc("/work", work)
	mux.HandleFunc("/cpu", func(w http.ResponseWriter, _ *http.Request) {
		var ru syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, ru.Utime.Nano()+ru.Stime.Nano())
	})
	mux.HandleFunc("/stall", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, stall.Swap(0)) })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".part", []byte("http://"+l.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(file+".part", file); err != nil {
		return err
	}
	return http.Serve(l, mux)
}

// descend waits below a few frames, as goroutines do.
func descend(depth int, park chan struct{}) {
	if depth > 0 {
		descend(depth-1, park)
		return
	}
	<-park
}

// watchStalls keeps the longest time by which a wake-up was late: that of the program standing
// still, or of the machine being busy.
func watchStalls(longest *atomic.Int64) {
	const nap = 2 * time.Millisecond
	for last := time.Now(); ; {
		time.Sleep(nap)
		now := time.Now()
		late := int64(now.Sub(last) - nap)
		last = now
		for {
			old := longest.Load()
			if late <= old || longest.CompareAndSwap(old, late) {
				break
			}
		}
	}
}

// schedule gives the gaps between arrivals of independent clients; the same ones in every spell.
func schedule() func(perSecond float64) time.Duration {
	rng := rand.New(rand.NewPCG(7, 11))
	return func(perSecond float64) time.Duration {
		return time.Duration(rng.ExpFloat64() / perSecond * float64(time.Second))
	}
}
