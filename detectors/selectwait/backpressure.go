package selectwait

import (
	"cmp"
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// A sendSite is the blocked sends at one line.
type sendSite struct {
	key      string
	location evidence.Frame
	stack    evidence.Stack
	delayNS  int64
	top      int64
	waits    int64
}

// reportBackpressure reports the sends at which goroutines wait for receivers.
func reportBackpressure(p *analyze.Pass) {
	sites := map[string]*sendSite{}
	var windowNS int64
	without := false
	for _, prof := range p.Evidence.ProfilesOf(evidence.Block) {
		if prof.DurationNS <= 0 {
			without = without || prof.Total(prof.Column("delay")) > 0
			continue // totals since the program began, over an unknown time
		}
		windowNS += prof.DurationNS
		addSends(sites, prof)
	}
	if without && windowNS == 0 {
		p.NotChecked("back-pressure: the block profile has no duration, so its delays have no rate", tryCapture)
	}
	ordered := make([]*sendSite, 0, len(sites))
	for _, s := range sites {
		ordered = append(ordered, s)
	}
	slices.SortFunc(ordered, func(a, b *sendSite) int { return cmp.Compare(a.key, b.key) })
	for _, s := range ordered {
		waiting := float64(s.delayNS) / float64(windowNS)
		if waiting < p.Param("min-waiting-senders") {
			continue
		}
		windowS := float64(windowNS) / 1e9
		p.Report(analyze.Finding{
			Rule: ruleBackpressure, Confidence: analyze.Possible, Location: s.location, Wait: evidence.WaitChanSend,
			Message: fmt.Sprintf("%.3g senders wait here on average for a receiver", waiting),
			Measures: []stats.Measure{
				stats.Measure{Name: "waiting_senders", Value: waiting, Unit: "s/s", N: s.waits,
					Method: "delay of blocked sends over the block profile's duration"}.Over(windowS),
			},
			Stacks: []evidence.Stack{s.stack}, Cost: waiting, Next: "go-debug explain " + ruleBackpressure,
		})
	}
}

// addSends adds the stacks of a block profile that end in a channel send. A select that
// sends looks like any other select, whose waits are mostly idle ones, and is left out.
func addSends(sites map[string]*sendSite, p *evidence.Profile) {
	delay, contentions := p.Column("delay"), p.Column("contentions")
	if delay < 0 {
		return
	}
	for i := range p.Stacks {
		s := &p.Stacks[i]
		if len(s.Frames) == 0 {
			continue
		}
		if leaf := p.Frames[s.Frames[0]].Function; leaf != "runtime.chansend1" && leaf != "runtime.chansend" {
			continue
		}
		stack := p.Stack(s)
		key, at, ok := siteOf(stack)
		if !ok {
			continue
		}
		site := sites[key]
		if site == nil {
			site = &sendSite{key: key, location: at}
			sites[key] = site
		}
		site.delayNS += s.Values[delay]
		if contentions >= 0 {
			site.waits += s.Values[contentions]
		}
		if s.Values[delay] > site.top {
			site.top, site.stack = s.Values[delay], stack
		}
	}
}
