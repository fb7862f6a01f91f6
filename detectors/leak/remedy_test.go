package leak

import (
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// A rule's remedy is about operations of the program's own. Inside of a library others have to act.
func TestRemedyFollowsWhoWaits(t *testing.T) {
	const semaphore = "golang.org/x/sync/semaphore.(*Weighted).Acquire"
	module := func(function string) evidence.Frame {
		return evidence.Frame{Function: function, File: "/go/pkg/mod/golang.org/x/sync@v0.20.0/x.go", Line: 1}
	}
	std := func(function string) evidence.Frame {
		return evidence.Frame{Function: function, File: "/go/src/x.go", Line: 1}
	}
	main := userStack("main.work", 7)[0]
	for name, tc := range map[string]struct {
		wait  evidence.Wait
		stack evidence.Stack
		fix   string
		want  string // how the remedy begins; empty for that of the rule
	}{
		"its own select":        {evidence.WaitSelect, evidence.Stack{main}, "", ""},
		"a module":              {evidence.WaitSelect, evidence.Stack{module(semaphore), main}, "", "semaphore.(*Weighted).Acquire waits for others"},
		"the standard library":  {evidence.WaitSelect, evidence.Stack{std("io.(*pipe).write"), std("io.(*PipeWriter).Write"), main}, "", "io.(*PipeWriter).Write waits for others"},
		"a major version":       {evidence.WaitSelect, evidence.Stack{module("github.com/cenkalti/backoff/v4.Retry"), main}, "", "backoff.Retry waits"},
		"a version with a dot":  {evidence.WaitSelect, evidence.Stack{module("gopkg.in/tomb%2ev2.(*Tomb).Wait"), main}, "", "tomb.(*Tomb).Wait waits"},
		"a later major version": {evidence.WaitSelect, evidence.Stack{module("github.com/google/go-github/v66.(*Client).Do"), main}, "", "go-github.(*Client).Do waits"},
		"a package called v1":   {evidence.WaitSelect, evidence.Stack{module("k8s.io/client-go/kubernetes/typed/core/v1.(*pods).Watch"), main}, "", "v1.(*pods).Watch waits"},
		"a first version":       {evidence.WaitSelect, evidence.Stack{module("gopkg.in/pipe%2ev1.Run"), main}, "", "pipe.Run waits"},
		"a pipe":                {evidence.WaitIO, evidence.Stack{std("os.(*File).Read"), main}, "", "Have the other side end"},
		"a listener":            {evidence.WaitIO, evidence.Stack{std("net.(*TCPListener).Accept"), main}, "", "Close the listener"},
		"a connection":          {evidence.WaitIO, evidence.Stack{std("net.(*conn).Read"), main}, "", ""},
		"a lock":                {evidence.WaitMutex, evidence.Stack{std("sync.(*Mutex).Lock"), main}, "", ""},
		"the runtime's frames":  {evidence.WaitChanSend, evidence.Stack{std("runtime.gopark"), std("runtime.chansend1"), main}, "", ""},
		"what the source says":  {evidence.WaitSelect, evidence.Stack{module(semaphore), main}, "release it", "release it"},
		"iterators, everywhere": {evidence.WaitCoroutine, evidence.Stack{std("iter.Pull[...].func1.1"), main}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := &candidate{site: site{class: tc.wait, stack: tc.stack, creator: creator}}
			if tc.fix != "" {
				c.code = &evidence.CodeSite{Fix: tc.fix}
			}
			if got := c.remedy(false); !strings.HasPrefix(got, tc.want) || (got == "") != (tc.want == "") {
				t.Errorf("remedy %q, want %q", got, tc.want)
			}
		})
	}
	foreign := &candidate{site: site{class: evidence.WaitSelect, stack: evidence.Stack{module("google.golang.org/grpc.newStream.func4")}, creator: module("google.golang.org/grpc.newStream")}}
	if got := foreign.remedy(true); !strings.HasPrefix(got, "End what is begun here") {
		t.Errorf("remedy of what a library started: %q", got)
	}
}

// An iterator that nobody stops waits in its sequence. What to change is the line that pulls from it, which a trace
// shows; of several lines, the one whose iterators stay.
func TestIteratorIsPlacedWhereItIsPulled(t *testing.T) {
	pull := evidence.Frame{Function: "iter.Pull[...]", File: "/go/src/iter/iter.go", Line: 271}
	wait := append(evidence.Stack{{Function: "iter.Pull[...].func1.1", File: "/go/src/iter/iter.go", Line: 287}}, userStack("main.lines.func1", 21)...)
	set := repeat(6, func(i int) []evidence.Group {
		g := group(evidence.WaitCoroutine, wait, ids(100, 100+uint64(20*(i+1)))...)
		g.CreatedBy = pull
		return one(g)
	})
	expect(t, set, "leak/iterator:21 possible")
	set.Trace = &evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: 1e9}},
		Frames: evidence.Stack{pull, userStack("main.find", 33)[0], userStack("main.find", 34)[0]},
		Stacks: [][]int32{{}, {0, 1}, {0, 2}},
		Sites:  []evidence.CreationSite{{Stack: 1, Created: 20, Ended: 20}, {Stack: 2, Created: 19, AtEnd: 19}}}
	res := expect(t, set, "leak/iterator:34 possible")
	if f := res.Findings[0]; f.Remedy != "" && !strings.Contains(f.Remedy, "stop function") {
		t.Errorf("remedy %q", f.Remedy)
	}
}

// A second of trace says little about the requests of a window: the number per request is as uncertain as both.
func TestPerRequestOfAShortTraceIsUncertain(t *testing.T) {
	stack := userStack("main.work", 7)
	set := snapshots(growingDumps(6, 50, evidence.WaitChanSend, stack)...) // 10 a second
	set.Trace = traceOf(evidence.WaitChanSend, stack, ids(100, 400), 300)
	set.Trace.Frames = append(set.Trace.Frames, evidence.Frame{Function: backgroundRead})
	set.Trace.Stacks = append(set.Trace.Stacks, []int32{int32(len(set.Trace.Frames) - 1)})
	set.Trace.Sites = []evidence.CreationSite{{Start: int32(len(set.Trace.Stacks) - 1), Created: 10, Ended: 10}}
	f := expect(t, set, "leak/chan-send:7 likely").Findings[0]
	if !strings.Contains(f.Message, "10 a second and about 1 a request") {
		t.Errorf("message %q", f.Message)
	}
	for _, m := range f.Measures {
		// 10 requests are 4.8 to 18.4 with 95 % confidence.
		if m.Name == "per_request" && (m.Interval == nil || m.Interval[0] > 10/18.4 || m.Interval[1] < 10/4.8 || len(m.Warnings) != 1 || m.N != 10) {
			t.Errorf("%+v", m)
		}
	}
}
