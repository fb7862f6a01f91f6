package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	rtrace "runtime/trace"
	"sync"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// both decodes a trace by the replay and by x/exp/trace, the oracle.
func both(t *testing.T, data []byte) (got, want *evidence.Trace) {
	t.Helper()
	for _, d := range []struct {
		out  **evidence.Trace
		read reader
	}{{&got, replayWith(2)}, {&want, (*window).readEvents}} {
		set, err := decodeWith(context.Background(), bytes.NewReader(data), evidence.Position{Source: "t.trace"}, budget.Budget{}, d.read)
		if err != nil {
			t.Fatal(err)
		}
		*d.out = set.Trace
	}
	return got, want
}

// counts flattens what must agree exactly, by the names of functions and lines.
func counts(t *evidence.Trace) map[string]int64 {
	out := map[string]int64{}
	at := func(id int32) string { return fmt.Sprint(t.StackOf(id)) }
	for _, b := range t.Blocks {
		k := fmt.Sprintf("block %s %s ", b.Wait, at(b.Stack))
		out[k+"ended"], out[k+"unseen"], out[k+"open"], out[k+"silent"] = b.Ended.Count, b.Unseen.Count, b.Open.Count, b.Silent
		for _, id := range b.MovedIDs {
			out[fmt.Sprint(k, "moved ", id)] = 1
		}
	}
	for _, w := range t.Wakes {
		out[fmt.Sprintf("wake %s %s %s", w.Wait, at(w.Waker), at(w.Woken))] = w.Count
	}
	for _, s := range t.Syscalls {
		k := fmt.Sprintf("syscall %s cgo %v", at(s.Stack), s.Cgo)
		out[k], out[k+" unseen"], out[k+" open"] = s.Duration.Count, s.Unseen.Count, s.Open.Count
	}
	for _, s := range t.Sites {
		k := fmt.Sprintf("site %s start %s ", at(s.Stack), at(s.Start))
		out[k+"start"], out[k+"created"], out[k+"ended"], out[k+"end"] = s.AtStart, s.Created, s.Ended, s.AtEnd
		out[k+"lifetime"], out[k+"latency"] = s.Lifetime.Count, s.Latency.Count
		for _, p := range s.Parked {
			out[k+"parked "+at(p.Stack)] = p.Count
		}
	}
	for _, s := range t.Spans {
		k := s.Kind + " " + s.Name
		out[k], out[k+" open"], out[k+" unseen"] = s.Duration.Count, s.Open.Count, s.Unseen
	}
	for _, s := range t.Samples {
		out["sample "+at(s.Stack)] = s.Count
	}
	out["latency"], out["cycles"], out["assists"], out["heap"] = t.Sched.Latency.Count, t.GC.Cycles, t.GC.Assist.Count, t.GC.MaxHeapBytes
	for k, h := range t.GC.STW {
		out["stw "+k], out["stw exemplars "+k] = h.Count, int64(len(t.GC.STWExemplars[k]))
	}
	for _, a := range t.GC.AssistSites {
		out["assists "+at(a.Stack)] = a.Duration.Count
	}
	w := t.Windows[0]
	out["generations"], out["goroutines"], out["procs"], out["max procs"] = int64(w.Generations), int64(w.Goroutines), int64(w.Procs), int64(w.MaxProcs)
	for _, s := range w.Spans {
		k := "series " + s.Kind + " " + s.Name
		out[k+" started"], out[k+" ended"], out[k+" in flight"] = total(s.Started), total(s.Ended), s.InFlight[len(s.InFlight)-1]
	}
	for k, v := range out {
		if v == 0 {
			delete(out, k)
		}
	}
	return out
}

func total(list []int64) (sum int64) {
	for _, n := range list {
		sum += n
	}
	return sum
}

func compareCounts(t *testing.T, got, want map[string]int64) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%.300s: %d, the oracle has %d", k, got[k], v)
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%.300s: %d, the oracle has none", k, v)
		}
	}
}

