package netwait

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/detectors/detectortest"
)

func TestSignatures(t *testing.T) { detectortest.Signatures(t, signatures...) }

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// frames are lines of app/main.go, numbered by their place on the stack, innermost first.
func frames(functions ...string) (out evidence.Stack) {
	for i, f := range functions {
		out = append(out, evidence.Frame{Function: f, File: "app/main.go", Line: 10 + i})
	}
	return out
}

// group is goroutines with the ids from first on.
func group(first uint64, n int, wait evidence.Wait, functions ...string) evidence.Group {
	g := evidence.Group{Count: n, Wait: wait, Stack: frames(functions...)}
	for i := range n {
		g.IDs = append(g.IDs, first+uint64(i))
	}
	return g
}

// dumps are snapshots 2 s apart.
func dumps(groups ...[]evidence.Group) *evidence.Set {
	set := &evidence.Set{}
	for i, gs := range groups {
		s := evidence.Snapshot{Kind: evidence.Goroutine, Format: "debug2", Complete: true, HasIDs: true, Groups: gs,
			Position: evidence.Position{Source: fmt.Sprintf("goroutine.%02d", i), Seq: i, At: begin.Add(time.Duration(2*i) * time.Second)}}
		for _, g := range gs {
			s.Total += g.Count
		}
		set.Snapshots = append(set.Snapshots, s)
	}
	return set
}

// of is n snapshots, each made by its number.
func of(n int, make func(i int) []evidence.Group) *evidence.Set {
	var all [][]evidence.Group
	for i := range n {
		all = append(all, make(i))
	}
	return dumps(all...)
}

// tracer makes a trace of a second.
type tracer struct{ evidence.Trace }

func newTracer() *tracer {
	return &tracer{evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: 1e9, Complete: true}}, Stacks: [][]int32{nil}}}
}

func (t *tracer) stack(s evidence.Stack) int32 {
	var ids []int32
	for _, f := range s {
		ids = append(ids, int32(len(t.Frames)))
		t.Frames = append(t.Frames, f)
	}
	t.Stacks = append(t.Stacks, ids)
	return int32(len(t.Stacks) - 1)
}

func cpu(samples map[string]int64) *evidence.Profile {
	p := &evidence.Profile{Kind: evidence.CPU, DurationNS: 10e9, Period: 1e7, SampleTypes: []evidence.ValueType{{Type: "samples"}, {Type: "cpu"}}, Totals: []int64{0, 0}}
	for _, name := range sorted(samples) {
		v := evidence.ValueStack{Values: []int64{samples[name], samples[name] * 1e7}}
		for _, f := range frames(strings.Fields(name)...) {
			v.Frames = append(v.Frames, int32(len(p.Frames)))
			p.Frames = append(p.Frames, f)
		}
		p.Totals[0] += v.Values[0]
		p.Totals[1] += v.Values[1]
		p.Stacks = append(p.Stacks, v)
	}
	return p
}

func sorted(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) }

func judge(t *testing.T, set *evidence.Set) (*analyze.Result, analyze.Outcome) {
	t.Helper()
	res, err := analyze.Run(context.Background(), set, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcomes[0].State == analyze.Failed {
		t.Fatal(res.Outcomes[0].Why)
	}
	return res, res.Outcomes[0]
}

func shown(res *analyze.Result) string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s %s %s: %s", f.Confidence, f.Rule, f.Location.Function, f.Message))
	}
	return strings.Join(out, ", ")
}

