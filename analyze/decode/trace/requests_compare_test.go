package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// replayed decodes and also returns the window, for what evidence does not keep.
func replayed(t testing.TB, r io.Reader, workers int, b budget.Budget) (*evidence.Trace, *window) {
	t.Helper()
	var kept *window
	set, err := decodeWith(t.Context(), r, evidence.Position{Source: "t.trace"}, b,
		func(w *window, in *input, br *bufio.Reader, minor int) error {
			kept = w
			return replayWith(workers)(w, in, br, minor)
		})
	if err != nil {
		t.Fatal(err)
	}
	return set.Trace, kept
}

// stream hides that an input can be read twice.
type stream struct{ io.Reader }

// sameEverywhere decodes in all ways there are and demands the same evidence.
func sameEverywhere(t *testing.T, data []byte) (*evidence.Trace, *window) {
	t.Helper()
	tr, w := replayed(t, bytes.NewReader(data), 1, budget.Budget{})
	want, err := json.Marshal(tr)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 2, 4} {
		for name, r := range map[string]io.Reader{"file": bytes.NewReader(data), "stream": stream{bytes.NewReader(data)}} {
			other, _ := replayed(t, r, workers, budget.Budget{})
			got, err := json.Marshal(other)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s with %d workers: other evidence than one worker's", name, workers)
			}
		}
	}
	return tr, w
}

// compare holds the trace's requests against the truth.
func (tr *truth) compare(t *testing.T, c *clock, got *evidence.Trace, w *window, counts func(requestRecord) bool) {
	t.Helper()
	tr.mu.Lock() // connections note their last write when the client may long be done
	defer tr.mu.Unlock()
	lo, hi := c.start(t, got)
	slack := hi.Sub(lo)
	window := time.Duration(got.Windows[0].DurationNS)
	records, open := map[uint64][]requestRecord{}, map[uint64]requestRecord{}
	total := 0
	w.requests.tally.records.each(func(r requestRecord) {
		switch {
		case !counts(r) || r.earlier:
		case r.open:
			open[r.goroutine] = r
		default:
			records[r.goroutine] = append(records[r.goroutine], r)
			total++
		}
	})
	var inner, outer, have []float64 // seconds
	var excess []time.Duration
	paired, early := 0, 0
	var faults []string // of single requests
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, s := range tr.served {
		start, end := s.start.Sub(lo), s.end.Sub(lo)
		if start < 0 || end > window {
			continue
		}
		at := slices.IndexFunc(records[s.goroutine], func(r requestRecord) bool {
			return time.Duration(r.earliest) <= start+clockGrain && end-slack <= time.Duration(r.to)
		})
		if at < 0 {
			if s.wrote.IsZero() || s.wrote.Sub(lo) > window {
				continue // it ended when the trace had
			}
			if r, ok := open[s.goroutine]; ok && time.Duration(r.earliest) <= start+clockGrain && time.Duration(r.to) <= s.wrote.Sub(lo)+clockGrain {
				continue // the trace had no other event to show that this was the last write
			}
			fault("no request of the trace is that of goroutine %d from %v to %v; there are %+v", s.goroutine, start, end, records[s.goroutine])
			continue
		}
		r := records[s.goroutine][at]
		records[s.goroutine] = slices.Delete(records[s.goroutine], at, at+1)
		paired++
		if r.from == r.earliest && r.from > int64(start+clockGrain) {
			fault("goroutine %d: arrival at %v, the handler began at %v", s.goroutine, time.Duration(r.from), start)
		}
		d := time.Duration(r.to - r.from)
		if !s.wrote.IsZero() {
			end = s.wrote.Sub(lo)
		}
		excess = append(excess, (d - (end - start)).Abs())
		have, inner = append(have, d.Seconds()), append(inner, s.end.Sub(s.start).Seconds())
		if !s.sent.IsZero() && !s.wrote.IsZero() {
			outer = append(outer, s.wrote.Sub(s.sent).Seconds())
			if time.Duration(r.to) > s.wrote.Sub(lo)+clockGrain {
				fault("goroutine %d: ended at %v, written at %v", s.goroutine, time.Duration(r.to), s.wrote.Sub(lo))
			}
			if !tr.alerts && time.Duration(r.to) < s.write.Sub(hi)-clockGrain {
				fault("goroutine %d: ended at %v, before the last write at %v", s.goroutine, time.Duration(r.to), s.write.Sub(hi))
			}
			if r.from == r.earliest && time.Duration(r.from) < s.sent.Sub(hi)-clockGrain {
				fault("goroutine %d: arrived at %v, sent at %v", s.goroutine, time.Duration(r.from), s.sent.Sub(lo))
			}
		} else {
			early++
		}
	}
	if paired == 0 {
		t.Fatal("nothing was compared")
	}
	if left := total - paired; left != 0 {
		fault("%d of %d requests of the trace are no request of the program", left, total)
	}
	if len(faults) > 0 {
		t.Errorf("%d faults: %s", len(faults), strings.Join(faults[:min(len(faults), 3)], "; "))
	}
	slices.Sort(excess)
	report := fmt.Sprintf("%d paired of %d; the trace's request differs by %v (median), %v (P99)", paired, total, excess[len(excess)/2], excess[len(excess)*99/100])
	for _, q := range []float64{0.5, 0.95, 0.99} {
		i, h := quantile(inner, q), quantile(have, q)
		report += fmt.Sprintf("; P%v %.2f of %.2f ms", q*100, h*1e3, i*1e3)
		// Quantiles of durations that are each longer than another are longer too.
		if h < i-float64(slack+2*clockGrain)/1e9 {
			t.Errorf("P%v %v s, the handlers' %v s", q*100, h, i)
		}
		if early == 0 {
			if o := quantile(outer, q); h > o+float64(slack+2*clockGrain)/1e9 {
				t.Errorf("P%v %v s, from sending to the last write %v s", q*100, h, o)
			}
		}
	}
	report += fmt.Sprintf("; mean in flight %.3f of %.3f", sum(have)/window.Seconds(), sum(inner)/window.Seconds())
	t.Log(report)
}

