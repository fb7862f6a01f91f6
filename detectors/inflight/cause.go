package inflight

import (
	"cmp"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// Why requests pile up, as the load section names it. States that have no better name stand for themselves.
const (
	causeCPU        = "cpu"
	causeGC         = "gc"
	causeMutex      = "mutex"
	causePool       = "pool"
	causeLimiter    = "limiter"
	causeDownstream = "downstream"
	causeStuck      = "stuck"
	causeAbandoned  = "abandoned"
)

const (
	// collectorShare is the part of the time in which goroutines ran that the collector must have taken to be the cause of
	// busy processors, and markingShare the part of the window in which it must have marked. It is entitled to a quarter of the
	// processors while it marks, and with GOGC=100 programs that have enough memory mark for a few per cent of the time.
	collectorShare = 0.15
	markingShare   = 0.3
	// abandonedShare of the requests that ended must have lost their clients for these to be the cause: every fourth is
	// work for nobody.
	abandonedShare = 0.25
	// stuckFold is how much longer than nearly all waits that ended one at the same line must have lasted to be stuck,
	// and stuckShare how many of those that still wait must be. Queues are no such case: who waits now has waited about as long
	// as those that got through last.
	stuckFold  = 4
	stuckShare = 0.5
	leastStuck = 5
	// wakerShare of the waits that somebody ended must have been ended by one kind of goroutine to say who does.
	wakerShare = 0.8
	// followed bounds how far work is followed that requests hand to goroutines, which hand it on.
	followed = 3
)

// cause is why requests pile up.
type cause struct {
	name  string
	site  tracedSite // where most were added
	grown float64    // how many more are there in the last third than in the first, on average
	all   float64    // and in all states together
	// through is the function in which the goroutines start that were followed, empty when none were.
	through string
	// made says that requests make those goroutines; others were there before and serve one request after the other.
	made bool
}

// findCause looks for the state and place whose part of what is in flight grew most. It is nil when none did, or when the
// course of time is not known.
func (f *traffic) findCause() *cause {
	third := f.seconds * 1e9 / 3
	sites := f.sites()
	var busy cause
	best := -1
	total := 0.0
	for i := range sites {
		s := &sites[i]
		grown := float64(s.last-s.first) / third
		total += max(grown, 0)
		switch {
		case isBusy(s.state):
			if grown > busy.site.grown(third) {
				busy.site = *s
			}
			busy.grown += grown
		case best < 0 || grown > sites[best].grown(third):
			best = i
		}
	}
	busy.all = total
	switch {
	case busy.grown > 0 && (best < 0 || busy.grown >= sites[best].grown(third)):
		busy.name = f.processors()
		return f.orAbandoned(&busy)
	case best < 0 || sites[best].last <= sites[best].first:
		return nil
	}
	c := &cause{site: sites[best], grown: sites[best].grown(third), all: total}
	c.name, c.through = f.causeOf(c.site, followed)
	c.made = c.through != "" && f.madeByRequests(c.through)
	return f.orAbandoned(c)
}

func (s *tracedSite) grown(third float64) float64 { return float64(s.last-s.first) / third }

// isBusy reports the states in which a request has, or would have, a processor.
func isBusy(state string) bool {
	return state == evidence.StateRunning || state == evidence.StateRunnable || state == evidence.StateAssist || state == string(evidence.WaitGC)
}

// orAbandoned prefers that clients gave up, which comes before what the requests wait for: less was asked of the server if
// they had not.
func (f *traffic) orAbandoned(c *cause) *cause {
	if n := f.ended(); n > 0 && float64(f.Abandoned) >= abandonedShare*float64(n) {
		c.name = causeAbandoned
	}
	return c
}

// causeOf names what requests wait for at a place.
func (f *traffic) causeOf(s tracedSite, depth int) (name, through string) {
	switch s.state {
	case evidence.StateDownstream, evidence.StateNetwork:
		return causeDownstream, ""
	case evidence.StatePool:
		return causePool, ""
	case evidence.StateLimiter:
		return causeLimiter, ""
	case evidence.StateClientRead, evidence.StateClientWrite, evidence.StateSyscall, evidence.StateUnknown, string(evidence.WaitSleep):
		return s.state, ""
	}
	if f.stuck(&s) {
		return causeStuck, ""
	}
	switch s.state {
	case string(evidence.WaitMutex), string(evidence.WaitRWMutex):
		if f.handedOver(&s) {
			return f.processors(), ""
		}
		return causeMutex, ""
	}
	requests, start := f.wakers(&s)
	switch {
	case requests && s.state != string(evidence.WaitWaitGroup):
		return causePool, "" // what one request gives back, another takes
	case start == "":
		return s.state, ""
	}
	if !f.madeByRequests(start) {
		return causePool, start // goroutines that were there before serve one request after the other
	}
	if s.state != string(evidence.WaitWaitGroup) && f.givenBack(&s) {
		return causePool, ""
	}
	if depth == 0 {
		return s.state, start
	}
	inner, ok := f.doing(start)
	if !ok {
		return s.state, start
	}
	if isBusy(inner.state) {
		return f.processors(), start
	}
	name, deeper := f.causeOf(inner, depth-1)
	return name, cmp.Or(deeper, start)
}

// processors is the cause where these are what is waited for.
func (f *traffic) processors() string {
	if f.collected() {
		return causeGC
	}
	return causeCPU
}

// collected reports whether the collector keeps the processors busy: by its workers and by the requests that have to assist.
func (f *traffic) collected() bool {
	t := f.trace
	var work int64
	for i := range t.Sites {
		if root(t.StackOf(t.Sites[i].Start)) == "runtime.gcBgMarkWorker" {
			work += t.Sites[i].RunNS
		}
	}
	for _, s := range f.States {
		if s.State == evidence.StateAssist {
			work += s.NS
		}
	}
	return float64(work) >= collectorShare*float64(t.Sched.RunningNS) && float64(t.GC.MarkNS) >= markingShare*f.seconds*1e9
}

// root is the function in which the goroutine of a stack started.
func root(s evidence.Stack) string {
	if len(s) == 0 {
		return ""
	}
	return s[len(s)-1].Function
}

// stuck reports a place where requests wait that nothing wakes any more.
func (f *traffic) stuck(s *tracedSite) bool {
	var ended, open evidence.Histogram
	for i := range f.trace.Blocks {
		b := &f.trace.Blocks[i]
		if slices.Contains(s.stacks, b.Stack) {
			ended.Merge(&b.Ended)
			ended.Merge(&b.Unseen)
			open.Merge(&b.Open)
		}
	}
	limit := int64(0)
	if ended.Count > 0 {
		limit = stuckFold * ended.Quantile(0.99)
	}
	n := open.CountAbove(limit)
	return n >= leastStuck && float64(n) >= stuckShare*float64(open.Count)
}

// wakers says who ends the waits at a place: other requests, or goroutines that start in one function.
func (f *traffic) wakers(s *tracedSite) (requests bool, start string) {
	var total, byRequests int64
	starts := map[string]int64{}
	for _, e := range f.trace.Wakes {
		if !slices.Contains(s.stacks, e.Woken) {
			continue
		}
		waker := f.trace.StackOf(e.Waker)
		switch {
		case len(waker) == 0 || isTimer(root(waker)):
			continue // a timer, the network: nobody that the request waits for
		case !(underTimeout(root(waker)) && awaitsTimeout(f.trace.StackOf(e.Woken))) && slices.ContainsFunc(waker, func(f evidence.Frame) bool { return isRequestRoot(f.Function) }):
			byRequests += e.Count
		default:
			starts[root(waker)] += e.Count
		}
		total += e.Count
	}
	most := int64(0)
	for name, n := range starts {
		if n > most || n == most && name < start {
			most, start = n, name
		}
	}
	switch {
	case total > 0 && float64(byRequests) >= wakerShare*float64(total):
		return true, ""
	case float64(most) < wakerShare*float64(total):
		return false, ""
	}
	return false, start
}

// isTimer reports a function in which goroutines start when a time has come: deadlines of contexts end waits, but not what
// these are for.
func isTimer(start string) bool {
	return strings.HasPrefix(start, "context.") || strings.HasPrefix(start, "time.")
}

// underTimeout reports the goroutine in which http.TimeoutHandler runs a handler: the request waits for it in another one.
func underTimeout(start string) bool {
	return strings.HasPrefix(start, "net/http.(*timeoutHandler).ServeHTTP.func")
}

// awaitsTimeout reports a request that waits in http.TimeoutHandler for its own handler. At any other place it waits for what
// the handlers of other requests do.
func awaitsTimeout(stack evidence.Stack) bool {
	i := slices.IndexFunc(stack, func(f evidence.Frame) bool { return f.Package() != "runtime" })
	return i >= 0 && stack[i].Function == "net/http.(*timeoutHandler).ServeHTTP"
}

// givenBack reports a place whose waits are ended by goroutines that do the same, as those of one request that take slots from
// those of another. All that errgroup starts begin in one function of its own, so what tells is the program's outermost one.
func (f *traffic) givenBack(s *tracedSite) bool {
	var total, same int64
	for _, e := range f.trace.Wakes {
		waker := f.trace.StackOf(e.Waker)
		if !slices.Contains(s.stacks, e.Woken) || len(waker) == 0 || isTimer(root(waker)) {
			continue
		}
		total += e.Count
		if task := outermost(waker); task != "" && task == outermost(f.trace.StackOf(e.Woken)) {
			same += e.Count
		}
	}
	return total > 0 && float64(same) >= wakerShare*float64(total)
}

// outermost is the outermost function of the program's own code in a stack, empty when there is none.
func outermost(stack evidence.Stack) string {
	for _, f := range slices.Backward(stack) {
		if !f.Std() && !isDependency(f) {
			return f.Function
		}
	}
	return ""
}

// madeByRequests reports a function in which goroutines start that requests make, and nobody else.
func (f *traffic) madeByRequests(start string) bool {
	t := f.trace
	var made, byRequests int64
	for i := range t.Sites {
		s := &t.Sites[i]
		if root(t.StackOf(s.Start)) != start || s.Created == 0 {
			continue
		}
		made += s.Created
		if slices.ContainsFunc(t.StackOf(s.Stack), func(f evidence.Frame) bool { return isRequestRoot(f.Function) }) {
			byRequests += s.Created
		}
	}
	return made > 0 && float64(byRequests) >= wakerShare*float64(made)
}

// doing is where goroutines that start in a function spend most of their time.
func (f *traffic) doing(start string) (tracedSite, bool) {
	t := f.trace
	busy := tracedSite{state: evidence.StateRunnable}
	for i := range t.Sites {
		if s := &t.Sites[i]; root(t.StackOf(s.Start)) == start {
			busy.ns += s.RunNS + s.Latency.Sum
		}
	}
	byKey := map[string]*tracedSite{}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		stack := t.StackOf(b.Stack)
		if root(stack) != start {
			continue
		}
		frame, _ := ownFrame(stack)
		state := evidence.RequestStateOf(b.Wait, stack)
		key := state + " " + lineKey(frame)
		have := byKey[key]
		if have == nil {
			have = &tracedSite{state: state, frame: frame}
			byKey[key] = have
		}
		have.stacks = append(have.stacks, b.Stack)
		have.ns += b.Ended.Sum + b.Unseen.Sum + b.Open.Sum
	}
	best, key := &busy, ""
	for k, s := range byKey {
		if s.ns > best.ns || s.ns == best.ns && k < key {
			best, key = s, k
		}
	}
	return *best, best.ns > 0
}

