package leak

import (
	"testing"

	"go-debug/analyze/evidence"
)

var dialConn = evidence.Frame{Function: "net/http.(*Transport).dialConn", File: "net/http/transport.go", Line: 1874}

// connections are the goroutines of n client connections that are idle, or whose response has not been read.
func connections(n uint64, unread bool) []evidence.Group {
	read := evidence.Stack{{Function: "internal/poll.runtime_pollWait"}, {Function: "net.(*conn).Read"}, {Function: "bufio.(*Reader).Peek"},
		{Function: readLoop, File: "net/http/transport.go", Line: 2222}}
	wait := evidence.WaitIO
	if unread {
		read, wait = evidence.Stack{{Function: readLoop, File: "net/http/transport.go", Line: 2325}}, evidence.WaitSelect
	}
	r := group(wait, read, ids(1000, 1000+n)...)
	w := group(evidence.WaitSelect, evidence.Stack{{Function: writeLoop, File: "net/http/transport.go", Line: 2600}}, ids(5000, 5000+n)...)
	r.CreatedBy, w.CreatedBy = dialConn, dialConn
	return []evidence.Group{r, w}
}

func TestClientConnections(t *testing.T) {
	calls := func(from, n uint64) evidence.Group {
		stack := userStack("main.fetch", 31)
		stack = append(evidence.Stack{{Function: "net/http.(*persistConn).roundTrip"}, {Function: "net/http.(*Transport).roundTrip"}}, stack...)
		return group(evidence.WaitSelect, stack, ids(from, from+n)...)
	}
	steps := []uint64{10, 12, 45, 50, 90, 98}
	for name, tc := range map[string]struct {
		at   func(i int) []evidence.Group
		want string
	}{
		"an idle pool that grows with bursts": {func(i int) []evidence.Group { return connections(steps[i], false) }, ""},
		"calls that pile up, each with a connection": {func(i int) []evidence.Group {
			n := uint64(i+1) * 20
			return append(connections(n, false), calls(20000+uint64(i)*1000, n))
		}, ""},
		"large responses being read": {func(i int) []evidence.Group {
			n := uint64(i+1) * 20
			return append(connections(n, true), calls(20000+uint64(i)*1000, n))
		}, ""},
		"a client for each request": {func(i int) []evidence.Group {
			return append(connections(uint64(i+1)*20, false), calls(20000+uint64(i)*1000, 2))
		}, "leak/io:31 possible"},
		"responses that nobody closes": {func(i int) []evidence.Group {
			return append(connections(uint64(i+1)*20, true), calls(20000+uint64(i)*1000, 2))
		}, "leak/select:31 possible"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, repeat(6, tc.at), tc.want) })
	}
}

// The program's line is on the go statement of the dial alone.
func TestConnectionIsPlacedWhereItWasDialled(t *testing.T) {
	set := repeat(6, func(i int) []evidence.Group { return connections(uint64(i+1)*20, true) })
	frames := evidence.Stack{{Function: "net/http.(*Transport).queueForDial"}, {Function: getConn}, {Function: "net/http.(*Client).Do"},
		{Function: "main.fetch", File: "/src/app/main.go", Line: 31}, {Function: "main.probe", File: "/src/app/main.go", Line: 77}}
	set.Trace = &evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: 1e9}}, Frames: frames,
		Stacks: [][]int32{{}, {0, 1, 2, 3}, {0, 1, 2, 4}},
		Sites:  []evidence.CreationSite{{Stack: 1, Created: 12}, {Stack: 2, Created: 3}}}
	res := expect(t, set, "leak/select:31 possible")
	if f := res.Findings[0]; f.CreatedBy != dialConn {
		t.Errorf("created by %+v", f.CreatedBy)
	}
	print := res.Findings[0].Fingerprint
	set.Trace.Sites[1].Created = 12 // nobody has most
	res = expect(t, set, "leak/select:1874 possible")
	if got := res.Findings[0].Fingerprint; got != print {
		t.Errorf("the fingerprint depends on what the trace happened to see: %s, %s", print, got)
	}
}