func expect(t *testing.T, set *evidence.Set, want string) {
	t.Helper()
	res, _ := judge(t, set)
	if got := shown(res); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

var (
	poolWait = []string{"database/sql.(*DB).conn", "database/sql.(*DB).query", "database/sql.(*DB).QueryContext", "main.find", serve}
	poolBusy = []string{"main.(*driver).Query", "database/sql.ctxDriverPrepare", "database/sql.(*DB).queryDC", "database/sql.(*DB).query", "main.find", serve}
	opener   = []string{"database/sql.(*DB).connectionOpener"}
)

func TestPool(t *testing.T) {
	waiting := func(n int, coming bool) func(int) []evidence.Group {
		return func(i int) []evidence.Group {
			first := uint64(100)
			if coming {
				first += uint64(1000 * i)
			}
			return []evidence.Group{group(first, n, evidence.WaitSelect, poolWait...), group(1, 2, evidence.WaitIO, poolBusy...)}
		}
	}
	for name, tt := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"they come and go":      {of(6, waiting(5, true)), "likely netwait/pool-starved main.find: 5 goroutines wait for a connection of the pool on average, while 2 have one"},
		"none gets one":         {of(6, waiting(5, false)), "likely netwait/pool-starved main.find: 5 goroutines wait for a connection of the pool on average, while 2 have one; none of them got one: connections are not given back (Rows, Tx or Conn not closed)"},
		"fewer than are served": {of(6, waiting(1, true)), ""},
		"one snapshot":          {of(1, waiting(12, true)), "possible netwait/pool-starved main.find: 12 goroutines wait for a connection of the pool on average, while 2 have one"},
		"one snapshot, few":     {of(1, waiting(5, true)), ""},
		"a queue that grows is inflight's": {of(6, func(i int) []evidence.Group {
			return []evidence.Group{group(uint64(1000*i), 10*(i+1), evidence.WaitSelect, poolWait...)}
		}), ""},
		"a burst": {of(6, func(i int) []evidence.Group {
			return []evidence.Group{group(1, []int{0, 0, 9, 0, 0, 0}[i], evidence.WaitSelect, poolWait...)}
		}), ""},
		"a connection is being made": {of(6, func(int) []evidence.Group {
			return []evidence.Group{group(1, 30, evidence.WaitSelect, append([]string{"main.(*driver).Connect"}, poolWait...)...)}
		}), ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, tt.set, tt.want) })
	}
}

func TestPoolInATrace(t *testing.T) {
	tr := newTracer()
	b := evidence.BlockSite{Stack: tr.stack(frames(poolWait...)), Wait: evidence.WaitSelect}
	b.Ended.AddN(40e6, 99)
	b.Ended.AddN(300e6, 1)
	tr.Blocks = append(tr.Blocks, b)
	expect(t, &evidence.Set{Trace: &tr.Trace}, "likely netwait/pool-starved main.find: 4.3 goroutines wait for a connection of the pool; they wait 40.4 ms (P50), 40.4 ms (P99)")
}

func TestOpen(t *testing.T) {
	open := func(n func(int) int) *evidence.Set {
		return of(6, func(i int) []evidence.Group { return []evidence.Group{group(1, n(i), evidence.WaitSelect, opener...)} })
	}
	leaked := open(func(int) int { return 30 })
	leaked.Snapshots = append(leaked.Snapshots, evidence.Snapshot{Kind: evidence.GoroutineLeak, Complete: true, Total: 28, Groups: []evidence.Group{group(1, 28, evidence.WaitSelect, opener...)}})
	traced := open(func(i int) int { return 20 + 10*i })
	tr := newTracer()
	tr.Sites = []evidence.CreationSite{{Stack: tr.stack(frames("database/sql.OpenDB", "database/sql.Open", "main.find", serve)), Start: tr.stack(frames(opener...)), Created: 5}}
	traced.Trace = &tr.Trace
	for name, tt := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"each request":          {open(func(i int) int { return 20 + 10*i }), "likely netwait/sql-open : 70 pools of database/sql are open, 5 more a second"},
		"with a trace":          {traced, "likely netwait/sql-open main.find: 70 pools of database/sql are open, 5 more a second"},
		"one for each tenant":   {open(func(int) int { return 60 }), ""},
		"tenants that come":     {open(func(i int) int { return 20 + 2*min(i, 2) }), ""},
		"few":                   {open(func(i int) int { return 1 + i }), ""},
		"opened and closed":     {open(func(i int) int { return 20 + i%2*10 }), ""},
		"unreachable":           {leaked, "proven netwait/sql-open : 30 pools of database/sql are open; 28 are unreachable"},
		"one snapshot":          {of(1, func(int) []evidence.Group { return []evidence.Group{group(1, 200, evidence.WaitSelect, opener...)} }), "possible netwait/sql-open : 200 pools of database/sql are open"},
		"one snapshot, tenants": {of(1, func(int) []evidence.Group { return []evidence.Group{group(1, 60, evidence.WaitSelect, opener...)} }), ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, tt.set, tt.want) })
	}
}

