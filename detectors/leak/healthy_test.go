package leak

import (
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// repeat makes n dumps of what a function says is there at each.
func repeat(n int, at func(i int) []evidence.Group) *evidence.Set {
	var set evidence.Set
	for i := range n {
		set.Snapshots = append(set.Snapshots, dump(i, at(i)...))
	}
	return &set
}

func one(g evidence.Group) []evidence.Group { return []evidence.Group{g} }

func TestHealthyYieldsNothing(t *testing.T) {
	wave := []uint64{100, 300, 420, 500, 420, 300}
	for name, at := range map[string]func(i int) []evidence.Group{
		"12,000 idle workers": func(i int) []evidence.Group {
			return one(group(evidence.WaitSelect, userStack("main.worker", 7), ids(10, 12010)...))
		},
		"requests pass": func(i int) []evidence.Group {
			return one(group(evidence.WaitSelect, userStack("main.handle", 7, connServe), ids(uint64(i)*5000, uint64(i)*5000+300)...))
		},
		"sine load": func(i int) []evidence.Group {
			return one(group(evidence.WaitSelect, userStack("main.job", 7), ids(uint64(i)*5000, uint64(i)*5000+wave[i])...))
		},
		"long polls answered in turn": func(i int) []evidence.Group {
			return one(group(evidence.WaitSelect, userStack("main.poll", 7, connServe), ids(uint64(i)*200, uint64(i)*200+600)...))
		},
		"a growing queue of requests": func(i int) []evidence.Group {
			served := uint64(i) * 400
			return one(group(evidence.WaitSelect, userStack("main.call", 7, connServe), ids(served, served+100+uint64(i)*200)...))
		},
		"a growing backlog of jobs": func(i int) []evidence.Group {
			done := uint64(i) * 400
			return one(group(evidence.WaitChanSend, userStack("main.enqueue", 7), ids(done, done+100+uint64(i)*200)...))
		},
		"idle server connections": func(i int) []evidence.Group {
			g := group(evidence.WaitIO, evidence.Stack{{Function: "internal/poll.runtime_pollWait"},
				{Function: "net.(*conn).Read"}, {Function: "net/http.(*connReader).Read"}, {Function: connServe}}, ids(10, 200+uint64(i)*100)...)
			g.CreatedBy = evidence.Frame{Function: "net/http.(*Server).Serve"}
			return one(g)
		},
		"uploads that clients send slowly": func(i int) []evidence.Group {
			read := evidence.Stack{{Function: "internal/poll.runtime_pollWait"}, {Function: "net/http.(*connReader).Read"}, {Function: bodyRead},
				userStack("main.store", 9)[0], {Function: "net/http.serverHandler.ServeHTTP"}, {Function: connServe}}
			return one(group(evidence.WaitIO, read, ids(10, 50+uint64(i)*20)...))
		},
		"background reads of requests": func(i int) []evidence.Group {
			return one(group(evidence.WaitIO, evidence.Stack{{Function: "internal/poll.runtime_pollWait"},
				{Function: "net/http.(*connReader).backgroundRead"}}, ids(10, 200+uint64(i)*100)...))
		},
		"a connection pool that churns": func(i int) []evidence.Group {
			return one(group(evidence.WaitIO, userStack("example.com/db.(*conn).readLoop", 7), ids(uint64(i)*10, uint64(i)*10+50)...))
		},
		"main and signals": func(i int) []evidence.Group {
			m := group(evidence.WaitSelect, userStack("main.main", 3), 1)
			m.CreatedBy = evidence.Frame{}
			sig := group(evidence.WaitSyscall, evidence.Stack{{Function: "os/signal.signal_recv"}, {Function: "os/signal.loop"}}, 7)
			return []evidence.Group{m, sig}
		},
		"workers hop between jobs and idling": func(i int) []evidence.Group {
			var busy, idle []uint64
			for id := uint64(10); id < 110; id++ {
				if (id*7+uint64(i)*13)%10 < uint64(3+i) {
					busy = append(busy, id)
				} else {
					idle = append(idle, id)
				}
			}
			return []evidence.Group{group(evidence.WaitIO, userStack("main.do", 9, "main.worker"), busy...),
				group(evidence.WaitChanRecv, userStack("main.worker", 7), idle...)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{6, 5, 3} {
				expect(t, repeat(n, func(i int) []evidence.Group { return at(i + 6 - n) }), "")
			}
		})
	}
}

// Connections that come at a steady rate, with a goroutine each, and a silent trace.
func TestGrowthInStepWithConnectionsIsNeverLikely(t *testing.T) {
	stack := userStack("main.writePump", 7)
	set := repeat(6, func(i int) []evidence.Group {
		n := uint64(i+1) * 100
		return []evidence.Group{
			group(evidence.WaitSelect, stack, ids(1000, 1000+n)...),
			group(evidence.WaitIO, userStack("main.serveSocket", 20, connServe), ids(9000, 9000+n)...),
		}
	})
	set.Trace = traceOf(evidence.WaitSelect, stack, ids(1000, 1600), 600)
	for _, f := range analyzeSet(t, set).Findings {
		if f.Confidence > analyze.Possible {
			t.Errorf("%s at %s", f.Rule, f.Confidence)
		}
	}
}

// Subscriptions that end with their requests, of which a wave ended between the counts and the first dump: what
// comes afterwards comes in step, whatever there was before.
func TestGrowthInStepAfterAWaveOfRequests(t *testing.T) {
	stack := userStack("main.subscribe", 7)
	request := userStack("main.poll", 20, connServe)
	set := repeat(6, func(i int) []evidence.Group {
		n := uint64(i+1) * 20
		// The connections are those of the wave: they were idle before.
		idle := group(evidence.WaitIO, evidence.Stack{{Function: "net/http.(*connReader).Read"}, {Function: connServe}}, ids(9000+n, 9300)...)
		return []evidence.Group{group(evidence.WaitChanRecv, stack, ids(1000, 1000+n)...), group(evidence.WaitSelect, request, ids(9000, 9000+n)...), idle}
	})
	set.Trace = traceOf(evidence.WaitChanRecv, stack, ids(1000, 1120), 120)
	before := counted(-1, number(evidence.WaitChanRecv, stack, 300), number(evidence.WaitSelect, request, 300))
	set.Snapshots = slices.Insert(set.Snapshots, 0, before)
	f := expect(t, set, "leak/chan-receive:7 possible").Findings[0]
	if !strings.Contains(f.Message, "so do requests in flight") {
		t.Errorf("message %q", f.Message)
	}
}

// Growth that stopped is a hint, and none where the goroutines are seen to work.
func TestGrowthThatStopped(t *testing.T) {
	stack := userStack("main.worker", 7)
	for name, sizes := range map[string][]uint64{
		"a ramp to a plateau": {0, 500, 850, 1000, 1050, 1060},
		"arrivals ended":      {20, 40, 60, 100, 140, 140},
	} {
		t.Run(name, func(t *testing.T) {
			set := repeat(6, func(i int) []evidence.Group {
				return one(group(evidence.WaitChanRecv, stack, ids(100, 100+sizes[i])...))
			})
			f := expect(t, set, "leak/chan-receive:7 low").Findings[0]
			if !strings.Contains(f.Message, "growing, unproven: ever fewer came") || f.Next != tryLonger {
				t.Errorf("%q, next %q", f.Message, f.Next)
			}
			set.Trace = traceOf(evidence.WaitChanRecv, stack, ids(100, 100+sizes[5]), int(sizes[5]))
			expect(t, set, "leak/chan-receive:7 low")
			stir(set.Trace, ids(100, 100+sizes[5]/2))
			expect(t, set, "")
		})
	}
}

func TestOneSnapshot(t *testing.T) {
	idle := func(n uint64, minutes int) evidence.Group {
		g := group(evidence.WaitSelect, userStack("main.worker", 7), ids(10, 10+n)...)
		g.MaxMinutes = minutes
		return g
	}
	for name, tc := range map[string]struct {
		set   *evidence.Set
		want  string
		state analyze.State
	}{
		"12,000 idle workers are a hint at most": {snapshots(dump(0, idle(12000, 0))), "leak/select:7 low", analyze.Ran},
		"a cluster that waits for minutes":       {snapshots(dump(0, idle(150, 4))), "leak/select:7 low", analyze.Ran},
		"a fresh cluster":                        {snapshots(dump(0, idle(150, 0))), "", analyze.Inconclusive},
		"a small pool":                           {snapshots(dump(0, idle(64, 30))), "", analyze.Inconclusive},
		"protobuf":                               {snapshots(counted(0, number(evidence.WaitSelect, userStack("main.worker", 7), 64))), "", analyze.Inconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			out := expect(t, tc.set, tc.want).Outcomes[0]
			if out.State != tc.state {
				t.Errorf("state %s, want %s", out.State, tc.state)
			}
			asked := out.Try
			for _, u := range out.Unchecked {
				asked += u.Try
			}
			if !strings.Contains(asked, "go-debug capture") {
				t.Errorf("no command to try: %+v", out)
			}
		})
	}
}

