package trace

import (
	"bytes"
	"io"
	"testing"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// script feeds events of known times to a window.
type script struct {
	t *testing.T
	w *window
}

func emit[T xtrace.EventDetails](s *script, c xtrace.EventConfig[T]) {
	s.t.Helper()
	ev, err := xtrace.MakeEvent(c)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.w.event(&ev); err != nil {
		s.t.Fatal(err)
	}
}

func calls(functions ...string) xtrace.Stack {
	var frames []xtrace.StackFrame
	for i, f := range functions {
		frames = append(frames, xtrace.StackFrame{PC: uint64(100 + i), Func: f, File: "main.go", Line: uint64(10 + i)})
	}
	return xtrace.MakeStack(frames)
}

// step is one transition: at a time, of a goroutine, on the goroutine that causes it.
func (s *script) step(at xtrace.Time, g, by xtrace.GoID, from, to xtrace.GoState, reason string, stack xtrace.Stack) {
	s.t.Helper()
	tr := xtrace.MakeGoStateTransition(g, from, to)
	tr.Reason, tr.Stack = reason, stack
	emit(s, xtrace.EventConfig[xtrace.StateTransition]{Time: at, Kind: xtrace.EventStateTransition, Goroutine: by, Proc: 0, Thread: 1, Stack: stack, Details: tr})
}

// TestExactTimes holds every definition of doc.go against a script with known times.
func TestExactTimes(t *testing.T) {
	s := &script{t: t, w: newWindow(budget.Budget{}.WithDefaults())}
	recv := calls("runtime.chanrecv1", "main.worker")
	emit(s, xtrace.EventConfig[xtrace.Sync]{Time: 1000, Kind: xtrace.EventSync, Details: xtrace.Sync{N: 1}})
	none := xtrace.NoStack
	// 1 has been running since before the window, 2 waiting, 3 in a system call.
	s.step(1010, 1, 1, xtrace.GoUndetermined, xtrace.GoRunning, "", none)
	s.step(1020, 2, 1, xtrace.GoUndetermined, xtrace.GoWaiting, "", none)
	s.step(1030, 3, 1, xtrace.GoUndetermined, xtrace.GoSyscall, "", none)
	// 1 makes 4 at +40; it runs from +50, waits from +60, is woken by 1 at +160 and runs at +200.
	s.step(1040, 4, 1, xtrace.GoNotExist, xtrace.GoRunnable, "", calls("main.worker"))
	s.step(1050, 4, xtrace.NoGoroutine, xtrace.GoRunnable, xtrace.GoRunning, "", none)
	s.step(1060, 4, 4, xtrace.GoRunning, xtrace.GoWaiting, "chan receive", recv)
	s.step(1160, 4, 1, xtrace.GoWaiting, xtrace.GoRunnable, "", calls("runtime.chansend1", "main.main"))
	// 2 is woken at +170: it had waited at least so long. 3 returns from its call at +180.
	s.step(1170, 2, 1, xtrace.GoWaiting, xtrace.GoRunnable, "", none)
	s.step(1180, 3, 3, xtrace.GoSyscall, xtrace.GoRunning, "", none)
	s.step(1200, 4, xtrace.NoGoroutine, xtrace.GoRunnable, xtrace.GoRunning, "", none)
	s.step(1210, 4, 4, xtrace.GoRunning, xtrace.GoSyscall, "", calls("syscall.Syscall", "main.read"))
	s.step(1240, 4, 4, xtrace.GoSyscall, xtrace.GoRunning, "", none)
	// 3 is preempted at +250 and never runs again; 4 waits from +260 to the end, +500.
	s.step(1250, 3, 3, xtrace.GoRunning, xtrace.GoRunnable, "preempted", calls("main.spin"))
	s.step(1260, 4, 4, xtrace.GoRunning, xtrace.GoWaiting, "chan receive", recv)
	emit(s, xtrace.EventConfig[xtrace.Sync]{Time: 1500, Kind: xtrace.EventSync, Details: xtrace.Sync{N: 2}})
	tr := s.w.finish().Canonical()
	checkInvariants(t, tr)

	b := find(t, tr, func(b evidence.BlockSite) bool { return b.Wait == evidence.WaitChanRecv })
	if b.Ended.Count != 1 || b.Ended.Sum != 100 || b.Open.Sum != 240 || b.Silent != 0 || len(b.Exemplars) != 2 || b.Exemplars[0] != (evidence.Exemplar{Goroutine: 4, AtNS: 260, DurationNS: 240}) {
		t.Errorf("receive: %+v", b)
	}
	var parked []evidence.Parked
	for _, s := range tr.Sites {
		for _, p := range s.Parked {
			if p.Stack == b.Stack {
				parked = append(parked, p)
			}
		}
	}
	if len(parked) != 1 || parked[0] != (evidence.Parked{Stack: b.Stack, Count: 1, NS: 240, MaxNS: 240}) {
		t.Errorf("who is left in the receive: %+v", parked)
	}
	if b := find(t, tr, func(b evidence.BlockSite) bool { return b.Wait == evidence.WaitOther }); b.Unseen.Count != 1 || b.Unseen.Sum != 170 || b.Ended.Count != 0 {
		t.Errorf("the wait that began before the window: %+v", b)
	}
	// Runnable to running: 4 twice, 10 and 40. 2 never ran; 3 was left runnable.
	if l := tr.Sched.Latency; l.Count != 2 || l.Sum != 50 || l.Max != 40 {
		t.Errorf("latency: %d samples, %d ns", l.Count, l.Sum)
	}
	// Running: 1 from 0 to 500; 4 for 10, 10 and 20; 3 for 70.
	if tr.Sched.RunningNS != 500+40+70 {
		t.Errorf("running for %d ns, want 610", tr.Sched.RunningNS)
	}
	for _, sc := range tr.Syscalls {
		known := len(tr.Stacks[sc.Stack]) > 0
		if known && (sc.Duration.Sum != 30 || sc.Unseen.Count != 0) || !known && (sc.Duration.Count != 0 || sc.Unseen.Sum != 180) {
			t.Errorf("system calls at %v: %+v", tr.StackOf(sc.Stack), sc)
		}
	}
	for _, e := range tr.Wakes {
		waker, ok := tr.StackOf(e.Waker).User()
		if e.Wait == evidence.WaitChanRecv && (!ok || waker.Function != "main.main" || e.Count != 1 || e.DelayNS != 100) {
			t.Errorf("wake edge %+v from %v", e, waker)
		}
	}
	w := tr.Windows[0]
	if w.DurationNS != 500 || w.Goroutines != 4 || w.Series.RunnableNS[0] != (1050-1040)+(1200-1160)+(1500-1170)+(1500-1250) {
		t.Errorf("window of %d ns, %d goroutines, %d ns runnable", w.DurationNS, w.Goroutines, w.Series.RunnableNS[0])
	}
}

// What would show that a goroutine stopped may lie behind a cut: how long it ran is known up to its last event.
func TestRunningAtACut(t *testing.T) {
	for cut, want := range map[bool]int64{false: 40 + 440, true: 40} {
		s := &script{t: t, w: newWindow(budget.Budget{}.WithDefaults())}
		emit(s, xtrace.EventConfig[xtrace.Sync]{Time: 1000, Kind: xtrace.EventSync, Details: xtrace.Sync{N: 1}})
		s.step(1010, 4, 4, xtrace.GoNotExist, xtrace.GoRunnable, "", calls("main.worker"))
		s.step(1010, 4, xtrace.NoGoroutine, xtrace.GoRunnable, xtrace.GoRunning, "", xtrace.NoStack)
		s.step(1050, 4, 4, xtrace.GoRunning, xtrace.GoRunnable, "preempted", calls("main.worker"))
		s.step(1060, 4, xtrace.NoGoroutine, xtrace.GoRunnable, xtrace.GoRunning, "", xtrace.NoStack)
		emit(s, xtrace.EventConfig[xtrace.Sync]{Time: 1500, Kind: xtrace.EventSync, Details: xtrace.Sync{N: 2}})
		s.w.cut = cut
		tr := s.w.finish().Canonical()
		checkInvariants(t, tr)
		if got := tr.Sched.RunningNS; got != want {
			t.Errorf("cut %v: running for %d ns, want %d", cut, got, want)
		}
	}
}

func find(t *testing.T, tr *evidence.Trace, match func(evidence.BlockSite) bool) evidence.BlockSite {
	t.Helper()
	for _, b := range tr.Blocks {
		if match(b) {
			return b
		}
	}
	t.Fatal("no such block site")
	return evidence.BlockSite{}
}

// TestOracleAgainstAllEvents holds the oracle to totals over a list of every event.
func TestOracleAgainstAllEvents(t *testing.T) {
	data := record(t, func() { stories(t, newGeneration(t)) })
	_, tr := both(t, data)
	r, err := xtrace.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var events []xtrace.Event
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, ev)
	}
	start, end := events[0].Time(), events[len(events)-1].Time()
	state, since := map[xtrace.GoID]xtrace.GoState{}, map[xtrace.GoID]xtrace.Time{}
	var running, waited, made, unblocked, runs int64
	settle := func(id xtrace.GoID, at xtrace.Time) {
		from, ok := since[id]
		if !ok {
			from = start
		}
		switch state[id] {
		case xtrace.GoRunning:
			running += int64(at - from)
		case xtrace.GoWaiting:
			waited += int64(at - from)
		}
	}
	for _, ev := range events {
		if ev.Kind() != xtrace.EventStateTransition || ev.StateTransition().Resource.Kind != xtrace.ResourceGoroutine {
			continue
		}
		st := ev.StateTransition()
		id := st.Resource.Goroutine()
		from, to := st.Goroutine()
		if from == to || from == xtrace.GoUndetermined {
			if _, ok := state[id]; !ok {
				state[id] = to
			}
			continue
		}
		settle(id, ev.Time())
		state[id], since[id] = to, ev.Time()
		switch {
		case from == xtrace.GoNotExist:
			made++
		case from == xtrace.GoWaiting:
			unblocked++
		case from == xtrace.GoRunnable && to == xtrace.GoRunning:
			runs++
		}
	}
	for id := range state {
		settle(id, end)
	}
	var gotWaited, gotMade, gotUnblocked int64
	for _, b := range tr.Blocks {
		gotWaited += b.Ended.Sum + b.Unseen.Sum + b.Open.Sum
	}
	for _, s := range tr.Sites {
		gotMade += s.Created
	}
	for _, e := range tr.Wakes {
		gotUnblocked += e.Count
	}
	if tr.Sched.RunningNS != running || gotWaited != waited || gotMade != made || gotUnblocked != unblocked {
		t.Errorf("running %d, waited %d, made %d, woken %d; the events say %d, %d, %d, %d",
			tr.Sched.RunningNS, gotWaited, gotMade, gotUnblocked, running, waited, made, unblocked)
	}
	if tr.Windows[0].Events != int64(len(events)) || tr.Windows[0].DurationNS != int64(end-start) || tr.Sched.Latency.Count > runs {
		t.Errorf("window %+v: there are %d events", tr.Windows[0].Events, len(events))
	}
}

func TestSeriesKeepsTotalsAsItFolds(t *testing.T) {
	s := newSeries()
	const end = 40_000_000_000 // 40 s in at most evidence.MaxBins bins
	for i := range int64(1000) {
		s.created(i * end / 1000)
		s.running(i*end/1000, i*end/1000+12_345_678)
	}
	s.setHeap(7, 70)
	s.setHeap(end/2, 90)
	s.alive = 1003
	out := s.evidence(end)
	var created, running int64
	for i := range out.Created {
		created += out.Created[i]
		running += out.RunningNS[i]
	}
	if created != 1000 || running != 1000*12_345_678 || len(out.Created) > evidence.MaxBins {
		t.Errorf("%d bins hold %d goroutines and %d ns", len(out.Created), created, running)
	}
	n := len(out.Goroutines)
	if out.Goroutines[n-1] != 1003 || out.Goroutines[0] < 3 || out.HeapBytes[0] != 70 || out.HeapBytes[n-1] != 90 {
		t.Errorf("goroutines %d … %d, heap %d … %d", out.Goroutines[0], out.Goroutines[n-1], out.HeapBytes[0], out.HeapBytes[n-1])
	}
}
