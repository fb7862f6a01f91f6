package trace

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The traces are those that testdata/grpc wrote: 40 calls each, by 4 clients at a time.
func TestRequestsOfGRPC(t *testing.T) {
	for _, name := range []string{"goroutines", "workers"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("testdata/grpc-" + name + ".trace")
			if err != nil {
				t.Fatal(err)
			}
			tr, _ := sameEverywhere(t, bytes.Clone(data))
			addsUp(t, tr)
			if len(tr.Requests) != 1 {
				t.Fatalf("routes %+v", tr.Requests)
			}
			r := tr.Requests[0]
			if r.Protocol != "grpc" || !strings.HasSuffix(r.Route, "health.Check") || r.Completed != 40 || r.Open+r.Earlier != 0 {
				t.Errorf("%s %s: %d completed, %d open, %d earlier; want 40 of Check", r.Protocol, r.Route, r.Completed, r.Open, r.Earlier)
			}
			if r.Handler.Min < 1e6 || spent(r, "sleep") < r.InFlightNS/2 {
				t.Errorf("the shortest handler took %d ns; %d of %d ns asleep", r.Handler.Min, spent(r, "sleep"), r.InFlightNS)
			}
			if most := tr.Windows[0].Requests.Max; most < 2 || most > 4 {
				t.Errorf("at most %d in flight, there were 4 clients", most)
			}
		})
	}
}
