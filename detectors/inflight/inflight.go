package inflight

import (
	"context"
	_ "embed"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

//go:embed doc.go
var doc string

const (
	ruleDiverging   = "inflight/diverging"
	ruleQueueing    = "inflight/queueing"
	ruleUnexplained = "inflight/unexplained-goroutines"
)

const (
	tryMetrics = "go-debug capture http://localhost:6060 --for 30s --every 2s"
	tryLonger  = "go-debug capture http://localhost:6060 --for 2m --every 5s"
	tryProfile = "go-debug analyze http://localhost:6060/debug/pprof/profile?seconds=30"
	tryTrace   = "go-debug analyze http://localhost:6060/debug/pprof/trace?seconds=10"
)

// Detector contrasts throughput with concurrency.
var Detector = &analyze.Detector{
	Name: "inflight",
	Noun: "pile-up",
	Doc:  doc,
	Rules: []analyze.Rule{
		{
			ID: ruleDiverging, Title: "Requests in flight grow while throughput does not", Severity: analyze.High,
			Remedy: "Bound the wait: give the dependency a deadline and limit concurrency so that load is shed, or add capacity behind the line where the requests wait.",
			Doc:    "Concurrency per arrival rose: each request stays longer than those before it. Throughput alone does not show it. Long-lived streams that connect during the window look alike.",
		},
		{
			ID: ruleQueueing, Title: "Requests pile up at one line", Severity: analyze.High,
			Remedy: "Find what the line waits for and bound it: a deadline, a limit on concurrency, or more capacity behind it.",
			Doc:    "Goroutines that serve requests gather at one line from snapshot to snapshot, or within a trace. Without metrics a rising load cannot be told from a queue, so the finding is possible at most.",
		},
		{
			ID: ruleUnexplained, Title: "More goroutines than the load explains, and growing", Severity: analyze.Medium,
			Remedy: "Take goroutine snapshots to see at which line they are parked: they serve no request.",
			Doc:    "By Little's law, throughput times latency is the number of requests being served. Goroutines far beyond that, and growing, do something else, or nothing. Pools of a constant size are not reported.",
		},
	},
	Needs: []analyze.Need{
		{Kind: evidence.Metrics, Captures: 2, Confidence: analyze.Likely, Try: tryMetrics},
		{Kind: evidence.LoadTest, Captures: 2, Confidence: analyze.Likely, Try: tryMetrics},
		{Kind: evidence.LoadTest, Captures: 1, Confidence: analyze.Weak, Try: tryMetrics},
		{Kind: evidence.Execution, Captures: 1, Confidence: analyze.Likely, Try: tryMetrics},
		{Kind: evidence.Goroutine, Captures: 2, Confidence: analyze.Possible, Try: tryMetrics},
		{Kind: evidence.Metrics, Captures: 1, Confidence: analyze.Weak, Try: tryMetrics},
	},
	Params: []analyze.Param{
		{Name: "min-fold", Default: 1.5, Unit: "factor", Why: "the least growth of concurrency per arrival; stable queues at 95 % utilisation wander less over a window"},
		{Name: "max-p", Default: 0.01, Unit: "probability", Why: "several routes and captures are tested, so the customary 5 % would cry wolf"},
		{Name: "min-delta", Default: 0.9, Unit: "cliff's delta", Why: "a burst lifts some scrapes of the last third, a queue lifts nearly all"},
		{Name: "min-in-flight", Default: 3, Unit: "requests", Why: "fewer at once are noise of the gauge"},
		{Name: "min-bins", Default: 12, Unit: "intervals", Why: "thirds of four are the fewest that can reach p < 0.01 against moderate noise"},
		{Name: "short-fold", Default: 2, Unit: "factor", Why: "in fewer than twice min-bins intervals a busy but stable queue may wander by half; doubling is rare"},
		{Name: "drift-p", Default: 0.005, Unit: "probability", Why: "in flight rising from scrape to scrape by chance; stricter than max-p, for it is the third way to be found; critical queues reach it in under 1 % of simulated windows"},
		{Name: "jump-p", Default: 0.001, Unit: "probability", Why: "a backlog that came within a part of the window by chance; it is the fourth way to be found, and services that keep time with each other vary more than independent ones"},
		{Name: "max-qps-rise", Default: 1.25, Unit: "factor", Why: "a load that rises by more than a quarter explains growth of its own"},
		{Name: "min-pileup", Default: 20, Unit: "goroutines", Why: "the growth at one line that snapshots must show; fewer is ordinary variation of a busy handler"},
		{Name: "min-unexplained", Default: 100, Unit: "goroutines", Why: "growth that no request explains; fewer are connections and background work"},
		{Name: "p99-limit", Default: 0, Unit: "ms", Why: "what \"supports N\" is asked for; 0 takes twice the P99 at the lowest concurrency, rounded up to 1, 2 or 5: where waiting takes as long as the work"},
		{Name: "max-lost-share", Default: 0.2, Unit: "ratio", Why: "a single lost scrape is the network's, every fifth the service's"},
	},
	Plantings: plantings,
	Run:       run,
}

func run(ctx context.Context, p *analyze.Pass) error {
	set := p.Evidence
	waits := findWaits(set)
	traced := assessRequests(p)
	var all *assessment
	for i := range set.Loads {
		if err := ctx.Err(); err != nil {
			return err
		}
		a := assess(&set.Loads[i], nil, p)
		if a.flow.load.Route == "all" && (all == nil || a.tested && !all.tested) {
			all = a
		}
		p.ReportLoad(a.report(waits, int64(p.Param("p99-limit")*1e6), scrapedProcs(p)))
		if a.flow.load.Route == "all" {
			reportDiverging(p, a, waits, traced)
			reportUnexplained(p, a, waits)
		}
	}
	if traced != nil {
		traced.report(p, waits)
	}
	reportSpans(p)
	if all == nil || !all.tested {
		if traced != nil {
			reportDiverging(p, traced.assessment, waits, traced)
		}
		if traced == nil || !traced.diverges {
			reportQueueing(p, waits, traced)
		}
	}
	if all == nil && traced != nil {
		all = traced.assessment
	}
	notChecked(p, all, waits)
	return nil
}

// notChecked says which questions this evidence leaves open.
func notChecked(p *analyze.Pass, all *assessment, w *waits) {
	if all == nil {
		if len(p.Evidence.SnapshotsOf(evidence.Goroutine)) < 3 && p.Evidence.Trace == nil {
			p.Inconclusive("two goroutine snapshots without request metrics show neither a rate nor a trend", tryMetrics)
			return
		}
		p.NotChecked("throughput against concurrency: there are no request metrics, so a queue cannot be told from a rising load", tryMetrics)
		return
	}
	if all.why != "" {
		_, goroutinesJudged := all.flow.unexplained()
		if !goroutinesJudged && len(w.snapshots) < 3 && p.Evidence.Trace == nil {
			p.Inconclusive(all.why, all.try)
			return
		}
		p.NotChecked("whether requests pile up: "+all.why, all.try)
	}
	if f := all.flow; f.window > 0 && f.requests != nil && f.meanLatencyS == nil && !f.traced() {
		p.NotChecked("Little's law: no latency is measured (http_request_duration_seconds or the like)", tryMetrics)
	}
}
