package main

import (
	"fmt"
	"net/http"
	"sync"
)

type cart struct {
	mu    sync.RWMutex
	lines map[string]int
}

// add raises the number of an article, or puts it in.
func (c *cart) add(article string) {
	c.mu.RLock()
	_, ok := c.lines[article]
	if !ok {
		c.mu.Lock() // want "leak/mutex" // mend: c.mu.RUnlock(); c.mu.Lock()
		c.lines[article] = 1
		c.mu.Unlock()
		return
	}
	c.mu.RUnlock()
}

type carts struct{}

func newCarts(*environment) http.Handler { return carts{} }

func (s carts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	c := &cart{lines: map[string]int{"gift wrap": 1}}
	article := "gift wrap"
	if n%3 == 0 {
		article = fmt.Sprintf("article %d", n)
	}
	go c.add(article)
	fmt.Fprintln(w, article)
}
