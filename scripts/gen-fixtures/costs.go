package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The scenarios of what the runtime itself costs: collecting and scheduling.
func init() {
	scenarios = append(scenarios,
		scenario{
			name:    "gcpressure",
			load:    load{perSecond: 600, request: findConnections},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "1s"},
		},
		scenario{
			name:    "gcpause",
			load:    load{perSecond: 400, request: useArchive},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "3s"},
		},
		scenario{
			name:    "memorylimit",
			load:    load{perSecond: 400, request: priceBasket},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "500ms"},
		},
		scenario{
			name:    "finalizers",
			load:    load{perSecond: 150, request: drawMap},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "500ms"},
		},
		scenario{
			name:    "housekeeping",
			load:    load{perSecond: 60, request: order},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "500ms"},
		},
		scenario{
			name:    "schedchurn",
			load:    load{perSecond: 400, request: click},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "60ms"},
		},
		scenario{
			name:    "spinwait",
			load:    load{perSecond: 100, request: printLabel},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "60ms"},
		},
		scenario{
			name:    "cpuhog",
			load:    load{perSecond: 120, request: useGallery},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "4s"},
		},
		scenario{
			name:    "rivals",
			load:    load{perSecond: 7, request: visitTown},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "2s"},
		},
		scenario{
			name:    "overcommit",
			load:    load{perSecond: 1.3, request: tellFortune},
			lead:    2 * time.Second,
			quota:   1,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "4s"},
		},
		scenario{
			name:    "stretchedpauses",
			load:    load{perSecond: 2.1, request: drawPedigree},
			lead:    2 * time.Second,
			quota:   1,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "4s"},
		},
		scenario{
			name:    "handovers",
			load:    load{perSecond: 863, request: checkParts},
			lead:    2 * time.Second,
			capture: []string{"--for", "30s", "--every", "12s", "--trace", "60ms"},
		},
		scenario{
			name:    "idlepolling",
			load:    load{perSecond: 2, request: moveBlind},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "500ms"},
		},
		scenario{
			name:    "filelocks",
			load:    load{perSecond: 90, burst: 90, request: signBook},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "2500ms", "--trace", "1s"},
		},
	)
}

func findConnections(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/connections/stop-%d", i*7919%150_000), ""}
}

// useArchive is one proof to nineteen pages.
func useArchive(i int, _ *generator) request {
	if i%20 == 0 {
		return request{http.MethodPost, fmt.Sprintf("/proofs/%d", i/20), ""}
	}
	return request{http.MethodGet, fmt.Sprintf("/pages/%d", i), ""}
}

func priceBasket(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/baskets/basket-%d", i*37%20_000), ""}
}

func drawMap(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/maps/place-%d", i%500), ""}
}

func order(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/orders/customer-%d", i*31%60_000), ""}
}

// clicks is what a page sends at a time.
var clicks = strings.Repeat("/shop/shoes/\n/shop/socks/\n/about/\n/shop/shoes/red/\n", 250)

func click(int, *generator) request { return request{http.MethodPost, "/clicks", clicks} }

func printLabel(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/labels/street-%d", i%700), ""}
}

// useGallery is one new photo to nineteen that are looked at.
func useGallery(i int, _ *generator) request {
	method := http.MethodGet
	if i%20 == 0 {
		method = http.MethodPost
	}
	return request{method, fmt.Sprintf("/photos/photo-%d", i%4000), ""}
}

func moveBlind(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/blinds/%d", i%8), ""}
}

// signBook is the guest book of the day.
func signBook(int, *generator) request { return request{http.MethodPost, "/books/today", ""} }

func visitTown(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/towns/%d", i*7919%1000), ""}
}

func drawPedigree(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/pedigrees/%d", i*7919%30_000), ""}
}

func tellFortune(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/fortunes/%d", i%12), ""}
}
