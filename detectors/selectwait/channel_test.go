package selectwait

import (
	"context"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/detectors/detectortest"
)

func TestFunctionsExist(t *testing.T) { detectortest.Signatures(t, signatures...) }

var (
	sending   = frames("runtime.chansend", "runtime.chansend1", "main.feed")
	fighting  = frames("runtime.procyield", "runtime.lock2", "runtime.chansend", "runtime.chansend1", "main.feed")
	receiving = frames("runtime.chanrecv", "runtime.chanrecv2", "main.drain")
	lockedOut = frames("runtime.unlock", "runtime.chansend", "runtime.chansend1", "main.feed")
	received  = frames("runtime.chanrecv1", "main.(*sink).run")
	storing   = evidence.Stack{{Function: "time.Sleep", File: "/go/src/std.go", Line: 1}, {Function: "main.store", File: "/src/app/main.go", Line: 90},
		{Function: "main.(*sink).run", File: "/src/app/main.go", Line: 70}}
	twoCases = frames("runtime.selectgo", "main.spin")
	waking   = frames("runtime.ready", "runtime.goready.func1", "runtime.systemstack", "runtime.goready", "runtime.recv", "runtime.selectgo", "main.spin")
	moving   = frames("runtime.memmove", "runtime.typedmemmove", "runtime.selectgo", "main.spin")
)

// asSelect has the senders of a trace wait in a select, which others than a receiver let go on so many times.
func asSelect(t *evidence.Trace, others int64) *evidence.Trace {
	b := &t.Blocks[0]
	for _, id := range t.Stacks[b.Stack] {
		if t.Frames[id].Function == "runtime.chansend1" {
			t.Frames[id].Function = "runtime.selectgo"
		}
	}
	b.Wait, t.Wakes[0].Wait = evidence.WaitSelect, evidence.WaitSelect
	t.Wakes = append(t.Wakes, evidence.WakeEdge{Woken: b.Stack, Wait: evidence.WaitSelect, Count: others})
	t.Sites = []evidence.CreationSite{{Start: b.Stack, AtStart: 8, Created: 900, Ended: 900, AtEnd: 8}}
	return t
}

// standing makes the senders a crew that is there all the time.
func standing(t *evidence.Trace) *evidence.Trace {
	t.Sites[0].Created, t.Sites[0].Ended = 0, 0
	return t
}

// fanTrace is a second in which n senders wait for w nanoseconds each, for one who sleeps.
func fanTrace(n, w int64) *evidence.Trace {
	t := traced(0, 0, nil)
	t.Windows[0].DurationNS = 1e9
	t.Blocks, t.Wakes = nil, nil
	add := func(s evidence.Stack) int32 {
		var ids []int32
		for _, f := range s {
			ids = append(ids, int32(len(t.Frames)))
			t.Frames = append(t.Frames, f)
		}
		t.Stacks = append(t.Stacks, ids)
		return int32(len(t.Stacks) - 1)
	}
	put, run := add(blocked), add(received)
	site := evidence.BlockSite{Stack: put, Wait: evidence.WaitChanSend}
	site.Ended.AddN(w, n)
	nap := evidence.BlockSite{Stack: add(storing), Wait: evidence.WaitSleep}
	nap.Ended.AddN(9e8/n, n)
	t.Blocks = []evidence.BlockSite{site, nap}
	t.Wakes = []evidence.WakeEdge{{Waker: run, Woken: put, Wait: evidence.WaitChanSend, Count: n, DelayNS: n * w}}
	return t
}

func consumers(n int) evidence.Snapshot {
	return evidence.Snapshot{Kind: evidence.Goroutine, Complete: true, Total: n + 8, Groups: []evidence.Group{
		{Wait: evidence.WaitSleep, Stack: storing, Count: n}, {Wait: evidence.WaitChanSend, Stack: blocked, Count: 8}}}
}

func mutex(seconds float64, rows ...values) *evidence.Profile {
	p := profile(evidence.Mutex, []string{"contentions", "delay"}, seconds, rows...)
	return p
}

