package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// A scenario is how a faulty program and its healthy twin are run, loaded and captured:
// both in the same way, so that nothing but the program tells them apart.
type scenario struct {
	name        string
	args        []string
	experiments []string // GOEXPERIMENT of the build
	load        load
	lead        time.Duration // of load before the capture begins
	capture     []string      // flags of go-debug capture
	prepare     func(context.Context, *generator) error

	dependency     http.Handler // a service that the program calls
	dependencyFlag string       // by which it learns the URL
}

// leakProfile makes the runtime offer /debug/pprof/goroutineleak.
var leakProfile = []string{"goroutineleakprofile"}

var scenarios = []scenario{
	{
		name:    "resyncleak",
		args:    []string{"-tenants", strconv.Itoa(tenants), "-watch-for", "3s"},
		load:    load{perSecond: 300, burst: 8, request: reconcile},
		capture: []string{"--for", "12s", "--every", "2s", "--trace", "300ms"},
	},
	{
		name:           "slowdownstream",
		dependency:     http.HandlerFunc(price),
		dependencyFlag: "pricing",
		load:           load{perSecond: 1010, request: quote},
		lead:           time.Second,
		capture:        []string{"--for", "14s", "--every", "3500ms", "--trace", "300ms"},
	},
	{
		name:    "mutexconvoy",
		load:    load{perSecond: 340, burst: 64, request: lookUpFlag},
		lead:    time.Second,
		capture: []string{"--for", "10s", "--every", "2s", "--trace", "250ms"},
	},
	{
		name:    "selectherd",
		load:    load{perSecond: 120, request: publishOrFetch},
		prepare: subscribe,
		lead:    time.Second,
		capture: []string{"--for", "10s", "--every", "2s", "--trace", "250ms"},
	},
	{
		name:        "timeoutlimiter",
		args:        []string{"-slot-timeout", "2s"},
		experiments: leakProfile,
		load:        load{perSecond: 40, request: sendBatch},
		capture:     []string{"--for", "12s", "--every", "2s", "--trace", "300ms"},
	},
}

const tenants = 38

func reconcile(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/tenants/tenant-%03d/objects/object-%d", i%tenants, i%977), ""}
}

func quote(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/quotes/article-%d", i%5000), ""}
}

// price is the pricing service: 91 to 112 ms for an answer.
func price(w http.ResponseWriter, r *http.Request) {
	if wait(r.Context(), 91*time.Millisecond+rand.N(21*time.Millisecond)) {
		fmt.Fprintln(w, 100+rand.N(9900))
	}
}

func lookUpFlag(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/tenants/tenant-%d/flags/checkout-v2", i*31%500), ""}
}

const (
	subscribers = 4000
	topics      = 200
)

func subscribe(ctx context.Context, g *generator) error {
	for i := range subscribers {
		body, err := g.do(ctx, request{http.MethodPost, fmt.Sprintf("/topics/topic-%d/devices", i%topics), ""})
		if err != nil {
			return err
		}
		var answer struct{ Device string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			return err
		}
		g.devices = append(g.devices, answer.Device)
	}
	return nil
}

// publishOrFetch is one publication to two fetches.
func publishOrFetch(i int, g *generator) request {
	if i%3 == 0 {
		return request{http.MethodPost, fmt.Sprintf("/topics/topic-%d/events", i/3%topics), "order shipped"}
	}
	return request{http.MethodGet, "/devices/" + g.devices[i*17%len(g.devices)] + "/mailbox", ""}
}

func sendBatch(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/batches/batch-%d?receivers=8", i), ""}
}
