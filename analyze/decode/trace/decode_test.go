package trace

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

func TestCounts(t *testing.T) {
	stuck := make(chan int)
	senders := 3
	for range senders {
		go sendForever(stuck) // three that wait before the trace begins
	}
	defer func() {
		for range senders {
			<-stuck
		}
	}()
	waitParked(t, 3, "chan send", "trace.sendForever")
	silent := parkedIDs("chan send", "trace.sendForever")
	// The one collection is the one that stories asks for: another might go on when the trace begins or ends.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC()
	data := record(t, func() {
		for range 7 {
			go sendForever(stuck)
			senders++
		}
		waitParked(t, 10, "chan send", "trace.sendForever")
		before := parked("chan receive (nil chan)", "trace.receiveNil") // of earlier runs: no one ever wakes them
		go receiveNil()
		waitParked(t, before+1, "chan receive (nil chan)", "trace.receiveNil")
		stories(t, newGeneration(t))
	})
	set := decode(t, data)
	in, tr := set.Inputs[0], set.Trace
	if !in.Complete || in.LostBytes != 0 || in.Kind != evidence.Execution || in.At.IsZero() {
		t.Errorf("input %+v: want complete and dated", in)
	}
	w := tr.Windows[0]
	if w.Generations < 2 || w.Bytes != int64(len(data)) || w.DurationNS <= 0 || w.Procs < 1 || !strings.HasPrefix(w.Version, "go1.") {
		t.Errorf("window %+v", w)
	}

	t.Run("a channel that nobody drains", func(t *testing.T) {
		b := siteOf(t, tr, "sendForever")
		if b.Wait != evidence.WaitChanSend || b.Open.Count != 10 || b.Silent != 3 || len(b.OpenIDs) != 10 || b.Ended.Count != 0 {
			t.Errorf("open %d (%v), silent %d, ended %d, wait %s", b.Open.Count, b.OpenIDs, b.Silent, b.Ended.Count, b.Wait)
		}
		still := slices.DeleteFunc(slices.Clone(b.OpenIDs), func(id uint64) bool { return slices.Contains(b.MovedIDs, id) })
		if slices.Sort(silent); len(b.MovedIDs) != 7 || !slices.Equal(still, silent) {
			t.Errorf("open %v, moved %v: want all to have moved but %v", b.OpenIDs, b.MovedIDs, silent)
		}
		if !slices.IsSorted(b.OpenIDs) || len(b.Exemplars) != evidence.MaxExemplars || b.Exemplars[0].DurationNS != w.DurationNS {
			t.Errorf("ids %v, exemplars %+v: want the longest first, the whole window long", b.OpenIDs, b.Exemplars)
		}
	})
	for _, tt := range []struct {
		function string
		wait     evidence.Wait
		n        int64
	}{
		{"lockAndUnlock", evidence.WaitMutex, 5},
		{"selectTwo", evidence.WaitSelect, 4},
		{"awaitGroup", evidence.WaitWaitGroup, 3},
		{"readLock", evidence.WaitRWMutex, 2},
		{"sleepALittle", evidence.WaitSleep, 6},
	} {
		b := siteOf(t, tr, tt.function)
		if b.Wait != tt.wait || b.Ended.Count < tt.n || b.Open.Count != 0 || b.Unseen.Count != 0 {
			t.Errorf("%s: wait %s, ended %d, open %d, unseen %d; want %s and %d ended", tt.function, b.Wait, b.Ended.Count, b.Open.Count, b.Unseen.Count, tt.wait, tt.n)
		}
		if tt.wait != evidence.WaitMutex && b.Ended.Count != tt.n { // a woken mutex waiter may have to wait again
			t.Errorf("%s: %d waits, want %d", tt.function, b.Ended.Count, tt.n)
		}
	}
	nilChan := slices.DeleteFunc(blocksIn(tr, "receiveNil"), func(b evidence.BlockSite) bool { return b.Wait != evidence.WaitNilChan })
	if len(nilChan) != 1 || nilChan[0].Open.Count != 1 || nilChan[0].Silent != 0 {
		t.Errorf("nil channel: %+v", nilChan)
	}
	checkWakes(t, tr)
	checkSpans(t, tr)
	if tr.GC.Cycles < 1 || tr.GC.MarkNS <= 0 || tr.GC.STW["GC mark termination"].Count != tr.GC.Cycles || tr.GC.MaxHeapBytes <= 0 {
		t.Errorf("collector: cycles %d, mark %d ns, stops %v", tr.GC.Cycles, tr.GC.MarkNS, tr.GC.STW)
	}
	checkInvariants(t, tr)
}

