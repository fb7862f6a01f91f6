package inflight

import (
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// dumps are snapshots with ids, in each of which the goroutines [from(i), to(i)) wait at a line that serves
// no request, beside goroutine 1 and idle connections of an HTTP client.
func dumps(n int, line, main evidence.Stack, from, to func(i int) uint64) []evidence.Snapshot {
	var out []evidence.Snapshot
	for i := range n {
		var ids []uint64
		for id := from(i); id < to(i); id++ {
			ids = append(ids, id)
		}
		out = append(out, evidence.Snapshot{Position: evidence.Position{Source: "g", Seq: i}, Kind: evidence.Goroutine, Complete: true, HasIDs: true, HasStates: true,
			Groups: []evidence.Group{
				{Wait: evidence.WaitIO, Stack: main, Count: 1, IDs: []uint64{1}},
				{Wait: evidence.WaitChanSend, Stack: line, Count: len(ids), IDs: ids},
			}})
	}
	return out
}

func TestBacklogOutsideOfRequests(t *testing.T) {
	mainFrame := evidence.Frame{Function: "main.main", File: "shop/main.go", Line: 20}
	mainStack := evidence.Stack{{Function: "internal/poll.runtime_pollWait"}, {Function: "net.(*TCPListener).Accept"}, mainFrame}
	jobs := evidence.Stack{{Function: "runtime.chansend1"}, workerFrame}
	conns := evidence.Stack{{Function: "internal/poll.runtime_pollWait"}, {Function: "net/http.(*persistConn).readLoop", File: "net/http/transport.go", Line: 2222}}
	idle := evidence.Stack{{Function: "internal/poll.runtime_pollWait"}, {Function: "bufio.(*Reader).Peek"}, serveFrame}
	late := evidence.Stack{{Function: "runtime.chanrecv1"}, handlerFrame, {Function: "net/http.(*timeoutHandler).ServeHTTP.func1"}}
	growing := scraped(11, func(i int) second { return second{0, 100, 0.001, 60 + 40*float64(i)} })
	none := func(int) uint64 { return 100 }
	to := func(i int) uint64 { return 150 + 120*uint64(i) }
	for name, c := range map[string]struct {
		line  evidence.Stack
		from  func(i int) uint64
		rules []string
		at    evidence.Frame
	}{
		"jobs that are done too slowly":                  {jobs, func(i int) uint64 { return 100 + 60*uint64(i) }, []string{ruleUnexplained}, workerFrame},
		"a leak is the leak detector's":                  {jobs, none, nil, evidence.Frame{}},
		"and so are handlers that outlive their request": {late, none, nil, evidence.Frame{}},
		"connections that clients keep for later":        {idle, none, nil, evidence.Frame{}},
		"and so are connections that stay":               {conns, none, nil, evidence.Frame{}},
	} {
		t.Run(name, func(t *testing.T) {
			res := analyse(t, &evidence.Set{Loads: []evidence.Load{growing}, Snapshots: dumps(6, c.line, mainStack, c.from, to)})
			if got := rules(res); !slices.Equal(got, c.rules) {
				t.Fatalf("rules %v, want %v", got, c.rules)
			}
			if len(res.Findings) > 0 && res.Findings[0].Location != c.at {
				t.Errorf("location %+v", res.Findings[0].Location)
			}
		})
	}
	t.Run("goroutine 1 is no place to look", func(t *testing.T) {
		set := &evidence.Set{Loads: []evidence.Load{growing}, Snapshots: dumps(1, conns, mainStack, none, to)}
		if res := analyse(t, set); len(res.Findings) != 1 || !res.Findings[0].Location.IsZero() {
			t.Errorf("%+v", res.Findings)
		}
	})
}

// Idle connections explain as many of the goroutines that were added as they are, and no more.
func TestIdleConnectionsAdded(t *testing.T) {
	growing := scraped(11, func(i int) second { return second{0, 100, 0.001, 60 + 40*float64(i)} })
	idle := evidence.Stack{{Function: "internal/poll.runtime_pollWait"}, {Function: "bufio.(*Reader).Peek"}, serveFrame}
	jobs := evidence.Stack{{Function: "runtime.chansend1"}, workerFrame}
	for _, c := range []struct {
		conns, jobs int
		rules       []string
		said        bool
	}{{200, 200, []string{ruleUnexplained}, false}, {390, 10, nil, true}, {0, 400, []string{ruleUnexplained}, false}} {
		var snapshots []evidence.Snapshot
		for i := range 2 {
			snapshots = append(snapshots, evidence.Snapshot{Position: evidence.Position{Source: "g", Seq: i}, Kind: evidence.Goroutine, Complete: true,
				Groups: []evidence.Group{{Wait: evidence.WaitIO, Stack: idle, Count: 10 + i*c.conns}, {Wait: evidence.WaitChanSend, Stack: jobs, Count: 10 + i*c.jobs}}})
		}
		res := analyse(t, &evidence.Set{Loads: []evidence.Load{growing}, Snapshots: snapshots})
		if got := rules(res); !slices.Equal(got, c.rules) {
			t.Errorf("%d connections and %d jobs: rules %v, want %v", c.conns, c.jobs, got, c.rules)
		}
		for _, f := range res.Findings {
			if f.Location != workerFrame || strings.Contains(f.Message, "idle connections of the server account for 200") != (c.conns == 200) {
				t.Errorf("%+v: %q", f.Location, f.Message)
			}
		}
		said := slices.ContainsFunc(res.Outcomes[0].Unchecked, func(u analyze.Unchecked) bool {
			return strings.Contains(u.What, "390 are idle connections") && u.Try != ""
		})
		if said != c.said {
			t.Errorf("%d connections and %d jobs: left open %+v", c.conns, c.jobs, res.Outcomes[0].Unchecked)
		}
	}
}

func TestIdleConnection(t *testing.T) {
	for name, c := range map[string]struct {
		stack []string
		want  bool
	}{
		"between requests":        {[]string{"internal/poll.runtime_pollWait", "bufio.(*Reader).fill", "bufio.(*Reader).Peek", "net/http.(*conn).serve"}, true},
		"before the first":        {[]string{"internal/poll.runtime_pollWait", "bufio.(*Reader).Peek", "net/http.(*conn).readRequest", "net/http.(*conn).serve"}, true},
		"a handler":               {[]string{"bufio.(*Reader).Peek", "main.peek", "net/http.serverHandler.ServeHTTP", "net/http.(*conn).serve"}, false},
		"HTTP/2":                  {[]string{"runtime.selectgo", "net/http.(*http2serverConn).serve", "net/http.(*http2Server).ServeConn", "net/http.(*Server).onceSetNextProtoDefaults.func1", "net/http.(*conn).serve"}, false},
		"a handshake":             {[]string{"internal/poll.runtime_pollWait", "crypto/tls.(*Conn).HandshakeContext", "net/http.(*conn).serve"}, false},
		"the end of a reply":      {[]string{"internal/poll.runtime_pollWait", "net/http.(*response).finishRequest", "net/http.(*conn).serve"}, false},
		"a client's":              {[]string{"bufio.(*Reader).Peek", "net/http.(*persistConn).readLoop"}, false},
		"nothing but the serving": {[]string{"net/http.(*conn).serve"}, false},
	} {
		var stack evidence.Stack
		for _, f := range c.stack {
			stack = append(stack, evidence.Frame{Function: f})
		}
		if got := isIdleConnection(stack); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A request that calls others has more goroutines than its own two.
func TestRequestsWithGoroutinesOfTheirOwn(t *testing.T) {
	flight := []float64{18, 56, 46, 60, 53, 62, 51, 62, 58, 58, 57}
	goroutines := []float64{121, 362, 343, 390, 381, 409, 386, 407, 423, 422, 420}
	l := scraped(len(flight), func(i int) second { return second{0, 55, 1, 0} })
	for i := range l.Points {
		l.Points[i].InFlight, l.Points[i].Goroutines = &flight[i], &goroutines[i]
	}
	if res := analyse(t, &evidence.Set{Loads: []evidence.Load{l}}); len(res.Findings) != 0 {
		t.Errorf("rules %v", rules(res))
	}
}

// A trace shorter than the waits in it sees those begin that are open at its end, and cannot place
// those that began earlier.
func TestTraceShorterThanTheWaits(t *testing.T) {
	tr := traceOf(waiting(), 0, 60, 0)
	tr.Blocks[0].Open = evidence.Histogram{}
	tr.Blocks[0].Open.AddN(500e6, 60)
	res := analyse(t, &evidence.Set{Trace: tr})
	if got := rules(res); !slices.Equal(got, []string{ruleQueueing}) {
		t.Fatalf("a queue from nothing: rules %v", got)
	}
	early := evidence.BlockSite{Wait: evidence.WaitOther}
	early.Unseen.AddN(500e6, 60)
	tr.Blocks = append(tr.Blocks, early)
	if res := analyse(t, &evidence.Set{Trace: tr}); len(res.Findings) != 0 {
		t.Errorf("a steady one: rules %v", rules(res))
	}
}

// Throughput that wavers a little while requests stay three times as long does not explain them.
func TestSlowerWhileThroughputRisesALittle(t *testing.T) {
	flight := []float64{22, 26, 40, 53, 70, 73, 93, 113, 113, 105, 110}
	done := []float64{36, 39, 40, 41, 47, 53, 49, 47, 63, 56, 48}
	l := scraped(len(flight), func(i int) second { return second{flight[i], done[i], flight[i] / done[i], 7 * flight[i]} })
	if res := analyse(t, &evidence.Set{Loads: []evidence.Load{l}}); !slices.Equal(rules(res), []string{ruleDiverging}) {
		t.Errorf("rules %v", rules(res))
	}
}
