package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// A lineConn has a goroutine that reads the answers.
type lineConn struct {
	net.Conn
	answers chan string
}

// A linePool keeps its connections to the TCP service; it dials when none is free.
type linePool struct {
	env  *environment
	mu   sync.Mutex
	free []*lineConn
}

func newLinePool(env *environment) http.Handler { return &linePool{env: env} }

func (p *linePool) take() (*lineConn, error) {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	conn, err := net.DialTimeout("tcp", p.env.peer, time.Second)
	if err != nil {
		return nil, err
	}
	c := &lineConn{conn, make(chan string)}
	go c.read()
	return c, nil
}

func (p *linePool) give(c *lineConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, c)
}

func (c *lineConn) read() {
	in := bufio.NewScanner(c)
	for in.Scan() {
		c.answers <- in.Text()
	}
}

// ServeHTTP asks several times at once; every ninth request is a large one.
func (p *linePool) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := 1 + number(r)%3
	if number(r)%9 == 0 {
		parts = 12
	}
	var wg sync.WaitGroup
	for range parts {
		wg.Go(func() {
			c, err := p.take()
			if err != nil {
				return
			}
			fmt.Fprintln(c, "PING")
			<-c.answers
			p.give(c)
		})
	}
	wg.Wait()
	fmt.Fprintln(w, parts)
}
