package inflight

import (
	"math"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// traced is a trace of one second with one route: n requests of the given states.
func traced(n int64, states ...evidence.RequestState) *evidence.Trace {
	r := evidence.Requests{Protocol: "http/1", Route: "main.work", Completed: n, States: states}
	for _, s := range states {
		r.InFlightNS += s.NS
	}
	r.UpperNS = r.InFlightNS
	for range n {
		r.Latency.Add(r.InFlightNS / n)
		r.Upper.Add(r.InFlightNS / n)
	}
	w := evidence.TraceWindow{DurationNS: 1e9, Complete: true, Goroutines: 200, Requests: &evidence.RequestWindow{Max: 95, MaxUpper: 99}}
	w.Requests.Series.BinNS = 1e9 / 100
	for range 100 {
		w.Requests.Series.Arrived = append(w.Requests.Series.Arrived, n/100)
		w.Requests.Series.Ended = append(w.Requests.Series.Ended, n/100)
		w.Requests.Series.InFlightNS = append(w.Requests.Series.InFlightNS, r.InFlightNS/100)
	}
	return &evidence.Trace{Windows: []evidence.TraceWindow{w}, Requests: []evidence.Requests{r},
		Frames: []evidence.Frame{{Function: "main.work", File: "main.go", Line: 7}}, Stacks: [][]int32{{}, {0}}}
}

func loadsOf(t *testing.T, tr *evidence.Trace) map[string]analyze.LoadReport {
	t.Helper()
	out := map[string]analyze.LoadReport{}
	for _, l := range analyse(t, &evidence.Set{Trace: tr}).Load {
		if l.Source == "trace" {
			out[l.Route] = l
		}
	}
	return out
}

func TestRequestsOfTrace(t *testing.T) {
	tr := traced(900, evidence.RequestState{State: evidence.StateDownstream, Stack: 1, NS: 90.2e9}, evidence.RequestState{State: evidence.StateRunning, NS: 0.9e9})
	loads := loadsOf(t, tr)
	all := loads["all"]
	if want := "900 QPS at 91 in flight = 90 waiting for downstream + 1 running; P99 101 ms"; all.Sentence != want {
		t.Errorf("%q, want %q", all.Sentence, want)
	}
	if all.QPS == nil || *all.QPS != 900 || all.InFlight.Mean == nil || math.Abs(*all.InFlight.Mean-91.1) > 1e-9 || *all.InFlight.Max != 95 || *all.Goroutines != 200 {
		t.Errorf("%+v", all)
	}
	var share float64
	for _, s := range all.States {
		share += s
	}
	if math.Abs(share-1) > 1e-9 {
		t.Errorf("shares of states add up to %v", share)
	}
	if route := loads["main.work"]; route.QPS == nil || *route.QPS != 900 {
		t.Errorf("%+v", route)
	}
	found := false
	for _, m := range all.Measures {
		found = found || m.Name == "in_flight_here" && strings.Contains(m.Method, "waiting for downstream at main.go:7 main.work")
	}
	if !found {
		t.Errorf("no place in %+v", all.Measures)
	}
}

// Where most arrivals were not seen, there is an interval and no number.
func TestRequestsWithoutArrivals(t *testing.T) {
	tr := traced(1000, evidence.RequestState{State: evidence.StateRunning, NS: 2e9})
	r := &tr.Requests[0]
	r.Unseen, r.UpperNS = 290, 8e9
	if all := loadsOf(t, tr)["all"]; all.InFlight.Mean == nil {
		t.Error("no mean although most arrivals were seen")
	}
	r.Unseen, r.Upper = 310, evidence.Histogram{}
	r.Upper.AddN(8e6, 1000)
	all := loadsOf(t, tr)["all"]
	if f := all.InFlight; f.Mean != nil || f.Lower == nil || *f.Lower != 2 || f.Upper == nil || *f.Upper != 8 {
		t.Errorf("in flight %+v, want 2 to 8 and no mean", f)
	}
	if !all.Latency.UpperBound || math.Abs(*all.Latency.P99-8e6) > 8e6/32 {
		t.Errorf("latency %+v, want an upper bound", all.Latency)
	}
	if !strings.HasPrefix(all.Sentence, "1,000 QPS at 2 to 8 in flight = 2 running; P99 2 ms to ") {
		t.Errorf("%q", all.Sentence)
	}
}

// A host that lets the program run less than it believes to makes times long that are not.
func TestRequestsOfStarvedHost(t *testing.T) {
	tr := traced(1000, evidence.RequestState{State: evidence.StateRunning, NS: 2e9})
	tr.Sched.RunningNS = int64(2 * time.Second)
	for _, c := range []struct {
		samples int64
		starved bool
	}{{49, false}, {119, true}, {121, false}} {
		tr.Samples = []evidence.StackCount{{Stack: 1, Count: c.samples}}
		all := loadsOf(t, tr)["all"]
		if got := strings.Contains(all.Sentence, "starved"); got != c.starved {
			t.Errorf("%d samples: %q", c.samples, all.Sentence)
		}
	}
}

// What in flight is made of adds up to what is in flight, however it is rounded.
func TestCompositionAddsUp(t *testing.T) {
	for _, ns := range [][]int64{{1, 1, 1}, {33, 33, 34}, {5, 3, 1, 1, 1, 1}, {999, 1}} {
		for _, scale := range []int64{1e7, 3e8, 1e9} {
			var states []evidence.RequestState
			for i, n := range ns {
				states = append(states, evidence.RequestState{State: string(rune('a' + i)), NS: n * scale})
			}
			all, _ := trafficOf(traced(100, states...))
			unit, sum := 1.0, 0.0
			if all.mean() < 9.95 {
				unit = 10
			}
			for _, part := range all.composition() {
				amount, _, _ := strings.Cut(strings.ReplaceAll(part, ",", ""), " ")
				var v float64
				for i, digits := 0, strings.Split(amount, "."); i < len(digits); i++ {
					for _, d := range digits[i] {
						v = v*10 + float64(d-'0')
					}
				}
				if strings.Contains(amount, ".") {
					v /= 10
				}
				sum += v
			}
			if want := math.Round(all.mean()*unit) / unit; math.Abs(sum-want) > 0.01 {
				t.Errorf("%v: parts %v add up to %v of %v", ns, all.composition(), sum, want)
			}
		}
	}
}

// One of the slowest requests is told in order, with who had the lock that it waited for and who ended its other waits.
func TestAnatomyOfRequest(t *testing.T) {
	tr := traced(100, evidence.RequestState{State: evidence.StateRunning, NS: 1e9})
	at := tracedStacks{tr}
	tr.Requests[0].Exemplars = []evidence.RequestExemplar{{Exemplar: evidence.Exemplar{Goroutine: 7, AtNS: 2e8, DurationNS: 100e6}, Line: []evidence.RequestSegment{
		{State: evidence.StateRunning, NS: 1e6},
		{State: string(evidence.WaitMutex), Stack: at.handler("sync.(*Mutex).Lock", "main.lookup"), NS: 60e6, Waker: at.handler("sync.(*Mutex).Unlock", "main.refresh")},
		{State: string(evidence.WaitChanRecv), Stack: at.handler("runtime.chanrecv1", "main.ask"), NS: 39e6, Waker: at.add("runtime.chansend1", "main.answer")},
	}}}
	var got string
	for _, m := range loadsOf(t, tr)["all"].Measures {
		if m.Name == "slowest_request" {
			got = m.Method
		}
	}
	want := "goroutine 7 from 200 ms on, in order: 60 ms waiting for a mutex at main.go:3 main.lookup, given up by main.go:7 main.refresh; " +
		"39 ms in a channel receive at main.go:11 main.ask, ended by main.go:15 main.answer; 1 ms in short spells"
	if got != want {
		t.Errorf("%q,\nwant %q", got, want)
	}
}
