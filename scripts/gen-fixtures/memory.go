package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The scenarios of memory that is held.
func init() {
	scenarios = append(scenarios,
		scenario{ // as long before the window as heapretention
			name:    "heapleftovers",
			load:    load{perSecond: 120, request: useLab},
			lead:    24 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "250ms"},
		},
		scenario{
			name:    "heldbuffers",
			load:    load{perSecond: 120, request: useObservatory},
			prepare: openObservatory,
			lead:    2 * time.Second,
			capture: []string{"--for", "10s", "--every", "5s", "--trace", "250ms", "--gc"}, // it hardly ever collects
		},
	)
}

var photograph = strings.Repeat("a photo of somebody's holidays: ", 12<<10)

// behind is how many photos ago the one was taken in that is looked at: the upload is over by then.
const behind = 10

// useLab is a photo that is taken in, four looks at those of a while ago, and two of five printed.
func useLab(i int, _ *generator) request {
	n := i / 6
	switch before := max(n-behind, 0); {
	case i%6 == 0:
		return request{http.MethodPost, fmt.Sprintf("/photos/p%06d", n), photograph}
	case i%6 == 5 && before%5 < 2:
		return request{http.MethodPost, fmt.Sprintf("/photos/p%06d/print", before), ""}
	default:
		return request{http.MethodGet, fmt.Sprintf("/photos/p%06d/preview", before), ""}
	}
}

const (
	seismographs = 400
	visitors     = 4000
	seals        = 3
)

// openObservatory connects the stations, logs the visitors in, and has sealed as often as there are copies of the
// archive.
func openObservatory(ctx context.Context, g *generator) error {
	for _, first := range []struct {
		method, path string
		n            int
	}{{http.MethodPost, "/stations/%d", seismographs}, {http.MethodPost, "/visitors/%d", visitors}, {http.MethodGet, "/seal/%d", seals}} {
		for i := range first.n {
			if _, err := g.do(ctx, request{first.method, fmt.Sprintf(first.path, i), ""}); err != nil {
				return err
			}
		}
	}
	return nil
}

// useObservatory is a seal to thirty pages and twenty-nine shocks.
func useObservatory(i int, _ *generator) request {
	switch {
	case i%60 == 0:
		return request{http.MethodGet, fmt.Sprintf("/seal/%d", 1990+i/60%30), ""}
	case i%2 == 0:
		return request{http.MethodGet, fmt.Sprintf("/visitors/%d/page", i*7919%visitors), ""}
	}
	return request{http.MethodPost, fmt.Sprintf("/stations/%d/shocks/%d", i*31%seismographs, i), ""}
}
