package loadtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return data
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return data
}

func decodeBytes(data []byte) (*evidence.Set, error) {
	return Decode(context.Background(), bytes.NewReader(data), evidence.Position{Source: "in", Seq: 2}, budget.Default())
}

func mustDecode(t *testing.T, name string) evidence.Load {
	t.Helper()
	set, err := decodeBytes(read(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(set.Loads) != 1 || !set.Inputs[0].Complete || set.Inputs[0].Kind != evidence.LoadTest {
		t.Fatalf("%s: %+v", name, set)
	}
	return set.Loads[0]
}

// The outputs are real: vegeta 12.13, hey 0.1.5, ghz 0.93, k6 1.8.1, fortio 1.60.3 and wrk 4.1 against one
// server that waits 2 ms and more and fails one request in 40. wrk2's is the example of its documentation.
func TestRealOutputs(t *testing.T) {
	for _, c := range []struct {
		name, format     string
		requests, failed float64 // −1: not known
		loop             evidence.Loop
		workers          int
		meanMS, p99MS    float64 // as the tool itself says; 0: it does not
	}{
		{"vegeta.gob.gz", "vegeta-gob", 300, 10, evidence.OpenLoop, 0, 13.180, 94.922},
		{"vegeta.json.gz", "vegeta-json", 300, 10, evidence.OpenLoop, 0, 13.180, 94.922},
		{"vegeta.csv.gz", "vegeta-csv", 300, 10, evidence.OpenLoop, 0, 13.180, 94.922},
		{"vegeta-report.txt", "vegeta-report", 300, 10, evidence.OpenLoop, 0, 13.18, 94.922},
		{"vegeta-report.json", "vegeta-report-json", 300, 10, evidence.OpenLoop, 0, 13.180, 94.922},
		{"hey.csv.gz", "hey-csv", 300, -1, evidence.ClosedLoop, 0, 0, 0},
		{"hey.txt", "hey", 300, 10, evidence.ClosedLoop, 0, 8.3, 61.4},
		{"ghz.json.gz", "ghz-json", 200, 10, evidence.ClosedLoop, 4, 0, 20.957},
		{"ghz-async.json.gz", "ghz-json", 100, -1, evidence.OpenLoop, 4, 0, 0},
		{"k6.json.gz", "k6-json", 49, -1, evidence.UnknownLoop, 10, 0, 0},
		{"k6-summary.json", "k6-summary", 49, -1, evidence.UnknownLoop, 10, 0, 0},
		{"k6-handle-summary.json", "k6-summary", 49, 3, evidence.UnknownLoop, 10, 13.507, 87.197},
		{"wrk.txt", "wrk", 3538, 70, evidence.ClosedLoop, 10, 11.81, 60.91},
		{"wrk2.txt", "wrk", 60018, 0, evidence.OpenLoop, 100, 6.46, 11.18},
		{"fortio.json", "fortio-json", 300, 12, evidence.ClosedLoop, 4, 11.0587, 65.1074},
		{"fortio.txt", "fortio", 300, 12, evidence.ClosedLoop, 4, 11.0587, 65.1074},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Sniff(read(t, c.name)); got != c.format {
				t.Errorf("sniffed as %q, want %q", got, c.format)
			}
			l := mustDecode(t, c.name)
			requests, failed, mean, p99 := summary(&l)
			if requests != c.requests || c.failed >= 0 && math.Abs(failed-c.failed) > 0.01 {
				t.Errorf("%v requests, %v failed, want %v and %v", requests, failed, c.requests, c.failed)
			}
			if g := l.Generator; g.Loop != c.loop || g.Workers != c.workers {
				t.Errorf("generator %+v, want %s with %d workers", g, c.loop, c.workers)
			}
			if c.meanMS > 0 && math.Abs(mean*1e3/c.meanMS-1) > 0.01 {
				t.Errorf("mean %v ms, want %v", mean*1e3, c.meanMS)
			}
			// Tools differ in how they take percentiles, and a histogram's bucket is 3 % wide.
			if c.p99MS > 0 && math.Abs(p99*1e3/c.p99MS-1) > 0.04 {
				t.Errorf("P99 %v ms, want %v", p99*1e3, c.p99MS)
			}
		})
	}
}

func summary(l *evidence.Load) (requests, failed, mean, p99 float64) {
	if s := l.Stated; s != nil {
		for _, q := range s.Quantiles {
			if q.Q == 0.99 {
				p99 = q.Seconds
			}
		}
		if s.Errors != nil {
			failed = *s.Errors
		}
		return s.Requests, failed, *s.MeanLatencyS, p99
	}
	last := l.Points[len(l.Points)-1]
	return *last.Requests, *last.Errors, l.Latencies.Mean() / 1e9, float64(l.Latencies.Quantile(0.99)) / 1e9
}

// The three encodings of vegeta hold the same attack.
func TestVegetaEncodingsAgree(t *testing.T) {
	gob, json, csv := mustDecode(t, "vegeta.gob.gz"), mustDecode(t, "vegeta.json.gz"), mustDecode(t, "vegeta.csv.gz")
	for name, l := range map[string]evidence.Load{"json": json, "csv": csv} {
		if len(l.Points) != len(gob.Points) || *l.Latencies != *gob.Latencies && l.Latencies.Sum != gob.Latencies.Sum {
			t.Fatalf("%s: %d points, want %d", name, len(l.Points), len(gob.Points))
		}
		for i := range l.Points {
			a, b := l.Points[i], gob.Points[i]
			if !a.At.Equal(b.At) || *a.Requests != *b.Requests || *a.InFlight != *b.InFlight || *a.LatencySumS != *b.LatencySumS {
				t.Errorf("%s: point %d is %+v, want %+v", name, i, a, b)
			}
		}
	}
}