// checkWakes: the release function wakes the first mutex waiter, both readers, the
// selects and the group; the other mutex waiters are woken by each other.
func checkWakes(t *testing.T, tr *evidence.Trace) {
	byRelease := map[evidence.Wait]int64{}
	var mutex int64
	for _, e := range tr.Wakes {
		woken, _ := tr.StackOf(e.Woken).User()
		waker, _ := tr.StackOf(e.Waker).User()
		if strings.HasSuffix(woken.Function, ".lockAndUnlock") && e.Wait != evidence.WaitGC { // as in blocksIn
			mutex += e.Count
		}
		if strings.HasSuffix(waker.Function, ".releaseAll") {
			byRelease[e.Wait] += e.Count
			if e.DelayNS <= 0 {
				t.Errorf("edge %+v has no delay", e)
			}
		}
	}
	if byRelease[evidence.WaitMutex] != 1 || byRelease[evidence.WaitSelect] != 4 || byRelease[evidence.WaitWaitGroup] != 3 || byRelease[evidence.WaitRWMutex] != 2 {
		t.Errorf("woken by releaseAll: %v", byRelease)
	}
	if b := siteOf(t, tr, "lockAndUnlock"); mutex != b.Ended.Count {
		t.Errorf("%d edges to the mutex waiters, %d waits ended", mutex, b.Ended.Count)
	}
}

func checkSpans(t *testing.T, tr *evidence.Trace) {
	got := map[string][2]int64{}
	for _, s := range tr.Spans {
		got[s.Kind+" "+s.Name] = [2]int64{s.Duration.Count, s.Open.Count}
	}
	for name, want := range map[string][2]int64{
		"task order": {3, 0}, "task never ended": {0, 1}, "region parse": {3, 0}, "region check": {3, 0},
	} {
		if got[name] != want {
			t.Errorf("%s: ended and open %v, want %v", name, got[name], want)
		}
	}
}

// checkInvariants holds for every trace that was read, whole or in part.
func checkInvariants(t *testing.T, tr *evidence.Trace) {
	t.Helper()
	w := tr.Windows[0]
	var atEnd, run, latencies int64
	for _, s := range tr.Sites {
		if s.AtStart+s.Created-s.Ended != s.AtEnd {
			t.Errorf("site %v: %d at start + %d made - %d ended is not %d at end", tr.StackOf(s.Start), s.AtStart, s.Created, s.Ended, s.AtEnd)
		}
		atEnd += s.AtEnd
		run += s.RunNS
		latencies += s.Latency.Count
	}
	if atEnd != int64(w.Goroutines) || run != tr.Sched.RunningNS || latencies != tr.Sched.Latency.Count {
		t.Errorf("sites hold %d goroutines, %d ns, %d latencies; the window %d, %d, %d",
			atEnd, run, latencies, w.Goroutines, tr.Sched.RunningNS, tr.Sched.Latency.Count)
	}
	var woken, ended int64
	for _, e := range tr.Wakes {
		woken += e.Count
	}
	for _, b := range tr.Blocks {
		ended += b.Ended.Count + b.Unseen.Count
		if b.Silent != b.Open.Count-int64(len(b.MovedIDs)) || int64(len(b.OpenIDs)) != b.Open.Count || !slices.IsSorted(b.MovedIDs) {
			t.Errorf("block %+v", b)
		}
	}
	if woken != ended {
		t.Errorf("%d wake-ups, %d waits ended", woken, ended)
	}
	s := w.Series
	bins := len(s.Created)
	if bins > evidence.MaxBins || bins != len(s.Ended) || bins != len(s.Goroutines) || bins != len(s.RunningNS) || bins != len(s.RunnableNS) || bins != len(s.HeapBytes) {
		t.Errorf("series of uneven or too great length: %d bins", bins)
	}
	var inBins int64
	for _, ns := range s.RunningNS {
		inBins += ns
	}
	if inBins != tr.Sched.RunningNS || s.Goroutines[bins-1] != int64(w.Goroutines) {
		t.Errorf("series: %d ns running, %d goroutines at the end; want %d, %d", inBins, s.Goroutines[bins-1], tr.Sched.RunningNS, w.Goroutines)
	}
	checkExemplars(t, tr)
	if len(tr.Stacks[0]) != 0 {
		t.Error("stack 0 is not empty")
	}
	a, err := json.Marshal(tr)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := json.Marshal(tr.Canonical()); string(a) != string(b) {
		t.Error("the decoder's trace is not in canonical form")
	}
}

