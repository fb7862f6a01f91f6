package selectwait

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

func frames(names ...string) evidence.Stack {
	var s evidence.Stack
	for _, n := range names {
		f := evidence.Frame{Function: n, File: "/go/src/std.go", Line: 1}
		if strings.HasPrefix(n, "main.") {
			f.File, f.Line = "/src/app/main.go", 66
		}
		s = append(s, f)
	}
	return s
}

// values is one stack of a profile.
type values struct {
	stack evidence.Stack
	v     []int64
}

func profile(kind evidence.Kind, types []string, seconds float64, rows ...values) *evidence.Profile {
	p := &evidence.Profile{Kind: kind, DurationNS: int64(seconds * 1e9), Totals: make([]int64, len(types))}
	for _, t := range types {
		p.SampleTypes = append(p.SampleTypes, evidence.ValueType{Type: t})
	}
	for _, r := range rows {
		vs := evidence.ValueStack{Values: r.v, Count: 1}
		for _, f := range r.stack {
			vs.Frames = append(vs.Frames, int32(len(p.Frames)))
			p.Frames = append(p.Frames, f)
		}
		p.Stacks = append(p.Stacks, vs)
		for i, v := range r.v {
			p.Totals[i] += v
		}
	}
	return p
}

// cpu makes a 10 s CPU profile at 100 Hz.
func cpu(rows map[int64]evidence.Stack) *evidence.Profile {
	var vs []values
	for n, s := range rows {
		vs = append(vs, values{s, []int64{n, n * 1e7}})
	}
	slices.SortFunc(vs, func(a, b values) int { return int(b.v[0] - a.v[0]) })
	return profile(evidence.CPU, []string{"samples", "cpu"}, 10, vs...)
}

func block(seconds float64, rows ...values) *evidence.Profile {
	return profile(evidence.Block, []string{"contentions", "delay"}, seconds, rows...)
}

func parked(n, others int) evidence.Snapshot {
	return evidence.Snapshot{Kind: evidence.Goroutine, Complete: true, Total: n + others, Groups: []evidence.Group{
		{Wait: evidence.WaitSelect, Stack: frames("runtime.gopark", "runtime.selectgo", "main.(*hub).deliver"), Count: n},
		{Wait: evidence.WaitIO, Stack: frames("internal/poll.runtime_pollWait", "net/http.(*conn).serve"), Count: others},
	}}
}

// traced has waiters at a select, and wake-ups of them from a stack.
func traced(open, wakes int64, waker evidence.Stack) *evidence.Trace {
	t := &evidence.Trace{Stacks: [][]int32{{}}, Windows: []evidence.TraceWindow{{DurationNS: 25e7}}}
	add := func(s evidence.Stack) int32 {
		var ids []int32
		for _, f := range s {
			ids = append(ids, int32(len(t.Frames)))
			t.Frames = append(t.Frames, f)
		}
		t.Stacks = append(t.Stacks, ids)
		return int32(len(t.Stacks) - 1)
	}
	waiting := add(frames("runtime.selectgo", "main.(*hub).deliver"))
	site := evidence.BlockSite{Stack: waiting, Wait: evidence.WaitSelect}
	site.Open.AddN(1e6, open)
	t.Blocks = []evidence.BlockSite{site}
	t.Wakes = []evidence.WakeEdge{{Waker: add(waker), Woken: waiting, Wait: evidence.WaitSelect, Count: wakes}}
	return t
}

func detect(t *testing.T, set *evidence.Set) (string, analyze.Outcome, []analyze.Finding) {
	t.Helper()
	res, err := analyze.Run(context.Background(), set, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcomes[0].State == analyze.Failed {
		t.Fatal(res.Outcomes[0].Why)
	}
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s:%d %s", f.Rule, f.Location.Line, f.Confidence))
	}
	slices.Sort(out)
	return strings.Join(out, "; "), res.Outcomes[0], res.Findings
}

var (
	work     = frames("main.render", "net/http.(*conn).serve")
	sel      = frames("runtime.lock2", "runtime.selectgo", "main.(*hub).deliver")
	parking  = frames("runtime.acquireSudog", "runtime.selectgo", "main.(*hub).deliver")
	poll     = frames("runtime.selectnbrecv", "main.spin")
	sched    = frames("runtime.findRunnable", "runtime.schedule", "runtime.park_m", "runtime.mcall")
	closing  = frames("runtime.goready", "runtime.closechan", "main.(*hub).handlePublish")
	publish  = frames("main.(*hub).handlePublish", "net/http.(*conn).serve")
	sendOne  = frames("runtime.chansend1", "main.(*pool).submit")
	blocked  = frames("runtime.chansend1", "main.(*queue).put")
	idleWait = frames("runtime.selectgo", "main.worker")
)

