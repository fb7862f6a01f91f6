package inflight

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

const (
	// notableFanOut is how many goroutines a request must start on average to be spoken of, and how many of them must be
	// left running.
	notableFanOut = 0.1
	// dividedShare is the share of the time in a state that must be known to be spent waiting for goroutines of the
	// request's own to say what these do.
	dividedShare = 0.5
	// namedStarts bounds the go statements that are named.
	namedStarts = 3
)

// fanOutReport is what requests start and wait for; nil where they start nothing.
func (f *traffic) fanOutReport() *analyze.LoadFanOut {
	if f.FanOut == nil {
		return nil
	}
	out := &analyze.LoadFanOut{Unfollowed: f.FanOut.Crossed}
	out.Started, out.Left = f.FanOut.Counts()
	if f.InFlightNS == 0 {
		return out
	}
	ns := map[analyze.LoadAwaited]int64{}
	for _, a := range f.FanOut.Awaited {
		for _, s := range a.For {
			ns[analyze.LoadAwaited{State: a.State, For: s.State}] += s.NS
		}
	}
	for a, n := range ns {
		a.Share = float64(n) / float64(f.InFlightNS)
		out.Awaited = append(out.Awaited, a)
	}
	slices.SortFunc(out.Awaited, func(a, b analyze.LoadAwaited) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.State, b.State), cmp.Compare(a.For, b.For))
	})
	return out
}