func TestAgainstTheOracle(t *testing.T) {
	for name, run := range map[string]func(t *testing.T){
		"load on 1": func(t *testing.T) { load(t, 1, newGeneration(t)) },
		"stories":   func(t *testing.T) { stories(t, newGeneration(t)) },
		"generations": func(t *testing.T) {
			end := newGeneration(t)
			for range 3 {
				end()
			}
			stories(t, end)
		},
		"load on 2":  func(t *testing.T) { load(t, 2, newGeneration(t)) },
		"load on 16": func(t *testing.T) { load(t, 16, newGeneration(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			data := record(t, func() { run(t) })
			got, want := both(t, data)
			compareCounts(t, counts(got), counts(want))
			checkInvariants(t, got)
		})
	}
}

// load runs an HTTP server under requests that contend for a mutex, pass channels, select,
// allocate, and carry tasks and regions; some goroutines leak.
func load(t *testing.T, procs int, endGeneration func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	var mu sync.Mutex
	shared := map[string]int{}
	never := make(chan int)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, task := rtrace.NewTask(r.Context(), "request")
		defer task.End()
		answer := make(chan []byte)
		go func() { answer <- make([]byte, 64<<10) }()
		rtrace.WithRegion(ctx, "count", func() {
			mu.Lock()
			shared[r.URL.Path]++
			mu.Unlock()
		})
		select {
		case b := <-answer:
			w.Write(b[:100])
		case <-ctx.Done():
		}
		if r.URL.Path == "/7" {
			go func() { never <- 1 }()
		}
	}))
	for i := range 2 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for n := range 25 {
					resp, err := http.Get(fmt.Sprintf("%s/%d", srv.URL, n%10))
					if err != nil {
						t.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
		}
		wg.Wait()
		runtime.GC()
		if i == 0 {
			endGeneration()
		}
	}
	srv.Close()
	for range 2 * 4 * 2 { // rounds, clients, requests for /7 of each
		<-never
	}
}

// TestWorkersMakeNoDifference: the evidence is the same to the byte however many generations are
// replayed at the same time, of a whole trace and of a cut one.
func TestWorkersMakeNoDifference(t *testing.T) {
	data := record(t, func() {
		end := newGeneration(t)
		for range 5 {
			end()
		}
		load(t, 4, end)
	})
	for _, data := range [][]byte{data, data[:len(data)*3/4]} {
		var first []byte
		for _, workers := range []int{1, 2, 4, 2} {
			set, err := decodeWith(context.Background(), bytes.NewReader(data), evidence.Position{Source: "t.trace"}, budget.Budget{}, replayWith(workers))
			got, jsonErr := json.Marshal(set)
			if jsonErr != nil {
				t.Fatal(jsonErr)
			}
			got = fmt.Append(got, err)
			if first == nil {
				first = got
			}
			if !bytes.Equal(got, first) {
				t.Errorf("%d workers make other evidence than 1", workers)
			}
		}
	}
}

// TestRecordedTimes: the clock of the thread that starts goroutine 1 shows an earlier time than
// that of the thread that woke it. x/exp/trace moves the start behind the wake-up and squeezes
// what follows on that thread; the replay keeps the times, so the 900 ns that it ran stay 900.
func TestRecordedTimes(t *testing.T) {
	text := `-- expect --
SUCCESS
-- trace --
Trace Go1.22
EventBatch gen=1 m=0 time=1000 size=22
ProcStatus dt=1 p=0 pstatus=1
GoStatus dt=1 g=1 m=0 gstatus=2
GoBlock dt=10 reason_string=1 stack=0
GoStart dt=100 g=1 g_seq=2
GoStop dt=900 reason_string=2 stack=0
EventBatch gen=1 m=1 time=1000 size=10
ProcStatus dt=2 p=1 pstatus=1
GoUnblock dt=1000 g=1 g_seq=1 stack=0
EventBatch gen=1 m=18446744073709551615 time=1000 size=6
Frequency freq=1000000000
EventBatch gen=1 m=18446744073709551615 time=1000 size=1
Stacks
EventBatch gen=1 m=18446744073709551615 time=1000 size=28
Strings
String id=1
	data="chan receive"
String id=2
	data="preempted"
`
	file := filepath.Join(t.TempDir(), "moved.test")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	data, _ := assemble(t, file)
	got, want := both(t, data)
	compareCounts(t, counts(got), counts(want))
	if before := int64(12); got.Sched.RunningNS != before+900 {
		t.Errorf("running for %d ns, want %d", got.Sched.RunningNS, before+900)
	}
	if want.Sched.RunningNS > 100 {
		t.Errorf("the oracle has %d ns: it does not move events any more, and the package's doc is out of date", want.Sched.RunningNS)
	}
	if w := got.Blocks[0].Ended; w.Sum+got.Blocks[0].Unseen.Sum != 990 {
		t.Errorf("waited %d ns", w.Sum)
	}
}
