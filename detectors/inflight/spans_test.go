package inflight

import (
	"math"
	"testing"

	"go-debug/analyze/evidence"
)

// Tasks and regions that the program annotates are loads as requests are. Those that began before the window leave a lower bound.
func TestSpansAreLoads(t *testing.T) {
	whole := evidence.Span{Kind: "task", Name: "order"}
	whole.Duration.AddN(50e6, 400)
	whole.Open.AddN(500e6, 4)
	cut := evidence.Span{Kind: "region", Name: "parse", Unseen: 2}
	cut.Duration.AddN(1e6, 100)
	tr := &evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: 2e9, Complete: true}}, Spans: []evidence.Span{cut, whole}, Stacks: [][]int32{{}}}
	loads := loadsOf(t, tr)
	task, region := loads["task order"], loads["region parse"]
	// 400 of 50 ms and 4 that have lasted 500 ms, in 2 s.
	if f := task.InFlight; f.Mean == nil || math.Abs(*f.Mean-11) > 1e-9 || f.Lower != nil {
		t.Errorf("in flight %+v, want 11", f)
	}
	if *task.QPS != 200 || *task.ArrivalsPerS != 202 || *task.Censored != 4 || math.Abs(*task.Latency.P99-50e6) > 50e6/32 {
		t.Errorf("%v QPS, %v arrivals, %v censored, latency %+v", *task.QPS, *task.ArrivalsPerS, *task.Censored, task.Latency)
	}
	if want := "200 per second, 11 at a time; P99 50 ms"; task.Sentence != want {
		t.Errorf("%q, want %q", task.Sentence, want)
	}
	if f := region.InFlight; f.Mean != nil || f.Lower == nil || math.Abs(*f.Lower-0.05) > 1e-9 {
		t.Errorf("in flight %+v, want at least 0.05", f)
	}
}
