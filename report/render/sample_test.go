package render

import (
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
	"go-debug/report"
)

var tool = report.Tool{Name: "go-debug", Version: "v0.1.0", Go: "go1.26.0"}

func frame(function, file string, line int) evidence.Frame {
	return evidence.Frame{Function: function, File: file, Line: line}
}

func leakFinding(count float64) analyze.Finding {
	stack := evidence.Stack{
		frame("runtime.gopark", "runtime/proc.go", 462),
		frame("runtime.chansend1", "runtime/chan.go", 161),
		frame("main.(*controller).reconcile.func1", "example.com/resync/main.go", 87),
	}
	return analyze.Finding{
		Rule: "leak/chan-send", Noun: "leak", Severity: analyze.High, Confidence: analyze.Likely,
		Message:  "goroutines block for ever sending on a channel that nobody receives from any more",
		Location: stack[2], CreatedBy: frame("main.(*controller).reconcile", "example.com/resync/main.go", 85),
		Wait: evidence.WaitChanSend,
		Measures: []stats.Measure{
			{Name: "goroutines", Value: count, Unit: "count", N: 6, Interval: &[2]float64{count - 40, count + 40},
				Method: "cohorts over snapshots, Theil–Sen"},
			stats.Measure{Name: "births", Value: 41.37, Unit: "per_s", N: 6, Method: "ids"}.Over(30),
			{Name: "stack memory", Value: 2048 * count, Unit: "bytes", Method: "2 kB each", Warnings: []string{"stacks may have grown"}},
		},
		Stacks: []evidence.Stack{stack}, Fingerprint: "5a1c0ffee0000001",
		Remedy: "Give the channel a buffer of 1, or select on the context's Done channel beside the send.",
		Next:   "go-debug explain leak/chan-send",
	}
}

// explained is a leak with what its source says.
func explained(f analyze.Finding) analyze.Finding {
	f.Code = &evidence.CodeSite{Pattern: evidence.PatternPrematureReturn, Certain: true,
		Why:     "controller.reconcile returns at main.go:91 on ctx.Done() while the goroutine still sends on result, which has no buffer",
		Culprit: frame("main.(*controller).reconcile", "cmd/resync/main.go", 84),
		Fix:     "make result with a buffer of 1, so that the send never waits",
		Before:  "if c.ready {\n\tresult := make(chan map[string][]func(context.Context, *organisation) error)\n\tgo work(result) // ```\n}\n",
		After:   "if c.ready {\n\tresult := make(chan map[string][]func(context.Context, *organisation) error, 1)\n\tgo work(result) // ```\n}\n",
		Invisible: "the runtime's record of the waiting send points into the closure, which holds err and result, " +
			"and so keeps the channel alive"}
	f.Remedy = f.Code.Fix
	return f
}

func convoyFinding(delay float64) analyze.Finding {
	return analyze.Finding{
		Rule: "mutexwait/convoy", Noun: "contention", Severity: analyze.Medium, Confidence: analyze.Proven,
		Message:  "a mutex is held across slow work and 91 goroutines queue for it",
		Location: frame("example.com/shop/store.(*Cache[...]).Lookup", "/home/ci/shop/store/cache.go", 118),
		Measures: []stats.Measure{stats.Measure{Name: "block time", Value: delay, Unit: "ns", N: 41233,
			P50: stats.Float(18e6), P95: stats.Float(112e6), P99: stats.Float(131e6), Max: stats.Float(1.9e9),
			Method: "mutex profile, 1 in 5"}.Over(10)},
		Fingerprint: "5a1c0ffee0000002",
		Remedy:      "Shard the lock by key, or move the slow call out of the critical section.",
		Code:        &evidence.CodeSite{Before: "v := c.load(key) // `slow`"},
	}
}

// lockFinding is what another detector says of the lock of convoyFinding.
func lockFinding() analyze.Finding {
	f := leakFinding(91)
	f.Rule, f.Confidence, f.Severity = "leak/mutex", analyze.Possible, analyze.High
	f.Message = "goroutines wait for a lock whose holder sleeps"
	f.Location = convoyFinding(0).Location
	f.Fingerprint, f.FoldedInto = "5a1c0ffee0000004", convoyFinding(0).Fingerprint
	return f
}

