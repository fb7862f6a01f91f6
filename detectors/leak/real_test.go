package leak

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/budget"
	"go-debug/analyze/decode/gostack"
	protobuf "go-debug/analyze/decode/pprof"
	"go-debug/analyze/evidence"
)

// take reads this process's goroutines through the real decoders. The times are made up:
// nothing may depend on how fast the test runs.
func take(t *testing.T, seq, debug int) *evidence.Set {
	t.Helper()
	var buf bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&buf, debug); err != nil {
		t.Fatal(err)
	}
	pos := evidence.Position{Source: "goroutine", Seq: seq, At: epoch.Add(time.Duration(seq) * 5 * time.Second)}
	var set *evidence.Set
	var err error
	if debug == 0 {
		set, err = protobuf.Decode(context.Background(), bytes.NewReader(decompress(t, buf.Bytes())), pos, evidence.Goroutine, budget.Default())
	} else {
		set, err = gostack.Decode(context.Background(), &buf, pos, budget.Default())
	}
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A fault starts n goroutines that stay; release lets them go.
type fault struct {
	rule  string
	where string // the function that blocks
	start func(n int)
	free  func()
}

func spawn(n int, ready *sync.WaitGroup, f func()) {
	for range n {
		ready.Add(1)
		go func() {
			ready.Done()
			f()
		}()
	}
}

func sendToNobody(c chan int)          { c <- 1 }
func receiveFromNobody(c chan int)     { <-c }
func lockTaken(mu *sync.Mutex)         { mu.Lock(); defer mu.Unlock() }
func readLockTaken(mu *sync.RWMutex)   { mu.RLock(); defer mu.RUnlock() }
func waitForNobody(wg *sync.WaitGroup) { wg.Wait() }
func selectNothing(a, b chan int) {
	select {
	case <-a:
	case <-b:
	}
}

func waitUnsignalled(c *sync.Cond, over *bool) {
	c.L.Lock()
	defer c.L.Unlock()
	for !*over {
		c.Wait()
	}
}

func faults() []fault {
	var ready sync.WaitGroup
	in, out, a := make(chan int), make(chan int), make(chan int)
	var mu sync.Mutex
	var rw sync.RWMutex
	var wg sync.WaitGroup
	over, cond := false, sync.NewCond(new(sync.Mutex))
	mu.Lock()
	rw.Lock()
	wg.Add(1)
	sent := 0
	each := func(f func()) func(int) {
		return func(n int) { spawn(n, &ready, f); ready.Wait() }
	}
	return []fault{
		{ruleChanSend, "sendToNobody", func(n int) { sent += n; each(func() { sendToNobody(in) })(n) }, func() {
			for range sent {
				<-in
			}
		}},
		{ruleChanReceive, "receiveFromNobody", each(func() { receiveFromNobody(out) }), func() { close(out) }},
		{ruleSelect, "selectNothing", each(func() { selectNothing(a, nil) }), func() { close(a) }},
		{ruleMutex, "lockTaken", each(func() { lockTaken(&mu) }), mu.Unlock},
		{ruleMutex, "readLockTaken", each(func() { readLockTaken(&rw) }), rw.Unlock},
		{ruleWaitGroup, "waitForNobody", each(func() { waitForNobody(&wg) }), wg.Done},
		{ruleCond, "waitUnsignalled", each(func() { waitUnsignalled(cond, &over) }), func() {
			cond.L.Lock()
			over = true
			cond.L.Unlock()
			cond.Broadcast()
		}},
	}
}

// settle waits until n goroutines are parked in a function: they have started, and may
// not have blocked yet.
func settle(t *testing.T, function string, n int) {
	t.Helper()
	for range 10_000 {
		var buf bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&buf, 2); err != nil {
			t.Fatal(err)
		}
		blocked := 0
		for _, g := range strings.Split(buf.String(), "\n\n") {
			head, _, _ := strings.Cut(g, "\n")
			if strings.Contains(g, "leak."+function+"(") && !strings.Contains(head, "run") {
				blocked++
			}
		}
		if blocked == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%d goroutines never all blocked in %s", n, function)
}

func TestRealSnapshots(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.where, func(t *testing.T) {
			defer f.free()
			dumps, profiles := &evidence.Set{}, &evidence.Set{}
			for i := range 6 {
				f.start(30)
				settle(t, f.where, 30*(i+1))
				dumps = evidence.Merge(dumps, take(t, i, 2))
				profiles = evidence.Merge(profiles, take(t, i, 0))
			}
			var prints []string
			for name, set := range map[string]*evidence.Set{"debug=2": dumps, "protobuf": profiles, "both": evidence.Merge(dumps, profiles)} {
				res := analyzeSet(t, set)
				if len(res.Findings) != 1 {
					t.Fatalf("%s: findings %q, want one", name, summary(res))
				}
				got := res.Findings[0]
				if got.Rule != f.rule || !strings.HasSuffix(got.Location.Function, "."+f.where) || got.Confidence != analyze.Possible {
					t.Errorf("%s: %s at %s, %s; want %s at %s", name, got.Rule, got.Location.Function, got.Confidence, f.rule, f.where)
				}
				prints = append(prints, got.Fingerprint)
			}
			if prints[0] != prints[1] || prints[1] != prints[2] {
				t.Errorf("the formats give different fingerprints: %v", prints)
			}
		})
	}
}

// A real pool that sits idle and this test's own goroutines.
func TestRealIdlePool(t *testing.T) {
	quit := make(chan int)
	defer close(quit)
	var ready sync.WaitGroup
	spawn(300, &ready, func() { selectNothing(quit, nil) })
	ready.Wait()
	set := &evidence.Set{}
	for i := range 6 {
		set = evidence.Merge(set, take(t, i, 2))
	}
	expect(t, set, "")
}
