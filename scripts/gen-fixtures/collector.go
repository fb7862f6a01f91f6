package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The scenarios of the parts of the collector's and the allocator's work.
func init() {
	scenarios = append(scenarios,
		scenario{
			name:    "assistburst",
			load:    load{perSecond: 150, burst: 2, request: drawDistrict},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "800ms"},
		},
		scenario{
			name:    "sweepdebt",
			load:    load{perSecond: 500, request: lookUpWords},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "300ms"},
		},
		scenario{
			name:    "allocburden",
			load:    load{perSecond: 799, request: sendReadings},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "300ms"},
		},
		scenario{
			name:    "pointerqueue",
			load:    load{perSecond: 440, burst: 4, request: arrive},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "300ms"},
		},
	)
}

func drawDistrict(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/maps/%d", i%997), ""}
}

func lookUpWords(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/words/%d", i%997), ""}
}

// readings is what a factory sends at a time.
var readings = strings.Repeat("17 4\n18 1\n19 6!\n20 1\n", 4000)

func sendReadings(int, *generator) request { return request{http.MethodPost, "/readings", readings} }

func arrive(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/departments/%d", i%40), ""}
}
