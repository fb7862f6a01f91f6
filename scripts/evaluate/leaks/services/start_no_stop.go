package main

import (
	"fmt"
	"net/http"
	"sync"
)

// A deviceLink carries commands to one connected device.
type deviceLink struct {
	commands chan string
	stop     chan struct{}
	sent     int
}

func newDeviceLink() *deviceLink {
	return &deviceLink{commands: make(chan string), stop: make(chan struct{})}
}

func (l *deviceLink) Start() { go l.run() }
func (l *deviceLink) Stop()  { close(l.stop) }

func (l *deviceLink) run() {
	for {
		select { // want "leak/select"
		case <-l.commands:
			l.sent++
		case <-l.stop:
			return
		}
	}
}

type deviceGateway struct {
	mu    sync.Mutex
	links map[string]*deviceLink
}

func newDeviceGateway(*environment) http.Handler {
	return &deviceGateway{links: map[string]*deviceLink{}}
}

// ServeHTTP is a device that connects, often not for the first time.
func (g *deviceGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	device := fmt.Sprintf("device-%d", number(r)%15)
	link := newDeviceLink()
	link.Start()
	g.mu.Lock()
	g.links[device] = link // mend: if old := g.links[device]; old != nil { old.Stop() }; g.links[device] = link
	g.mu.Unlock()
	link.commands <- "sync clock"
	fmt.Fprintln(w, device)
}
