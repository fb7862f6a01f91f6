package inflight

import (
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// mixed is a route among others, in a trace of one second.
type mixed struct {
	name            string
	early, late     int64 // arrivals in each part of the first third, and of the others
	completed, open int64
	earlier         int64   // in flight at the beginning, and over since
	from, to        float64 // in flight in the first and the last third
	stay            int64   // of those open that came long ago
}

// mix adds routes to a trace in which others pass by, with ever more in flight.
func mix(routes ...mixed) *evidence.Trace {
	tr := traced(1000, evidence.RequestState{State: evidence.StateRunning, NS: 1e9})
	at := tracedStacks{tr}
	for _, m := range routes {
		r := evidence.Requests{Protocol: "http/1", Route: m.name, Completed: m.completed, Open: m.open, Earlier: m.earlier}
		state := adds(evidence.StateDownstream, at.handler("main.fetch"), m.from, m.to)
		for i := range state.Parts { // of one second
			state.Parts[i] /= 10
		}
		state.NS /= 10
		r.States, r.InFlightNS, r.UpperNS = []evidence.RequestState{state}, state.NS, state.NS
		r.Latency.AddN(1e6, m.completed)
		r.Ages.AddN(5e8, m.stay)
		for i := range evidence.RequestParts {
			if i < evidence.RequestParts/3 {
				r.Arrived = append(r.Arrived, m.early)
			} else {
				r.Arrived = append(r.Arrived, m.late)
			}
		}
		tr.Requests = append(tr.Requests, r)
	}
	s := &tr.Windows[0].Requests.Series
	for i := range s.Arrived {
		s.Arrived[i], s.Ended[i], s.InFlightNS[i] = 11, 10, int64(i)*s.BinNS
	}
	return tr
}

// Routes that are asked for more explain what they have in flight, and not what others have.
func TestRoutesThatAreAskedForMore(t *testing.T) {
	report := mixed{name: "main.report", early: 10, late: 20, completed: 300, open: 100, earlier: 50, from: 50, to: 100}
	more := report
	more.open, more.to, more.late = 130, 130, 24
	few := mixed{name: "main.few", early: 5, late: 5, completed: 100, open: 20, from: 2, to: 17}
	for _, c := range []struct {
		name   string
		risen  mixed
		others []mixed
		want   string
	}{
		{"alone", report, nil, verdictOK},
		{"beside one that has a few more", report, []mixed{{name: "main.item", early: 5, late: 5, completed: 100, open: 8, from: 2, to: 6}}, verdictOK},
		{"beside as many that pile up", report, []mixed{{name: "main.leak", early: 5, late: 5, completed: 100, open: 60, from: 5, to: 55}}, verdictGrowing},
		{"and one that gets fewer hides those", report, []mixed{{name: "main.leak", early: 5, late: 5, completed: 100, open: 60, from: 5, to: 65},
			{name: "main.fewer", early: 20, late: 20, completed: 300, open: 10, earlier: 50, from: 50, to: 10}}, verdictGrowing},
		{"beside requests of a busy route that do not end", report, []mixed{{name: "main.leak", early: 50, late: 50, completed: 900, open: 14, from: 1, to: 10, stay: 12}}, verdictGrowing},
		{"beside many that have a few more", more, []mixed{few, few, few, few, few}, verdictGrowing},
		{"beside one that has begun", more, []mixed{{name: "main.begun", late: 2, open: 60, to: 60}}, verdictInconclusive},
		{"beside streams that come and go", report, []mixed{{name: "main.stream", early: 5, late: 5, completed: 100, open: 40, earlier: 40, from: 40, to: 41, stay: 30}}, verdictOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			if l := loadsOf(t, mix(append(c.others, c.risen)...))["all"]; l.Verdict != c.want {
				t.Errorf("%s, want %s: %q", l.Verdict, c.want, l.Sentence)
			}
		})
	}
}

// Where every route is asked for more there are no others whose queue could wander.
func TestAllRoutesAreAskedForMore(t *testing.T) {
	for i := range 10 {
		more := 0.1 * float64(i)
		tr := mix(mixed{name: "main.report", early: 10, late: 20, completed: 300, open: 100, earlier: 50, from: 50 + more, to: 100.3 + more},
			mixed{name: "main.item", early: 10, late: 20, completed: 300, open: 40, earlier: 20, from: 20.7 + more, to: 41.1})
		tr.Requests = tr.Requests[1:]
		if l := loadsOf(t, tr)["all"]; l.Verdict != verdictOK {
			t.Errorf("%v more: %s, %q", more, l.Verdict, l.Sentence)
		}
	}
}

// Where what all have in flight may wander, requests that do not end are a leak, whoever else is asked for more.
func TestUnendingBesideDemand(t *testing.T) {
	report := mixed{name: "main.report", early: 10, late: 20, completed: 300, open: 30, earlier: 15, from: 15, to: 30}
	leak := mixed{name: "main.leak", early: 50, late: 50, completed: 900, open: 14, from: 1, to: 10, stay: 12}
	for _, c := range []struct {
		name   string
		routes []mixed
		want   string
	}{
		{"of another route", []mixed{report, leak}, verdictLeak},
		{"of its own, which take longer than others", []mixed{{name: "main.report", early: 10, late: 20, completed: 300, open: 30, earlier: 15, from: 15, to: 30, stay: 12}}, verdictOK},
	} {
		tr := mix(c.routes...)
		s := &tr.Windows[0].Requests.Series
		for i := range s.Arrived {
			s.Arrived[i], s.Ended[i], s.InFlightNS[i] = 200, 200, (20+int64(i)/5)*s.BinNS
			if i%3 == 0 {
				s.Arrived[i]++
			}
		}
		res := analyse(t, &evidence.Set{Trace: tr})
		if l := res.Load[0]; l.Verdict != c.want {
			t.Errorf("%s: %s, want %s: %q", c.name, l.Verdict, c.want, l.Sentence)
		}
		for _, f := range res.Findings {
			if f.Measures[0].Name != "requests_without_end" {
				t.Errorf("%s: %+v", c.name, f.Measures[0])
			}
		}
	}
}

// Of a route that began in the window and of which none was over nobody knows whether its requests end: streams look like
// requests that hang.
func TestRoutesThatBegin(t *testing.T) {
	streams := mixed{name: "main.stream", late: 1, open: 30, to: 30}
	hung := streams
	hung.stay = 25
	for name, m := range map[string]mixed{"streams": streams, "requests that hang": hung} {
		res := analyse(t, &evidence.Set{Trace: mix(m, mixed{name: "main.other", late: 1, open: 10, to: 10})})
		if l := res.Load[0]; l.Verdict != verdictInconclusive || l.Cause != "" || len(res.Findings) > 0 {
			t.Errorf("%s: %s, %q", name, l.Verdict, l.Sentence)
		}
		if !slices.ContainsFunc(res.Outcomes[0].Unchecked, func(u analyze.Unchecked) bool {
			return strings.Contains(u.What, "requests of main.stream began in the window, and none was over") && u.Try == tryTrace
		}) {
			t.Errorf("%s: what is open is not said: %+v", name, res.Outcomes[0].Unchecked)
		}
	}
	for completed, want := range map[int64]demand{0: demandBegun, 20: demandRisen} {
		f := &traffic{Requests: evidence.Requests{Completed: completed, Open: 30, Arrived: []int64{0, 0, 0, 5, 5, 5, 5, 5, 5, 5, 5, 5}}, seconds: 1}
		if got := f.demand(0, 30, true); got != want {
			t.Errorf("%d over and level in flight: %v, want %v", completed, got, want)
		}
	}
}
