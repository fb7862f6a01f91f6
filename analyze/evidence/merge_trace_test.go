package evidence

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
)

// randomTrace has tables in no particular order, with duplicates, so that ids of two
// traces never mean the same by accident.
func randomTrace(rng *rand.Rand) *Trace {
	t := &Trace{}
	for range 3 + rng.IntN(6) {
		t.Frames = append(t.Frames, Frame{Function: fmt.Sprintf("main.f%d", rng.IntN(5)), File: "main.go", Line: rng.IntN(3)})
	}
	for range 2 + rng.IntN(6) {
		var stack []int32
		for range rng.IntN(4) {
			stack = append(stack, int32(rng.IntN(len(t.Frames))))
		}
		t.Stacks = append(t.Stacks, stack)
	}
	id := func() int32 { return int32(rng.IntN(len(t.Stacks))) }
	hist := func() Histogram {
		var h Histogram
		for range rng.IntN(4) {
			h.Add(rng.Int64N(1e6))
		}
		return h
	}
	wait := func() Wait { return []Wait{WaitMutex, WaitChanSend}[rng.IntN(2)] }
	exemplar := func() Exemplar {
		return Exemplar{Goroutine: rng.Uint64N(9), AtNS: rng.Int64N(3), DurationNS: rng.Int64N(4)}
	}
	for range rng.IntN(5) {
		b := BlockSite{Stack: id(), Wait: wait(), Ended: hist(), Unseen: hist(), Open: hist(), Silent: rng.Int64N(3)}
		for range rng.IntN(5) {
			b.Exemplars = AddExemplar(b.Exemplars, exemplar())
			b.OpenIDs = append(b.OpenIDs, rng.Uint64N(20))
			b.MovedIDs = append(b.MovedIDs, rng.Uint64N(20))
		}
		t.Blocks = append(t.Blocks, b)
		t.Wakes = append(t.Wakes, WakeEdge{Waker: id(), Woken: id(), Wait: wait(), Count: rng.Int64N(9), DelayNS: rng.Int64N(99)})
		t.Syscalls = append(t.Syscalls, SyscallSite{Stack: id(), Duration: hist(), Unseen: hist(), Open: hist(), Cgo: rng.IntN(2) == 0, Exemplars: []Exemplar{exemplar()}})
		t.GC.AssistSites = append(t.GC.AssistSites, AssistSite{Stack: id(), Duration: hist(), Exemplars: []Exemplar{exemplar()}})
		t.Sites = append(t.Sites, CreationSite{Stack: id(), Start: id(), AtStart: 1, Created: rng.Int64N(9), Latency: hist(), Lifetime: hist(),
			LatencyExemplars: []Exemplar{exemplar()}, LifetimeExemplars: []Exemplar{exemplar()}, RunNS: rng.Int64N(99), Parked: []Parked{{id(), 1, 5, 5}, {id(), 2, 9, 6}}})
		t.Spans = append(t.Spans, Span{Kind: "task", Name: fmt.Sprint("t", rng.IntN(3)), Duration: hist(), Open: hist(), Unseen: rng.Int64N(3), Exemplars: []Exemplar{exemplar()}})
		t.Samples = append(t.Samples, StackCount{id(), rng.Int64N(9)})
	}
	t.Sched = Sched{Latency: hist(), RunningNS: rng.Int64N(99), Exemplars: []Exemplar{exemplar()}}
	t.GC = GC{AssistSites: t.GC.AssistSites, STWExemplars: map[string][]Exemplar{fmt.Sprint("kind", rng.IntN(3)): {exemplar()}},
		Cycles: rng.Int64N(3), MarkNS: rng.Int64N(99), SweepNS: rng.Int64N(99), MaxHeapBytes: rng.Int64N(99), Assist: hist(),
		STW: map[string]Histogram{fmt.Sprint("kind", rng.IntN(3)): hist()}}
	t.Windows = []TraceWindow{{Position: Position{Source: fmt.Sprint("t", rng.IntN(3)), Seq: rng.IntN(3)}, DurationNS: rng.Int64N(99), Events: rng.Int64N(99)}}
	return t
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMergeTracesIsAssociativeAndCommutative(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		a, b, c := randomTrace(rng), randomTrace(rng), randomTrace(rng)
		before := marshal(t, []*Trace{a, b, c})
		want := marshal(t, MergeTraces(MergeTraces(a, b), c))
		for name, m := range map[string]*Trace{
			"a(bc)": MergeTraces(a, MergeTraces(b, c)),
			"(cb)a": MergeTraces(MergeTraces(c, b), a),
			"b(ca)": MergeTraces(b, MergeTraces(c, a)),
		} {
			if got := marshal(t, m); got != want {
				t.Fatalf("%s differs from (ab)c:\n%s\n%s", name, got, want)
			}
		}
		if marshal(t, []*Trace{a, b, c}) != before {
			t.Fatal("an argument was changed")
		}
		if MergeTraces(a, nil) != a || MergeTraces(nil, a) != a {
			t.Fatal("nil is not neutral")
		}
	}
}