var bodyRead = []string{"internal/poll.runtime_pollWait", "net.(*conn).Read", "net/http.(*connReader).Read", "net/http.(*body).readLocked", "net/http.(*body).Read", "io.Copy", "main.upload", serve}

func TestSlowClients(t *testing.T) {
	stalled := func(n, snapshots int, functions ...string) *evidence.Set {
		return of(snapshots, func(int) []evidence.Group { return []evidence.Group{group(1, n, evidence.WaitIO, functions...)} })
	}
	with := func(set *evidence.Set, silent bool) *evidence.Set {
		tr := newTracer()
		b := evidence.BlockSite{Wait: evidence.WaitIO, Stack: tr.stack(frames(bodyRead...))}
		if silent {
			b.Silent = 50
			b.Open.AddN(1e9, 50)
			for i := range uint64(50) {
				b.OpenIDs = append(b.OpenIDs, 1+i)
			}
		} else {
			b.Ended.AddN(1e8, 500)
			b.Open.AddN(1e8, 50)
		}
		tr.Blocks = append(tr.Blocks, b)
		set.Trace = &tr.Trace
		return set
	}
	minutes := stalled(50, 1, bodyRead...)
	minutes.Snapshots[0].Groups[0].MinMinutes = 3
	idle := []string{"internal/poll.runtime_pollWait", "net.(*conn).Read", "net/http.(*connReader).Read", "bufio.(*Reader).Peek", serve}
	for name, tt := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"the same in all snapshots": {stalled(50, 6, bodyRead...), "possible netwait/slow-clients main.upload: 50 requests wait for more of the body, the same for 10 s"},
		"and still in a trace":      {with(stalled(50, 6, bodyRead...), true), "likely netwait/slow-clients main.upload: 50 requests wait for more of the body, the same for 10 s, without a byte while a trace looked"},
		"a steady stream":           {with(stalled(50, 6, bodyRead...), false), ""},
		"others each time": {of(6, func(i int) []evidence.Group {
			return []evidence.Group{group(uint64(1000*i), 50, evidence.WaitIO, bodyRead...)}
		}), ""},
		"few":                   {stalled(10, 6, bodyRead...), ""},
		"for a moment":          {stalled(50, 2, bodyRead...), ""},
		"one snapshot":          {stalled(500, 1, bodyRead...), ""},
		"one snapshot, minutes": {minutes, "possible netwait/slow-clients main.upload: 50 requests wait for more of the body, for 3 minutes or more"},
		"idle between requests": {stalled(5000, 6, idle...), ""},
		"headers":               {stalled(50, 6, "internal/poll.runtime_pollWait", "net.(*conn).Read", "net/textproto.(*Reader).ReadLine", "net/http.(*conn).readRequest", serve), "possible netwait/slow-clients net/http.(*conn).readRequest: 50 requests wait for the rest of the header, the same for 10 s"},
		"responses":             {stalled(50, 6, "internal/poll.runtime_pollWait", "net.(*conn).Write", "net/http.checkConnErrorWriter.Write", "net/http.(*response).Write", "main.download", serve), "possible netwait/slow-clients main.download: 50 requests wait for the client to take the response, the same for 10 s"},
		"a long poll": {of(6, func(int) []evidence.Group {
			return []evidence.Group{group(1, 900, evidence.WaitSelect, "main.poll", serve)}
		}), ""},
		"a reader of its own": {stalled(900, 6, "internal/poll.runtime_pollWait", "net.(*conn).Read", "main.serveMeter"), ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, tt.set, tt.want) })
	}
}