// Little's law holds exactly on a test that is seen from its begin to its end: ∫L dt = ΣW.
func TestLittlesLawOfAWholeTest(t *testing.T) {
	for _, name := range []string{"vegeta.gob.gz", "hey.csv.gz", "ghz.json.gz", "k6.json.gz"} {
		l := mustDecode(t, name)
		var area float64
		for i := 1; i < len(l.Points); i++ {
			a, b := l.Points[i-1], l.Points[i]
			area += *b.MeanInFlight * b.At.Sub(a.At).Seconds()
			if *b.Started-*b.Requests != *b.InFlight || *b.MaxInFlight < *b.MeanInFlight {
				t.Errorf("%s: point %d %+v", name, i, b)
			}
		}
		first, last := l.Points[0], l.Points[len(l.Points)-1]
		if *last.InFlight != 0 || *first.Started != 0 || math.Abs(area-*last.LatencySumS) > 1e-6 {
			t.Errorf("%s: ∫L dt = %v, ΣW = %v; %v in flight at the end", name, area, *last.LatencySumS, *last.InFlight)
		}
	}
}

// Every prefix of an output is either refused as cut, or whole up to a record.
func TestCut(t *testing.T) {
	for _, name := range []string{"vegeta.gob.gz", "vegeta.json.gz", "ghz.json.gz", "k6-summary.json", "fortio.json", "wrk.txt", "hey.txt", "vegeta-report.json"} {
		data := read(t, name)
		refused := 0
		for _, n := range []int{len(data) / 3, len(data) / 2, len(data) * 3 / 4, len(data) - 40} {
			set, err := decodeBytes(data[:n])
			if err != nil {
				refused++
				var input *evidence.InputError
				if !errors.As(err, &input) || input.Hint == "" {
					t.Errorf("%s: %v", name, err)
				}
				if set != nil && set.Inputs[0].Complete {
					t.Errorf("%s: complete in spite of %v", name, err)
				}
			}
		}
		if text := strings.HasSuffix(name, ".txt"); refused == 0 || !text && refused < 4 {
			t.Errorf("%s: %d of 4 cuts refused", name, refused)
		}
	}
}

// Memory is that of the bins, however many requests there are, and their order is none of its business.
func TestRequestsInAnyOrder(t *testing.T) {
	type span struct{ start, took int64 }
	var all []span
	base := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	for i := range int64(20_000) {
		all = append(all, span{base + i*5e6, (i%37)*3e6 + 1})
	}
	all = append(all, span{base, 100e9}) // one that lasts as long as the test
	load := func(spans []span) evidence.Load {
		r, l := newRequests(), evidence.Load{}
		for _, s := range spans {
			r.add(s.start, s.took, s.took > 100e6)
		}
		r.fill(&l, evidence.Position{})
		return l
	}
	forward := load(all)
	slices.Reverse(all)
	backward := load(all)
	if len(forward.Points) > keptBins+1 || len(forward.Points) < leastBins || len(backward.Points) != len(forward.Points) {
		t.Fatalf("%d and %d points", len(forward.Points), len(backward.Points))
	}
	var area float64
	for i := 1; i < len(forward.Points); i++ {
		a, b := forward.Points[i-1], forward.Points[i]
		dt := b.At.Sub(a.At).Seconds()
		area += *b.MeanInFlight * dt
		if c := backward.Points[i]; math.Abs(*b.MeanInFlight-*c.MeanInFlight) > 1e-9 || *b.Requests != *c.Requests {
			t.Errorf("bin %d: %+v, backward %+v", i, b, c)
		}
		if dt > 0 && *b.MaxInFlight < 1 {
			t.Errorf("bin %d: at most %v in flight beside the long one", i, *b.MaxInFlight)
		}
	}
	if want := float64(forward.Latencies.Sum) / 1e9; math.Abs(area-want) > 1e-6*want {
		t.Errorf("∫L dt = %v, want %v", area, want)
	}
}

func TestLoopIsWarnedOf(t *testing.T) {
	for name, want := range map[string]string{"hey.txt": "closed loop: hey", "wrk.txt": "closed loop: wrk ", "k6.json.gz": "does not say whether k6", "vegeta.gob.gz": "", "wrk2.txt": ""} {
		set, err := decodeBytes(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(set.Inputs[0].Notes, "\n")
		if got := strings.Contains(notes, "coordinated omission"); got != (want != "") || !strings.Contains(notes, want) {
			t.Errorf("%s: notes %q, want %q", name, notes, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join("testdata", e.Name()))
		if err != nil {
			f.Fatal(err)
		}
		if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
			if data, err = io.ReadAll(z); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(data[:min(len(data), 4<<10)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		Sniff(data)
		set, err := decodeBytes(data)
		if set == nil {
			if err == nil {
				t.Fatal("neither evidence nor an error")
			}
			return
		}
		for _, l := range set.Loads {
			for i, p := range l.Points {
				if *p.InFlight < 0 || i > 0 && (p.At.Before(l.Points[i-1].At) || *p.Requests < *l.Points[i-1].Requests) {
					t.Fatalf("point %d: %+v", i, p)
				}
			}
		}
	})
}