// fanOutText goes on with a sentence: "; each starts 3 goroutines and leaves 1 running".
func (f *traffic) fanOutText() string {
	started, left := f.starts()
	if f.Completed == 0 || started < notableFanOut*float64(f.Completed) {
		return ""
	}
	each := func(n float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", n/float64(f.Completed)), ".0") }
	text := "; each starts " + each(started) + " goroutines"
	if each(started) == "1" {
		text = "; each starts a goroutine"
	}
	switch {
	case left < notableFanOut*float64(f.Completed):
		return text
	case each(started) == "1" && each(left) == "1":
		return text + " and leaves it running"
	}
	return text + " and leaves " + each(left) + " running"
}

// starts is how many goroutines requests started, and left running.
func (f *traffic) starts() (started, left float64) {
	if f.FanOut == nil {
		return 0, 0
	}
	s, l := f.FanOut.Counts()
	return float64(s), float64(l)
}

// fanOutMeasures are the goroutines that a request starts and leaves, and what those did that requests waited for.
func (f *traffic) fanOutMeasures() []stats.Measure {
	started, left := f.starts()
	if f.FanOut == nil || f.Completed == 0 {
		return nil
	}
	var out []stats.Measure
	if started > 0 {
		m := stats.Measure{Name: "goroutines_started", Value: started / float64(f.Completed), Unit: "count", N: f.Completed,
			Method: "per request that arrived and ended in the window, by it and by those that it started: " +
				f.namedStarts(func(s evidence.FanOutStart) int64 { return s.Started }) + "; " + requestMethod}
		if n := f.FanOut.Crossed; n > 0 {
			m = m.Warn(fmt.Sprintf("%d of %d went on into another generation of the trace, which shows a part of what they did", n, int64(started)))
		}
		if n := f.FanOut.Deeper; n > 0 {
			m = m.Warn(fmt.Sprintf("%d more are the fourth in a row that start each other, and not followed", n))
		}
		out = append(out, m.Over(f.seconds))
	}
	if left > 0 {
		out = append(out, stats.Measure{Name: "goroutines_left_running", Value: left / float64(f.Completed), Unit: "count", N: f.Completed,
			Method: "of those, still there 10 ms after the request was over: " +
				f.namedStarts(func(s evidence.FanOutStart) int64 { return s.Left }) + "; " + requestMethod}.Over(f.seconds))
	}
	awaited := f.awaited()
	for _, a := range awaited[:min(len(awaited), 3)] {
		if a.ns*50 < f.InFlightNS { // less than 2 %
			break
		}
		out = append(out, stats.Measure{Name: "in_flight_awaiting", Value: float64(a.ns) / 1e9 / f.seconds, Unit: "count", N: a.n,
			Method: "mean number " + phrase(a.waits.state) + a.waits.where() + " of which the goroutine that ended the wait was " +
				phrase(a.does.state) + a.does.where() + "; " + requestMethod}.Over(f.seconds))
	}
	return out
}

// namedStarts lists the go statements with most goroutines, each with how many a request starts there.
func (f *traffic) namedStarts(count func(evidence.FanOutStart) int64) string {
	starts := slices.Clone(f.FanOut.Starts)
	slices.SortStableFunc(starts, func(a, b evidence.FanOutStart) int { return cmp.Compare(count(b), count(a)) })
	var parts []string
	for _, s := range starts[:min(len(starts), namedStarts)] {
		if count(s) > 0 {
			parts = append(parts, fmt.Sprintf("%.3g at %s", float64(count(s))/float64(f.Completed), f.startPlace(s.Stack)))
		}
	}
	return strings.Join(parts, ", ")
}

// startPlace is the line of a go statement. One of the standard library's own has the name of its function.
func (f *traffic) startPlace(stack int32) string {
	frames := f.trace.StackOf(stack)
	if frame, ok := ownFrame(frames); ok {
		return fmt.Sprintf("%s:%d", frame.ShortFile(), frame.Line)
	}
	if len(frames) == 0 {
		return "an unknown place"
	}
	return (&tracedSite{frame: frames[0]}).place()
}

// awaitedSite is what goroutines did while requests waited for them at a place.
type awaitedSite struct {
	waits, does tracedSite
	n, ns       int64
}

// awaited are what goroutines did while requests waited for them, the longest first.
func (f *traffic) awaited() []awaitedSite {
	byKey := map[string]*awaitedSite{}
	var keys []string
	for _, a := range f.FanOut.Awaited {
		at, _ := ownFrame(f.trace.StackOf(a.Stack))
		for _, s := range a.For {
			in, _ := ownFrame(f.trace.StackOf(s.Stack))
			key := a.State + " " + lineKey(at) + " " + s.State + " " + lineKey(in)
			if byKey[key] == nil {
				byKey[key] = &awaitedSite{waits: tracedSite{state: a.State, frame: at}, does: tracedSite{state: s.State, frame: in}}
				keys = append(keys, key)
			}
			byKey[key].n += a.Count
			byKey[key].ns += s.NS
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(byKey[b].ns, byKey[a].ns), cmp.Compare(a, b)) })
	var out []awaitedSite
	for _, k := range keys {
		out = append(out, *byKey[k])
	}
	return out
}

// meanwhile says what the goroutines do that requests in a state wait for, where that is known of most: " (72 of them
// waiting for downstream)". unit is that of the numbers beside it.
func (f *traffic) meanwhile(state string, unit float64) string {
	if f.FanOut == nil {
		return ""
	}
	var all, divided int64
	for _, s := range f.States {
		if s.State == state {
			all += s.NS
		}
	}
	does := map[string]int64{}
	for _, a := range f.FanOut.Awaited {
		if a.State != state {
			continue
		}
		divided += a.NS
		for _, s := range a.For {
			does[s.State] += s.NS
		}
	}
	most := ""
	for s, ns := range does {
		if most == "" || ns > does[most] || ns == does[most] && s < most {
			most = s
		}
	}
	n := float64(int64(float64(does[most])/1e9/f.seconds*unit+0.5)) / unit
	if float64(divided) < dividedShare*float64(all) || most == evidence.StateUnknown || n == 0 {
		return ""
	}
	if state == string(evidence.WaitWaitGroup) { // which is to wait for goroutines, and said
		return " (" + grouped(n) + " of them " + phrase(most) + ")"
	}
	return " (for goroutines, " + grouped(n) + " of them " + phrase(most) + ")"
}