// checkExemplars: the slowest of each histogram is its maximum, and the parts of a task or region add
// up to its duration.
func checkExemplars(t *testing.T, tr *evidence.Trace) {
	t.Helper()
	check := func(what string, h *evidence.Histogram, list []evidence.Exemplar) {
		if want := min(h.Count, evidence.MaxExemplars); int64(len(list)) != want || want > 0 && list[0].DurationNS != h.Max {
			t.Errorf("%s: %d counted, the longest %d ns, exemplars %v", what, h.Count, h.Max, list)
		}
	}
	check("latency", &tr.Sched.Latency, tr.Sched.Exemplars)
	for i := range tr.Sites {
		s := &tr.Sites[i]
		check("latency of a site", &s.Latency, s.LatencyExemplars)
		check("lifetime", &s.Lifetime, s.LifetimeExemplars)
	}
	for i := range tr.Syscalls {
		check("system call", &tr.Syscalls[i].Duration, tr.Syscalls[i].Exemplars)
	}
	var assists evidence.Histogram
	for i := range tr.GC.AssistSites {
		a := &tr.GC.AssistSites[i]
		check("assist", &a.Duration, a.Exemplars)
		assists.Merge(&a.Duration)
	}
	if assists.Sum != tr.GC.Assist.Sum || assists.Count != tr.GC.Assist.Count {
		t.Errorf("assists: %d by site, %d in all", assists.Count, tr.GC.Assist.Count)
	}
	for kind, h := range tr.GC.STW {
		check("pause "+kind, &h, tr.GC.STWExemplars[kind])
	}
	for _, s := range tr.Spans {
		for _, e := range s.Exemplars {
			if p := e.Parts; p != nil && p.RunningNS+p.RunnableNS+p.SyscallNS+blockedNS(p) != e.DurationNS {
				t.Errorf("%s %s of %d ns: parts %+v", s.Kind, s.Name, e.DurationNS, *p)
			}
		}
	}
}

func blockedNS(p *evidence.Parts) (ns int64) {
	for _, b := range p.Blocked {
		ns += b.NS
	}
	return ns
}

func TestDecodingIsDeterministic(t *testing.T) {
	data := record(t, func() { stories(t, func() {}) })
	want, _ := json.Marshal(decode(t, data))
	for range 3 {
		if got, _ := json.Marshal(decode(t, data)); string(got) != string(want) {
			t.Fatal("the same bytes gave other evidence")
		}
	}
}

func TestDistributionTraces(t *testing.T) {
	for _, path := range distribution(t, "testdata/tests/*.test") {
		data, valid := assemble(t, path)
		set, err := decodeErr(t, data)
		if valid != (err == nil) || set.Inputs[0].Complete != valid {
			t.Errorf("%s: error %v, valid %v", path, err, valid)
			continue
		}
		if set.Trace != nil {
			checkInvariants(t, set.Trace)
		}
	}
}

func TestOldFormats(t *testing.T) {
	seen := map[string]bool{}
	for _, path := range distribution(t, "internal/tracev1/testdata/*_good") {
		set, err := decodeErr(t, readFile(t, path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		checkInvariants(t, set.Trace)
		seen[set.Trace.Windows[0].Version] = true
	}
	for _, v := range []string{"go1.11", "go1.19", "go1.21"} {
		if !seen[v] {
			t.Errorf("no trace of %s was read", v)
		}
	}
}
