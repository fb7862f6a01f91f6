package main

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// flights lets one of several that want the same thing fetch it.
type flights struct {
	mu    sync.Mutex
	calls map[string]*flight
}

type flight struct {
	wg   sync.WaitGroup
	body []byte
	err  error
}

func (f *flights) do(key string, fetch func() ([]byte, error)) ([]byte, error) {
	f.mu.Lock()
	if c, ok := f.calls[key]; ok {
		f.mu.Unlock()
		c.wg.Wait() // want "leak/waitgroup"
		return c.body, c.err
	}
	c := &flight{}
	c.wg.Add(1)
	f.calls[key] = c
	f.mu.Unlock()

	c.body, c.err = fetch()
	c.wg.Done()
	f.mu.Lock()
	delete(f.calls, key)
	f.mu.Unlock()
	return c.body, c.err
}

type articles struct {
	env     *environment
	flights flights
}

func newArticles(env *environment) http.Handler {
	return &articles{env: env, flights: flights{calls: map[string]*flight{}}}
}

func (a *articles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := "/quick"
	if number(r)%3 == 0 {
		path = "/hang" // the archive, whose machine is gone
	}
	go a.flights.do(path, func() ([]byte, error) { return a.fetch(path) })
	fmt.Fprintln(w, "refreshing")
}

func (a *articles) fetch(path string) ([]byte, error) {
	client := &http.Client{Transport: http.DefaultTransport} // mend: client := &http.Client{Timeout: 500 * time.Millisecond}
	start := time.Now()
	resp, err := client.Get(a.env.upstream + path)
	if err != nil {
		return nil, fmt.Errorf("after %v: %w", time.Since(start), err)
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
