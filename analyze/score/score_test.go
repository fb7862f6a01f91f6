package score

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

func frames(names ...string) []evidence.Frame {
	var out []evidence.Frame
	for i, n := range names {
		out = append(out, evidence.Frame{Function: n, File: "/src/app/x.go", Line: i + 1})
	}
	return out
}

// profile is a CPU or mutex profile over 10 s with a stack of work, one that the profiler itself caused,
// and one of the runtime.
func profile(kind evidence.Kind, column string) *evidence.Profile {
	p := &evidence.Profile{Kind: kind, SampleTypes: []evidence.ValueType{{Type: column}}, Period: 10e6, DurationNS: 10e9,
		Frames: frames("example.com/app.work", "example.com/app.serve", "runtime/pprof.writeHeap", "runtime.mcall"),
		Stacks: []evidence.ValueStack{{Frames: []int32{0, 1, 1}, Values: []int64{300}}, {Frames: []int32{2, 1}, Values: []int64{500}}, {Frames: []int32{3}, Values: []int64{100}}},
		Totals: []int64{900}}
	p.Frames[2].File, p.Frames[3].File = "runtime/pprof/pprof.go", "runtime/proc.go"
	return p
}

func find(t *testing.T, all []Score, family Family, name string) Score {
	t.Helper()
	i := slices.IndexFunc(all, func(s Score) bool { return s.Family == family && s.Name == name })
	if i < 0 {
		t.Fatalf("no score %s %s in %+v", family, name, all)
	}
	return all[i]
}

// What was done is divided by the requests that were answered; what a capture costs is left out; a
// function counts once however often it is on a stack.
func TestScoresPerRequest(t *testing.T) {
	at := time.Unix(100, 0)
	set := &evidence.Set{Profiles: []*evidence.Profile{profile(evidence.CPU, "samples"), profile(evidence.Mutex, "delay")},
		Loads: []evidence.Load{{Kind: evidence.Metrics, Route: "all", Points: []evidence.LoadPoint{
			{At: at, Requests: stats.Float(0)}, {At: at.Add(10 * time.Second), Requests: stats.Float(1000)}}}}}
	all := Of(set, nil)
	// 300 samples of 10 ms over 1000 requests.
	for _, name := range []string{"example.com/app.work", "example.com/app.serve"} {
		if s := find(t, all, CPU, name); s.Unit != "ns_per_request" || s.Value != 3e6 || s.N != 300 {
			t.Errorf("%+v", s)
		}
	}
	if s := find(t, all, Delay, "example.com/app.work"); s.Unit != "ns_per_request" || s.Value != 0.3 {
		t.Errorf("%+v", s)
	}
	if i := slices.IndexFunc(all, func(s Score) bool {
		return s.Name == "runtime/pprof.writeHeap" || s.Family == Delay && s.Name == "example.com/app.serve"
	}); i >= 0 {
		t.Errorf("%+v", all[i])
	}
	set.Loads = nil
	all = Of(set, nil)
	if s := find(t, all, CPU, "example.com/app.work"); s.Unit != "ratio" || s.Value != 0.75 {
		t.Errorf("%+v", s)
	}
	if s := find(t, all, Delay, "example.com/app.work"); s.Unit != "ns_per_s" || s.Value != 30 {
		t.Errorf("%+v", s)
	}
}

// Totals since the start of the program are told apart from what came about during the capture.
func TestTotalsAreShares(t *testing.T) {
	whole := profile(evidence.Mutex, "delay")
	whole.DurationNS = 0
	s := find(t, Of(&evidence.Set{Profiles: []*evidence.Profile{whole}}, nil), Delay, "example.com/app.work")
	if s.Unit != "ratio" || s.Value != 0.75 {
		t.Errorf("%+v", s)
	}
}

// Allocations rest on a sample every Period bytes; of a sum of delays nothing says on how many.
func TestSamplesBehindSums(t *testing.T) {
	allocs := profile(evidence.Allocs, "alloc_space")
	allocs.Period, allocs.Stacks[0].Values[0] = 512<<10, 300<<20
	all := Of(&evidence.Set{Profiles: []*evidence.Profile{allocs, profile(evidence.Mutex, "delay")}}, nil)
	if s := find(t, all, Alloc, "example.com/app.work"); s.N != 600 {
		t.Errorf("%d samples behind 300 MiB, want 600", s.N)
	}
	if s := find(t, all, Delay, "example.com/app.work"); s.N != 0 {
		t.Errorf("%d samples behind a sum of delays, want none known", s.N)
	}
}

