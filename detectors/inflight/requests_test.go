package inflight

import (
	"math"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
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

// What a slow request did several times over, with nothing but short spells between, is told once.
func TestAnatomyTellsTheSameOnce(t *testing.T) {
	tr := traced(100, evidence.RequestState{State: evidence.StateRunning, NS: 1e9})
	at := tracedStacks{tr}
	asks, sleeps := at.handler("runtime.chanrecv1", "main.ask"), at.handler("time.Sleep", "main.rest")
	wait := func(stack int32, state evidence.Wait, ms int64) evidence.RequestSegment {
		return evidence.RequestSegment{State: string(state), Stack: stack, NS: ms * 1e6}
	}
	short := evidence.RequestSegment{State: evidence.StateRunning, NS: 1e5}
	tr.Requests[0].Exemplars = []evidence.RequestExemplar{{Exemplar: evidence.Exemplar{Goroutine: 7, AtNS: 2e8, DurationNS: 100e6}, Line: []evidence.RequestSegment{
		wait(asks, evidence.WaitChanRecv, 20), short, wait(asks, evidence.WaitChanRecv, 30), short, wait(sleeps, evidence.WaitSleep, 10), short, wait(asks, evidence.WaitChanRecv, 39)}}}
	want := "goroutine 7 from 200 ms on, in order: 50 ms (2 times) in a channel receive at main.go:3 main.ask; 10 ms sleeping at main.go:7 main.rest; " +
		"39 ms in a channel receive at main.go:3 main.ask; 300 µs in short spells"
	if got := measured(t, tr, "slowest_request").Method; got != want {
		t.Errorf("%q,\nwant %q", got, want)
	}
}

// Where one of the slowest requests waits for a goroutine of its own, what that one did is told.
func TestAnatomyOfFanOut(t *testing.T) {
	tr := traced(100, evidence.RequestState{State: evidence.StateRunning, NS: 1e9})
	at := tracedStacks{tr}
	joins := at.handler("sync.(*WaitGroup).Wait", "main.gather")
	child := &evidence.RequestChild{Stack: at.handler("main.start"), NS: 41e6, Line: []evidence.RequestSegment{
		{State: evidence.StateDownstream, Stack: at.add("net/http.(*persistConn).roundTrip", "main.fetch"), NS: 38e6},
		{State: evidence.StateRunning, NS: 26e5}, {State: evidence.StateRunnable, NS: 4e5}}}
	tr.Requests[0].Exemplars = []evidence.RequestExemplar{{Exemplar: evidence.Exemplar{Goroutine: 7, AtNS: 2e8, DurationNS: 42e6}, Line: []evidence.RequestSegment{
		{State: string(evidence.WaitWaitGroup), Stack: joins, NS: 41e6, Child: child}, {State: evidence.StateRunning, NS: 1e6}}}}
	want := "goroutine 7 from 200 ms on, in order: 41 ms waiting for goroutines at main.go:3 main.gather, for a goroutine started at main.go:6, which was " +
		"waiting for downstream at main.go:10 main.fetch for 38 ms, running for 2.6 ms; 1 ms running"
	if got := measured(t, tr, "slowest_request").Method; got != want {
		t.Errorf("%q,\nwant %q", got, want)
	}
}

func measured(t *testing.T, tr *evidence.Trace, name string) stats.Measure {
	t.Helper()
	for _, m := range loadsOf(t, tr)["all"].Measures {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no measure %q", name)
	return stats.Measure{}
}

// The load says how many goroutines a request starts and leaves, and what those do that it waits for.
func TestFanOutOfLoad(t *testing.T) {
	tr := traced(100)
	at := tracedStacks{tr}
	joins, fetch := at.handler("sync.(*WaitGroup).Wait", "main.gather"), at.add("net/http.(*persistConn).roundTrip", "main.fetch")
	r := &tr.Requests[0]
	r.States = []evidence.RequestState{{State: string(evidence.WaitWaitGroup), Stack: joins, NS: 40e9}, {State: evidence.StateRunning, NS: 1e9}}
	r.InFlightNS, r.UpperNS = 41e9, 41e9
	r.FanOut = &evidence.FanOut{Requests: 100, Crossed: 5, Starts: []evidence.FanOutStart{
		{Stack: at.handler("main.gather"), Start: fetch, Started: 300, Left: 2}, {Stack: at.handler("main.audit"), Started: 98, Left: 98}}}
	none := loadsOf(t, tr)["all"]
	if want := "100 QPS at 41 in flight = 40 waiting for goroutines + 1 running; P99 0 µs; each starts 4 goroutines and leaves 1 running"; none.Sentence != want {
		t.Errorf("%q, want %q", none.Sentence, want)
	}
	r.FanOut.Awaited = []evidence.Awaited{{State: string(evidence.WaitWaitGroup), Stack: joins, Count: 100, NS: 38e9, For: []evidence.AwaitedState{
		{State: evidence.StateDownstream, Stack: fetch, NS: 36e9}, {State: evidence.StateRunnable, NS: 2e9}}}}
	all := loadsOf(t, tr)["all"]
	if want := "= 40 waiting for goroutines (36 of them waiting for downstream) + 1 running;"; !strings.Contains(all.Sentence, want) {
		t.Errorf("%q, want %q", all.Sentence, want)
	}
	f := all.FanOut
	if f == nil || f.Started != 398 || f.Left != 100 || f.Unfollowed != 5 || len(f.Awaited) != 2 || f.Awaited[0].For != "downstream" || math.Abs(f.Awaited[0].Share-36.0/41) > 1e-9 {
		t.Errorf("%+v", f)
	}
	for name, want := range map[string]string{
		"goroutines_started":      "3 at main.go:8, 0.98 at main.go:11",
		"goroutines_left_running": "0.98 at main.go:11, 0.02 at main.go:8",
		"in_flight_awaiting":      "mean number waiting for goroutines at main.go:3 main.gather of which the goroutine that ended the wait was waiting for downstream at main.go:7 main.fetch",
	} {
		if got := measured(t, tr, name).Method; !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if w := measured(t, tr, "goroutines_started").Warnings; len(w) != 1 || !strings.Contains(w[0], "5 of 398") {
		t.Errorf("warnings %q", w)
	}
	// Of what mostly is not known to be divided nothing is said.
	r.FanOut.Awaited[0].NS, r.FanOut.Awaited[0].For[0].NS = 18e9, 16e9
	if s := loadsOf(t, tr)["all"].Sentence; strings.Contains(s, "of them") {
		t.Errorf("%q", s)
	}
}

// Arrivals of a route that explain what it has in flight, and one whose queue is its own.
func TestRoutesWithArrivals(t *testing.T) {
	for _, c := range []struct {
		name            string
		early, late     int64 // arrivals in each part of the first third, and of the others
		completed, open int64
		others          int64   // that pass by in each bin
		before          float64 // in flight in the first third; 60 in the last
		want            string
	}{
		{"asked for as before", 20, 20, 200, 60, 0, 2, verdictGrowing},
		{"asked for more, and as much more in flight", 3, 25, 200, 60, 0, 8, verdictOK},
		{"asked for more, and far more in flight", 3, 25, 200, 60, 0, 2, verdictGrowing},
		{"begun, and hardly one is over", 0, 25, 5, 60, 0, 2, verdictInconclusive},
		{"begun, and one is over", 0, 25, 1, 60, 0, 2, verdictInconclusive},
		{"begun, and none is over", 0, 25, 0, 60, 0, 2, verdictInconclusive},
		{"begun, and many are over", 0, 25, 200, 60, 0, 2, verdictGrowing},
		{"a queue of its own among many others", 5, 5, 40, 60, 30, 2, verdictGrowing},
		{"a queue that may wander so far", 500, 500, 6000, 60, 30, 2, verdictOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := traced(1000, evidence.RequestState{State: evidence.StateRunning, NS: 1e9})
			grows := tr.Requests[0]
			grows.Route, grows.Completed, grows.Open = "main.slow", c.completed, c.open
			state := adds(evidence.StateDownstream, tracedStacks{tr}.handler("main.fetch"), c.before, 60)
			for i := range state.Parts { // of one second
				state.Parts[i] /= 10
			}
			state.NS /= 10
			grows.States, grows.InFlightNS, grows.UpperNS = []evidence.RequestState{state}, state.NS, state.NS
			for i := range int64(evidence.RequestParts) {
				if i < evidence.RequestParts/3 {
					grows.Arrived = append(grows.Arrived, c.early)
				} else {
					grows.Arrived = append(grows.Arrived, c.late)
				}
			}
			tr.Requests = append(tr.Requests, grows)
			s := &tr.Windows[0].Requests.Series
			for i := range s.Arrived {
				s.Arrived[i], s.Ended[i], s.InFlightNS[i] = c.others+11, c.others+10, int64(i)*s.BinNS
			}
			if l := loadsOf(t, tr)["all"]; l.Verdict != c.want {
				t.Errorf("%s, want %s: %q", l.Verdict, c.want, l.Sentence)
			}
		})
	}
}

// Of several routes the one that most was added to has the verdict of all.
func TestRoutesThatGrow(t *testing.T) {
	tr := traced(1000, evidence.RequestState{State: evidence.StateRunning, NS: 1e9})
	at := tracedStacks{tr}
	grows := tr.Requests[0]
	grows.Route = "main.stuck"
	state := adds(evidence.StateDownstream, at.handler("main.fetch"), 2, 60)
	for i := range state.Parts { // of one second
		state.Parts[i] /= 10
	}
	state.NS /= 10
	grows.States, grows.InFlightNS, grows.UpperNS = []evidence.RequestState{state}, state.NS, state.NS
	tr.Requests = append(tr.Requests, grows)
	s := &tr.Windows[0].Requests.Series
	for i := range s.Arrived {
		s.Arrived[i], s.Ended[i], s.InFlightNS[i] = 11, 10, int64(i)*s.BinNS
	}
	loads := loadsOf(t, tr)
	if v := loads["all"].Verdict; v != verdictGrowing && v != verdictLeak {
		t.Fatalf("all: %s, %q", v, loads["all"].Sentence)
	}
	if l := loads["main.stuck"]; l.Verdict != loads["all"].Verdict || !strings.Contains(l.Sentence, "; in flight grew from 2 to 60, 100 % of what all grew by") {
		t.Errorf("%s: %q", l.Verdict, l.Sentence)
	}
	if l := loads["main.work"]; l.Verdict != verdictInconclusive || strings.Contains(l.Sentence, "grew") {
		t.Errorf("%s: %q", l.Verdict, l.Sentence)
	}
}
