package leak

import (
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// settled makes the dump of a program whose load has stopped.
func settled(seq int, groups ...evidence.Group) evidence.Snapshot {
	s := dump(seq, groups...)
	s.Phase = evidence.Settled
	return s
}

// underLoad has six dumps, five seconds apart, in which ten goroutines a dump are born at other
// places: the traffic. births are the ids of a site at each dump.
func underLoad(births func(dump int) []uint64) []evidence.Snapshot {
	var out []evidence.Snapshot
	for i := range 6 {
		busy := group(evidence.WaitSelect, userStack("main.serve", 99), ids(uint64(1000*i)+900, uint64(1000*i)+910)...)
		out = append(out, dump(i, busy, group(evidence.WaitChanSend, userStack("main.send.func1", 20), births(i)...)))
	}
	return out
}

func TestAfterTheLoad(t *testing.T) {
	send := userStack("main.send.func1", 20)
	// Each dump's newest id is 1000*i+909.
	leak := func(i int) []uint64 {
		var all []uint64
		for j := 1; j <= i; j++ {
			all = append(all, ids(uint64(1000*j), uint64(1000*j+4))...)
		}
		return all
	}
	late := group(evidence.WaitSelect, userStack("main.serve", 99), ids(9000, 9010)...)
	cases := map[string]struct {
		load []evidence.Snapshot
		end  []evidence.Group
		want string
	}{
		"they stay":            {underLoad(leak), []evidence.Group{group(evidence.WaitChanSend, send, leak(5)...)}, "leak/chan-send:20 likely"},
		"they end":             {underLoad(leak), nil, ""},
		"nearly all end":       {underLoad(leak), []evidence.Group{group(evidence.WaitChanSend, send, 5003)}, ""},
		"the load goes on":     {underLoad(leak), []evidence.Group{group(evidence.WaitChanSend, send, leak(5)...), late}, "leak/chan-send:20 possible"},
		"older than the load":  {underLoad(func(int) []uint64 { return ids(100, 150) }), []evidence.Group{group(evidence.WaitChanSend, send, ids(100, 150)...)}, ""},
		"a pool that filled":   {underLoad(func(i int) []uint64 { return ids(1000, 1000+30*uint64(min(i, 1))) }), []evidence.Group{group(evidence.WaitChanSend, send, ids(1000, 1030)...)}, ""},
		"the latest only":      {underLoad(leak), []evidence.Group{group(evidence.WaitChanSend, send, append(ids(4000, 4004), append(ids(3000, 3004), append(ids(5000, 5004), ids(4100, 4120)...)...)...)...)}, ""},
		"too few":              {underLoad(leak), []evidence.Group{group(evidence.WaitChanSend, send, 1000, 2000, 3000)}, ""},
		"few of many, all day": {underLoad(func(i int) []uint64 { return ids(uint64(1000*i+1), uint64(1000*i+300)) }), []evidence.Group{group(evidence.WaitChanSend, send, 1010, 1020, 2010, 2020, 3010, 3020, 4010, 4020, 5010, 5020)}, "leak/chan-send:20 likely"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			last := settled(8, c.end...)
			last.At = epoch.Add(time.Minute)
			res := expect(t, snapshots(append(c.load, last)...), c.want)
			if strings.HasSuffix(c.want, "likely") {
				if m := res.Findings[0].Message; !strings.Contains(m, "came under load and stayed when it had stopped") {
					t.Errorf("message %q", m)
				}
				named := 0
				for _, m := range res.Findings[0].Measures {
					if m.Name == "survivors" {
						named++
						if m.WindowS == nil || *m.WindowS != 25 || m.Value < 5 {
							t.Errorf("survivors %+v", m)
						}
					}
				}
				if named != 1 {
					t.Errorf("%d measures of survivors", named)
				}
			}
		})
	}
}

// Some of a cohort that was likely under load have ended when it is over: it is no more than possible, and of a
// fifth none.
func TestAfterTheLoadSomeHaveEnded(t *testing.T) {
	send := userStack("main.send.func1", 20)
	all := func(i int) (all []uint64) {
		for j := 1; j <= i; j++ {
			all = append(all, ids(uint64(1000*j), uint64(1000*j+20))...)
		}
		return all
	}
	trace := traceOf(evidence.WaitChanSend, send, all(5), 100)
	for ended, want := range map[int]string{0: "leak/chan-send:20 likely", 8: "leak/chan-send:20 possible", 40: ""} {
		// The load goes on a little, so that those who stay do not speak for themselves.
		late := group(evidence.WaitSelect, userStack("main.serve", 99), ids(9000, 9010)...)
		set := snapshots(append(underLoad(all), settled(8, late, group(evidence.WaitChanSend, send, all(5)[ended:]...)))...)
		set.Trace = trace
		if got := summary(analyzeSet(t, set)); got != want {
			t.Errorf("%d have ended: %q, want %q", ended, got, want)
		}
	}
}