func TestChannels(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	total := func(seconds int, delay int64) *evidence.Profile {
		p := block(0, values{blocked, []int64{delay / 1e6, delay}})
		p.At, p.Seq = start.Add(time.Duration(seconds)*time.Second), seconds
		return p
	}
	for name, tc := range map[string]struct {
		set     *evidence.Set
		want    string
		message string
	}{
		"one receives for all": {&evidence.Set{Trace: fanTrace(1000, 8e6), Snapshots: []evidence.Snapshot{consumers(1)},
			Profiles: []*evidence.Profile{block(10, values{blocked, []int64{900, 80e9}})}},
			"selectwait/fan-in:66 likely", "8 senders wait here on average for the one goroutine that receives, main.(*sink).run at main.go:66, asleep in time.Sleep at main.go:90 (90 % of the time)"},
		"several receive": {&evidence.Set{Trace: fanTrace(1000, 8e6), Snapshots: []evidence.Snapshot{consumers(4)}},
			"selectwait/backpressure:66 possible", "for the 4 goroutines that receive, main.(*sink).run at main.go:66"},
		"senders in a select": {&evidence.Set{Trace: asSelect(fanTrace(1000, 8e6), 20), Snapshots: []evidence.Snapshot{consumers(4)},
			Profiles: []*evidence.Profile{block(10, values{frames("runtime.selectgo", "main.(*queue).put"), []int64{900, 80e9}})}},
			"selectwait/backpressure:66 likely", "for the 4 goroutines that receive, main.(*sink).run at main.go:66"},
		"a select that waits for other things, too": {&evidence.Set{Trace: asSelect(fanTrace(1000, 8e6), 200), Snapshots: []evidence.Snapshot{consumers(4)}}, "", ""},
		"a standing crew in a select":               {&evidence.Set{Trace: standing(asSelect(fanTrace(1000, 8e6), 20)), Snapshots: []evidence.Snapshot{consumers(4)}}, "", ""},
		"a select without a trace":                  {&evidence.Set{Profiles: []*evidence.Profile{block(10, values{frames("runtime.selectgo", "main.(*queue).put"), []int64{900, 80e9}})}}, "", ""},
		"who receives is not known": {&evidence.Set{Profiles: []*evidence.Profile{block(10, values{blocked, []int64{900, 80e9}})}},
			"selectwait/backpressure:66 possible", "8 senders wait here on average for a receiver"},
		"totals, the first less the last": {&evidence.Set{Profiles: []*evidence.Profile{total(0, 50e9), total(10, 90e9)}},
			"selectwait/backpressure:66 possible", "4 senders wait"},
		"totals, quiet in between":     {&evidence.Set{Profiles: []*evidence.Profile{total(0, 50e9), total(10, 51e9)}}, "", ""},
		"few waits in a trace":         {&evidence.Set{Trace: fanTrace(5, 9e8), Snapshots: []evidence.Snapshot{consumers(1)}}, "", ""},
		"channels take the CPU":        {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{400: sending, 201: receiving, 300: work})}}, "selectwait/channel-cpu:66 likely", "67 % of the CPU (0.6 cores) goes into channel operations, most of it here"},
		"their locks take the CPU":     {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{100: sending, 300: fighting, 500: work})}}, "selectwait/channel-cpu:66 likely", "75 % of that for the channels' locks"},
		"switching takes more":         {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{250: sending, 500: sched, 200: work})}}, "", ""},
		"threads wait for their locks": {&evidence.Set{Profiles: []*evidence.Profile{mutex(10, values{lockedOut, []int64{9000, 20e9}}), cpu(map[int64]evidence.Stack{50: sending, 900: work})}}, "selectwait/channel-cpu:66 possible", "threads wait 2 s per second for the locks inside channels"},
		"a loop of two selects": {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{300: poll, 500: twoCases, 100: work})}, Trace: fanTrace(5, 1)},
			"selectwait/busy-poll:66 likely", "89 % of the CPU (0.8 cores)"},
		"a select that is always ready": {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{500: twoCases, 4: moving, 300: work})}, Trace: fanTrace(5, 1)},
			"selectwait/select-cpu:66 likely", "goes into this select"},
		"a loop that finds something now and then": {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{700: twoCases, 2: moving, 60: waking, 100: work})}, Trace: fanTrace(5, 1)},
			"selectwait/busy-poll:66 likely", "goes into a select that never waits"},
		"a loop that the collector stops": {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{700: twoCases, 100: work})}, Trace: stopped(twoCases[1:])},
			"selectwait/busy-poll:66 likely", "goes into a select that never waits"},
		"a select that waits now and then": {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{500: sel, 100: work})}, Trace: traced(3, 3, sendOne)},
			"selectwait/select-cpu:66 likely", "goes into this select"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, fs := detect(t, tc.set)
			if got != tc.want || len(fs) > 0 && !strings.Contains(fs[0].Message, tc.message) {
				t.Fatalf("%q: %+v\nwant %q: %q", got, fs, tc.want, tc.message)
			}
			for _, f := range fs {
				for _, m := range f.Measures {
					if m.Unit == "" || m.Method == "" || m.N == 0 {
						t.Errorf("measure %s lacks unit, method or n: %+v", m.Name, m)
					}
				}
			}
		})
	}
}