// sample is a run with findings, load, open questions and an input that was cut.
func sample() *report.Report {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	set := &evidence.Set{Inputs: []evidence.Input{
		{Position: evidence.Position{Source: "goroutine.00.debug2.txt", Seq: 0, At: at}, Kind: evidence.Goroutine, Format: "debug2",
			Bytes: 812345, SHA256: strings.Repeat("ab", 32), Go: "go1.26.8", Complete: true},
		{Position: evidence.Position{Source: "goroutine.01.debug2.txt", Seq: 1, At: at.Add(30 * time.Second)}, Kind: evidence.Goroutine,
			Format: "debug2", Bytes: 67108864, Error: "the dump is cut at 64 MiB", Hint: "go-debug capture http://localhost:6060 -o capture.zip", LostBytes: 0},
		{Position: evidence.Position{Source: "mutex.pb.gz", Seq: 2}, Kind: evidence.Mutex, Format: "pprof", Bytes: 412, Complete: true,
			SHA256: strings.Repeat("cd", 32),
			Notes:  []string{"empty mutex profile: no contention, or runtime.SetMutexProfileFraction was never called"}},
		{Position: evidence.Position{Source: "service.trace", Seq: 3}, Kind: evidence.Execution, Format: "trace", Bytes: 5e6, Complete: true,
			SHA256: strings.Repeat("ef", 32), Go: "go1.26.8"},
	}}
	res := &analyze.Result{
		Findings: []analyze.Finding{explained(leakFinding(1243)), convoyFinding(4.4e9), lockFinding()},
		Load: []analyze.LoadReport{
			{Source: "trace", Route: "all", WindowS: 10, Requests: stats.Float(9500), ArrivalsPerS: stats.Float(953), QPS: stats.Float(950),
				InFlight: analyze.LoadInFlight{Mean: stats.Float(91.4), Max: stats.Float(130)}, LittlesGap: stats.Float(0.031), Goroutines: stats.Float(12400),
				Latency: &analyze.LoadLatency{P50: stats.Float(96.2e6), P90: stats.Float(104e6), P95: stats.Float(112.4e6), P99: stats.Float(118e6), Max: stats.Float(1.2e9), N: 9500, Method: "exact"},
				States:  map[string]float64{"chan": 0.02, "net": 0.93, "running": 0.05}, Verdict: "growing", Cause: "downstream",
				Sentence: "950 QPS at 91 in flight; P99 118 ms",
				FanOut: &analyze.LoadFanOut{Started: 28500, Left: 12, Unfollowed: 31,
					Awaited: []analyze.LoadAwaited{{State: "waitgroup", For: "downstream", Share: 0.86}, {State: "waitgroup", For: "running", Share: 0.02}}},
				Measures: []stats.Measure{
					{Name: "slowest_request", Value: 1.2e9, Unit: "ns", N: 1, Method: "goroutine 71 from 3.2 s on, in order: 1.18 s waiting for goroutines at main.go:57 main.gather, " +
						"for a goroutine started at main.go:55, which was waiting for downstream at main.go:61 main.fetch for 1.1 s, waiting for a processor for 80 ms; 20 ms running"},
					{Name: "slowest_request", Value: 118e6, Unit: "ns", N: 1, Method: "goroutine 12 from 2.1 s on, in order: 118 ms running", Warnings: []string{"not over at the end of the window"}},
				}},
			{Source: "trace", Route: "GET /orders/{id}/items", WindowS: 10, QPS: stats.Float(12.25),
				InFlight: analyze.LoadInFlight{Lower: stats.Float(1), Upper: stats.Float(4)}, Verdict: "ok"},
			{Source: "trace", Route: "GET /idle", WindowS: 10, QPS: stats.Float(0), Verdict: "inconclusive", Sentence: "0 QPS"},
			{Source: "trace", Route: "POST /stuck", WindowS: 10, QPS: stats.Float(2), Verdict: "leak", Cause: "stuck", Sentence: "2 QPS at 40 in flight"},
		},
		Outcomes: []analyze.Outcome{
			{Detector: "leak", State: analyze.Ran, Unchecked: []analyze.Unchecked{{What: "whether the runtime can prove the leak",
				Try: "go-debug capture http://localhost:6060 --profile goroutineleak"}}},
			{Detector: "mutexwait", State: analyze.Inconclusive, Why: "the mutex profile is empty", Try: "go-debug capture http://localhost:6060 --for 30s"},
			{Detector: "selectwait", State: analyze.Skipped, Why: "needs goroutine or block or cpu", Try: "go-debug capture http://localhost:6060 --for 30s"},
			{Detector: "inflight", State: analyze.Ran},
		},
	}
	r := report.New(set, res, tool)
	r.Source = &report.Source{Dir: ".", Blocked: 7, Found: 5}
	return r
}

