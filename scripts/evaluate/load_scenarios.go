package main

import (
	"math"
	"time"
)

// A scenario is a server and the load it is under, and what is right to say of it.
type scenario struct {
	name string
	rate func(t float64) float64 // requests per second, t in seconds from the begin of the watched window
	// measured: the rate is in units of what the server can do at most on this machine, which is measured first.
	measured bool
	// verdicts are those that are right; diverges says whether a finding is due, and cause which one a trace has to show.
	verdicts []string
	diverges bool
	cause    string
	streams  int  // connections that stay open
	retries  bool // clients give up after patience and ask again
}

const patience = 400 * time.Millisecond

func steady(rate float64) func(float64) float64 { return func(float64) float64 { return rate } }

// from is the rate before a moment of the window, and after it.
func from(at, before, after float64) func(float64) float64 {
	return func(t float64) float64 {
		if t < at {
			return before
		}
		return after
	}
}

var (
	stable    = []string{"ok"}
	passing   = []string{"ok", "recovered"}
	saturated = []string{"growing", "plateau"} // where clients are few it may have levelled off
	// Where processors saturate, scrapes go unanswered: that is a verdict too.
	unanswering = []string{"growing", "plateau", "unanswered"}
)

// loadScenarios are judged by a trace of the window, and by scrapes alone.
var loadScenarios = []scenario{
	{name: "healthy_low", rate: steady(20), verdicts: stable},
	{name: "healthy_high", rate: steady(300), verdicts: stable},
	{name: "bursty", rate: func(t float64) float64 { return 60 + 140*math.Pow(math.Max(math.Sin(t*1.3), 0), 4) }, verdicts: passing},
	{name: "ramp", rate: func(t float64) float64 { return 20 + 12*math.Max(t, 0) }, verdicts: stable},
	{name: "streams", rate: steady(60), streams: 40, verdicts: stable},
	{name: "stable_contention", rate: steady(200), verdicts: passing},
	{name: "slow_steady", rate: steady(60), verdicts: stable},
	{name: "burst_recovery", rate: func(t float64) float64 {
		if t > 7 && t < 10 {
			return 350
		}
		return 60
	}, verdicts: passing},
	{name: "mutex_saturated", rate: from(3, 60, 180), verdicts: saturated, diverges: true, cause: "mutex"},
	{name: "rwmutex_saturated", rate: from(3, 60, 180), verdicts: saturated, diverges: true, cause: "mutex"},
	{name: "pool_saturated", rate: from(3, 50, 140), verdicts: saturated, diverges: true, cause: "pool"},
	{name: "sql_pool_saturated", rate: from(3, 50, 140), verdicts: saturated, diverges: true, cause: "pool"},
	{name: "worker_pool_saturated", rate: from(3, 50, 140), verdicts: saturated, diverges: true, cause: "pool"},
	{name: "cpu_saturated", measured: true, rate: from(3, 0.4, 2), verdicts: unanswering, diverges: true, cause: "cpu"},
	{name: "gc_saturated", measured: true, rate: from(3, 0.4, 2), verdicts: unanswering, diverges: true, cause: "gc"},
	{name: "slow_downstream", rate: steady(80), verdicts: saturated, diverges: true, cause: "downstream"},
	{name: "slow_downstream_tcp", rate: steady(80), verdicts: saturated, diverges: true, cause: "downstream"},
	{name: "in_flight_leak", rate: steady(100), verdicts: []string{"leak"}, diverges: true, cause: "stuck"},
	{name: "lost_reply_leak", rate: steady(100), verdicts: []string{"leak"}, diverges: true, cause: "stuck"},
	{name: "retry_storm", rate: from(3, 60, 230), retries: true, verdicts: []string{"growing", "plateau", "leak"}, diverges: true, cause: "abandoned"},
}