// A channel whose places are given back by those who take them is a semaphore, wherever the two stand in the function.
func TestSemaphore(t *testing.T) {
	at := func(names ...any) (s evidence.Stack) {
		for i := 0; i < len(names); i += 2 {
			s = append(s, evidence.Frame{Function: names[i].(string), File: "/src/app/main.go", Line: names[i+1].(int)})
		}
		return s
	}
	for name, tt := range map[string]struct {
		from, to evidence.Stack
		want     string
	}{
		"in methods of its own": {at("main.(*gate).enter", 5, "main.serve", 20), at("main.(*gate).leave", 9, "main.serve", 31), "main.serve"},
		"deferred":              {at("main.serve", 20), at("main.serve.func1", 21, "main.serve", 31), "main.serve"},
		"a worker":              {at("main.serve", 20), at("main.work", 40), ""},
		"one middleware of two": {at("main.put", 20, "main.logged", 50), at("main.get", 30, "main.logged", 50), ""},
		"a stage after another": {at("main.stage", 12), at("main.stage", 10), ""},
	} {
		if got, _ := holder(tt.from, tt.to); got.Function != tt.want {
			t.Errorf("%s: holder %q, want %q", name, got.Function, tt.want)
		}
	}
}

// TestSendersHaveOneFingerprint, whether one or several receive, and whoever says so.
func TestSendersHaveOneFingerprint(t *testing.T) {
	one := &evidence.Set{Trace: fanTrace(1000, 8e6), Snapshots: []evidence.Snapshot{consumers(1)}}
	unknown := &evidence.Set{Profiles: []*evidence.Profile{block(10, values{blocked, []int64{900, 80e9}})}}
	_, _, a := detect(t, one)
	_, _, b := detect(t, unknown)
	if len(a) != 1 || len(b) != 1 || a[0].Rule == b[0].Rule || a[0].Fingerprint != b[0].Fingerprint {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// TestSharesOfGoroutinesAreOffByDefault: and with the threshold set, say how they grew.
func TestSharesOfGoroutinesAreOffByDefault(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, last := parked(400, 200), parked(900, 200)
	first.At, last.At, last.Seq = start, start.Add(10*time.Second), 1
	set := &evidence.Set{Snapshots: []evidence.Snapshot{first, last}}
	if got, _, _ := detect(t, set); got != "" {
		t.Errorf("findings %q by default", got)
	}
	res, err := analyze.Run(context.Background(), set, []*analyze.Detector{Detector}, analyze.Options{Params: map[string]float64{"selectwait.min-parked-share": 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Findings) != 1 || res.Findings[0].Rule != ruleParked || res.Findings[0].Message != "900 of 1100 goroutines wait in this select" {
		t.Fatalf("findings %+v", res.Findings)
	}
	for _, m := range res.Findings[0].Measures {
		if m.Name == "parked_growth" && m.Value != 50 {
			t.Errorf("growth %v per second, want 50", m.Value)
		}
	}
}

// stopped is a trace in which a goroutine stands still while its stack is scanned.
func stopped(at evidence.Stack) *evidence.Trace {
	tr := &evidence.Trace{Stacks: [][]int32{{}, nil}, Windows: []evidence.TraceWindow{{DurationNS: 1e9}}}
	for _, f := range at {
		tr.Stacks[1] = append(tr.Stacks[1], int32(len(tr.Frames)))
		tr.Frames = append(tr.Frames, f)
	}
	tr.Blocks = []evidence.BlockSite{{Stack: 1}}
	tr.Blocks[0].Ended.AddN(1000, 3)
	return tr
}