// clear is a run that read everything and found nothing.
func clear() *report.Report {
	set := &evidence.Set{Inputs: []evidence.Input{{Position: evidence.Position{Source: "goroutine.pb.gz"}, Kind: evidence.Goroutine,
		Format: "pprof", Bytes: 900, SHA256: strings.Repeat("ab", 32), Complete: true}}}
	return report.New(set, &analyze.Result{Outcomes: []analyze.Outcome{{Detector: "leak", State: analyze.Ran}}}, tool)
}

// unread is a run whose only input could not be opened.
func unread() *report.Report {
	set := &evidence.Set{Inputs: []evidence.Input{{Position: evidence.Position{Source: "nothing.pb.gz"},
		Error: "open nothing.pb.gz: no such file", Hint: "go-debug capture http://localhost:6060 -o capture.zip"}}}
	return report.New(set, &analyze.Result{Outcomes: []analyze.Outcome{
		{Detector: "leak", State: analyze.Skipped, Why: "needs goroutine", Try: "go-debug capture http://localhost:6060"}}}, tool)
}

// gated is the sample judged against a baseline in which the leak was smaller.
func gated() *report.Report {
	fixed := leakFinding(40)
	fixed.Rule, fixed.Fingerprint, fixed.Location.Line = "leak/chan-receive", "5a1c0ffee0000003", 140
	base := report.New(&evidence.Set{Inputs: []evidence.Input{{Position: evidence.Position{Source: "base"}, Kind: evidence.Goroutine,
		Bytes: 1, SHA256: "00", Complete: true, Go: "go1.25.1"}}}, &analyze.Result{
		Findings: []analyze.Finding{leakFinding(300), convoyFinding(4.3e9), fixed},
		Outcomes: []analyze.Outcome{{Detector: "leak", State: analyze.Ran}, {Detector: "mutexwait", State: analyze.Ran}},
		Load: []analyze.LoadReport{{Source: "trace", Route: "all", QPS: stats.Float(948), InFlight: analyze.LoadInFlight{Mean: stats.Float(12)},
			Latency: &analyze.LoadLatency{P95: stats.Float(13.4e6), N: 9480}}},
	}, tool)
	head := sample()
	head.ApplyGate(report.Trial{Baseline: &report.Baseline{Name: "baseline/main.json", Report: base}, Growth: report.DefaultGrowth(), Policy: report.GatePolicy()})
	return head
}

// many is a run with more of everything than is shown, and with long names.
func many() *report.Report {
	res := &analyze.Result{}
	for i := range 14 {
		f := leakFinding(float64(100 - i))
		f.Location.Line += i
		f.Location.Function = "example.com/organisation/platform/services/checkout/internal/orders.(*Reconciler[go.shape.*uint8]).reconcileAllPendingOrders.func1.2"
		f.Location.File = "/src/services/checkout/internal/orders/reconciler_pending_orders_of_tenants.go"
		res.Findings = append(res.Findings, f)
		res.Load = append(res.Load, analyze.LoadReport{Source: "metrics", Route: "POST /api/v1/tenants/{tenant}/orders/{order}/items/" + strings.Repeat("x", i),
			QPS: stats.Float(1e6 / float64(i+1)), Verdict: "ok"})
	}
	res.Outcomes = []analyze.Outcome{{Detector: "leak", State: analyze.Ran}}
	return report.New(&evidence.Set{Inputs: []evidence.Input{{Position: evidence.Position{Source: "a"}, Kind: evidence.Goroutine, Bytes: 5, SHA256: "00", Complete: true}}}, res, tool)
}

var samples = []struct {
	name string
	make func() *report.Report
}{
	{"findings", sample}, {"clear", clear}, {"unread", unread}, {"gate", gated}, {"many", many},
}

// each runs a test for every sample.
func each(t *testing.T, f func(t *testing.T, r *report.Report)) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) { f(t, s.make()) })
	}
}
