package trace

import (
	"bytes"
	"maps"
	"os"
	"strings"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// requestsOf decodes a trace of testdata.
func requestsOf(t *testing.T, file string) *evidence.Trace {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	tr, _ := replayed(t, bytes.NewReader(data), 2, budget.Budget{})
	addsUp(t, tr)
	return tr
}

// The handler that shows metrics is no work of the service, and middleware that measures requests is: the trace is that of
// testdata/promhttp, with 40 requests for work and 10 for metrics.
func TestRequestsBehindMetrics(t *testing.T) {
	tr := requestsOf(t, "promhttp.trace")
	if len(tr.Requests) != 1 {
		t.Fatalf("routes %+v", tr.Requests)
	}
	if r := tr.Requests[0]; r.Route != "main.work" || r.Completed != 40 || r.Open+r.Earlier != 0 {
		t.Errorf("%s: %d completed, %d open; want 40 of main.work", r.Route, r.Completed, r.Open)
	}
	if q := tr.Windows[0].Requests; q.Excluded != 10 || q.Lost != 0 {
		t.Errorf("%d were left out, %d lost, want 10 and 0", q.Excluded, q.Lost)
	}
}

// Each release since go1.22 shows the requests of its net/http: the traces are those of testdata/http, 40 requests by 4 clients
// over HTTP/1.1 and as many over HTTP/2.
func TestRequestsOfReleases(t *testing.T) {
	for _, release := range []string{"go1.22", "go1.23", "go1.24", "go1.25", "go1.27"} {
		t.Run(release, func(t *testing.T) {
			tr := requestsOf(t, "http-"+release+".trace")
			seen := map[string]int64{}
			for _, r := range tr.Requests {
				seen[r.Protocol] += r.Completed
				if !strings.HasSuffix(r.Route, "main.sleeps") || r.Open+r.Earlier != 0 {
					t.Errorf("%s %s: %d completed, %d open", r.Protocol, r.Route, r.Completed, r.Open)
				}
				if ns := spent(r, "sleep"); ns < r.InFlightNS/2 {
					t.Errorf("%s: %d of %d ns asleep", r.Protocol, ns, r.InFlightNS)
				}
			}
			if seen["http/1"] != 40 || seen["http/2"] != 40 || len(seen) != 2 {
				t.Errorf("%v, want 40 of each protocol", seen)
			}
		})
	}
}

// Of six requests three lost their clients, whatever the scheduler made of it. The traces are of TestAbandonedRequests on a machine
// with more to do than it could: the watch over a connection ends after the handler that it told; it finds the client gone
// without having to wait, and ends after it too; the server closes a connection while the reply is being written.
func TestClientsThatLeft(t *testing.T) {
	for _, file := range []string{"left-late-watch.trace", "left-at-once.trace", "left-closed-server.trace"} {
		t.Run(file, func(t *testing.T) {
			tr := requestsOf(t, file)
			got := map[string][2]int64{}
			for _, r := range tr.Requests {
				got[r.Route] = [2]int64{r.Completed, r.Abandoned}
			}
			const here = "go-debug/analyze/decode/trace."
			want := map[string][2]int64{here + "TestAbandonedRequests.func1": {3, 3}, here + "sleepingHandler": {3, 0}}
			if !maps.Equal(got, want) {
				t.Errorf("completed and abandoned: %v, want %v", got, want)
			}
		})
	}
}

// A request may leave no event but the write of its reply, and a generation may end on either side of that or within it. The traces
// are of TestSaturatedServer of detectors/inflight, whose 8 clients ask 101 times each, on a machine with more to do than it could.
func TestRepliesAcrossGenerations(t *testing.T) {
	for _, file := range []string{"replies-runnable.trace", "replies-writing.trace", "replies-after-write.trace"} {
		t.Run(file, func(t *testing.T) {
			tr := requestsOf(t, file)
			ended, open := int64(0), int64(0)
			for _, r := range tr.Requests {
				ended, open = ended+r.Completed+r.Earlier, open+r.Open
			}
			if ended+open != 8*101 || open > 8 {
				t.Errorf("%d requests ended and %d did not, want %d", ended, open, 8*101)
			}
		})
	}
}
