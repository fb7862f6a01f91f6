package sched

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// stack makes frames, innermost first; those of package main are on line 66.
func stack(names ...string) evidence.Stack {
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

// row is the value of one stack of a profile.
type row struct {
	stack evidence.Stack
	value int64
}

func profile(kind evidence.Kind, types []string, scale []int64, seconds float64, rows []row) *evidence.Profile {
	p := &evidence.Profile{Kind: kind, DurationNS: int64(seconds * 1e9), Totals: make([]int64, len(types))}
	for _, t := range types {
		p.SampleTypes = append(p.SampleTypes, evidence.ValueType{Type: t})
	}
	for _, r := range rows {
		vs := evidence.ValueStack{Count: 1}
		for i := range types {
			vs.Values = append(vs.Values, r.value*scale[i])
			p.Totals[i] += r.value * scale[i]
		}
		for _, f := range r.stack {
			vs.Frames = append(vs.Frames, int32(len(p.Frames)))
			p.Frames = append(p.Frames, f)
		}
		p.Stacks = append(p.Stacks, vs)
	}
	return p
}

// cpu is a CPU profile of 10 s at 100 samples a second.
func cpu(rows ...row) *evidence.Profile {
	return profile(evidence.CPU, []string{"samples", "cpu"}, []int64{1, 1e7}, 10, rows)
}

var (
	work       = stack("main.render", "net/http.(*conn).serve")
	searching  = stack("runtime.futex", "runtime.futexsleep", "runtime.stopm", "runtime.findRunnable", "runtime.schedule", "runtime.park_m", "runtime.mcall")
	polling    = stack("internal/runtime/syscall/linux.EpollWait", "runtime.netpoll", "runtime.findRunnable", "runtime.schedule", "runtime.park_m", "runtime.mcall")
	switching  = stack("runtime.casgstatus", "runtime.schedule", "runtime.park_m", "runtime.mcall")
	receiving  = stack("runtime.gopark", "runtime.chanrecv", "runtime.chanrecv1", "main.consume")
	yielding   = stack("runtime.lock2", "runtime.goschedImpl", "runtime.gosched_m", "runtime.mcall")
	preempting = stack("runtime.globrunqput", "runtime.goschedImpl", "runtime.gopreempt_m", "runtime.newstack")
	gosched    = stack("runtime.mcall", "runtime.Gosched", "main.spin")
	crunching  = stack("main.blur", "main.(*gallery).preview")
	preempted  = stack("runtime.asyncPreempt", "main.render")
	sleeping   = stack("time.Sleep", "main.poll")
	flock      = stack("syscall.Flock", "main.write")
)

// traced is a second of a trace, on two Ps, that a test fills in.
type traced struct{ evidence.Trace }

func newTrace() *traced {
	return &traced{evidence.Trace{Stacks: [][]int32{{}}, Windows: []evidence.TraceWindow{{DurationNS: 1e9, MaxProcs: 2, Position: evidence.Position{At: start}}}}}
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (t *traced) id(s evidence.Stack) int32 {
	if len(s) == 0 {
		return 0
	}
	var ids []int32
	for _, f := range s {
		ids = append(ids, int32(len(t.Frames)))
		t.Frames = append(t.Frames, f)
	}
	t.Stacks = append(t.Stacks, ids)
	return int32(len(t.Stacks) - 1)
}

// runs are n runs of so many nanoseconds, of goroutines that wait for main.consume's channel.
func (t *traced) runs(n, ns int64) *traced {
	t.Sched.RunningNS += n * ns
	t.Sched.Latency.AddN(1000, n)
	b := evidence.BlockSite{Stack: t.id(receiving), Wait: evidence.WaitChanRecv}
	b.Ended.AddN(1000, n)
	t.Blocks = append(t.Blocks, b)
	return t
}

// goroutines are those that start in a function, with the time that they run and n waits for a P.
func (t *traced) goroutines(start string, runNS, n, waitNS int64) *traced {
	s := evidence.CreationSite{Start: t.id(stack(start)), RunNS: runNS}
	s.Latency.AddN(waitNS, n)
	t.Sched.RunningNS += runNS
	t.Sched.Latency.Merge(&s.Latency)
	t.Sites = append(t.Sites, s)
	return t
}

// child are goroutines that others make, who wait for them or not.
func (t *traced) child(start, parent string, runNS int64, awaited bool) *traced {
	t.goroutines(start, runNS, 100, 1000)
	t.Sites[len(t.Sites)-1].Stack = t.id(stack("main.handle", parent))
	if awaited {
		t.Wakes = append(t.Wakes, evidence.WakeEdge{Waker: t.id(stack("sync.(*WaitGroup).Done", start)), Woken: t.id(stack("sync.(*WaitGroup).Wait", "main.handle", parent)), Wait: evidence.WaitWaitGroup, Count: 10})
	}
	return t
}

// busy makes the Ps run all of a share of the time, with goroutines waiting.
func (t *traced) busy(share float64, waiting int64) *traced {
	s := &t.Windows[0].Series
	s.BinNS = 1e7
	for i := range 100 {
		run, wait := int64(1e6), int64(0)
		if float64(i) < 100*share {
			run, wait = 2e7, waiting*1e7
		}
		s.RunningNS, s.RunnableNS = append(s.RunningNS, run), append(s.RunnableNS, wait)
	}
	return t
}

func (t *traced) timers(n int64) *traced {
	t.Wakes = append(t.Wakes, evidence.WakeEdge{Woken: t.id(sleeping), Wait: evidence.WaitSleep, Count: n})
	t.Sched.Latency.AddN(1000, n)
	t.Sched.RunningNS += n * 1000
	return t
}

func (t *traced) sampled(n int64) *traced {
	t.Samples = append(t.Samples, evidence.StackCount{Stack: t.id(work), Count: n})
	return t
}

func threads(n int64) *evidence.Profile {
	return profile(evidence.ThreadCreate, []string{"threadcreate"}, []int64{1}, 0, []row{{stack("runtime.allocm"), n}})
}

func blocked(n int) evidence.Snapshot {
	return evidence.Snapshot{Kind: evidence.Goroutine, Complete: true, Total: n, Groups: []evidence.Group{{Wait: evidence.WaitSyscall, Stack: flock, Count: n}}}
}

func set(t *traced, profiles ...*evidence.Profile) *evidence.Set {
	s := &evidence.Set{Profiles: profiles}
	if t != nil {
		s.Trace = &t.Trace
	}
	return s
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
		out = append(out, fmt.Sprintf("%s@%s %s", strings.TrimPrefix(f.Rule, "sched/"), f.Location.Function, f.Confidence))
	}
	slices.Sort(out)
	return strings.Join(out, "; "), res.Outcomes[0], res.Findings
}
