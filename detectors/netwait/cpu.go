package netwait

import (
	"fmt"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

var (
	handshaking = signature.Signature{Anywhere: []string{"crypto/tls.(*Conn).handshakeContext"}}
	// testBinary is in test binaries, whose connections are made for one test each.
	testBinary = signature.Signature{Anywhere: []string{"testing.tRunner", "testing.(*B).runN"}}
	asClient   = signature.Signature{Anywhere: []string{"crypto/tls.(*Conn).clientHandshake"}}
	polling    = signature.Signature{Anywhere: []string{"runtime.netpoll"}}
	scheduling = signature.Signature{Anywhere: []string{"runtime.schedule", "runtime.findRunnable", "runtime.park_m", "runtime.mcall", "runtime.goschedImpl"}, Unless: []string{"runtime.netpoll"}}
)

// The functions of net/http that dial, for whom a goroutine is started or waited for.
const (
	dialFor = "net/http.(*Transport).dialConnFor"
	getConn = "net/http.(*Transport).getConn"
)

// signatures are all functions of the distribution that the rules know.
var signatures = []signature.Signature{
	handshaking, testBinary, asClient, polling, scheduling,
	{Anywhere: []string{sqlConn, sqlOpener, sqlOpen, sqlOpenDB, dialFor, getConn, serve}},
	{Anywhere: []string{clientWaits[0].function, clientWaits[1].function, clientWaits[2].function}},
}

// lowered is a confidence less one where the profile's shares are to be distrusted.
func (r *reading) lowered(c analyze.Confidence) analyze.Confidence {
	if r.cpu.Doubted() && c > analyze.Weak {
		return c - 1
	}
	return c
}

// reportHandshakes reports CPU spent on TLS handshakes. It returns the number of findings.
func reportHandshakes(r *reading) int {
	share := r.cpu.Of(handshaking)
	if !share.Above(r.pass.Param("min-handshake-share"), signature.Overdispersion) || r.cpu.Of(testBinary).Samples > 0 {
		return 0
	}
	f := analyze.Finding{
		Rule: ruleHandshakes, Confidence: r.lowered(analyze.Likely), Cost: share.Value(), Next: "go-debug explain " + ruleHandshakes,
		Message:  share.Words(share.Samples, r.requestsS) + " goes into TLS handshakes",
		Measures: []stats.Measure{share.Measure("cpu_share", signature.Overdispersion)}, Stacks: []evidence.Stack{share.Stack},
	}
	client := r.cpu.Of(asClient)
	at, stack, dials := r.dialLine()
	if client.Samples == 0 {
		f.Message += ", as the server: clients do not keep their connections"
	} else if stack != nil {
		f.Location, f.Stacks = at, []evidence.Stack{stack, share.Stack}
		f.Message += "; connections are made for this line"
		if s := r.tracedSeconds(); s > 0 && dials > 0 {
			f.Message += fmt.Sprintf(", %.3g a second", float64(dials)/s)
			f.Measures = append(f.Measures, stats.Measure{Name: "dials", Value: float64(dials) / s, Unit: "per_s", N: dials, Method: "goroutines that net/http's client started to dial, of the trace"}.Over(s))
		}
	} else if len(share.Sites) > 0 {
		f.Location, f.Stacks = share.Sites[0].Location, []evidence.Stack{share.Sites[0].Stack}
	}
	f.Identity = []string{evidence.NormalFunction(f.Location.Function)}
	r.pass.Report(f)
	return 1
}

func (r *reading) tracedSeconds() float64 {
	if r.set.Trace == nil {
		return 0
	}
	return float64(r.set.Trace.DurationNS()) / 1e9
}

// dialLine is the program's line for which most connections are dialled: by the go statements of the trace,
// else by who waits for one in the snapshots.
func (r *reading) dialLine() (at evidence.Frame, stack evidence.Stack, dials int64) {
	q := &queue{lines: map[evidence.Frame]*queueLine{}}
	if t := r.set.Trace; t != nil {
		for i := range t.Sites {
			s := &t.Sites[i]
			if start := t.StackOf(s.Start); s.Created > 0 && dialsFor(start) {
				q.add(t.StackOf(s.Stack), float64(s.Created))
				dials += s.Created
			}
		}
	}
	if at, l := topLine(q.lines); l != nil {
		return at, l.stack, dials
	}
	for _, s := range r.snapshots {
		for i := range s.Groups {
			if g := &s.Groups[i]; g.Stack.Contains(getConn) {
				q.add(g.Stack, float64(g.Count))
			}
		}
	}
	if at, l := topLine(q.lines); l != nil {
		return at, l.stack, dials
	}
	return evidence.Frame{}, nil, dials
}

// dialsFor reports a goroutine of net/http's client that dials; from go1.23 on it begins in a closure.
func dialsFor(start evidence.Stack) bool {
	for _, f := range start {
		if f.Function == dialFor || strings.HasPrefix(f.Function, "net/http.(*Transport).startDialConnForLocked") {
			return true
		}
	}
	return false
}

// reportPolling reports CPU spent on asking what is ready. It returns the number of findings.
func reportPolling(r *reading) int {
	share := r.cpu.Of(polling)
	if !share.Above(r.pass.Param("min-poll-share"), signature.Scheduler) || r.cpu.Of(scheduling).Value() > r.pass.Param("max-scheduling-share") {
		return 0
	}
	f := analyze.Finding{
		Rule: rulePolling, Confidence: r.lowered(analyze.Possible), Cost: share.Value(), Next: "go-debug explain " + rulePolling,
		Message:  share.Words(share.Samples, r.requestsS) + " goes into asking the kernel which connections are ready",
		Measures: []stats.Measure{share.Measure("cpu_share", signature.Scheduler)}, Stacks: []evidence.Stack{share.Stack},
	}
	if at, w := r.busiestRead(); w != nil {
		f.Location, f.Stacks = at, []evidence.Stack{w.stack, share.Stack}
		f.Message += fmt.Sprintf("; most often this line waits: %s times a second, %s each (P50)",
			signature.Number(float64(w.ended.Count)/r.tracedSeconds()), duration(w.ended.Quantile(.5)))
		f.Measures = append(f.Measures, stats.FromHistogram("network_wait", "ns", &w.ended, 0.95).Over(r.tracedSeconds()))
	}
	f.Identity = []string{evidence.NormalFunction(f.Location.Function)}
	r.pass.Report(f)
	return 1
}

// networkWait is the waits for the network at one line.
type networkWait struct {
	ended evidence.Histogram
	stack evidence.Stack
	top   int64
}

// busiestRead is the line that waits for the network most often in the trace.
func (r *reading) busiestRead() (evidence.Frame, *networkWait) {
	t := r.set.Trace
	if t == nil {
		return evidence.Frame{}, nil
	}
	lines := map[evidence.Frame]*networkWait{}
	var at evidence.Frame
	var best *networkWait
	for i := range t.Blocks {
		b := &t.Blocks[i]
		stack := t.StackOf(b.Stack)
		f, ok := signature.Own(stack)
		if b.Wait != evidence.WaitIO || !ok || b.Ended.Count == 0 {
			continue
		}
		w := lines[f]
		if w == nil {
			w = &networkWait{}
			lines[f] = w
		}
		w.ended.Merge(&b.Ended)
		if b.Ended.Count > w.top {
			w.top, w.stack = b.Ended.Count, stack
		}
		if best == nil || w.ended.Count > best.ended.Count || w.ended.Count == best.ended.Count && f.Function < at.Function {
			at, best = f, w
		}
	}
	return at, best
}

func duration(ns int64) string { return signature.Duration(float64(ns)) }

// meanText writes a mean number of goroutines.
func meanText(v float64) string {
	if v < 9.95 {
		return fmt.Sprintf("%.2g", v)
	}
	return fmt.Sprintf("%.0f", v)
}