func TestCutDumpsAreNoExits(t *testing.T) {
	set := snapshots(growingDumps(6, 30, evidence.WaitChanSend, userStack("main.work", 7))...)
	cut := dump(6, group(evidence.WaitChanSend, userStack("main.work", 7), ids(100, 110)...))
	cut.Complete = false
	set.Snapshots = append(set.Snapshots, cut)
	res := expect(t, set, "leak/chan-send:7 possible")
	if u := res.Outcomes[0].Unchecked; len(u) != 1 || !strings.Contains(u[0].What, "cut") {
		t.Errorf("unchecked %v", u)
	}
}

func TestOrderOfGroupsDoesNotMatter(t *testing.T) {
	set := repeat(6, func(i int) []evidence.Group {
		n := uint64(i+1) * 20
		return []evidence.Group{group(evidence.WaitChanSend, userStack("main.a", 7), ids(100, 100+n)...),
			group(evidence.WaitMutex, userStack("main.b", 8), ids(1000, 1000+n)...)}
	})
	want := analyzeSet(t, set)
	for i := range set.Snapshots {
		slices.Reverse(set.Snapshots[i].Groups)
	}
	got := analyzeSet(t, set)
	if summary(got) != summary(want) || got.Findings[0].Message != want.Findings[0].Message {
		t.Error("findings depend on the order of groups")
	}
}

