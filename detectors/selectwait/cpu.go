package selectwait

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// cpuShares are what the CPU profiles say of channels and selects.
type cpuShares struct {
	*signature.Profile
	taken     bool   // there was a CPU profile, maybe an empty one
	unusable  string // why it says nothing of Go's functions; empty where it may
	tells     bool   // shares can be taken from it
	doubted   bool   // and are to be distrusted
	requestsS float64

	selecting, polling, closing, moving signature.Share
}

func readCPU(p *analyze.Pass) *cpuShares {
	set := p.Evidence
	c := &cpuShares{Profile: signature.Read(set), taken: set.Has(evidence.CPU, 1), requestsS: signature.RequestRate(set)}
	switch {
	case !c.taken:
	case !slices.ContainsFunc(set.ProfilesOf(evidence.CPU), signature.IsGo):
		c.unusable = "the CPU profile is not of a Go program"
	case slices.ContainsFunc(c.Doubts(), func(d signature.Doubt) bool { return d.Kind == signature.Difference }):
		c.unusable = "the CPU profile is the difference of two, and has no shares"
	}
	if c.unusable != "" {
		c.Profile = signature.Read(&evidence.Set{})
	}
	c.doubted = c.Doubted()
	c.tells = c.Enough() && (c.WindowNS == 0 || c.Cores() >= p.Param("min-cores"))
	c.selecting, c.polling, c.closing, c.moving = c.Of(sigSelecting), c.Of(sigPolling), c.Of(sigClosing), c.Of(sigMoving)
	return c
}

// above reports whether so many samples are above a threshold for sure.
func (c *cpuShares) above(samples int64, threshold float64) bool {
	return c.tells && c.of(samples).Above(threshold, signature.Overdispersion)
}

// of is so many samples as a share.
func (c *cpuShares) of(samples int64) signature.Share {
	s := c.selecting
	s.Samples = samples
	return s
}

func (c *cpuShares) words(samples int64) string { return c.selecting.Words(samples, c.requestsS) }

func (c *cpuShares) measure(name string, samples int64) stats.Measure {
	return c.of(samples).Measure(name, signature.Overdispersion)
}

// lowered is a confidence less one where the profile's shares are to be distrusted.
func (c *cpuShares) lowered(sure analyze.Confidence) analyze.Confidence {
	if c.doubted && sure > analyze.Weak {
		return sure - 1
	}
	return sure
}

// reportSelectCPU reports each select that alone takes a notable share, else the largest when
// all together do. Those told as herds or as polling are left out.
func reportSelectCPU(p *analyze.Pass, c *cpuShares, told map[string]bool) {
	threshold, reported, all := p.Param("min-cpu-share"), false, int64(0)
	var largest *signature.Site
	for i := range c.selecting.Sites {
		s := &c.selecting.Sites[i]
		if told[lineKey(s.Location)] {
			reported = true
			continue
		}
		all += s.Samples
		if largest == nil {
			largest = s
		}
		if c.above(s.Samples, threshold) {
			reported = true
			p.Report(c.finding(s, s.Samples, ruleSelectCPU, analyze.Likely, c.words(s.Samples)+" goes into this select"))
		}
	}
	if reported || largest == nil || !c.above(all, threshold) {
		return
	}
	f := c.finding(largest, largest.Samples, ruleSelectCPU, analyze.Possible,
		fmt.Sprintf("%s goes into selects, of which this is the largest", c.words(all)))
	f.Measures = append([]stats.Measure{c.measure("cpu_share_of_all_selects", all)}, f.Measures...)
	p.Report(f)
}

// certainPoll is the share above which nothing but a spinning loop explains it; below, a
// check in a loop that also works does.
const certainPoll = 0.5

// reportBusyPoll reports loops that poll, and returns the lines of selects that it has told of. The selects of
// one function are one loop.
func reportBusyPoll(p *analyze.Pass, c *cpuShares) map[string]bool {
	told := map[string]bool{}
	sites := slices.Clone(c.polling.Sites)
	for _, s := range c.selecting.Sites {
		if neverWaits(p.Evidence, c, s.Location) {
			sites = append(sites, s)
		}
	}
	loops := map[string][]signature.Site{}
	for _, s := range sites {
		loops[s.Location.Function+s.Location.File] = append(loops[s.Location.Function+s.Location.File], s)
	}
	for _, loop := range loops {
		var samples int64
		for _, s := range loop {
			samples += s.Samples
		}
		if !c.above(samples, p.Param("min-cpu-share")) {
			continue
		}
		sure := analyze.Possible
		if c.above(samples, certainPoll) {
			sure = analyze.Likely
		}
		top := slices.MaxFunc(loop, func(a, b signature.Site) int {
			return cmp.Or(cmp.Compare(a.Samples, b.Samples), cmp.Compare(b.Location.Line, a.Location.Line))
		})
		text := " goes into a select that never waits: it has a default, or a channel in it is closed"
		switch n := siteAt(c.polling, lineKey(top.Location)); {
		case len(loop) > 1:
			text = fmt.Sprintf(" goes into polling channels, in %d selects of this function that never wait", len(loop))
		case n > 0:
			text = " goes into polling a channel in a select with a default"
		}
		f := c.finding(&top, samples, ruleBusyPoll, sure, c.words(samples)+text)
		f.Measures = append(f.Measures, c.Of(signature.Signature{Anywhere: []string{top.Location.Function}}).Measure("cpu_share_of_function", signature.Overdispersion))
		p.Report(f)
		for _, s := range loop {
			told[lineKey(s.Location)] = true
		}
	}
	return told
}

