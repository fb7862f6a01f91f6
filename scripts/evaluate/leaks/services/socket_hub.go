package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// A socketHub holds long-lived connections, each with a goroutine that reads and one that writes.
type socketHub struct {
	mu      sync.Mutex
	clients map[*socketClient]bool
}

type socketClient struct {
	conn net.Conn
	send chan []byte
}

func newSocketHub(*environment) http.Handler {
	return &socketHub{clients: map[*socketClient]bool{}}
}

// ServeHTTP takes the connection over, greets, and leaves it to its goroutines.
func (h *socketHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hj, ok := w.(http.Hijacker)
	if !ok {
		http.Error(w, "no sockets here", http.StatusNotImplemented)
		return
	}
	conn, rw, err := hj.Hijack()
	if err != nil {
		return
	}
	c := &socketClient{conn: conn, send: make(chan []byte, 8)}
	h.mu.Lock()
	h.clients[c] = true
	h.mu.Unlock()
	go h.readPump(c, rw.Reader)
	go c.writePump()
	c.send <- []byte("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n")
}

func (h *socketHub) readPump(c *socketClient, in *bufio.Reader) {
	defer c.conn.Close()
	for {
		frame, err := in.ReadString('\n')
		if err != nil {
			h.leave(c)
			return
		}
		h.broadcast([]byte(frame))
	}
}

func (h *socketHub) leave(c *socketClient) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c) // mend: delete(h.clients, c); close(c.send)
}

func (h *socketHub) broadcast(frame []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		select {
		case c.send <- frame:
		default:
		}
	}
}

func (c *socketClient) writePump() {
	for frame := range c.send { // want "leak/chan-receive"
		if _, err := fmt.Fprintf(c.conn, "%s", frame); err != nil {
			return
		}
	}
}