// TestMergeTracesKeepsMeaning resolves ids before and after: totals per function must add up.
func TestMergeTracesKeepsMeaning(t *testing.T) {
	perStack := func(into map[string]int64, tr *Trace) {
		name := func(id int32) string { return fmt.Sprint(tr.StackOf(id)) }
		for i := range tr.Blocks {
			b := &tr.Blocks[i]
			into["block "+name(b.Stack)+string(b.Wait)] += b.Ended.Sum + b.Unseen.Sum + b.Open.Sum + b.Silent
		}
		for _, w := range tr.Wakes {
			into["wake "+name(w.Waker)+name(w.Woken)+string(w.Wait)] += w.DelayNS + 1000*w.Count
		}
		for _, s := range tr.Sites {
			into["site "+name(s.Stack)+name(s.Start)] += s.Created + s.AtStart + s.RunNS
			for _, p := range s.Parked {
				into["parked "+name(p.Stack)] += p.Count + 100*p.NS
			}
		}
		for i := range tr.Syscalls {
			s := &tr.Syscalls[i]
			into["syscall "+name(s.Stack)] += s.Duration.Sum + s.Unseen.Sum + s.Open.Sum
		}
		for _, s := range tr.Samples {
			into["sample "+name(s.Stack)] += s.Count
		}
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for range 40 {
		a, b := randomTrace(rng), randomTrace(rng)
		want, got := map[string]int64{}, map[string]int64{}
		perStack(want, a)
		perStack(want, b)
		m := MergeTraces(a, b)
		perStack(got, m)
		if fmt.Sprint(want) != fmt.Sprint(got) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		if len(m.Stacks[0]) != 0 || marshal(t, m) != marshal(t, m.Canonical()) {
			t.Fatal("the merged trace is not in canonical form")
		}
	}
}

func TestAddExemplarKeepsTheLongest(t *testing.T) {
	var list []Exemplar
	for _, d := range []int64{5, 9, 1, 7, 9} {
		list = AddExemplar(list, Exemplar{Goroutine: uint64(10 - d), DurationNS: d})
	}
	if fmt.Sprint(list) != "[{1 0 9 <nil>} {1 0 9 <nil>} {3 0 7 <nil>}]" {
		t.Errorf("exemplars %v", list)
	}
}

func TestMergeTracesSurvivesIdsBeyondTheTables(t *testing.T) {
	bad := &Trace{Frames: []Frame{{Function: "main.f"}}, Stacks: [][]int32{nil, {0, 9, -1}}, Samples: []StackCount{{7, 1}, {-1, 1}, {1, 1}}}
	m := bad.Canonical()
	if len(m.Samples) != 2 || m.Samples[0] != (StackCount{0, 2}) || len(m.StackOf(m.Samples[1].Stack)) != 1 {
		t.Errorf("samples %v of stacks %v", m.Samples, m.Stacks)
	}
}

// TestMergedTracesKeepFewSeries: the memory for the series of many traces is bounded, and which of them
// stay does not depend on the order of merging.
func TestMergedTracesKeepFewSeries(t *testing.T) {
	var all []*Trace
	for i := range 3 * MaxSeries {
		all = append(all, &Trace{Windows: []TraceWindow{{Position: Position{Source: fmt.Sprint("t", i), Seq: i},
			Series: Series{BinNS: 1, Created: []int64{int64(i)}}, Spans: []SpanSeries{{Name: "s"}}}}})
	}
	fold := func(order []int) *Trace {
		var out *Trace
		for _, i := range order {
			out = MergeTraces(out, all[i])
		}
		return out
	}
	rng := rand.New(rand.NewPCG(7, 8))
	want := fold(rng.Perm(len(all)))
	for i, w := range want.Windows {
		if kept := w.Series.BinNS != 0 && w.Spans != nil; kept != (i < MaxSeries) || w.Seq != i {
			t.Errorf("window %d is of trace %d, series kept: %v", i, w.Seq, kept)
		}
	}
	if got := fold(rng.Perm(len(all))); marshal(t, got) != marshal(t, want) {
		t.Error("another order of merging keeps other series")
	}
}

func TestSeriesRates(t *testing.T) {
	s := Series{BinNS: 100, RunningNS: []int64{300, 50}, RunnableNS: []int64{250, 0}}
	if q, u := s.QueueLength(0), s.Utilisation(0, 4); q != 2.5 || u != 0.75 {
		t.Errorf("queue length %g, utilisation %g", q, u)
	}
	if q, u := s.QueueLength(2), s.Utilisation(1, 0); q != 0 || u != 0 {
		t.Errorf("beyond the series and without procs: %g, %g", q, u)
	}
}