func quantile(v []float64, q float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[min(int(math.Ceil(q*float64(len(v))))-1, len(v)-1)]
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

// addsUp demands that each nanosecond of a request is in one state.
func addsUp(t *testing.T, tr *evidence.Trace) {
	t.Helper()
	for _, r := range tr.Requests {
		var ns int64
		for _, s := range r.States {
			ns += s.NS
			var parts int64
			for _, p := range s.Parts {
				parts += p
			}
			if parts != s.NS {
				t.Errorf("%s %s: the parts of the window add up to %d of %d ns", r.Route, s.State, parts, s.NS)
			}
		}
		var arrived int64
		for _, n := range r.Arrived {
			arrived += n
		}
		if want := r.Completed + r.Open - r.OpenEarlier; arrived != want {
			t.Errorf("%s: %d arrived in the parts of the window, want %d", r.Route, arrived, want)
		}
		if ns != r.InFlightNS || r.Latency.Sum+r.Censored.Sum != ns {
			t.Errorf("%s: states add up to %d ns, requests to %d and %d", r.Route, ns, r.InFlightNS, r.Latency.Sum+r.Censored.Sum)
		}
		for _, e := range r.Exemplars {
			var line int64
			for _, s := range e.Line {
				line += s.NS
			}
			if line != e.DurationNS {
				t.Errorf("%s: the line of a request of %d ns adds up to %d", r.Route, e.DurationNS, line)
			}
		}
		fansOut(t, r)
	}
}

// fansOut demands that what goroutines did adds up to the time that requests waited for them.
func fansOut(t *testing.T, r evidence.Requests) {
	t.Helper()
	total := func(list []evidence.RequestSegment) (ns int64) {
		for _, s := range list {
			ns += s.NS
		}
		return ns
	}
	for _, e := range r.Exemplars {
		for _, s := range e.Line {
			if c := s.Child; c != nil && (total(c.Line) != c.NS || c.NS > s.NS) {
				t.Errorf("%s: a wait of %d ns, of which %d for a goroutine that did %d ns", r.Route, s.NS, c.NS, total(c.Line))
			}
		}
	}
	if r.FanOut == nil {
		return
	}
	for _, a := range r.FanOut.Awaited {
		left := a.NS
		for _, s := range a.For {
			left -= s.NS
		}
		at := slices.IndexFunc(r.States, func(s evidence.RequestState) bool { return s.State == a.State && s.Stack == a.Stack })
		if left != 0 || at < 0 || r.States[at].NS < a.NS {
			t.Errorf("%s: waits of %d ns are %d ns off from what was waited for, and part of %+v", r.Route, a.NS, left, r.States)
		}
	}
}

// The handlers are named, and not inlined, so that routes can be told apart.
