package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
)

type priceAlert struct {
	cancel context.CancelFunc
	prices chan int
}

type priceAlerts struct {
	env *environment

	mu   sync.Mutex
	byID map[int]*priceAlert
}

func newPriceAlerts(env *environment) http.Handler {
	return &priceAlerts{env: env, byID: map[int]*priceAlert{}}
}

// ServeHTTP sets an alert, and takes the one away that was set three requests ago.
func (p *priceAlerts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	ctx, cancel := context.WithCancel(p.env.ctx)
	alert := &priceAlert{cancel: cancel, prices: make(chan int)}
	go p.deliver(ctx, alert)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.byID[n] = alert
	if old, ok := p.byID[n-3]; ok {
		old.prices <- n
		delete(p.byID, n-3) // mend: old.cancel(); delete(p.byID, n-3)
	}
	fmt.Fprintln(w, len(p.byID), "alerts")
}

func (p *priceAlerts) deliver(ctx context.Context, a *priceAlert) {
	for {
		select { // want "leak/select"
		case <-a.prices:
		case <-ctx.Done():
			return
		}
	}
}