// text says where requests are added: "470 of them wait for a mutex".
func (c *cause) text() string {
	out := grouped(c.grown) + " of the " + grouped(c.all) + " added are " + phrase(c.site.state)
	if isBusy(c.site.state) {
		out = grouped(c.grown) + " of the " + grouped(c.all) + " added are running or waiting for a processor"
	}
	if s := c.site.state; s == string(evidence.WaitMutex) || s == string(evidence.WaitRWMutex) {
		if c.name == causeCPU || c.name == causeGC {
			out += " that is handed to goroutines waiting for a processor"
		}
	}
	switch {
	case c.name == causeGC:
		out += ", and the collector keeps the processors busy"
	case c.name == causeStuck:
		out += " that nothing ends"
	case c.name == causeAbandoned:
		out += ", and clients give up and leave their requests behind"
	case c.name == causePool && c.through != "" && !c.made:
		out += ", served by goroutines of " + c.through
	case c.through != "":
		out += ", and the goroutines of " + c.through + " that they wait for by " + c.name
	}
	return out
}

// measure is the growth at the place.
func (c *cause) measure(f *traffic) stats.Measure {
	return stats.Measure{Name: "in_flight_added_here", Value: c.grown, Unit: "count", N: f.ended() + f.Open,
		Method: "mean number " + phrase(c.site.state) + c.site.where() + ", last third less the first; " + requestMethod}.Over(f.seconds)
}

// busiestHandler is the function whose requests have the processors, or wait for one, most: a stack says where a goroutine
// waits, not where it runs. The line is not known.
func (t *tracedLoad) busiestHandler() evidence.Frame {
	var name string
	most := int64(0)
	for _, r := range t.routes {
		busy := int64(0)
		for _, s := range r.States {
			if isBusy(s.State) {
				busy += s.NS
			}
		}
		if busy > most && r.Route != "" {
			name, most = r.Route, busy
		}
	}
	for _, f := range t.all.trace.Frames {
		if f.Function == name && name != "" {
			return evidence.Frame{Function: f.Function, File: f.File}
		}
	}
	return evidence.Frame{Function: name}
}
