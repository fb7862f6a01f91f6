package mutexwait

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	rtrace "runtime/trace"
	"strings"
	"sync"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/budget"
	dpprof "go-debug/analyze/decode/pprof"
	dtrace "go-debug/analyze/decode/trace"
	"go-debug/analyze/evidence"
)

// hotCounter and shardedCounter are the same work behind one lock and behind many.
type hotCounter struct {
	mu sync.Mutex
	n  map[int]int
}

func (c *hotCounter) add(key int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	time.Sleep(200 * time.Microsecond) // the slow work
	c.n[key]++
}

type shardedCounter struct{ shards [64]hotCounter }

func (c *shardedCounter) add(key int) {
	s := &c.shards[key%len(c.shards)]
	time.Sleep(200 * time.Microsecond)
	s.mu.Lock()
	s.n[key]++
	s.mu.Unlock()
}

// drive runs 16 goroutines of 40 additions each.
func drive(add func(key int)) {
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 40 {
				add(g)
			}
		}()
	}
	wg.Wait()
}

func newHot() *hotCounter { return &hotCounter{n: map[int]int{}} }

func newSharded() *shardedCounter {
	c := &shardedCounter{}
	for i := range c.shards {
		c.shards[i].n = map[int]int{}
	}
	return c
}

// source is this file, which holds the locks.
func source(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("real_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// waitFor returns once n goroutines are asleep at the hot counter's lock.
func waitFor(t *testing.T, n int) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		asleep := 0
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "[sync.Mutex.Lock") && strings.Contains(g, "hotCounter).add(") {
				asleep++
			}
		}
		if asleep >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines at the lock, want %d", asleep, n)
		}
	}
}

// profileOf takes mutex and block profiles before and after a run.
func profileOf(t *testing.T, run func()) *evidence.Set {
	t.Helper()
	defer runtime.SetMutexProfileFraction(runtime.SetMutexProfileFraction(1))
	runtime.SetBlockProfileRate(1)
	defer runtime.SetBlockProfileRate(0)
	set := &evidence.Set{}
	take := func(seq int) {
		for _, kind := range []evidence.Kind{evidence.Mutex, evidence.Block} {
			var buf bytes.Buffer
			if err := pprof.Lookup(string(kind)).WriteTo(&buf, 0); err != nil {
				t.Fatal(err)
			}
			data := gunzip(t, &buf)
			pos := evidence.Position{Source: string(kind), Seq: seq, At: time.Now()}
			one, err := dpprof.Decode(t.Context(), data, pos, kind, budget.Budget{})
			if err != nil {
				t.Fatal(err)
			}
			set = evidence.Merge(set, one)
		}
	}
	take(0)
	run()
	take(1)
	return set
}

