package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// The scenarios of memory and of the network.
func init() {
	scenarios = append(scenarios,
		scenario{
			name:    "chanbuffers",
			load:    load{perSecond: 120, request: useRadio},
			prepare: listen,
			lead:    16 * time.Second, // profiles are up to two collections old
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "250ms"},
		},
		scenario{ // twice the window before it: what a capture needs to tell growth that has gone on for long
			name:    "heapretention",
			load:    load{perSecond: 150, request: makePayment},
			lead:    24 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "250ms"},
		},
		scenario{
			name:    "connbuffers",
			load:    load{perSecond: 20, request: askForUsage},
			prepare: connectMeters,
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "500ms", "--gc"}, // it hardly ever collects
		},
		scenario{
			name:    "slowclients",
			load:    load{perSecond: 30, request: sendPhoto},
			prepare: stallUploads,
			lead:    3 * time.Second,
			capture: []string{"--for", "10s", "--every", "2s", "--trace", "1s"},
		},
		scenario{
			name:    "sqlpool",
			load:    load{perSecond: 44, burst: 15, request: askForStock},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "2s", "--trace", "1s"},
		},
		scenario{
			name:    "sqlopen",
			load:    load{perSecond: 20, request: askForStock},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "2s", "--trace", "500ms"},
		},
		scenario{
			name:    "tlshandshakes",
			load:    load{perSecond: 137, request: askForWeather},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "500ms"},
		},
	)
}

const (
	radioBands     = 200
	radioListeners = 5000
)

func listen(ctx context.Context, g *generator) error {
	for i := range radioListeners {
		if _, err := g.do(ctx, request{http.MethodPost, fmt.Sprintf("/bands/%d/listeners", i%radioBands), ""}); err != nil {
			return err
		}
	}
	return nil
}

// useRadio is one frame to two plots.
func useRadio(i int, _ *generator) request {
	if i%3 > 0 {
		return request{http.MethodGet, fmt.Sprintf("/bands/%d/plot", i%radioBands), ""}
	}
	return request{http.MethodPost, fmt.Sprintf("/bands/%d/frames", i%radioBands), ""}
}

// makePayment repeats every tenth payment.
func makePayment(i int, _ *generator) request {
	if i%10 == 9 {
		i -= 5
	}
	return request{http.MethodPost, fmt.Sprintf("/payments/p%06d", i), ""}
}

func askForUsage(int, *generator) request { return request{http.MethodGet, "/usage", ""} }

const meters = 400

// connectMeters opens the meters' connections, each of which sends one line.
func connectMeters(ctx context.Context, g *generator) error {
	addr, err := g.do(ctx, request{http.MethodGet, "/meters", ""})
	if err != nil {
		return err
	}
	for i := range meters {
		if err := openAndSend(ctx, addr, fmt.Sprintf("%d\n", 200+i)); err != nil {
			return err
		}
	}
	return nil
}

// openAndSend opens a connection that lasts as long as the context, and sends a text.
func openAndSend(ctx context.Context, addr, text string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	_, err = fmt.Fprint(conn, text)
	return err
}

const stalledUploads = 150

var photo = strings.Repeat("pixels ", 5000)

// stallUploads begins uploads whose clients send the first tenth, and then nothing.
func stallUploads(ctx context.Context, g *generator) error {
	for i := range stalledUploads {
		text := fmt.Sprintf("POST /photos/stalled-%d HTTP/1.1\r\nHost: lab\r\nContent-Length: %d\r\n\r\n%s", i, len(photo), photo[:len(photo)/10])
		if err := openAndSend(ctx, strings.TrimPrefix(g.base, "http://"), text); err != nil {
			return err
		}
	}
	return nil
}

func sendPhoto(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/photos/photo-%d", i), photo}
}

func askForStock(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/articles/%d", i*31%9000), ""}
}

func askForWeather(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/weather/place-%d", i%300), ""}
}
