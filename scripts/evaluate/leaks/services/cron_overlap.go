package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A crontab starts its jobs on schedule, whether or not the last run of them has ended.
type crontab struct {
	env  *environment
	runs atomic.Int64
	wg   sync.WaitGroup
}

func newCrontab(env *environment) http.Handler {
	c := &crontab{env: env}
	go c.schedule(300*time.Millisecond, 1200*time.Millisecond)
	go c.schedule(time.Second, 2500*time.Millisecond)
	return c
}

func (c *crontab) schedule(every, takes time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.wg.Go(func() { c.job(c.env.ctx, takes) })
		case <-c.env.ctx.Done():
			return
		}
	}
}

func (c *crontab) job(ctx context.Context, takes time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, takes)
	defer cancel()
	<-ctx.Done()
	c.runs.Add(1)
}

func (c *crontab) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, c.runs.Load(), "runs")
}
