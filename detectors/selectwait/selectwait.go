package selectwait

import (
	"cmp"
	"context"
	_ "embed"
	"maps"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

//go:embed doc.go
var doc string

const (
	ruleHerd         = "selectwait/herd"
	ruleBusyPoll     = "selectwait/busy-poll"
	ruleSelectCPU    = "selectwait/select-cpu"
	ruleBackpressure = "selectwait/backpressure"
	ruleFanIn        = "selectwait/fan-in"
	ruleChannelCPU   = "selectwait/channel-cpu"
	ruleParked       = "selectwait/parked"
)

const tryCapture = "go-debug capture http://localhost:6060 --for 30s"

// Detector finds selects that cost something.
var Detector = &analyze.Detector{
	Name: "selectwait",
	Noun: "costly select",
	Doc:  doc,
	Rules: []analyze.Rule{
		{
			ID: ruleHerd, Title: "one event wakes a herd of goroutines parked in a select", Severity: analyze.High,
			Remedy: "Wake only whom the event concerns: a channel per subscriber or topic, or a queue worked off by a bounded pool.",
			Doc: "A channel that is closed to announce something wakes every goroutine that selects on it. Each one runs, looks, and selects again, " +
				"so that one event costs as much as there are waiters.",
		},
		{
			ID: ruleBusyPoll, Title: "CPU spent polling channels in selects with a default", Severity: analyze.Medium,
			Remedy: "Drop the default and let the goroutine wait, or check less often (once per batch, a ticker).",
			Doc: "A select with a default never waits; in a loop it spins. With one case the runtime calls it selectnbrecv or selectnbsend; with more it is " +
				"selectgo, and known by that nobody is ever seen waiting in it. The selects of one function count together.",
		},
		{
			ID: ruleSelectCPU, Title: "CPU spent inside select", Severity: analyze.Medium,
			Remedy: "Give the hot path fewer cases or none: one channel, items in batches, a context checked once per batch.",
			Doc:    "selectgo locks every channel of its cases, twice when it has to wait. Contended by many goroutines, or run per item, that becomes the work.",
		},
		{
			ID: ruleBackpressure, Title: "senders wait because receivers are too slow", Severity: analyze.Low,
			Remedy: "Add receivers or make them faster; bound what is let in, so that senders fail early instead of queueing.",
			Doc:    "The delay of blocked sends per second is the number of senders waiting on average. A full queue passes the slowness of its receivers on.",
		},
		{
			ID: ruleFanIn, Title: "many senders wait for the one goroutine that receives", Severity: analyze.Medium,
			Remedy: "Let several goroutines receive, or have the one take what has gathered in a batch; keep waits (I/O, locks) out of the receiving loop.",
			Doc: "One goroutine receives what many send: everything behind the channel is as fast as that one loop. The finding names it, and what it is asleep in " +
				"when it does not receive.",
		},
		{
			ID: ruleChannelCPU, Title: "CPU spent in channel operations", Severity: analyze.Medium,
			Remedy: "Send batches (a slice of items) instead of single items, or do the work in place; a channel per worker instead of one for all.",
			Doc: "Each send and receive takes the channel's lock, which costs as much as a hundred additions when nobody else wants it, and many times that when they do. " +
				"The share is of runtime.chansend and chanrecv, without selects; that of the locks is a measure of its own.",
		},
		{
			ID: ruleParked, Title: "a share of the goroutines waits in one select", Severity: analyze.Info,
			Remedy: "None is needed for goroutines that wait: they cost memory alone. Where their number grows, see detector leak.",
			Doc:    "Off unless min-parked-share is set: in healthy servers nearly all goroutines wait in a select.",
		},
	},
	Needs: []analyze.Need{
		{Kind: evidence.Execution, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.CPU, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Block, Captures: 1, Confidence: analyze.Possible, Try: tryCapture},
		// Snapshots alone show crowds, which is no finding; they say what to look at next.
		{Kind: evidence.Goroutine, Captures: 1, Confidence: analyze.Weak, Try: tryCapture},
	},
	Params: []analyze.Param{
		{Name: "min-cpu-share", Default: 0.15, Unit: "ratio", Why: "healthy servers spend 0.04 to 0.06 in selectgo, faulty ones 0.85"},
		{Name: "herd-cpu-share", Default: 0.08, Unit: "ratio", Why: "above what a healthy server spends in all its selects, at one line where a crowd is parked"},
		{Name: "channel-cpu-share", Default: 0.2, Unit: "ratio", Why: "plain sends and receives take 0.04 to 0.05 in healthy servers, 0.68 to 0.96 where items are handed over one by one"},
		{Name: "min-lock-rate", Default: 0.5, Unit: "s/s", Why: "of the locks inside channels: the runtime's locks have 0.01 in healthy programs, 0.22 in ones that make them work hard"},
		{Name: "min-cores", Default: 0.2, Unit: "cores", Why: "shares of an idle process's CPU are large and worth nothing"},
		{Name: "min-crowd", Default: 1000, Unit: "goroutines", Why: "waking fewer takes under a millisecond"},
		{Name: "min-waiting-senders", Default: 2, Unit: "s/s", Why: "one producer that keeps its queue full has 1 and is no fault; servers with full queues had 3 to 4, healthy ones 0"},
		{Name: "min-parked-share", Default: 0, Unit: "ratio", Why: "0 is off: nearly all goroutines of a healthy server wait in a select, and cost nothing there"},
	},
	Plantings: plantings,
	Run:       run,
}

func run(_ context.Context, p *analyze.Pass) error {
	cpu := readCPU(p)
	crowds := readCrowds(p.Evidence, int(p.Param("min-crowd")))
	told := reportHerds(p, cpu, crowds)
	ch := readChannels(p.Evidence)
	maps.Copy(told, reportBusyPoll(p, cpu))
	reportSelectCPU(p, cpu, told)
	reportChannelCPU(p, cpu, ch)
	reportBackpressure(p, ch, cpu)
	reportParked(p, told)
	remark(p, cpu, crowds, told)
	return nil
}

// remark says which questions stay open.
func remark(p *analyze.Pass, cpu *cpuShares, crowds []crowd, told map[string]bool) {
	set := p.Evidence
	hasTrace, hasBlock := set.Has(evidence.Execution, 1), set.Has(evidence.Block, 1)
	// Few samples of a long time are an answer, too.
	enough, idle := cpu.tells, cpu.Idle(p.Param("min-cores")) || cpu.Enough() && !cpu.tells
	switch {
	case !cpu.taken && !hasTrace && !hasBlock:
		p.Inconclusive("goroutine snapshots show where goroutines wait, not what it costs", tryCapture)
		return
	case cpu.taken && !enough && !idle && !hasTrace && !hasBlock:
		p.Inconclusive(cmp.Or(cpu.unusable, "the CPU profile has too few samples for a share"), tryCapture)
		return
	case !cpu.taken:
		p.NotChecked("CPU spent in channels and selects: no CPU profile", tryCapture)
	case !enough && !idle:
		p.NotChecked("CPU spent in channels and selects: "+cmp.Or(cpu.unusable, "too few samples for a share"), tryCapture)
	}
	for _, c := range crowds {
		if !told[c.key] && !hasTrace {
			p.NotChecked("what wakes the crowd in a select at "+place(c.location)+": no trace", tryCapture)
			break // the largest is enough
		}
	}
}
