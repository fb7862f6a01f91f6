package main

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// A gateway asks its upstream for the parts of a page, more of them for some pages.
type gateway struct {
	env    *environment
	client *http.Client
}

func newGateway(env *environment) http.Handler {
	return &gateway{env, &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 50}}}
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := 2 + number(r)*7%11
	var wg sync.WaitGroup
	for range parts {
		wg.Go(func() {
			resp, err := g.client.Get(g.env.upstream + "/slow")
			if err != nil {
				return
			}
			defer resp.Body.Close()
			io.Copy(io.Discard, resp.Body)
		})
	}
	wg.Wait()
	fmt.Fprintln(w, parts)
}
