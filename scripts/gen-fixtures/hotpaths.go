package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The scenarios of lines that cost.
func init() {
	scenarios = append(scenarios,
		steadyWork("hotgrowth", 263, askForSales), steadyWork("hotpaths", 189, useDepot), steadyWork("hotpieces", 263, export),
		longer(steadyWork("hotcopies", 277, usePort)), shortTrace(steadyWork("timerstorm", 711, reportScooters)), steadyWork("hotreads", 467, askForMean),
		inC(steadyWork("cgocalls", 311, mix)), steadyWork("fastprofile", 311, countVotes),
		steadyWork("boardcopies", 389, useBoard), late(steadyWork("earlyprofile", 151, openBox)))
}

// late is a scenario that is captured when the runtime's buffer for samples has long been full.
func late(s scenario) scenario {
	s.lead = 45 * time.Second
	return s
}

// longer is a scenario whose shares are nearer to their thresholds.
func longer(s scenario) scenario {
	s.capture = []string{"--for", "20s", "--every", "8s", "--trace", "100ms"}
	return s
}

// shortTrace is a scenario whose program switches so often that a longer trace is large.
func shortTrace(s scenario) scenario {
	s.capture = []string{"--for", "12s", "--every", "4s", "--trace", "60ms"}
	return s
}

// inC is a scenario whose program calls functions in C.
func inC(s scenario) scenario {
	s.module, s.cgo = true, true
	return s
}

// steadyWork is work at a rate, with nothing to wait for. The rate is no divisor of the kernel's 250 ticks a
// second: work that begins with each tick and is over by the next would never be sampled.
func steadyWork(name string, perSecond float64, use func(int, *generator) request) scenario {
	return scenario{
		name:    name,
		load:    load{perSecond: perSecond, request: use},
		lead:    time.Second,
		capture: []string{"--for", "12s", "--every", "4s", "--trace", "200ms"},
	}
}

// askForSales uses the routes in turn.
func askForSales(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf([]string{"/customers/%d", "/receipts/%d", "/statements/%d"}[i%3], i%360), ""}
}

func export(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/exports/%d", i%2000), ""}
}

// useDepot uses the routes in turn.
func useDepot(i int, _ *generator) request {
	switch i % 6 {
	case 0:
		return request{http.MethodPost, "/labels", labels(i)}
	case 1:
		return request{http.MethodGet, fmt.Sprintf("/routes/%d", 150+i*7%200), ""}
	case 2:
		return request{http.MethodGet, fmt.Sprintf("/notices/2026-03-%02d", 1+i%28), ""}
	case 3:
		return request{http.MethodGet, "/scans", ""}
	case 4:
		return request{http.MethodGet, fmt.Sprintf("/weights/%d", i%50), ""}
	}
	return request{http.MethodGet, "/shelves", ""}
}

// labels are a sheet of labels, a few of them not valid.
func labels(i int) string {
	const onSheet = 450
	var b strings.Builder
	for n := range onSheet {
		switch (i + n) % 9 {
		case 0:
			fmt.Fprintf(&b, "?%d\n", n)
		default:
			fmt.Fprintf(&b, "RR%09dCH\n", i*onSheet+n)
		}
	}
	return b.String()
}

// usePort uses the routes in turn.
func usePort(i int, _ *generator) request {
	switch i % 8 {
	case 0, 4:
		return request{http.MethodGet, fmt.Sprintf("/log/%d", i%2000), ""}
	case 7:
		return request{http.MethodGet, fmt.Sprintf("/heating/%d", i%12), ""}
	}
	return request{http.MethodGet, "/catalogue", ""}
}

func reportScooters(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/reports/%d", i%150), ""}
}

func askForMean(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/means/%d", i%300), ""}
}

func mix(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/mixes/%d", i%100), ""}
}

func countVotes(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/votes/%d", i%500), ""}
}

// useBoard is a new offer to fourteen looks at offers and five at deals.
func useBoard(i int, _ *generator) request {
	switch {
	case i%20 == 0:
		return request{http.MethodPost, fmt.Sprintf("/offers/%d", i/20%400), ""}
	case i%4 == 1:
		return request{http.MethodGet, fmt.Sprintf("/deals/%d", i*11%400), ""}
	}
	return request{http.MethodGet, fmt.Sprintf("/offers/%d", i*7%400), ""}
}

func openBox(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/boxes/%d", i), ""}
}

func checkParts(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/parts/%d", i%500), ""}
}