// As many helpers as there are keys stay when the load has stopped: the load met some of them for the first time.
func TestAfterTheLoadOneForEachKey(t *testing.T) {
	send := userStack("main.send.func1", 20)
	all := func(i int) (all []uint64) {
		for j := 1; j <= i; j++ {
			all = append(all, ids(uint64(1000*j), uint64(1000*j+4))...)
		}
		return all
	}
	set := snapshots(append(underLoad(all), settled(8, group(evidence.WaitChanSend, send, all(5)...)))...)
	set.Code = []evidence.CodeSite{{Function: send[0].Function, File: send[0].File, Line: send[0].Line, Keyed: "s.queues"}}
	expect(t, set, "leak/chan-send:20 possible")
}

// Without ids nobody can say who came with the load: the other evidence decides alone.
func TestAfterTheLoadWithoutIDs(t *testing.T) {
	load := growingDumps(6, 10, evidence.WaitChanSend, userStack("main.send.func1", 20))
	last := counted(8)
	last.Phase = evidence.Settled
	expect(t, snapshots(append(load, last)...), "leak/chan-send:20 possible")
}

func TestAfterTests(t *testing.T) {
	std := evidence.Stack{{Function: "net/http.(*persistConn).addTLS", File: "/go/src/net/http/transport.go", Line: 1}}
	init0 := group(evidence.WaitSelect, userStack("main.flush", 50), 7)
	init0.CreatedBy.Function = "example.com/log.init.0"
	named := group(evidence.WaitSelect, userStack("main.flush", 50), 7)
	named.CreatedBy.Function = "example.com/log.initialise"
	main := evidence.Group{Wait: evidence.WaitNone, State: "running", Stack: userStack("main.main", 1), Count: 1, IDs: []uint64{1}}
	marked := group(evidence.WaitChanRecv, userStack("main.recv", 30), 9)
	marked.Leaked = 1
	cases := map[string]struct {
		groups []evidence.Group
		want   string
	}{
		"nobody":                {nil, ""},
		"a sender":              {[]evidence.Group{group(evidence.WaitChanSend, userStack("main.send", 20), 8)}, "leak/chan-send:20 likely"},
		"a receiver, by proof":  {[]evidence.Group{marked}, "leak/chan-receive:30 proven"},
		"a nil channel":         {[]evidence.Group{group(evidence.WaitNilChan, userStack("main.none", 40), 8)}, "leak/nil-chan:40 proven"},
		"select{}":              {[]evidence.Group{group(evidence.WaitNoCases, userStack("main.none", 40), 8)}, "leak/nil-chan:40 proven"},
		"a sleeper":             {[]evidence.Group{group(evidence.WaitSleep, userStack("main.poll", 60), 8)}, "leak/sleep:60 likely"},
		"by the library":        {[]evidence.Group{group(evidence.WaitSelect, std, 8)}, "leak/select:10 possible"},
		"by initialisation":     {[]evidence.Group{init0}, ""},
		"by a function so like": {[]evidence.Group{named}, "leak/select:50 likely"},
		"running":               {[]evidence.Group{{Wait: evidence.WaitNone, State: "running", Stack: userStack("main.spin", 70), Count: 1, IDs: []uint64{8}}}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			res := expect(t, snapshots(settled(0, append(c.groups, main)...)), c.want)
			if st := res.Outcomes[0].State; st != analyze.Ran {
				t.Errorf("the detector is %s: %s", st, res.Outcomes[0].Why)
			}
		})
	}
}

// The dumps of several packages are of as many processes: their goroutines add up.
func TestAfterTestsOfSeveralPackages(t *testing.T) {
	one := group(evidence.WaitChanSend, userStack("main.send", 20), 8)
	two := group(evidence.WaitChanSend, userStack("main.send", 20), 8, 9)
	res := expect(t, snapshots(settled(0, one), settled(1), settled(2, two)), "leak/chan-send:20 likely")
	f := res.Findings[0]
	if !strings.HasPrefix(f.Message, "3 goroutines in a channel send outlive the tests") || f.Measures[0].Value != 3 {
		t.Errorf("%q, %+v", f.Message, f.Measures[0])
	}
}
