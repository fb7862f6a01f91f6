package evidence

import "testing"

func tracedRequests(route string, ns int64, frames ...string) *Trace {
	r := Requests{Protocol: "http/1", Route: route, Completed: 2, Unseen: 1, InFlightNS: 2 * ns, UpperNS: 3 * ns}
	r.Latency.AddN(ns, 2)
	r.Upper.AddN(ns, 2)
	t := &Trace{Stacks: [][]int32{{}}, Windows: []TraceWindow{{Position: Position{Source: route}, DurationNS: 10 * ns, Requests: &RequestWindow{Max: 2}}}}
	for i, f := range frames {
		t.Frames = append(t.Frames, Frame{Function: f})
		t.Stacks = append(t.Stacks, []int32{int32(i)})
		r.States = append(r.States, RequestState{State: "mutex", Stack: int32(i + 1), NS: ns, Parts: []int64{ns, 0}})
		child := &RequestChild{Stack: int32(i + 1), NS: ns, Line: []RequestSegment{{State: "sleep", Stack: int32(i + 1), NS: ns}}}
		r.Exemplars = append(r.Exemplars, RequestExemplar{Exemplar: Exemplar{DurationNS: ns + int64(i)}, Line: []RequestSegment{{State: "mutex", Stack: int32(i + 1), NS: ns, Child: child}}})
	}
	r.FanOut = &FanOut{Requests: 1, Crossed: 2, Deeper: 3}
	for i := range frames {
		id := int32(i + 1)
		r.FanOut.Starts = append(r.FanOut.Starts, FanOutStart{Stack: id, Started: 4, Left: 1})
		r.FanOut.Awaited = append(r.FanOut.Awaited, Awaited{State: "waitgroup", Stack: id, Count: 1, NS: ns, For: []AwaitedState{{State: "sleep", Stack: id, NS: ns}}})
	}
	r.Arrived = []int64{1, 1}
	r.Met = []Met{{InFlight: 1, Latencies: r.Latency}}
	t.Requests = []Requests{r}
	return t
}

func TestMergeRequests(t *testing.T) {
	a, b, c := tracedRequests("main.a", 10, "f", "g"), tracedRequests("main.a", 30, "g", "h"), tracedRequests("main.b", 5, "f")
	left, right := MergeTraces(MergeTraces(a, b), c), MergeTraces(c, MergeTraces(b, a))
	if marshal(t, left) != marshal(t, right) {
		t.Errorf("the order of merging shows:\n%s\n%s", marshal(t, left), marshal(t, right))
	}
	if len(left.Requests) != 2 {
		t.Fatalf("%d routes, want 2", len(left.Requests))
	}
	r := left.Requests[0]
	if r.Route != "main.a" || r.Completed != 4 || r.InFlightNS != 80 || r.Latency.Count != 4 || r.Met[0].Latencies.Count != 4 || len(r.States) != 3 {
		t.Errorf("%+v", r)
	}
	for _, s := range r.States {
		if f := left.StackOf(s.Stack)[0].Function; f == "g" && s.NS != 40 || f != "g" && s.NS == 40 {
			t.Errorf("%s: %d ns", f, s.NS)
		}
		if s.Parts != nil {
			t.Error("parts of windows of different lengths were added up")
		}
	}
	if r.Arrived != nil {
		t.Error("arrivals by parts of windows of different lengths were added up")
	}
	if b := left.Requests[1]; b.Arrived != nil || b.States[0].Parts != nil {
		t.Errorf("a route of one of the windows kept the parts of that: %v, %v", b.Arrived, b.States[0].Parts)
	}
	if e := r.Exemplars[0]; e.DurationNS != 31 || left.StackOf(e.Line[0].Stack)[0].Function != "h" {
		t.Errorf("%+v", e)
	}
	f := r.FanOut
	if f.Requests != 2 || f.Crossed != 4 || f.Deeper != 6 || len(f.Starts) != 3 || len(f.Awaited) != 3 {
		t.Errorf("%+v", f)
	}
	for i, a := range f.Awaited {
		want, g := int64(0), left.StackOf(a.Stack)[0].Function
		for function, ns := range map[string]int64{"f": 10, "g": 40, "h": 30} {
			if g == function {
				want = ns
			}
		}
		if a.NS != want || len(a.For) != 1 || a.For[0].NS != want || left.StackOf(a.For[0].Stack)[0].Function != g || f.Starts[i].Left != map[string]int64{"f": 1, "g": 2, "h": 1}[g] {
			t.Errorf("%s: %+v, %+v", g, a, f.Starts[i])
		}
	}
	if c := r.Exemplars[0].Line[0].Child; left.StackOf(c.Stack)[0].Function != "h" || left.StackOf(c.Line[0].Stack)[0].Function != "h" {
		t.Errorf("%+v", c)
	}
	if got := marshal(t, a.Canonical()); got != marshal(t, a.Canonical().Canonical()) {
		t.Errorf("canonical is not: %s", got)
	}
	if a.Canonical().Requests[0].States[0].Parts == nil {
		t.Error("a single window lost its parts")
	}
	if got := a.Canonical().Requests[0].Arrived; len(got) != 2 || got[0] != 1 {
		t.Errorf("arrivals %v of a single window, want 1 in each part", got)
	}
}

// The level of a group is the most in flight in it: exact where few are, then at most an eighth more.
func TestMetLevels(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 16: 16, 17: 18, 32: 32, 33: 36, 100: 104, 1000: 1024} {
		got := MetLevel(n)
		if got != want || got < n || got-n > max(n/8, 1) || MetLevel(got) != got {
			t.Errorf("level of %d is %d, want %d", n, got, want)
		}
	}
}
