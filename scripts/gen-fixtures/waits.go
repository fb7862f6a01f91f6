package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The scenarios of waiting for locks and channels, and of what those cost.
func init() {
	scenarios = append(scenarios,
		scenario{
			name:    "loglock",
			load:    load{perSecond: 48, burst: 2, request: deliver},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "2500ms", "--trace", "500ms"},
		},
		scenario{
			name:    "rwstarve",
			load:    load{perSecond: 620, request: useCarrier},
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "2500ms", "--trace", "500ms"},
		},
		scenario{
			name:    "readbounce",
			load:    load{perSecond: 67, request: planRoute},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "200ms"},
		},
		scenario{
			name:    "busypoll",
			load:    load{perSecond: 150, request: postLetter},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "500ms"},
		},
		scenario{
			name:    "fanin",
			load:    load{perSecond: 40, burst: 8, request: reportWeather},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "2500ms", "--trace", "500ms"},
		},
		scenario{
			name:    "channeltoll",
			load:    load{perSecond: 23, request: countText},
			lead:    time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "60ms"},
		},
		scenario{
			name:           "lockedio",
			dependency:     http.HandlerFunc(answerBranch),
			dependencyFlag: "office",
			load:           load{perSecond: 96, burst: 24, request: useBranch},
			lead:           time.Second,
			capture:        []string{"--for", "10s", "--every", "1s", "--trace", "1s"},
		},
	)
}

func deliver(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/deliveries/delivery-%d", i), ""}
}

// useCarrier is thirty-one tariffs to twenty-nine items that are looked at, one that is changed, and one export.
func useCarrier(i int, _ *generator) request {
	switch n := i % 62; {
	case n == 7:
		return request{http.MethodGet, "/export", ""}
	case n == 17: // while the export is under way
		return request{http.MethodPut, fmt.Sprintf("/items/%d", i*31%500), ""}
	case n%2 == 0:
		return request{http.MethodGet, fmt.Sprintf("/tariffs/%d", i%40), ""}
	}
	return request{http.MethodGet, fmt.Sprintf("/items/%d", i*17%500), ""}
}

// planRoute is a report of the traffic to thirty-three plans.
func planRoute(i int, _ *generator) request {
	if i%34 == 33 {
		return request{http.MethodPut, fmt.Sprintf("/roads/road-%d", i), ""}
	}
	return request{http.MethodGet, fmt.Sprintf("/routes/place-%d", i), ""}
}

func postLetter(i int, _ *generator) request {
	query := ""
	if i%10 == 0 {
		query = "?express"
	}
	return request{http.MethodPost, fmt.Sprintf("/letters/street-%d%s", i%900, query), ""}
}

func reportWeather(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/stations/station-%d", i%60), ""}
}

var text = strings.Repeat("it was a bright cold day in April, and the clocks were striking thirteen. ", 2700)

func countText(int, *generator) request { return request{http.MethodPost, "/texts", text} }

// useBranch is an order to each entry.
func useBranch(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/%s/article-%d", []string{"orders", "entries"}[i%2], i%700), ""}
}

// answerBranch is the supplier, who looks for longer than the ledger.
func answerBranch(w http.ResponseWriter, r *http.Request) {
	took := 4 * time.Millisecond
	if strings.HasPrefix(r.URL.Path, "/supplier/") {
		took = 7 * time.Millisecond
	}
	wait(r.Context(), took)
	fmt.Fprintln(w, "done")
}
