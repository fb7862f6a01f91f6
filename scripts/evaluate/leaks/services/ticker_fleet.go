package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// A prober checks each of its targets once a second or so.
type prober struct {
	env    *environment
	probes atomic.Int64
}

func newProber(env *environment) http.Handler {
	p := &prober{env: env}
	for target := range 400 {
		go p.probe(time.Second + time.Duration(target)*time.Millisecond)
	}
	return p
}

func (p *prober) probe(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.probes.Add(1)
		case <-p.env.ctx.Done():
			return
		}
	}
}

func (p *prober) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, number(r), p.probes.Load())
}
