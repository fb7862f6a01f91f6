package inflight

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// site is a line at which goroutines that serve requests wait.
type site struct {
	frame evidence.Frame
	wait  evidence.Wait
	stack evidence.Stack

	counts []int // goroutines per snapshot, in time order

	ended    evidence.Histogram // waits in the trace that ended, ns
	spent    float64            // ns of waiting in the trace, ended or not
	open     int64              // waits open at the end of the trace
	delay    int64              // ns in the block profile
	contends int64              // waits in the block profile
}

func (s *site) key() string { return lineKey(s.frame) + " " + string(s.wait) }

func (s *site) growth() int { return s.counts[len(s.counts)-1] - s.counts[0] }

// waits is where requests wait, from all evidence that has stacks.
type waits struct {
	sites     []*site // ordered by frame and wait
	snapshots []*evidence.Snapshot
	requests  []int // goroutines that serve requests, per snapshot
	others    []site
	windowNS  int64 // of the trace, 0 unless there is one window
	// unplaced is ns of waiting in the trace that no stack is known of.
	unplaced float64
}

// isRequestRoot reports the functions under which a server runs the program's handlers. HTTP/2 is
// matched by the end of the name: the bundled, the internal and the vendored copy differ in the rest.
func isRequestRoot(function string) bool {
	switch {
	case function == "net/http.(*conn).serve",
		strings.HasSuffix(function, "erverConn).runHandler"),
		underTimeout(function),
		strings.HasPrefix(function, "google.golang.org/grpc.(*Server).serveStreams"),
		function == "google.golang.org/grpc.(*Server).handleStream",
		function == "google.golang.org/grpc.(*Server).serverWorker",
		function == "github.com/valyala/fasthttp.(*Server).serveConn":
		return true
	}
	return false
}

// awaitsClient reports handlers that wait for their own client: a body, a stream, a socket. How long
// that takes is not the server's doing.
func awaitsClient(function string) bool {
	switch function {
	case "net/http.(*body).Read", "net/http.(*body).readLocked", "google.golang.org/grpc.(*serverStream).RecvMsg",
		"github.com/gorilla/websocket.(*Conn).NextReader", "github.com/gorilla/websocket.(*Conn).advanceFrame",
		"net/http.(*http2requestBody).Read", // gone
		"net/http/internal/http2.(*requestBody).Read":
		return true
	}
	return strings.Contains(function, "promhttp.HandlerFor")
}

// requestFrame is the program's line at which the goroutine of a request stands; false for stacks
// that serve no request or wait for its client.
func requestFrame(stack evidence.Stack) (evidence.Frame, bool) {
	root := slices.IndexFunc(stack, func(f evidence.Frame) bool { return isRequestRoot(f.Function) })
	if root < 0 || slices.ContainsFunc(stack[:root], func(f evidence.Frame) bool { return awaitsClient(f.Function) }) {
		return evidence.Frame{}, false
	}
	return ownFrame(stack[:root])
}

// ownFrame is the innermost frame of the program's own code, or of a dependency when there is
// nothing else.
func ownFrame(stack evidence.Stack) (evidence.Frame, bool) {
	var fallback evidence.Frame
	for _, f := range stack {
		switch {
		case f.Std():
		case !isDependency(f):
			return f, true
		case fallback.IsZero():
			fallback = f
		}
	}
	return fallback, !fallback.IsZero() && !isServer(fallback)
}

// otherFrame is where a goroutine that serves no request stands. It is false for idle connections,
// for requests whose client is slow to send, and for goroutine 1.
func otherFrame(g *evidence.Group) (evidence.Frame, bool) {
	if isMain(g) || slices.ContainsFunc(g.Stack, func(f evidence.Frame) bool { return isRequestRoot(f.Function) }) {
		return evidence.Frame{}, false
	}
	frame, ok := ownFrame(g.Stack)
	if !ok {
		frame = libraryFrame(g.Stack)
	}
	return frame, !frame.IsZero()
}

// libraryFrame is the innermost frame outside of the runtime.
func libraryFrame(stack evidence.Stack) evidence.Frame {
	for _, f := range stack {
		if pkg := f.Package(); pkg != "" && pkg != "runtime" && !strings.HasPrefix(pkg, "internal/") {
			return f
		}
	}
	return evidence.Frame{}
}

// isMain reports goroutine 1, which is there once whatever the load is.
func isMain(g *evidence.Group) bool {
	if len(g.IDs) == 1 && g.IDs[0] == 1 {
		return true
	}
	return g.Stack.Contains("runtime.main")
}

