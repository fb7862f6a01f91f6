package sched

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// latencyQuantile is the quantile of waits for a P that is held against the threshold.
const latencyQuantile = 0.99

// A kind is all goroutines that start in one function.
type kind struct {
	start   string
	at      evidence.Frame // the go statement, else the function itself
	stack   evidence.Stack
	parents []string // functions in which goroutines start that make such
	runNS   int64
	latency evidence.Histogram
	request bool // it serves requests, other than the capture's, or one of those waits for it
}

// reportLatency reports goroutines that wait for a P while all are busy.
func reportLatency(r *reading) {
	t := r.traced
	if t == nil || t.busy < r.pass.Param("min-utilisation") {
		return
	}
	kinds := t.kinds()
	requests := &evidence.Histogram{}
	var all, serving int64
	for i := range kinds {
		all += kinds[i].runNS
		if kinds[i].request {
			requests.Merge(&kinds[i].latency)
			serving += kinds[i].runNS
		}
	}
	switch beside := 2*serving < all; {
	case beside && r.waitsLong(requests):
		r.reportWaits(ruleRequestDelay, analyze.Likely, "requests", requests, kinds)
	case beside && requests.Count >= minRequestWaits && t.saturated >= r.pass.Param("min-saturated"):
		// What arrives meanwhile is not even noticed: a P polls the network when it has nothing else to do,
		// and the runtime for all of them every 10 ms.
		r.reportWaits(ruleRequestDelay, analyze.Possible, "requests", requests, kinds)
	case r.waitsLong(&t.Sched.Latency):
		// A batch, or requests that keep the Ps busy themselves: a service at its limit.
		r.reportWaits(ruleRunQueue, analyze.Likely, "goroutines", &t.Sched.Latency, kinds)
	}
}

// maxCaptureConns is the number of connections that a capture keeps at once.
const maxCaptureConns = 8

// connRoot is where the goroutine of a connection of net/http starts. Others of its are for a request, or for reading ahead.
const connRoot = "net/http.(*conn).serve"

// ofHTTP reports a function of net/http's server, or of the HTTP/2 in it, which calls handlers by their ServeHTTP. Other servers have
// handlers of another form, and none of net/http/pprof.
func ofHTTP(function string) bool {
	return strings.HasPrefix(function, "net/http.") || strings.HasPrefix(function, "net/http/internal/http2.") ||
		strings.HasPrefix(function, "golang.org/x/net/http2.")
}

// servesOnlyCapture reports a program whose only requests by net/http in the trace are those of whoever takes it: handlers of
// net/http/pprof are seen, none of others, and no more connections than a capture has.
func (t *trace) servesOnlyCapture() bool {
	var conns int64
	for i := range t.Sites {
		if s, start := &t.Sites[i], t.StackOf(t.Sites[i].Start); len(start) > 0 && start[len(start)-1].Function == connRoot {
			conns += s.AtStart + s.Created
		}
	}
	seen := false
	for id := range t.Stacks {
		stack := t.StackOf(int32(id))
		switch {
		case !signature.InRequest(stack):
		case slices.ContainsFunc(stack, func(f evidence.Frame) bool { return strings.HasPrefix(f.Function, "net/http/pprof.") }):
			seen = true
		case slices.ContainsFunc(stack, func(f evidence.Frame) bool { return strings.HasSuffix(f.Function, ".ServeHTTP") }):
			return false
		}
	}
	return seen && conns <= maxCaptureConns
}

// minRequestWaits is the number of waits of requests in a trace from which it is of a program that serves any.
const minRequestWaits = 20

// waitsLong reports whether a quantile of waits is above the threshold for sure.
func (r *reading) waitsLong(h *evidence.Histogram) bool {
	long := h.CountAbove(int64(r.pass.Param("min-latency")))
	lo, _ := stats.Wilson(long, h.Count, stats.DefaultConfidence)
	return long >= 2 && lo > 1-latencyQuantile
}

