package netwait

import (
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// serve is the goroutine of a connection of net/http's server.
const serve = "net/http.(*conn).serve"

// clientWaits are what it waits for its client in, and in whose words.
var clientWaits = []struct{ function, what string }{
	{"net/http.(*body).readLocked", "more of the body"},
	{"net/http.checkConnErrorWriter.Write", "the client to take the response"},
	{"net/http.(*conn).readRequest", "the rest of the header"},
}

// awaitsClient says what a request waits for its client for, "" for one that does not. A connection that is
// idle between requests stands in serve itself.
func awaitsClient(g *evidence.Group) string {
	if g.Wait != evidence.WaitIO || !g.Stack.Contains(serve) {
		return ""
	}
	for _, f := range g.Stack {
		for _, w := range clientWaits {
			if f.Function == w.function {
				return w.what
			}
		}
	}
	return ""
}

// stall is the requests that wait for their clients at one line, for one thing.
type stall struct {
	what     string
	location evidence.Frame
	stack    evidence.Stack
	counts   []int            // a snapshot
	ids      []map[uint64]int // a snapshot
	minutes  int
}

func (r *reading) stalls() []*stall {
	var out []*stall
	for i, s := range r.snapshots {
		for j := range s.Groups {
			g := &s.Groups[j]
			what := awaitsClient(g)
			if what == "" {
				continue
			}
			at, ok := signature.Own(g.Stack)
			if !ok {
				at = frameOf(g.Stack)
			}
			k := slices.IndexFunc(out, func(t *stall) bool { return t.what == what && t.location == at })
			if k < 0 {
				k = len(out)
				out = append(out, &stall{what: what, location: at, stack: g.Stack, counts: make([]int, len(r.snapshots)), ids: make([]map[uint64]int, len(r.snapshots))})
			}
			t := out[k]
			t.counts[i] += g.Count
			t.minutes = max(t.minutes, g.MinMinutes)
			if t.ids[i] == nil {
				t.ids[i] = map[uint64]int{}
			}
			for _, id := range g.IDs {
				t.ids[i][id]++
			}
		}
	}
	return out
}

// frameOf is the server's frame, where no line of the program is on the stack.
func frameOf(stack evidence.Stack) evidence.Frame {
	for _, f := range stack {
		if f.Package() == "net/http" {
			return f
		}
	}
	return evidence.Frame{}
}

// lasting are the goroutines that stand there in the last snapshot and in those before it, for how many seconds.
func (r *reading) lasting(t *stall) (ids map[uint64]int, seconds float64) {
	n := len(r.snapshots)
	ids = t.ids[n-1]
	from := n - 1
	for i := n - 2; i >= 0 && len(t.ids[i]) > 0; i-- {
		both := map[uint64]int{}
		for id := range ids {
			if t.ids[i][id] > 0 {
				both[id]++
			}
		}
		if 2*len(both) < len(t.ids[n-1]) {
			break
		}
		ids, from = both, i
	}
	if first, last := r.snapshots[from].At, r.snapshots[n-1].At; !first.IsZero() && !last.IsZero() {
		seconds = last.Sub(first).Seconds()
	}
	return ids, seconds
}

// reportSlowClients reports lines at which requests wait for clients that do nothing. It returns how many.
func reportSlowClients(r *reading) int {
	if len(r.snapshots) == 0 {
		return 0
	}
	found := 0
	for _, t := range r.stalls() {
		least := int(r.pass.Param("min-stalled"))
		ids, seconds := r.lasting(t)
		n, sure, how := len(ids), analyze.Possible, ""
		switch {
		case n >= least && seconds >= r.pass.Param("min-stall"):
			how = fmt.Sprintf("the same for %.3g s", seconds)
			still, known := r.still(ids)
			if known && 10*still < 9*n {
				continue // slow, but not still
			}
			if known {
				how += ", without a byte while a trace looked"
				sure = analyze.Likely
			}
		case t.counts[len(t.counts)-1] >= least && t.minutes > 0:
			n, how = t.counts[len(t.counts)-1], fmt.Sprintf("for %d minutes or more", t.minutes)
		default:
			continue
		}
		r.pass.Report(analyze.Finding{
			Rule: ruleSlowClients, Location: t.location, Confidence: sure, Stacks: []evidence.Stack{t.stack}, Wait: evidence.WaitIO, Cost: float64(n),
			Message: fmt.Sprintf("%d requests wait for %s, %s", n, t.what, how), Next: "go-debug explain " + ruleSlowClients,
			Measures: []stats.Measure{stats.Measure{Name: "stalled_requests", Value: float64(n), Unit: "count", N: int64(len(r.snapshots)), Max: stats.Float(float64(slices.Max(t.counts))),
				Method: "goroutines, by id, that stand at the line in the last snapshot and the ones before it; max is of one snapshot"}.Over(seconds)},
		})
		found++
	}
	return found
}

// still counts those of the goroutines whose wait for the network lasted through the whole trace, or was open at its end; known
// is false where no trace says.
func (r *reading) still(ids map[uint64]int) (n int, known bool) {
	t := r.set.Trace
	if t == nil || len(t.Windows) == 0 {
		return 0, false
	}
	silent := int64(0)
	for i := range t.Blocks {
		b := &t.Blocks[i]
		if b.Wait != evidence.WaitIO {
			continue
		}
		stack := t.StackOf(b.Stack)
		if len(stack) > 0 && awaitsClient(&evidence.Group{Wait: b.Wait, Stack: stack}) == "" {
			continue
		}
		if b.Ended.Count+b.Unseen.Count > 0 {
			silent += b.Silent
			continue
		}
		for _, id := range b.OpenIDs {
			if ids[id] > 0 {
				n++
			}
		}
	}
	return max(n, int(min(silent, int64(len(ids))))), true
}
