package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A pass is how a service is used while it is captured.
type pass struct {
	name      string
	perSecond float64
}

var (
	quiet = pass{"quiet", 4}
	load  = pass{"load", 20}
	again = pass{"again", 20} // a second run under load
)

const maxOpenRequests = 2000

// A driver sends numbered requests on schedule, whether or not earlier ones have been
// answered.
type driver struct {
	client   *http.Client
	first    int // number of the first request
	open     atomic.Int64
	answered atomic.Int64
	failed   atomic.Int64
}

func newDriver() *driver {
	return &driver{client: &http.Client{Transport: &http.Transport{MaxIdleConns: maxOpenRequests, MaxIdleConnsPerHost: maxOpenRequests}}}
}

// run sends until the context ends and returns when every request has ended.
func (d *driver) run(ctx context.Context, base string, p pass) {
	defer d.client.CloseIdleConnections()
	var wg sync.WaitGroup
	defer wg.Wait()
	gap := time.Duration(float64(time.Second) / p.perSecond)
	for n := d.first; ; n++ {
		if !sleep(ctx, gap/2+rand.N(gap)) {
			return
		}
		if d.open.Load() >= maxOpenRequests {
			continue
		}
		d.open.Add(1)
		wg.Go(func() {
			defer d.open.Add(-1)
			err := d.get(ctx, fmt.Sprintf("%s/work?n=%d", base, n))
			switch {
			case err == nil:
				d.answered.Add(1)
			case ctx.Err() == nil:
				d.failed.Add(1)
			}
		})
	}
}

// get takes any answer for one: services refuse some requests.
func (d *driver) get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