// isDependency tells code that the program imports by its file: module cache and -trimpath names
// hold a version, vendored ones their folder.
func isDependency(f evidence.Frame) bool {
	file := strings.ReplaceAll(f.File, `\`, "/")
	return strings.Contains(file, "@v") || strings.Contains(file, "/vendor/") || strings.Contains(file, "/pkg/mod/") || isServer(f)
}

func isServer(f evidence.Frame) bool {
	pkg := f.Package()
	return pkg == "google.golang.org/grpc" || strings.HasPrefix(pkg, "google.golang.org/grpc/") || strings.HasPrefix(pkg, "golang.org/x/net/") || pkg == "github.com/valyala/fasthttp"
}

func findWaits(set *evidence.Set) *waits {
	w := &waits{}
	for _, s := range set.SnapshotsOf(evidence.Goroutine) {
		if s.Complete { // a cut dump's counts compare with nothing
			w.snapshots = append(w.snapshots, s)
		}
	}
	w.requests = make([]int, len(w.snapshots))
	byLine, others := map[string]*site{}, map[string]*site{}
	for i, s := range w.snapshots {
		for g := range s.Groups {
			w.count(byLine, others, i, &s.Groups[g])
		}
	}
	if t := set.Trace; t != nil {
		w.addTrace(byLine, t)
	}
	for _, p := range set.ProfilesOf(evidence.Block) {
		w.addBlock(byLine, p)
	}
	w.sites = ordered(byLine)
	for _, s := range ordered(others) {
		w.others = append(w.others, *s)
	}
	return w
}

func (w *waits) count(byLine, others map[string]*site, i int, g *evidence.Group) {
	table := byLine
	frame, ok := requestFrame(g.Stack)
	if ok {
		w.requests[i] += g.Count
	} else {
		if frame, ok = otherFrame(g); !ok {
			return
		}
		table = others
	}
	w.at(table, frame, g.Wait, g.Stack).counts[i] += g.Count
}

func (w *waits) at(table map[string]*site, f evidence.Frame, wait evidence.Wait, stack evidence.Stack) *site {
	key := (&site{frame: f, wait: wait}).key()
	s := table[key]
	if s == nil {
		s = &site{frame: f, wait: wait, stack: stack, counts: make([]int, len(w.snapshots))}
		table[key] = s
	}
	return s
}

// lineKey tells lines apart across captures, which differ in how they write directories.
func lineKey(f evidence.Frame) string {
	return f.Function + " " + path.Base(strings.ReplaceAll(f.File, `\`, "/")) + ":" + strconv.Itoa(f.Line)
}

func (w *waits) addTrace(byLine map[string]*site, t *evidence.Trace) {
	if len(t.Windows) == 1 {
		w.windowNS = t.Windows[0].DurationNS
	}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		stack := t.StackOf(b.Stack)
		if len(stack) == 0 {
			w.unplaced += float64(b.Ended.Sum) + float64(b.Unseen.Sum) + float64(b.Open.Sum)
		}
		frame, ok := requestFrame(stack)
		if !ok {
			continue
		}
		s := w.at(byLine, frame, b.Wait, stack)
		s.ended.Merge(&b.Ended)
		s.spent += float64(b.Ended.Sum) + float64(b.Unseen.Sum) + float64(b.Open.Sum)
		s.open += b.Open.Count
	}
}

func (w *waits) addBlock(byLine map[string]*site, p *evidence.Profile) {
	delay, contends := p.Column("delay"), p.Column("contentions")
	if delay < 0 {
		return
	}
	for i := range p.Stacks {
		v := &p.Stacks[i]
		stack := p.Stack(v)
		frame, ok := requestFrame(stack)
		if !ok {
			continue
		}
		s := w.at(byLine, frame, evidence.WaitOf(stack), stack)
		s.delay += v.Values[delay]
		if contends >= 0 {
			s.contends += v.Values[contends]
		}
	}
}

func ordered(table map[string]*site) []*site {
	out := make([]*site, 0, len(table))
	for _, s := range table {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *site) int {
		return cmp.Or(cmp.Compare(lineKey(a.frame), lineKey(b.frame)), cmp.Compare(a.wait, b.wait))
	})
	return out
}

// busiest is the site that explains requests in flight best: where most were added from the first to
// the last snapshot, else where most stand, else where a trace or a block profile saw the
// longest waits. Nil when no stack of a request was seen.
func (w *waits) busiest() *site {
	better := func(score func(*site) float64) *site {
		var best *site
		for _, s := range w.sites {
			if score(s) > 0 && (best == nil || score(s) > score(best)) {
				best = s
			}
		}
		return best
	}
	n := len(w.snapshots)
	if n > 1 {
		if s := better(func(s *site) float64 { return float64(s.growth()) }); s != nil {
			return s
		}
	}
	if n > 0 {
		if s := better(func(s *site) float64 { return float64(s.counts[n-1]) }); s != nil {
			return s
		}
	}
	if s := better(func(s *site) float64 { return s.spent }); s != nil {
		return s
	}
	return better(func(s *site) float64 { return float64(s.delay) })
}

// measures say how long requests wait at the site, and how many were seen to.
func (w *waits) measures(s *site) []stats.Measure {
	var out []stats.Measure
	if n := len(w.snapshots); n > 0 && s.counts[n-1] > 0 {
		all := w.requests[n-1]
		share := stats.Measure{Name: "request_goroutines_here", Value: float64(s.counts[n-1]), Unit: "count", N: int64(all),
			Method: "goroutines that serve requests, last snapshot; n is all of them", Max: stats.Float(float64(slices.Max(s.counts)))}
		if n > 1 {
			share.Method += "; the first had " + grouped(float64(s.counts[0]))
		}
		out = append(out, share)
	}
	if s.ended.Count > 0 {
		m := stats.FromHistogram("block_time", "ns", &s.ended, 0.95).Over(float64(w.windowNS) / 1e9)
		m.Method += "; waits at this line that began and ended within the trace"
		if s.open > 0 {
			m = m.Warn(grouped(float64(s.open)) + " waits were still open at the end and are not in it")
		}
		out = append(out, m)
	} else if s.contends > 0 {
		out = append(out, stats.Measure{Name: "block_time_mean", Value: float64(s.delay) / float64(s.contends), Unit: "ns", N: s.contends,
			Method: "block profile: delay over contentions"})
	}
	return out
}
