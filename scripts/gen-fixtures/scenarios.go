package main

import (
	"context"
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
	toolchain   string   // GOTOOLCHAIN of the build; empty: the one at hand
	debug       string   // GODEBUG of the process
	load        load
	lead        time.Duration // of load before the capture begins
	capture     []string      // flags of go-debug capture
	prepare     func(context.Context, *generator) error

	dependency     http.Handler // a service that the program calls
	dependencyFlag string       // by which it learns the URL

	module bool // the program has a go.mod of its own
	cgo    bool // and needs a compiler for C

	quota float64 // CPUs that the kernel grants the program; 0: all that there are
}

// leakProfile makes the runtime of go1.26 offer /debug/pprof/goroutineleak.
var leakProfile = []string{"goroutineleakprofile"}

// go127 offers it by itself. A module of go1.27 also has the labels of goroutines in its
// dumps; this one is of go1.26, which leaves them out unless asked.
const (
	go127          = "go1.27.0"
	labelsInStacks = "tracebacklabels=1"
)

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
	{
		name:      "leakpatterns",
		toolchain: go127,
		debug:     labelsInStacks,
		load:      load{perSecond: 44, request: useHotel, mayRefuse: true},
		lead:      4 * time.Second,
		capture:   []string{"--for", "12s", "--every", "2s", "--trace", "500ms"},
	},
	{
		name:           "httpbody",
		dependency:     http.HandlerFunc(trackParcel),
		dependencyFlag: "carrier",
		load:           load{perSecond: 20, request: askForParcel},
		lead:           2 * time.Second,
		capture:        []string{"--for", "12s", "--every", "2s", "--trace", "500ms"},
	},
	{
		name:        "sqlrows",
		experiments: leakProfile,
		load:        load{perSecond: 20, request: lookUpCard},
		lead:        2 * time.Second,
		capture:     []string{"--for", "12s", "--every", "2s", "--trace", "500ms"},
	},
	{
		name:           "informer",
		module:         true,
		dependency:     cluster(),
		dependencyFlag: "cluster",
		load:           load{perSecond: 3, request: reloadTenant},
		lead:           2 * time.Second,
		capture:        []string{"--for", "12s", "--every", "2s", "--trace", "500ms"},
	},
	{
		name:           "idlepools",
		dependency:     http.HandlerFunc(sendStory),
		dependencyFlag: "wire",
		load:           load{perSecond: 40, request: useAgency},
		prepare:        staffDesks,
		lead:           3 * time.Second,
		capture:        []string{"--for", "10s", "--every", "2500ms", "--trace", "500ms"},
	},
}
