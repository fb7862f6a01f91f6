package leak

import (
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// startedBy sets the go statement of a group.
func startedBy(g evidence.Group, function string, line int) evidence.Group {
	g.CreatedBy = evidence.Frame{Function: function, File: "/src/app/main.go", Line: line}
	if !strings.HasPrefix(function, "main.") {
		g.CreatedBy.File = "/go/pkg/mod/k8s.io/apimachinery@v0.37.2/x.go"
	}
	return g
}

func libraryStack(functions ...string) evidence.Stack {
	var s evidence.Stack
	for i, f := range functions {
		s = append(s, evidence.Frame{Function: f, File: "/go/pkg/mod/k8s.io/client-go@v0.37.2/x.go", Line: 100 + i})
	}
	return s
}

func TestOneCauseIsOneFinding(t *testing.T) {
	grow := func(i, per int, from uint64) []uint64 { return ids(from, from+uint64((i+1)*per)) }
	for name, tc := range map[string]struct {
		at   func(i int) []evidence.Group
		want string
	}{
		"two pumps of one connection": {func(i int) []evidence.Group {
			return []evidence.Group{
				startedBy(group(evidence.WaitSelect, userStack("main.(*conn).writePump", 20), grow(i, 20, 1000)...), "main.serve", 5),
				startedBy(group(evidence.WaitChanRecv, userStack("main.(*conn).readPump", 30), grow(i, 20, 9000)...), "main.serve", 6),
			}
		}, "leak/select:20 possible"},
		"one starts the other": {func(i int) []evidence.Group {
			return []evidence.Group{
				startedBy(group(evidence.WaitChanSend, userStack("main.produce", 20), grow(i, 20, 1000)...), "main.pipeline", 5),
				startedBy(group(evidence.WaitChanRecv, userStack("main.pipeline", 30), grow(i, 20, 9000)...), "main.start", 6),
			}
		}, "leak/chan-send:20 possible"},
		"a library's goroutines, one of them started by the program": {func(i int) []evidence.Group {
			return []evidence.Group{
				startedBy(group(evidence.WaitSelect, libraryStack("k8s.io/client-go/tools/cache.(*Reflector).ListAndWatch", "k8s.io/apimachinery/pkg/util/wait.BackoffUntil"), grow(i, 4, 1000)...), "k8s.io/apimachinery/pkg/util/wait.(*Group).Start", 70),
				startedBy(group(evidence.WaitChanRecv, libraryStack("k8s.io/client-go/tools/cache.(*processorListener).run"), grow(i, 4, 3000)...), "k8s.io/apimachinery/pkg/util/wait.(*Group).Start", 70),
				startedBy(group(evidence.WaitCond, libraryStack("k8s.io/client-go/tools/cache.(*sharedIndexInformer).Run"), grow(i, 4, 5000)...), "main.startInformer", 44),
			}
		}, "leak/cond:44 possible"},
		"contexts that pass on a cancellation, two to one": {func(i int) []evidence.Group {
			helper := group(evidence.WaitSelect, evidence.Stack{{Function: "context.(*cancelCtx).propagateCancel.func2", File: "/go/src/context/context.go", Line: 523}}, grow(i, 20, 9000)...)
			helper.CreatedBy = evidence.Frame{Function: "context.(*cancelCtx).propagateCancel", File: "/go/src/context/context.go", Line: 522}
			return []evidence.Group{helper, startedBy(group(evidence.WaitSelect, userStack("main.watch", 20), grow(i, 10, 1000)...), "main.start", 5)}
		}, "leak/select:20 possible"},
		"a WaitGroup whose members leak": {func(i int) []evidence.Group {
			return []evidence.Group{
				startedBy(group(evidence.WaitChanSend, userStack("main.handle.func1.1", 20), grow(i, 30, 1000)...), "sync.(*WaitGroup).Go", 237),
				startedBy(group(evidence.WaitWaitGroup, userStack("main.handle.func1.2", 30), grow(i, 11, 9000)...), "main.handle.func1", 6),
			}
		}, "leak/chan-send:20 possible"},
		"who starts members of a group that has no room": {func(i int) []evidence.Group {
			feeder := evidence.Stack{{Function: "golang.org/x/sync/errgroup.(*Group).Go", File: "/go/pkg/mod/golang.org/x/sync@v0.20.0/errgroup/errgroup.go", Line: 70},
				{Function: "main.handle.func1", File: "/src/app/main.go", Line: 30}}
			return []evidence.Group{
				startedBy(group(evidence.WaitChanSend, userStack("main.handle.func1.1", 20), grow(i, 30, 1000)...), "golang.org/x/sync/errgroup.(*Group).Go", 78),
				startedBy(group(evidence.WaitChanSend, feeder, grow(i, 11, 9000)...), "main.handle", 6),
			}
		}, "leak/chan-send:20 possible"},
		"equally often, in two handlers": {func(i int) []evidence.Group {
			return []evidence.Group{
				startedBy(group(evidence.WaitChanSend, userStack("main.main.func1.1", 20), grow(i, 20, 1000)...), "main.main.func1", 5),
				startedBy(group(evidence.WaitChanSend, userStack("main.main.func2.1", 30), grow(i, 20, 9000)...), "main.main.func2", 6),
			}
		}, "leak/chan-send:20 possible; leak/chan-send:30 possible"},
		"one function, not equally often": {func(i int) []evidence.Group {
			return []evidence.Group{
				startedBy(group(evidence.WaitChanSend, userStack("main.send", 20), grow(i, 20, 1000)...), "main.serve", 5),
				startedBy(group(evidence.WaitChanRecv, userStack("main.receive", 30), grow(i, 13, 9000)...), "main.serve", 6),
			}
		}, "leak/chan-receive:30 possible; leak/chan-send:20 possible"},
		"two lines that one goroutine may end up at": {func(i int) []evidence.Group {
			return []evidence.Group{
				startedBy(group(evidence.WaitChanSend, userStack("main.send", 20), grow(i, 20, 1000)...), "main.serve", 5),
				startedBy(group(evidence.WaitChanSend, userStack("main.send", 21), grow(i, 20, 9000)...), "main.serve", 5),
			}
		}, "leak/chan-send:20 possible; leak/chan-send:21 possible"},
	} {
		t.Run(name, func(t *testing.T) {
			res := expect(t, repeat(6, tc.at), tc.want)
			if n := len(tc.at(0)); len(res.Findings) == 1 {
				f := res.Findings[0]
				if startsLibrary := f.Location.Line == 44; startsLibrary != strings.HasPrefix(f.Remedy, "Stop what is started here") {
					t.Errorf("remedy %q", f.Remedy)
				}
				if len(f.Stacks) != n || strings.Count(f.Message, "goroutines in ") != n {
					t.Errorf("%d stacks, message %q: the others are missing", len(f.Stacks), f.Message)
				}
			}
		})
	}
}

// Sessions of peers come with a reader: their writer is silent too, and no leak.
func TestSessionsOfPeersAreNotLikely(t *testing.T) {
	write := userStack("main.(*conn).writePump", 20)
	set := repeat(6, func(i int) []evidence.Group {
		n := uint64(i+1) * 20
		return []evidence.Group{
			startedBy(group(evidence.WaitSelect, write, ids(1000, 1000+n)...), "main.serve", 5),
			startedBy(group(evidence.WaitIO, userStack("main.(*conn).readPump", 30), ids(9000, 9000+n)...), "main.serve", 6),
		}
	})
	set.Trace = traceOf(evidence.WaitSelect, write, ids(1000, 1120), 120)
	res := expect(t, set, "leak/select:20 possible")
	if m := res.Findings[0].Message; !strings.Contains(m, "growing, unproven: they come with connections that peers have opened") {
		t.Errorf("%q does not say why it is not likely", m)
	}
	for i := range set.Snapshots { // the readers have ended: the writers are left behind
		set.Snapshots[i].Groups = slices.DeleteFunc(set.Snapshots[i].Groups, func(g evidence.Group) bool { return g.Wait == evidence.WaitIO })
	}
	expect(t, set, "leak/select:20 likely")
}

func TestEnclosing(t *testing.T) {
	for closure, want := range map[string]string{
		"main.f.func2": "main.f", "main.f.func2.1": "main.f.func2", "main.(*T).run.gowrap1": "main.(*T).run",
		"main.f": "", "example.com/v2.func1/x.F": "", "main.(*T).funcs": "", "": "", "main.init.0.func1": "main.init.0",
	} {
		if got := enclosing(closure); got != want {
			t.Errorf("enclosing(%q) = %q, want %q", closure, got, want)
		}
	}
}

func TestGoroutine1IsMainOrAnInitialiser(t *testing.T) {
	for function, want := range map[string]bool{
		"main.main": true, "main.init": true, "main.init.0": true, "example.com/app/store.init.12": true,
		"main.init.0.func1": false, "main.main.func1": false, "main.initialise": false, "main.(*T).init": false, "main.init.x": false,
	} {
		if got := isMain(evidence.Stack{{Function: "runtime.gopark"}, {Function: function}}, evidence.Frame{}); got != want {
			t.Errorf("isMain(%s) = %v", function, got)
		}
	}
	if isMain(evidence.Stack{{Function: "main.main"}}, creator) {
		t.Error("a goroutine that runs main.main and was started by another is not goroutine 1")
	}
}
