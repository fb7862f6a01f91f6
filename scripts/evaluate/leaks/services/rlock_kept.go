package main

import (
	"fmt"
	"net/http"
	"sync"
)

type catalogue struct {
	mu    sync.RWMutex
	items map[int]string
}

func newCatalogue(*environment) http.Handler {
	c := &catalogue{items: map[int]string{}}
	for i := range 80 {
		c.items[i] = fmt.Sprintf("article %d", i)
	}
	return c
}

func (c *catalogue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	go c.recommend(n * 37 % 100)
	if n%5 == 0 {
		go c.rename(n % 80)
	}
	fmt.Fprintln(w, "ok")
}

// recommend warms what a customer may look at next.
func (c *catalogue) recommend(id int) int {
	c.mu.RLock() // want "leak/mutex"
	name, ok := c.items[id+1]
	if !ok {
		return 0 // mend: c.mu.RUnlock(); return 0
	}
	c.mu.RUnlock()
	return len(name)
}

func (c *catalogue) rename(id int) {
	c.mu.Lock() // want "leak/mutex"
	defer c.mu.Unlock()
	c.items[id] += "*"
}
