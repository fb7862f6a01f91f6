package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// The scenarios of what hands over one thing at a time: selects, queues, timers and connections.
func init() {
	scenarios = append(scenarios,
		scenario{
			name:    "sharedtimer",
			load:    load{perSecond: 200, request: passGates},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "200ms"},
		},
		scenario{
			name:    "selecttoll",
			load:    load{perSecond: 40, request: sendMeterReadings},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "100ms"},
		},
		scenario{
			name:    "fewworkers",
			load:    load{perSecond: 30, burst: 3, request: sendParcels},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "2500ms", "--trace", "1s"},
		},
		scenario{
			name:    "widegate",
			load:    load{perSecond: 270, burst: 16, request: printPhoto},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "2500ms", "--trace", "1s"},
		},
		scenario{
			name:    "parkedcrowd",
			load:    load{perSecond: 120, request: publishOrFetch},
			prepare: subscribe,
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "250ms"},
		},
		scenario{
			name:    "datagrams",
			load:    load{perSecond: 50, request: askForCounter},
			prepare: sendCounts,
			lead:    2 * time.Second,
			capture: []string{"--for", "15s", "--every", "5s", "--trace", "250ms"},
		},
	)
}

// passages are those of some seconds at all gates of the stadium.
var passages = strings.Repeat("gate 7 day\ngate 3 season\ngate 12 day\n", 10_000)

func passGates(int, *generator) request { return request{http.MethodPost, "/passages", passages} }

// meterReadings are those of the meters of a street.
var meterReadings = func() string {
	var b []byte
	for i := range 40_000 {
		b = binary.BigEndian.AppendUint32(b, uint32(i)*7919)
	}
	return string(b)
}()

func sendMeterReadings(int, *generator) request {
	return request{http.MethodPost, "/readings", meterReadings}
}

func sendParcels(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/parcels/shop-%d", i%300), ""}
}

func printPhoto(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/photos/photo-%d", i%900), ""}
}

// countEvery is the time from one event to the next.
const countEvery = 60 * time.Microsecond

// sendCounts begins to send datagrams, at even distances, for as long as the context lasts, with as many events in each
// as the collector asks for.
func sendCounts(ctx context.Context, g *generator) error {
	answer, err := g.do(ctx, request{http.MethodGet, "/collector", ""})
	if err != nil {
		return err
	}
	var addr string
	var pack int
	if _, err := fmt.Sscan(answer, &addr, &pack); err != nil {
		return fmt.Errorf("collector: %q: %w", answer, err)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", addr)
	if err != nil {
		return err
	}
	go func() {
		defer conn.Close()
		if err := keepTime(); err != nil {
			fmt.Fprintln(os.Stderr, "gen-fixtures: datagrams come at uneven distances:", err)
		}
		var datagram []byte
		next := time.Now()
		for i := 1; ctx.Err() == nil; i++ {
			if next = next.Add(countEvery); time.Until(next) < 0 {
				next = time.Now().Add(countEvery) // late: they would come in a heap
			}
			pause(time.Until(next))
			if datagram = fmt.Appendf(datagram, "requests.%d:1\n", i%90); i%pack == 0 {
				conn.Write(datagram)
				datagram = datagram[:0]
			}
		}
	}()
	return nil
}

func askForCounter(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/counters/requests.%d", i%90), ""}
}