func TestGrowthThatIsNoLeak(t *testing.T) {
	work := userStack("main.work", 7)
	for name, at := range map[string]func(i int) []evidence.Group{
		"one batch that takes long": func(i int) []evidence.Group {
			members := ids(uint64(i+1)*1000, uint64(i+1)*1000+40)
			if i >= 4 {
				members = append(members, ids(50, 60)...)
			}
			return one(group(evidence.WaitChanRecv, work, members...))
		},
		"requests, a few of which are answered": func(i int) []evidence.Group {
			return one(group(evidence.WaitSelect, userStack("main.handle", 7, connServe), ids(100+uint64(i), 200+uint64(i)*100)...))
		},
	} {
		t.Run(name, func(t *testing.T) { expect(t, repeat(6, at), "") })
	}
}

// Requests that leave are served, however their number grows.
func TestRequestsThatLeave(t *testing.T) {
	stack := userStack("main.handle", 7, connServe)
	for name, served := range map[string]uint64{"none": 0, "one in forty": 1} {
		set := repeat(6, func(i int) []evidence.Group {
			return one(group(evidence.WaitChanRecv, stack, ids(1000+served*uint64(i), 1000+40*uint64(i+1))...))
		})
		want := "leak/chan-receive:7 possible"
		if served > 0 {
			want = ""
		}
		t.Run(name, func(t *testing.T) { expect(t, set, want) })
	}
}

func TestQueuedRequestsWithoutIDs(t *testing.T) {
	var set evidence.Set
	for i := range 6 {
		set.Snapshots = append(set.Snapshots, counted(i, number(evidence.WaitSelect, userStack("main.handle", 7, connServe), 100+i*300)))
	}
	expect(t, &set, "")
}

func TestTraceShowsAPoolAtWork(t *testing.T) {
	stack := userStack("main.worker", 7)
	set := snapshots(dump(0, group(evidence.WaitSelect, stack, ids(10, 12010)...)))
	set.Trace = traceOf(evidence.WaitSelect, stack, ids(10, 12010), 100)
	set.Trace.Blocks[0].Ended.AddN(1e6, 30000)
	expect(t, set, "")
}

// Workers that are away at a job when some dumps are taken are not born again when they come back.
func TestComingBackIsNoBirth(t *testing.T) {
	at := func(i int) []evidence.Group {
		var idle, busy []uint64
		for id := uint64(100); id < 100+uint64(min(i+1, 4))*30; id++ {
			if (id*7+uint64(i)*5)%20 == 0 {
				busy = append(busy, id)
			} else {
				idle = append(idle, id)
			}
		}
		return []evidence.Group{group(evidence.WaitChanRecv, userStack("main.worker", 7), idle...), group(evidence.WaitIO, userStack("main.job", 9, "main.worker"), busy...)}
	}
	for _, h := range follow(repeat(7, at).SnapshotsOf(evidence.Goroutine), placeByLine) {
		if h.class == evidence.WaitChanRecv && total(h.born[5:]) > 0 {
			t.Errorf("born %v, want none after the last worker was started", h.born)
		}
	}
}
