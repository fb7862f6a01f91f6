package selectwait

import (
	"cmp"
	"maps"
	"slices"

	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// channels are the sends at which goroutines wait, with those who receive.
type channels struct {
	sends     map[string]*sendSite
	sending   map[string]bool // selects that send, by line
	blockS    float64         // the time that the block profiles cover, 0 when unknown
	noRate    bool            // block profiles have delays of sends, and no rate
	traceS    float64
	lockDelay lockDelay
}

// A sendSite is one line that sends, as far as it waits for a receiver.
type sendSite struct {
	location  evidence.Frame
	wait      evidence.Wait  // WaitChanSend, or WaitSelect
	stack     evidence.Stack // the costliest
	top       int64
	blockNS   int64 // in the block profiles
	blockN    int64
	traced    evidence.Histogram
	open      evidence.Histogram // still waiting at the end of the trace
	asleep    map[int]int        // by snapshot
	receivers map[evidence.Frame]*receiver
}

// A receiver is a line that lets senders go on.
type receiver struct {
	at    evidence.Frame
	wakes int64
	// holder is the function that has sent itself before it receives here, if it is one, with the line at which it did,
	// and until the one at which it receives: the channel is a semaphore.
	holder evidence.Frame
	until  int
}

// lockDelay is the time for which threads waited for the locks inside channels, by the mutex profile.
type lockDelay struct {
	ns, n   int64
	windowS float64
	sites   []signature.Site // Samples are nanoseconds
}

func (d lockDelay) rate() float64 {
	if d.windowS <= 0 {
		return 0
	}
	return float64(d.ns) / 1e9 / d.windowS
}

func (d lockDelay) measure() stats.Measure {
	return stats.Measure{Name: "channel_lock_delay_rate", Value: d.rate(), Unit: "s/s", N: max(d.n, 1),
		Method: "mutex profile: delays at runtime.unlock under channel operations, over its duration"}.Over(d.windowS)
}

func readChannels(set *evidence.Set) *channels {
	c := &channels{sends: map[string]*sendSite{}, sending: sendingSelects(set.Trace)}
	block, blockS := overTime(set.ProfilesOf(evidence.Block))
	c.blockS = blockS
	for _, p := range block {
		c.addSends(p, blockS > 0)
	}
	if t := set.Trace; t != nil {
		c.traceS = float64(t.DurationNS()) / 1e9
		c.addTrace(t)
	}
	for i, snap := range set.SnapshotsOf(evidence.Goroutine) {
		for j := range snap.Groups {
			if g := &snap.Groups[j]; c.waitsToSend(g.Wait, g.Stack) {
				if s := c.site(g.Stack, int64(g.Count)); s != nil {
					s.asleep[i] += g.Count
				}
			}
		}
	}
	c.readLocks(set)
	return c
}

// overTime returns profiles whose delays were added over a known time, and that time: those that were taken
// over one, else the last total less the first that it can be compared with. The time is 0 where it is unknown.
func overTime(profiles []*evidence.Profile) (out []*evidence.Profile, seconds float64) {
	var totals []*evidence.Profile
	for _, p := range profiles {
		switch {
		case p.Column("delay") < 0:
		case p.DurationNS > 0:
			out = append(out, p)
			seconds += float64(p.DurationNS) / 1e9
		case !p.IsChange():
			totals = append(totals, p)
		}
	}
	if len(out) > 0 || len(totals) == 0 {
		return out, seconds
	}
	last := totals[len(totals)-1]
	for _, first := range totals[:len(totals)-1] {
		if p, err := last.Since(first); err == nil && p.DurationNS > 0 {
			return []*evidence.Profile{p}, float64(p.DurationNS) / 1e9
		}
	}
	return []*evidence.Profile{last}, 0
}

// site is that of a send, nil where the stack has no line of a program.
func (c *channels) site(stack evidence.Stack, cost int64) *sendSite {
	at, ok := signature.Own(stack)
	if !ok {
		return nil
	}
	k := lineKey(at)
	s := c.sends[k]
	if s == nil {
		s = &sendSite{location: at, wait: evidence.WaitChanSend, asleep: map[int]int{}, receivers: map[evidence.Frame]*receiver{}}
		if c.sending[k] {
			s.wait = evidence.WaitSelect
		}
		c.sends[k] = s
	}
	if cost > s.top || s.stack == nil {
		s.top, s.stack = cost, stack
	}
	return s
}

// addSends adds the stacks of a block profile that end in a channel send, or in a select of which a trace says that it
// sends: all others look alike, and their waits are mostly idle ones.
func (c *channels) addSends(p *evidence.Profile, timed bool) {
	delay, contentions := p.Column("delay"), p.Column("contentions")
	for i := range p.Stacks {
		s := &p.Stacks[i]
		stack := p.Stack(s)
		if delay >= len(s.Values) || !c.waitsToSend(evidence.WaitNone, stack) {
			continue
		}
		if !timed {
			c.noRate = c.noRate || s.Values[delay] > 0
			continue
		}
		if site := c.site(stack, s.Values[delay]); site != nil {
			site.blockNS += s.Values[delay]
			if contentions >= 0 {
				site.blockN += s.Values[contentions]
			}
		}
	}
}

// addTrace adds every wait of a send, and who ended it.
func (c *channels) addTrace(t *evidence.Trace) {
	for i := range t.Blocks {
		b := &t.Blocks[i]
		stack := t.StackOf(b.Stack)
		if !c.waitsToSend(b.Wait, stack) {
			continue
		}
		if s := c.site(stack, b.Ended.Sum+b.Unseen.Sum+b.Open.Sum); s != nil {
			s.traced.Merge(&b.Ended)
			s.traced.Merge(&b.Unseen)
			s.open.Merge(&b.Open)
		}
	}
	for i := range t.Wakes {
		w := &t.Wakes[i]
		waker, woken := t.StackOf(w.Waker), t.StackOf(w.Woken)
		// A receiver lets a sender go on, or a sender wakes a receiver that had nothing to do.
		from, to := woken, waker
		if !c.waitsToSend(w.Wait, woken) {
			if !sends(waker) || w.Wait != evidence.WaitChanRecv && !isSelect(w.Wait, woken) {
				continue
			}
			from, to = waker, woken
		}
		at, ok := signature.Own(to)
		s := c.sends[lineKey(ownLine(from))]
		if !ok || s == nil {
			continue
		}
		if s.receivers[at] == nil {
			s.receivers[at] = &receiver{at: at}
			s.receivers[at].holder, s.receivers[at].until = holder(from, to)
		}
		s.receivers[at].wakes += w.Count
	}
}

// receiver is the line that receives what is sent there most often, nil where no trace says.
func (s *sendSite) receiver() *receiver {
	if len(s.receivers) == 0 {
		return nil
	}
	list := slices.Collect(maps.Values(s.receivers))
	return slices.MinFunc(list, func(a, b *receiver) int {
		return cmp.Or(cmp.Compare(b.wakes, a.wakes), cmp.Compare(a.at.Function, b.at.Function), cmp.Compare(a.at.Line, b.at.Line))
	})
}

// readLocks adds the delays of the channels' own locks.
func (c *channels) readLocks(set *evidence.Set) {
	profiles, seconds := overTime(set.ProfilesOf(evidence.Mutex))
	c.lockDelay.windowS = seconds
	lines := map[evidence.Frame]*signature.Site{}
	for _, p := range profiles {
		delay, contentions := p.Column("delay"), p.Column("contentions")
		for i := range p.Stacks {
			s := &p.Stacks[i]
			stack := p.Stack(s)
			if delay >= len(s.Values) || len(stack) == 0 || !slices.Contains(sigLocks.Anywhere, stack[0].Function) || !ofChannel(stack) {
				continue
			}
			c.lockDelay.ns += s.Values[delay]
			if contentions >= 0 {
				c.lockDelay.n += s.Values[contentions]
			}
			at, ok := signature.Own(stack)
			if !ok {
				continue
			}
			if lines[at] == nil {
				lines[at] = &signature.Site{Location: at, Stack: stack}
			}
			lines[at].Samples += s.Values[delay]
		}
	}
	for _, s := range lines {
		c.lockDelay.sites = append(c.lockDelay.sites, *s)
	}
	slices.SortFunc(c.lockDelay.sites, func(a, b signature.Site) int {
		return cmp.Or(cmp.Compare(b.Samples, a.Samples), cmp.Compare(lineKey(a.Location), lineKey(b.Location)))
	})
}

// ofChannel reports a stack in an operation of a channel or select.
func ofChannel(s evidence.Stack) bool {
	return slices.ContainsFunc(s, func(f evidence.Frame) bool {
		return slices.Contains(sigChannels.Anywhere, f.Function) || slices.Contains(sigSelecting.Anywhere, f.Function) || slices.Contains(sigClosing.Anywhere, f.Function)
	})
}