func TestHandshakes(t *testing.T) {
	client := "crypto/ecdsa.Verify crypto/tls.(*Conn).clientHandshake crypto/tls.(*Conn).handshakeContext net/http.(*Transport).dialConn"
	server := "crypto/ecdsa.Sign crypto/tls.(*Conn).serverHandshake crypto/tls.(*Conn).handshakeContext net/http.(*conn).serve"
	set := func(samples map[string]int64, dials bool) *evidence.Set {
		s := &evidence.Set{Profiles: []*evidence.Profile{cpu(samples)}}
		if dials {
			tr := newTracer()
			tr.Sites = []evidence.CreationSite{{Created: 40, Stack: tr.stack(frames("net/http.(*Transport).startDialConnForLocked", "net/http.(*Client).Do", "main.ask", serve)),
				Start: tr.stack(frames("net/http.(*Transport).startDialConnForLocked.func1"))}}
			s.Trace = &tr.Trace
		}
		return s
	}
	for name, tt := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"a client":   {set(map[string]int64{client: 300, "main.work": 300}, true), "likely netwait/handshakes main.ask: 50 % of the CPU (0.3 cores) goes into TLS handshakes; connections are made for this line, 40 a second"},
		"a server":   {set(map[string]int64{server: 300, "main.work": 300}, false), "likely netwait/handshakes : 50 % of the CPU (0.3 cores) goes into TLS handshakes, as the server: clients do not keep their connections"},
		"a test":     {set(map[string]int64{server: 300, "main.work testing.tRunner": 300}, false), ""},
		"a few":      {set(map[string]int64{client: 12, "main.work": 588}, true), ""},
		"no samples": {set(map[string]int64{client: 100, "main.work": 50}, true), ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, tt.set, tt.want) })
	}
}

func TestPolling(t *testing.T) {
	poll := "internal/runtime/syscall/linux.EpollWait runtime.netpoll runtime.findRunnable runtime.schedule runtime.mcall"
	other := "runtime.stealWork runtime.findRunnable runtime.schedule runtime.mcall"
	set := func(polls, others int64) *evidence.Set {
		tr := newTracer()
		b := evidence.BlockSite{Wait: evidence.WaitIO, Stack: tr.stack(frames("net.(*conn).Read", "main.receive", "main.main"))}
		b.Ended.AddN(50_000, 20_000)
		tr.Blocks = append(tr.Blocks, b)
		return &evidence.Set{Profiles: []*evidence.Profile{cpu(map[string]int64{poll: polls, other: others, "main.work": 1000 - polls - others})}, Trace: &tr.Trace}
	}
	expect(t, set(300, 50), "possible netwait/polling main.receive: 30 % of the CPU (0.3 cores) goes into asking the kernel which connections are ready; most often this line waits: 20,000 times a second, 50 µs each (P50)")
	expect(t, set(50, 50), "")
	expect(t, set(300, 400), "") // the scheduler's cost, which sched reports
}

func TestWhatCannotAnswer(t *testing.T) {
	java := cpu(map[string]int64{"com.example.Main": 500})
	java.Frames[0].File = "Main.java"
	difference := cpu(map[string]int64{"crypto/tls.(*Conn).handshakeContext main.ask": 500, "main.work": 500})
	difference.Stacks[0].Values[0] = -5
	cut := of(1, func(int) []evidence.Group { return []evidence.Group{group(1, 5, evidence.WaitIO, bodyRead...)} })
	cut.Snapshots[0].Complete = false
	for name, tt := range map[string]struct {
		set   *evidence.Set
		state analyze.State
	}{
		"another runtime's":   {&evidence.Set{Profiles: []*evidence.Profile{java}}, analyze.Inconclusive},
		"a difference":        {&evidence.Set{Profiles: []*evidence.Profile{difference}}, analyze.Inconclusive},
		"an empty profile":    {&evidence.Set{Profiles: []*evidence.Profile{{Kind: evidence.CPU}}}, analyze.Inconclusive},
		"a cut dump":          {cut, analyze.Inconclusive},
		"one healthy dump":    {of(1, func(int) []evidence.Group { return nil }), analyze.Inconclusive},
		"nothing":             {&evidence.Set{}, analyze.Skipped},
		"several healthy":     {of(3, func(int) []evidence.Group { return nil }), analyze.Ran},
		"a profile that will": {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[string]int64{"main.work": 500})}}, analyze.Ran},
	} {
		t.Run(name, func(t *testing.T) {
			res, out := judge(t, tt.set)
			if out.State != tt.state || len(res.Findings) > 0 {
				t.Errorf("%s (%s), found %q", out.State, out.Why, shown(res))
			}
		})
	}
}
