package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A taskGroup runs functions until the first of them fails.
type taskGroup struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	once   sync.Once
	err    error
}

func newTaskGroup(parent context.Context) (*taskGroup, context.Context) {
	ctx, cancel := context.WithCancel(parent)
	return &taskGroup{cancel: cancel}, ctx
}

func (g *taskGroup) Go(f func() error) {
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		if err := f(); err != nil {
			g.once.Do(func() {
				g.err = err
				g.cancel()
			})
		}
	}()
}

func (g *taskGroup) Wait() error {
	g.wg.Wait()
	g.cancel()
	return g.err
}

type inventory struct{}

func newInventory(*environment) http.Handler { return inventory{} }

// ServeHTTP adds up the stock of three warehouses, one of which is closed at times.
func (s inventory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	g, ctx := newTaskGroup(r.Context())
	stock := make(chan int)
	for warehouse := range 3 {
		g.Go(func() error {
			count, err := s.count(ctx, warehouse, n)
			if err != nil {
				return err
			}
			stock <- count // want "leak/chan-send" // mend: select { case stock <- count: case <-ctx.Done(): return ctx.Err() }
			return nil
		})
	}
	sum := 0
	for range 3 {
		select {
		case c := <-stock:
			sum += c
		case <-ctx.Done():
			http.Error(w, "a warehouse is closed", http.StatusServiceUnavailable)
			return
		}
	}
	if err := g.Wait(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, sum, "in stock")
}

func (s inventory) count(_ context.Context, warehouse, n int) (int, error) {
	time.Sleep(time.Duration(1+4*warehouse) * time.Millisecond)
	if warehouse == 0 && n%4 == 0 {
		return 0, fmt.Errorf("warehouse %d is closed", warehouse)
	}
	return n % 17, nil
}