func TestWaitAndLoadScores(t *testing.T) {
	var h evidence.Histogram
	for i := range 200 {
		h.Add(int64(i+1) * 1e6)
	}
	tr := &evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: 1e9}}, Frames: frames("example.com/app.wait"), Stacks: [][]int32{nil, {0}},
		Blocks: []evidence.BlockSite{{Stack: 1, Wait: evidence.WaitSelect, Ended: h}, {Stack: 1, Wait: evidence.WaitSleep, Ended: h}}}
	all := Of(&evidence.Set{Trace: tr}, []analyze.LoadReport{{Source: "metrics", Route: "all", QPS: stats.Float(950),
		Latency: &analyze.LoadLatency{P95: stats.Float(112e6), N: 9500}}})
	if s := find(t, all, Wait, "P95 select in example.com/app.wait"); s.Value < 187e6 || s.Value > 193e6 || s.N != 200 {
		t.Errorf("%+v", s)
	}
	if s := find(t, all, Load, "throughput, metrics all"); s.Value != 950 || !s.Higher {
		t.Errorf("%+v", s)
	}
	if s := find(t, all, Load, "P95 latency, metrics all"); s.Value != 112e6 || s.Higher {
		t.Errorf("%+v", s)
	}
	for _, s := range all {
		if s.Family == Wait && slices.Contains([]string{"P50 sleep in example.com/app.wait"}, s.Name) {
			t.Errorf("sleeping is no wait: %+v", s)
		}
	}
}

// The number of functions is bounded, the largest are kept, and the order is fixed.
func TestScoresAreBounded(t *testing.T) {
	p := &evidence.Profile{Kind: evidence.CPU, SampleTypes: []evidence.ValueType{{Type: "samples"}}, DurationNS: 1e9, Totals: []int64{0}}
	for i := range 3 * MaxFunctions {
		p.Frames = append(p.Frames, evidence.Frame{Function: fmt.Sprintf("example.com/app.f%03d", i), File: "/x.go"})
		p.Stacks = append(p.Stacks, evidence.ValueStack{Frames: []int32{int32(i)}, Values: []int64{int64(1000 + i)}})
	}
	all := Of(&evidence.Set{Profiles: []*evidence.Profile{p}}, nil)
	n := 0
	for _, s := range all {
		if s.Family == CPU {
			n++
		}
	}
	if n != MaxFunctions {
		t.Errorf("%d functions", n)
	}
	find(t, all, CPU, fmt.Sprintf("example.com/app.f%03d", 3*MaxFunctions-1))
	if !slices.IsSortedFunc(all, func(a, b Score) int { return slices.Index(Families, a.Family) - slices.Index(Families, b.Family) }) {
		t.Error("families are out of order")
	}
}

// Distributions of one name merge, those with too few waits and those of sleepers are none, and the quantiles are
// those of the scores.
func TestDistributions(t *testing.T) {
	hist := func(ns, n int64) (h evidence.Histogram) {
		h.AddN(ns, n)
		return h
	}
	trace := &evidence.Trace{Frames: frames("example.com/app.work", "example.com/app.rest"), Stacks: [][]int32{{0}, {1}},
		Blocks: []evidence.BlockSite{
			{Wait: evidence.WaitMutex, Stack: 0, Ended: hist(1000, 60)}, {Wait: evidence.WaitMutex, Stack: 0, Ended: hist(3000, 60)},
			{Wait: evidence.WaitSleep, Stack: 0, Ended: hist(1000, 600)}, {Wait: evidence.WaitMutex, Stack: 1, Ended: hist(1000, 60)},
		},
		GC:       evidence.GC{STW: map[string]evidence.Histogram{"a": hist(10, 1), "b": hist(20, 1)}},
		Requests: []evidence.Requests{{Protocol: "http/1", Route: "main.serve", Latency: hist(5000, 7)}},
		Sched:    evidence.Sched{Latency: hist(7, 50)},
	}
	set := &evidence.Set{Trace: trace, Loads: []evidence.Load{{Source: "loadtest", Route: "all", Latencies: new(hist(9000, 3))}}}
	got := map[string]int64{}
	for _, d := range Distributions(set) {
		got[string(d.Family)+" "+d.Name] = d.Histogram.Count
	}
	want := map[string]int64{"wait " + string(evidence.WaitMutex) + " in example.com/app.work": 120, "runtime GC pause": 2,
		"load latency, trace main.serve": 7, "load latency, loadtest all": 3}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if s := find(t, waitScores(trace), Wait, "P50 "+string(evidence.WaitMutex)+" in example.com/app.work"); s.N != 120 || s.Value < 900 || s.Value > 1100 {
		t.Errorf("%+v", s)
	}
}
