package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

var errNoSuchHost = errors.New("no such host")

// A crawler fetches at most four pages at a time.
type crawler struct{ slots chan struct{} }

func newCrawler(*environment) http.Handler { return &crawler{slots: make(chan struct{}, 4)} }

func (c *crawler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	go c.fetch(number(r))
	fmt.Fprintln(w, "queued")
}

func (c *crawler) fetch(n int) {
	c.slots <- struct{}{} // want "leak/chan-send"
	if err := c.resolve(n); err != nil {
		return // mend: <-c.slots; return
	}
	time.Sleep(10 * time.Millisecond)
	<-c.slots
}

func (c *crawler) resolve(n int) error {
	time.Sleep(time.Millisecond)
	if n%3 == 0 {
		return errNoSuchHost
	}
	return nil
}