func (r *reading) reportWaits(rule string, sure analyze.Confidence, who string, h *evidence.Histogram, kinds []kind) {
	t := r.traced
	p99 := float64(h.Quantile(latencyQuantile))
	f := analyze.Finding{Rule: rule, Confidence: r.lowered(sure), Cost: t.saturated, Next: explain(rule),
		Message: fmt.Sprintf("%s wait %s at p99 for one of %d Ps, all of them busy for %s of the time", who, signature.Duration(p99), t.procs, percent(t.saturated))}
	if rule == ruleRequestDelay && sure < analyze.Likely {
		f.Message = fmt.Sprintf("all %d Ps are busy beside the requests for %s of the time; what arrives then is noticed up to 10 ms late", t.procs, percent(t.saturated))
	}
	f.Measures = append([]stats.Measure{stats.FromHistogram("wait", "ns", h, latencyQuantile).Over(t.windowS),
		stats.Measure{Name: "saturated", Value: t.saturated, Unit: "ratio", N: t.Sched.Latency.Count,
			Method: "time with all Ps running and goroutines waiting for one, of the trace's window"}.Over(t.windowS),
		stats.Measure{Name: "utilisation_while_waiting", Value: t.busy, Unit: "ratio", N: t.Sched.Latency.Count,
			Method: "time running of the time of all Ps, weighted by the goroutines that waited"}.Over(t.windowS)}, t.measures()...)
	r.placeBusiest(&f, kinds)
	r.pass.Report(f)
}

// placeBusiest names the busiest line of the goroutines that keep the Ps busy.
func (r *reading) placeBusiest(f *analyze.Finding, kinds []kind) {
	if len(kinds) == 0 {
		return
	}
	k := &kinds[0]
	share := float64(k.runNS) / float64(max(r.traced.Sched.RunningNS, 1))
	f.Location = k.at
	if k.stack != nil {
		f.Stacks = []evidence.Stack{k.stack}
	}
	f.Message += fmt.Sprintf("; goroutines of %s run most, %s of it", k.start, percent(share))
	f.Measures = append(f.Measures, stats.Measure{Name: "busiest_share", Value: share, Unit: "ratio", N: k.latency.Count,
		Method: "time running of " + k.start + ", of that of all goroutines"}.Over(r.traced.windowS))
	if s := r.cpu.Of(signature.Signature{Anywhere: []string{k.start}}); r.cpu.Enough() {
		if top, ok := signature.Top(s.Sites); ok {
			f.Location, f.Stacks = top.Location, []evidence.Stack{top.Stack}
			f.Measures = append(f.Measures, s.MeasureSite("cpu_share_here", top, signature.Overdispersion))
		}
	}
}

// kinds are the goroutines of the program by the function in which they start, those that run most first.
func (t *trace) kinds() []kind {
	byStart, own := map[string]*kind{}, t.servesOnlyCapture()
	for i := range t.Sites {
		s := &t.Sites[i]
		start := t.StackOf(s.Start)
		if len(start) == 0 || ofRuntime(start) {
			continue
		}
		name := start[len(start)-1].Function
		k := byStart[name]
		if k == nil {
			k = &kind{start: name, at: start[len(start)-1], request: signature.ServesRequests(name) && !(own && ofHTTP(name))}
			byStart[name] = k
		}
		if stack := t.StackOf(s.Stack); len(stack) > 0 {
			k.parents = append(k.parents, stack[len(stack)-1].Function)
			if k.stack == nil {
				k.stack = stack
				if at, ok := signature.Own(stack); ok {
					k.at = at
				}
			}
		}
		k.runNS += s.RunNS
		k.latency.Merge(&s.Latency)
	}
	t.handDown(byStart)
	out := make([]kind, 0, len(byStart))
	for _, k := range byStart {
		out = append(out, *k)
	}
	slices.SortFunc(out, func(a, b kind) int {
		return cmp.Or(cmp.Compare(b.runNS, a.runNS), cmp.Compare(a.start, b.start))
	})
	return out
}

// ofRuntime reports the stack at which a goroutine of the runtime's own starts.
func ofRuntime(start evidence.Stack) bool {
	return len(start) > 0 && strings.HasPrefix(start[0].Function, "runtime.")
}

// handDown marks the goroutines that requests make and wait for: their work is the request's. Those that a request
// makes and leaves behind are not.
func (t *trace) handDown(kinds map[string]*kind) {
	awaited := map[[2]string]bool{} // start functions of goroutines that woke another, and of that
	for i := range t.Wakes {
		waker, woken := t.StackOf(t.Wakes[i].Waker), t.StackOf(t.Wakes[i].Woken)
		if len(waker) > 0 && len(woken) > 0 {
			awaited[[2]string{waker[len(waker)-1].Function, woken[len(woken)-1].Function}] = true
		}
	}
	for changed := true; changed; {
		changed = false
		for _, k := range kinds {
			if k.request {
				continue
			}
			k.request = slices.ContainsFunc(k.parents, func(p string) bool {
				return kinds[p] != nil && kinds[p].request && awaited[[2]string{k.start, p}]
			})
			changed = changed || k.request
		}
	}
}