// minSelectSamples is the number of samples in a select from which it would show in them that it waits.
const minSelectSamples = 200

// A select that moves elements has this part of its samples there, and so many, at least. One that always finds
// something to do has 0.8 % or more, for elements of two bytes; a loop that polls in vain has none of 900. At 0.3 %
// a third of its turns gets something.
const (
	minMoving        = 0.003
	minMovingSamples = 2
)

// neverWaits reports that nobody was seen to wait in the select at a line, in traces and snapshots, nor on the
// way to it, nor to send or receive there: it has a default, or a channel in it is closed.
func neverWaits(set *evidence.Set, c *cpuShares, at evidence.Frame) bool {
	if c.handsOver(at) {
		return false
	}
	for _, snap := range set.SnapshotsOf(evidence.Goroutine) {
		for i := range snap.Groups {
			if g := &snap.Groups[i]; g.Wait == evidence.WaitSelect && ownLine(g.Stack) == at {
				return false
			}
		}
	}
	if t := set.Trace; t != nil {
		return !slices.ContainsFunc(t.Blocks, func(b evidence.BlockSite) bool {
			stack := t.StackOf(b.Stack)
			return waitsInSelect(b.Wait, stack) && ownLine(stack) == at
		})
	}
	waiting := func(s signature.Site) bool { return s.Location == at && s.Samples > 0 }
	here := slices.IndexFunc(c.selecting.Sites, waiting)
	return here >= 0 && c.selecting.Sites[here].Samples >= minSelectSamples && !slices.ContainsFunc(c.Of(sigEnqueueing).Sites, waiting)
}

// waitsInSelect tells waiting from standing still: a goroutine that the collector stops to look at its stack blocks,
// too, wherever it is. Those that were asleep when the trace began have no reason but their stack.
func waitsInSelect(w evidence.Wait, stack evidence.Stack) bool {
	if w == evidence.WaitNone {
		w = evidence.WaitOf(stack)
	}
	return w == evidence.WaitSelect
}

// handsOver reports that the select at a line sends or receives as a rule.
func (c *cpuShares) handsOver(at evidence.Frame) bool {
	moving, all := siteAt(c.moving, lineKey(at)), siteAt(c.selecting, lineKey(at))
	return moving >= minMovingSamples && float64(moving) >= minMoving*float64(all)
}

func ownLine(s evidence.Stack) evidence.Frame {
	at, _ := signature.Own(s)
	return at
}

// reportChannelCPU reports plain channel operations that take a notable share, or whose locks threads wait for.
// Where switching goroutines takes more than they do, the channel is but the occasion: detector sched says so.
func reportChannelCPU(p *analyze.Pass, c *cpuShares, ch *channels) {
	s := c.Of(sigChannels)
	byCPU := c.above(s.Samples, p.Param("channel-cpu-share")) && s.Samples > c.Of(sigSwitching).Samples
	delay := ch.lockDelay
	byDelay := delay.rate() >= p.Param("min-lock-rate")
	top, ok := signature.Top(s.Sites)
	if !ok || !byCPU {
		if top, ok = signature.Top(delay.sites); !ok || !byDelay {
			return
		}
	}
	f := analyze.Finding{Rule: ruleChannelCPU, Confidence: analyze.Possible, Location: top.Location, Stacks: []evidence.Stack{top.Stack}, Cost: s.Value(),
		Identity: []string{evidence.NormalFunction(top.Location.Function)}, Next: "go-debug explain " + ruleChannelCPU}
	if byCPU {
		f.Confidence = c.lowered(analyze.Likely)
		f.Message = c.words(s.Samples) + " goes into channel operations"
		if top.Samples < s.Samples {
			f.Message += ", most of it here"
		}
		f.Measures = append(f.Measures, s.Measure("channel_share", signature.Overdispersion), s.MeasureSite("cpu_share", top, signature.Overdispersion))
		locks := c.Of(signature.Signature{Anywhere: sigChannels.Anywhere, Unless: append(sigPolling.Anywhere, sigLocks.Anywhere...)})
		fighting := s.Samples - locks.Samples
		f.Measures = append(f.Measures, c.measure("channel_lock_share", fighting))
		if 4*fighting >= s.Samples {
			f.Message += ", " + strconv.FormatFloat(100*float64(fighting)/float64(s.Samples), 'f', 0, 64) + " % of that for the channels' locks"
		}
	} else {
		f.Message = fmt.Sprintf("threads wait %.3g s per second for the locks inside channels", delay.rate())
	}
	if delay.ns > 0 && delay.windowS > 0 {
		f.Measures = append(f.Measures, delay.measure())
	}
	p.Report(f)
}

func (c *cpuShares) finding(s *signature.Site, samples int64, rule string, sure analyze.Confidence, message string) analyze.Finding {
	m := c.measure("cpu_share", samples)
	return analyze.Finding{
		Rule: rule, Confidence: c.lowered(sure), Location: s.Location, Wait: evidence.WaitSelect, Message: message,
		Measures: []stats.Measure{m}, Stacks: []evidence.Stack{s.Stack}, Cost: m.Value, Next: "go-debug explain " + rule,
	}
}

// siteAt is the samples of a share at one line.
func siteAt(s signature.Share, key string) int64 {
	var n int64
	for i := range s.Sites {
		if lineKey(s.Sites[i].Location) == key {
			n += s.Sites[i].Samples
		}
	}
	return n
}