func gunzip(t *testing.T, r io.Reader) io.Reader {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestRealProfiles(t *testing.T) {
	hot, sharded := newHot(), newSharded()
	found, _ := detect(t, profileOf(t, func() { drive(hot.add) }))
	if len(found) != 1 {
		t.Fatalf("%d findings, want the one hot lock: %+v", len(found), found)
	}
	f := found[0]
	if f.Rule != ruleConvoy && f.Rule != ruleContended || !strings.HasSuffix(f.Location.Function, "(*hotCounter).add") || f.Confidence != analyze.Likely {
		t.Errorf("%s (%s) at %s: %s", f.Rule, f.Confidence, f.Location.Function, f.Message)
	}
	for _, name := range []string{"held_delay_rate", "waited_delay_rate"} {
		if rate, ok := measure(f, name); !ok || rate < 1 || rate > 16 {
			t.Errorf("%s = %v: 16 goroutines can wait at most 16 s per second", name, rate)
		}
	}
	if line := strings.Split(source(t), "\n")[f.Location.Line-1]; !strings.Contains(line, "c.mu.Lock()") {
		t.Errorf("the finding points at %q, not at the Lock call", strings.TrimSpace(line))
	}

	if found, out := detect(t, profileOf(t, func() { drive(sharded.add) })); len(found) != 0 || out.State != analyze.Ran {
		t.Errorf("sharded: %s, findings %+v", out.State, found)
	}
}

func TestRealTrace(t *testing.T) {
	if rtrace.IsEnabled() {
		t.Skip("this process is being traced already (go test -trace): the test cannot take a trace of its own")
	}
	traceOf := func(run func()) *evidence.Set {
		var buf bytes.Buffer
		if err := rtrace.Start(&buf); err != nil {
			t.Fatal(err)
		}
		run()
		rtrace.Stop()
		set, err := dtrace.Decode(t.Context(), &buf, evidence.Position{Source: "trace"}, budget.Budget{})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	hot, sharded := newHot(), newSharded()
	found, _ := detect(t, traceOf(func() { drive(hot.add) }))
	if len(found) != 1 || found[0].Confidence != analyze.Proven || !strings.HasSuffix(found[0].Location.Function, "(*hotCounter).add") {
		t.Fatalf("findings %+v, want the hot lock proven", found)
	}
	if len(found[0].Stacks) != 3 {
		t.Errorf("%d stacks, want the holder's, a waiter's, and that at which the holder is asleep", len(found[0].Stacks))
	}
	if !strings.Contains(found[0].Message, "with it asleep in time.Sleep at mutexwait/real_test.go:") {
		t.Errorf("message %q", found[0].Message)
	}
	for _, m := range found[0].Measures {
		if m.Name == "traced_wait" && (m.P50 == nil || m.P95 == nil || m.P99 == nil || m.N < 100) {
			t.Errorf("wait %+v", m)
		}
	}

	if found, out := detect(t, traceOf(func() { drive(sharded.add) })); len(found) != 0 || out.State != analyze.Ran || len(out.Unchecked) != 0 {
		t.Errorf("sharded: %+v, findings %+v", out, found)
	}

	t.Run("a lock that is never released", func(t *testing.T) {
		var stuck hotCounter
		stuck.n = map[int]int{}
		stuck.mu.Lock()
		var wg sync.WaitGroup
		set := traceOf(func() {
			for g := range 12 {
				wg.Add(1)
				go func() { defer wg.Done(); stuck.add(g) }()
			}
			waitFor(t, 12)
			time.Sleep(20 * time.Millisecond) // ages, against which the start-up is short
		})
		stuck.mu.Unlock()
		wg.Wait()
		found, _ := detect(t, set)
		if len(found) != 1 || !strings.HasSuffix(found[0].Location.Function, "(*hotCounter).add") {
			t.Fatalf("findings %+v", found)
		}
		if n, ok := measure(found[0], "traced_wait_open"); !ok || n <= 0 {
			t.Errorf("measures %+v: the open waits are missing", found[0].Measures)
		}
	})
}

// twoDoors has two locks that have nothing to do with one another.
type twoDoors struct{ front, back sync.Mutex }

func (d *twoDoors) enter(int) {
	d.front.Lock()
	defer d.front.Unlock()
	time.Sleep(100 * time.Microsecond)
}

func (d *twoDoors) leave(int) {
	d.back.Lock()
	time.Sleep(100 * time.Microsecond)
	d.back.Unlock()
}

// TestRealTraceOfTwoLocks: two locks of one type are two findings, each with its own section.
func TestRealTraceOfTwoLocks(t *testing.T) {
	if rtrace.IsEnabled() {
		t.Skip("this process is being traced already (go test -trace): the test cannot take a trace of its own")
	}
	var d twoDoors
	var buf bytes.Buffer
	if err := rtrace.Start(&buf); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { drive(d.enter) })
	wg.Go(func() { drive(d.leave) })
	wg.Wait()
	rtrace.Stop()
	set, err := dtrace.Decode(t.Context(), &buf, evidence.Position{Source: "trace"}, budget.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	found, _ := detect(t, set)
	if len(found) != 2 || found[0].Fingerprint == found[1].Fingerprint {
		t.Fatalf("findings %+v, want two locks", found)
	}
	sections := map[string]bool{}
	for _, f := range found {
		method := f.Location.Function[strings.LastIndexByte(f.Location.Function, '.')+1:]
		sections[method] = true
		if line := strings.TrimSpace(strings.Split(source(t), "\n")[f.Location.Line-1]); !strings.HasSuffix(line, ".Lock()") {
			t.Errorf("%s is placed at %q, which is no Lock call", method, line)
		}
	}
	if !sections["enter"] || !sections["leave"] {
		t.Errorf("sections %v", sections)
	}
}
