package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// A tunnel joins the client's connection to that of a device.
type tunnel struct{ env *environment }

func newTunnel(env *environment) http.Handler { return &tunnel{env} }

func (t *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	device, err := net.DialTimeout("tcp", t.env.peer, time.Second)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	client, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		device.Close()
		return
	}
	fmt.Fprint(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nopen\n")
	go func() {
		io.Copy(device, rw) // mend: io.Copy(device, rw); device.Close()
		client.Close()
	}()
	go func() {
		io.Copy(client, device) // want "leak/io"
		device.Close()
	}()
}