func TestFindings(t *testing.T) {
	for name, tc := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"select takes the CPU": {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{600: sel, 2: parking, 300: work})}},
			"selectwait/select-cpu:66 likely"},
		"polling": {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{800: poll, 100: work})}},
			"selectwait/busy-poll:66 likely"},
		"polling between work": {&evidence.Set{Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{250: poll, 700: work})}},
			"selectwait/busy-poll:66 possible"},
		"a herd in CPU": {&evidence.Set{Snapshots: []evidence.Snapshot{parked(4000, 200)},
			Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{300: sel, 60: closing, 400: work, 240: sched})}},
			"selectwait/herd:66 likely"},
		"a herd in a trace": {&evidence.Set{Snapshots: []evidence.Snapshot{parked(4000, 200)}, Trace: traced(4000, 40000, publish)},
			"selectwait/herd:66 possible"},
		"a herd in both": {&evidence.Set{Snapshots: []evidence.Snapshot{parked(4000, 200)}, Trace: traced(4000, 40000, publish),
			Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{110: sel, 40: closing, 850: work})}},
			"selectwait/herd:66 likely"},
		"senders wait": {&evidence.Set{Profiles: []*evidence.Profile{block(10, values{blocked, []int64{900, 35e9}})}},
			"selectwait/backpressure:66 possible"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, fs := detect(t, tc.set)
			if got != tc.want {
				t.Fatalf("findings %q, want %q", got, tc.want)
			}
			for _, m := range fs[0].Measures {
				if m.Unit == "" || m.Method == "" || m.N == 0 {
					t.Errorf("measure %s lacks unit, method or n: %+v", m.Name, m)
				}
			}
		})
	}
}

func TestHealthyYieldsNothing(t *testing.T) {
	for name, set := range map[string]*evidence.Set{
		"12,000 idle workers with CPU elsewhere": {Snapshots: []evidence.Snapshot{parked(12000, 200)},
			Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{40: sel, 960: work})}},
		"a JSON server": {Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{60: sel, 10: poll, 930: work})}},
		"idle block time": {Profiles: []*evidence.Profile{block(10, values{idleWait, []int64{5000, 150e9}},
			values{frames("runtime.chanrecv1", "main.consume"), []int64{100, 90e9}})}},
		"one producer keeps its queue full": {Profiles: []*evidence.Profile{block(10, values{blocked, []int64{900, 98e8}})}},
		"totals since the start":            {Profiles: []*evidence.Profile{block(0, values{blocked, []int64{900, 500e9}})}},
		"an idle process": {Profiles: []*evidence.Profile{profile(evidence.CPU, []string{"samples", "cpu"}, 60,
			values{sel, []int64{150, 15e8}}, values{work, []int64{100, 1e9}})}},
		"a pool gets jobs":          {Snapshots: []evidence.Snapshot{parked(12000, 200)}, Trace: traced(12000, 20000, sendOne)},
		"timers wake the crowd":     {Snapshots: []evidence.Snapshot{parked(12000, 200)}, Trace: traced(12000, 20000, nil)},
		"the crowd is shut down":    {Trace: traced(0, 12000, publish)},
		"a channel for each waiter": {Trace: traced(12000, 1500, publish)},
		"a small herd":              {Snapshots: []evidence.Snapshot{parked(50, 200)}, Trace: traced(50, 5000, publish)},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _, _ := detect(t, set); got != "" {
				t.Errorf("findings %q, want none", got)
			}
		})
	}
}

func TestWhatCannotBeTold(t *testing.T) {
	few := profile(evidence.CPU, []string{"samples", "cpu"}, 0, values{sel, []int64{40, 4e8}}, values{work, []int64{60, 6e8}})
	for name, tc := range map[string]struct {
		set   *evidence.Set
		state analyze.State
		why   string
	}{
		"snapshots alone":  {&evidence.Set{Snapshots: []evidence.Snapshot{parked(12000, 200)}}, analyze.Inconclusive, "not what it costs"},
		"too few samples":  {&evidence.Set{Profiles: []*evidence.Profile{few}}, analyze.Inconclusive, "too few samples"},
		"an empty profile": {&evidence.Set{Profiles: []*evidence.Profile{profile(evidence.CPU, []string{"samples", "cpu"}, 0)}}, analyze.Inconclusive, "too few samples"},
		"nothing to read":  {&evidence.Set{}, analyze.Skipped, "needs"},
		"few, but a trace": {&evidence.Set{Profiles: []*evidence.Profile{few}, Trace: traced(10, 10, sendOne)}, analyze.Ran, ""},
		"a crowd, no trace": {&evidence.Set{Snapshots: []evidence.Snapshot{parked(12000, 200)},
			Profiles: []*evidence.Profile{cpu(map[int64]evidence.Stack{1000: work})}}, analyze.Ran, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, out, _ := detect(t, tc.set)
			if got != "" || out.State != tc.state || !strings.Contains(out.Why, tc.why) {
				t.Errorf("findings %q, state %s, why %q", got, out.State, out.Why)
			}
			if out.State == analyze.Inconclusive && !strings.HasPrefix(out.Try, "go-debug ") {
				t.Errorf("no command to try: %q", out.Try)
			}
			if out.State == analyze.Ran && len(out.Unchecked) == 0 {
				t.Error("an open question is not mentioned")
			}
		})
	}
}
