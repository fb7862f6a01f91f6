package metrics

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// seriesReader is one scrape of a counter, a histogram and ever new routes, as long as asked for. It
// measures what is held while it is read.
type seriesReader struct {
	left, reads int
	n           int
	text        []byte
	peak        uint64
}

func (r *seriesReader) Read(p []byte) (int, error) {
	if r.reads++; r.reads%64 == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		r.peak = max(r.peak, m.HeapAlloc)
	}
	for len(r.text) < len(p) && r.left > 0 {
		before := len(r.text)
		r.n++
		r.text = fmt.Appendf(r.text, "http_requests_total{code=\"200\",path=\"/user/%d\"} 1\nhttp_request_duration_seconds_bucket{path=\"/user/%[1]d\",le=\"1\"} 1\n"+
			"http_request_duration_seconds_bucket{path=\"/user/%[1]d\",le=\"+Inf\"} 1\nhttp_request_duration_seconds_sum{path=\"/user/%[1]d\"} 0.5\n"+
			"http_request_duration_seconds_count{path=\"/user/%[1]d\"} 1\n", r.n)
		r.left -= len(r.text) - before
	}
	if len(r.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.text)
	r.text = r.text[:copy(r.text, r.text[n:])]
	return n, nil
}

// A scrape costs what is kept of it, however long it is.
func TestMemoryOfALongScrape(t *testing.T) {
	const size, most = 24 << 20, 8 << 20
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	r := &seriesReader{left: size}
	set, err := Decode(context.Background(), r, evidence.Position{}, budget.Default())
	if err != nil {
		t.Fatal(err)
	}
	if held := int64(r.peak) - int64(before.HeapAlloc); held > most {
		t.Errorf("%d bytes held for a scrape of %d, want at most %d", held, size, most)
	}
	p := set.Loads[0].Points[0]
	if want := float64(r.n); *p.Requests != want || *p.LatencyCount != want || *p.LatencySumS != want/2 || p.LatencyBuckets[1].Count != want {
		t.Errorf("point %+v, want %g requests", p, want)
	}
	if len(set.Loads) != maxRoutes+1 {
		t.Errorf("%d loads", len(set.Loads))
	}
}

// Where a batch ends changes nothing: a histogram's lines may lie on both sides.
func TestBatchesAddUp(t *testing.T) {
	r := &seriesReader{left: 5 * batchBytes}
	set, err := Decode(context.Background(), r, evidence.Position{}, budget.Default())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range set.Loads[1:] {
		if p := l.Points[0]; *p.Requests != 1 || len(p.LatencyBuckets) != 2 || p.LatencyBuckets[1].Count != 1 {
			t.Errorf("%s: %+v", l.Route, p)
		}
	}
	if len(set.Inputs[0].Notes) != 1 { // the routes beyond the bound
		t.Errorf("notes %q", set.Inputs[0].Notes)
	}
}
