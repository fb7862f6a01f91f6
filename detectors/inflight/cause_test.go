package inflight

import (
	"strings"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

// tracedStacks are the stacks of a traced program by name. Requests are made of those that end in serve.
type tracedStacks struct{ *evidence.Trace }

func (t tracedStacks) add(functions ...string) int32 {
	var ids []int32
	for _, f := range functions {
		ids = append(ids, int32(len(t.Frames)))
		file := "main.go"
		if strings.HasPrefix(f, "golang.org/x/") {
			file = "/mod/golang.org/x/some@v0.1.0/some.go"
		}
		t.Frames = append(t.Frames, evidence.Frame{Function: f, File: file, Line: len(t.Frames) + 1})
	}
	t.Stacks = append(t.Stacks, ids)
	return int32(len(t.Stacks) - 1)
}

// handler is a stack of a request.
func (t tracedStacks) handler(functions ...string) int32 {
	return t.add(append(functions, "net/http.serverHandler.ServeHTTP", "net/http.(*conn).serve")...)
}

func spans(n int64, each time.Duration) (h evidence.Histogram) {
	h.AddN(int64(each), n)
	return h
}

// adds is a state that takes up ever more of three thirds of ten seconds: from so many requests to so many.
func adds(state string, stack int32, from, to float64) evidence.RequestState {
	const third = 10e9 / 3
	s := evidence.RequestState{State: state, Stack: stack, Parts: []int64{int64(from * third), int64((from + to) / 2 * third), int64(to * third)}}
	for _, p := range s.Parts {
		s.NS += p
	}
	return s
}

func TestCauses(t *testing.T) {
	const ms, second = time.Millisecond, time.Second
	wait := func(w evidence.Wait) string { return string(w) }
	for _, c := range []struct {
		name string
		make func(tracedStacks) []evidence.RequestState
		want string
		text string
	}{
		{"what grew most, not what is largest", func(tr tracedStacks) []evidence.RequestState {
			at := tr.handler("sync.(*Mutex).Lock", "main.lock")
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitMutex, Ended: spans(1000, second), Open: spans(60, second)}}
			return []evidence.RequestState{adds(wait(evidence.WaitSleep), tr.handler("main.sleeps"), 60, 61), adds(wait(evidence.WaitMutex), at, 1, 20)}
		}, causeMutex, "19 of the 20 added are waiting for a mutex"},
		{"a lock that waits for its next owner to get a processor", func(tr tracedStacks) []evidence.RequestState {
			at := tr.handler("sync.(*Mutex).Lock", "main.lock")
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitMutex, Ended: spans(1000, second), Open: spans(60, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: at, Woken: at, Wait: evidence.WaitMutex, Count: 1000}}
			tr.Sites = []evidence.CreationSite{{Start: tr.add("net/http.(*conn).serve"), Latency: spans(4000, 6*ms)}}
			return []evidence.RequestState{adds(evidence.StateRunnable, 0, 0, 15), adds(wait(evidence.WaitMutex), at, 1, 20)}
		}, causeCPU, "19 of the 34 added are waiting for a mutex that is handed to goroutines waiting for a processor"},
		{"a lock that is held for long, and handed over now and then", func(tr tracedStacks) []evidence.RequestState {
			at := tr.handler("sync.(*Mutex).Lock", "main.lock")
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitMutex, Ended: spans(1000, second), Open: spans(60, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: at, Woken: at, Wait: evidence.WaitMutex, Count: 1000}}
			tr.Sites = []evidence.CreationSite{{Start: tr.add("net/http.(*conn).serve"), Latency: spans(4000, 2*ms)}}
			return []evidence.RequestState{adds(evidence.StateRunnable, 0, 0, 15), adds(wait(evidence.WaitMutex), at, 1, 20)}
		}, causeMutex, ""},
		{"processors", func(tr tracedStacks) []evidence.RequestState {
			return []evidence.RequestState{adds(evidence.StateRunning, 0, 1, 2), adds(evidence.StateRunnable, 0, 0, 40), adds(wait(evidence.WaitMutex), tr.handler("main.lock"), 0, 39)}
		}, causeCPU, "running or waiting for a processor"},
		{"the collector", func(tr tracedStacks) []evidence.RequestState {
			tr.Sched.RunningNS = int64(20 * second)
			tr.Sites = []evidence.CreationSite{{Start: tr.add("runtime.gcBgMarkWorker"), RunNS: int64(3 * second)}}
			tr.GC.MarkNS = int64(4 * second)
			return []evidence.RequestState{adds(evidence.StateRunnable, 0, 1, 40), adds(evidence.StateAssist, 0, 0, 5)}
		}, causeGC, "the collector keeps the processors busy"},
		{"a collector that is entitled to what it takes", func(tr tracedStacks) []evidence.RequestState {
			tr.Sched.RunningNS = int64(20 * second)
			tr.Sites = []evidence.CreationSite{{Start: tr.add("runtime.gcBgMarkWorker"), RunNS: int64(5 * second)}}
			tr.GC.MarkNS = int64(2 * second)
			return []evidence.RequestState{adds(evidence.StateRunnable, 0, 1, 40)}
		}, causeCPU, ""},
		{"another service", func(tr tracedStacks) []evidence.RequestState {
			return []evidence.RequestState{adds(evidence.StateDownstream, tr.handler("main.call"), 2, 90)}
		}, causeDownstream, "waiting for downstream"},
		{"a socket of the program's own", func(tr tracedStacks) []evidence.RequestState {
			return []evidence.RequestState{adds(evidence.StateNetwork, tr.handler("main.call"), 2, 90)}
		}, causeDownstream, ""},
		{"a database's connections", func(tr tracedStacks) []evidence.RequestState {
			return []evidence.RequestState{adds(evidence.StatePool, tr.handler("database/sql.(*DB).conn", "main.query"), 2, 90)}
		}, causePool, "waiting for a pool"},
		{"slots that requests give to each other", func(tr tracedStacks) []evidence.RequestState {
			at, gives := tr.handler("runtime.chansend1", "main.take"), tr.handler("runtime.chanrecv1", "main.give")
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitChanSend, Ended: spans(900, second), Open: spans(90, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: gives, Woken: at, Wait: evidence.WaitChanSend, Count: 900}}
			return []evidence.RequestState{adds(wait(evidence.WaitChanSend), at, 2, 90)}
		}, causePool, "in a channel send"},
		{"slots that goroutines of requests give to each other", func(tr tracedStacks) []evidence.RequestState {
			const started = "golang.org/x/sync/errgroup.(*Group).Go.func1"
			at, item := tr.handler("sync.(*WaitGroup).Wait", "main.batch"), tr.add("runtime.selectgo", "main.take", "main.batch.func1", started)
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitWaitGroup, Ended: spans(900, second), Open: spans(90, second)},
				{Stack: item, Wait: evidence.WaitSelect, Ended: spans(2000, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: tr.add("sync.(*WaitGroup).Done", started), Woken: at, Wait: evidence.WaitWaitGroup, Count: 900},
				{Waker: tr.add("main.give", "main.batch.func1", started), Woken: item, Wait: evidence.WaitSelect, Count: 2000}}
			tr.Sites = []evidence.CreationSite{{Start: tr.add(started), Stack: tr.handler("main.batch"), Created: 2000, RunNS: int64(second)}}
			return []evidence.RequestState{adds(wait(evidence.WaitWaitGroup), at, 2, 90)}
		}, causePool, "they wait for by pool"},
		{"the same where deadlines end every third wait", func(tr tracedStacks) []evidence.RequestState {
			const started = "golang.org/x/sync/errgroup.(*Group).Go.func1"
			at, item := tr.handler("sync.(*WaitGroup).Wait", "main.batch"), tr.add("runtime.selectgo", "main.take", "main.batch.func1", started)
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitWaitGroup, Ended: spans(900, second), Open: spans(90, second)},
				{Stack: item, Wait: evidence.WaitSelect, Ended: spans(3000, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: tr.add("sync.(*WaitGroup).Done", started), Woken: at, Wait: evidence.WaitWaitGroup, Count: 900},
				{Waker: tr.add("runtime.closechan", "context.(*timerCtx).cancel", "context.WithDeadlineCause.func2"), Woken: item, Wait: evidence.WaitSelect, Count: 1000},
				{Waker: tr.add("main.give", "main.batch.func1", started), Woken: item, Wait: evidence.WaitSelect, Count: 2000}}
			tr.Sites = []evidence.CreationSite{{Start: tr.add(started), Stack: tr.handler("main.batch"), Created: 2000, RunNS: int64(second)}}
			return []evidence.RequestState{adds(wait(evidence.WaitWaitGroup), at, 2, 90)}
		}, causePool, "they wait for by pool"},
		{"goroutines of the request that feed each other", func(tr tracedStacks) []evidence.RequestState {
			const started = "golang.org/x/sync/errgroup.(*Group).Go.func1"
			at, part := tr.handler("sync.(*WaitGroup).Wait", "main.pipe"), tr.add("runtime.chanrecv1", "main.pipe.func2", started)
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitWaitGroup, Ended: spans(900, second), Open: spans(90, second)},
				{Stack: part, Wait: evidence.WaitChanRecv, Ended: spans(2000, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: tr.add("sync.(*WaitGroup).Done", started), Woken: at, Wait: evidence.WaitWaitGroup, Count: 900},
				{Waker: tr.add("main.pipe.func1", started), Woken: part, Wait: evidence.WaitChanRecv, Count: 2000}}
			tr.Sites = []evidence.CreationSite{{Start: tr.add(started), Stack: tr.handler("main.pipe"), Created: 2000, RunNS: int64(second)}}
			return []evidence.RequestState{adds(wait(evidence.WaitWaitGroup), at, 2, 90)}
		}, string(evidence.WaitChanRecv), ""},
		{"a limit of the program's own", func(tr tracedStacks) []evidence.RequestState {
			return []evidence.RequestState{adds(evidence.StateLimiter, tr.handler("golang.org/x/time/rate.(*Limiter).wait", "main.limited"), 2, 90)}
		}, causeLimiter, "waiting for a rate limiter"},
		{"workers that were there before", func(tr tracedStacks) []evidence.RequestState {
			at, worker := tr.handler("runtime.chansend1", "main.hand"), tr.add("runtime.chanrecv1", "main.work")
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitChanSend, Ended: spans(900, second), Open: spans(90, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: worker, Woken: at, Wait: evidence.WaitChanSend, Count: 900}}
			tr.Sites = []evidence.CreationSite{{Start: tr.add("main.work"), AtStart: 4}}
			return []evidence.RequestState{adds(wait(evidence.WaitChanSend), at, 2, 90)}
		}, causePool, "served by goroutines of main.work"},
		{"goroutines of the request that wait for another service", func(tr tracedStacks) []evidence.RequestState {
			at, part := tr.handler("sync.(*WaitGroup).Wait", "main.gather"), tr.add("net/http.(*persistConn).roundTrip", "main.ask", "main.gather.func1")
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitWaitGroup, Ended: spans(900, second), Open: spans(90, second)},
				{Stack: part, Wait: evidence.WaitSelect, Ended: spans(2000, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: tr.add("sync.(*WaitGroup).Done", "main.gather.func1"), Woken: at, Wait: evidence.WaitWaitGroup, Count: 900}}
			tr.Sites = []evidence.CreationSite{{Start: tr.add("main.gather.func1"), Stack: tr.handler("main.gather"), Created: 2000, RunNS: int64(second)}}
			return []evidence.RequestState{adds(wait(evidence.WaitWaitGroup), at, 2, 90)}
		}, causeDownstream, "the goroutines of main.gather.func1 that they wait for by downstream"},
		{"goroutines of the request that a deadline cuts off", func(tr tracedStacks) []evidence.RequestState {
			const started = "net/http.(*timeoutHandler).ServeHTTP.func1"
			at, part := tr.handler("runtime.selectgo", "net/http.(*timeoutHandler).ServeHTTP", "main.measured"), tr.add("net/http.(*persistConn).roundTrip", "main.ask", started)
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitSelect, Ended: spans(900, second), Open: spans(90, second)},
				{Stack: part, Wait: evidence.WaitSelect, Ended: spans(900, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: tr.add("runtime.closechan", started), Woken: at, Wait: evidence.WaitSelect, Count: 200},
				{Waker: tr.add("runtime.closechan", "context.(*timerCtx).cancel", "context.WithDeadlineCause.func2"), Woken: at, Wait: evidence.WaitSelect, Count: 700}}
			tr.Sites = []evidence.CreationSite{{Start: tr.add(started), Stack: tr.handler("net/http.(*timeoutHandler).ServeHTTP", "main.measured"), Created: 900, RunNS: int64(second)}}
			return []evidence.RequestState{adds(wait(evidence.WaitSelect), at, 2, 90)}
		}, causeDownstream, "that they wait for by downstream"},
		{"slots that two routes with deadlines share", func(tr tracedStacks) []evidence.RequestState {
			const started = "net/http.(*timeoutHandler).ServeHTTP.func1"
			at := tr.handler("runtime.selectgo", "net/http.(*timeoutHandler).ServeHTTP", "main.measured")
			list, item := tr.add("runtime.chansend1", "main.take", "main.list", started), tr.add("runtime.chansend1", "main.take", "main.item", started)
			lists, items := tr.add("runtime.chanrecv1", "main.give", "main.list", started), tr.add("runtime.chanrecv1", "main.give", "main.item", started)
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitSelect, Ended: spans(900, second), Open: spans(90, second)},
				{Stack: list, Wait: evidence.WaitChanSend, Ended: spans(900, second)}, {Stack: item, Wait: evidence.WaitChanSend, Ended: spans(800, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: tr.add("runtime.closechan", started), Woken: at, Wait: evidence.WaitSelect, Count: 900}}
			for _, woken := range []int32{list, item} {
				tr.Wakes = append(tr.Wakes, evidence.WakeEdge{Waker: lists, Woken: woken, Wait: evidence.WaitChanSend, Count: 450},
					evidence.WakeEdge{Waker: items, Woken: woken, Wait: evidence.WaitChanSend, Count: 450})
			}
			tr.Sites = []evidence.CreationSite{{Start: tr.add(started), Stack: tr.handler("net/http.(*timeoutHandler).ServeHTTP", "main.measured"), Created: 900, RunNS: int64(second)}}
			return []evidence.RequestState{adds(wait(evidence.WaitSelect), at, 2, 90)}
		}, causePool, "that they wait for by pool"},
		{"goroutines of the request that wait for a processor", func(tr tracedStacks) []evidence.RequestState {
			at := tr.handler("runtime.chanrecv1", "main.gather")
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitChanRecv, Ended: spans(900, second), Open: spans(90, second)}}
			tr.Wakes = []evidence.WakeEdge{{Waker: tr.add("main.gather.func1"), Woken: at, Wait: evidence.WaitChanRecv, Count: 900}}
			tr.Sites = []evidence.CreationSite{{Start: tr.add("main.gather.func1"), Stack: tr.handler("main.gather"), Created: 900, RunNS: int64(second), Latency: spans(900, second)}}
			return []evidence.RequestState{adds(wait(evidence.WaitChanRecv), at, 2, 90)}
		}, causeCPU, ""},
		{"a reply that nobody sends", func(tr tracedStacks) []evidence.RequestState {
			at := tr.handler("runtime.chanrecv1", "main.reply")
			open := spans(40, 5*second)
			open.AddN(int64(10*ms), 2)
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitChanRecv, Ended: spans(900, 20*ms), Open: open}}
			return []evidence.RequestState{adds(wait(evidence.WaitChanRecv), at, 2, 40)}
		}, causeStuck, "that nothing ends"},
		{"a lock that nobody gives back", func(tr tracedStacks) []evidence.RequestState {
			at := tr.handler("sync.(*Mutex).Lock", "main.lock")
			tr.Blocks = []evidence.BlockSite{{Stack: at, Wait: evidence.WaitMutex, Open: spans(40, 5*second)}}
			return []evidence.RequestState{adds(wait(evidence.WaitMutex), at, 2, 40)}
		}, causeStuck, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := traced(900)
			tr.Windows[0].DurationNS = 10e9
			tr.Requests[0].States = c.make(tracedStacks{tr})
			all, _ := trafficOf(tr)
			got := all.findCause()
			if got == nil || got.name != c.want || !strings.Contains(got.text(), c.text) {
				t.Fatalf("%+v, want %s", got, c.want)
			}
			// Clients that give up come before what their requests wait for, if they are many.
			tr.Requests[0].Abandoned = 224
			if all, _ = trafficOf(tr); all.findCause().name != c.want {
				t.Error("few clients that gave up are called the cause")
			}
			tr.Requests[0].Abandoned = 225
			if all, _ = trafficOf(tr); all.findCause().name != causeAbandoned {
				t.Error("many clients that gave up are not")
			}
		})
	}
}

// What does not grow is no cause.
func TestNoCause(t *testing.T) {
	tr := traced(900)
	tr.Windows[0].DurationNS = 10e9
	tr.Requests[0].States = []evidence.RequestState{adds(string(evidence.WaitMutex), 1, 20, 19)}
	all, _ := trafficOf(tr)
	if c := all.findCause(); c != nil {
		t.Errorf("%+v", c)
	}
}
