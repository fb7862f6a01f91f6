package gostack

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// parked is a set of goroutines of the test's own, all waiting, that a real dump must
// list as it was told to start them.
type parked struct {
	nap, send, recv, sel, lock, wait int
}

// start parks the goroutines and returns when each of them shows in a dump.
func (w parked) start(t testing.TB) {
	t.Helper()
	quit, full, never := make(chan struct{}), make(chan int), make(chan int)
	var mu sync.Mutex
	var group, done sync.WaitGroup
	mu.Lock()
	group.Add(1)
	spawn := func(n int, f func()) {
		for range n {
			done.Go(f)
		}
	}
	spawn(w.nap, func() { nap(quit) })
	spawn(w.send, func() { sender(full) })
	spawn(w.recv, func() { receiver(quit) })
	spawn(w.sel, func() { selector(never, quit) })
	spawn(w.lock, func() { locker(&mu) })
	spawn(w.wait, func() { waiter(&group) })
	t.Cleanup(func() {
		close(quit)
		mu.Unlock()
		group.Done()
		for range w.send {
			<-full
		}
		done.Wait()
	})
	for {
		dump := stackOfAll()
		if bytes.Count(dump, []byte("[chan send")) >= w.send &&
			bytes.Count(dump, []byte("gostack.receiver(")) >= w.recv &&
			bytes.Count(dump, []byte("[select")) >= w.sel+w.nap &&
			bytes.Count(dump, []byte("[sync.Mutex.Lock")) >= w.lock &&
			bytes.Count(dump, []byte("[sync.WaitGroup.Wait")) >= w.wait &&
			bytes.Count(dump, []byte("[runnable")) == 0 {
			return
		}
		runtime.Gosched()
	}
}

//go:noinline
func nap(quit chan struct{}) {
	select {
	case <-quit:
	case <-time.After(time.Hour):
	}
}

//go:noinline
func sender(c chan int) { c <- 1 }

//go:noinline
func receiver(c chan struct{}) { <-c }

//go:noinline
func selector(a chan int, b chan struct{}) {
	select {
	case <-a:
	case <-b:
	}
}

//go:noinline
func locker(mu *sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
}

//go:noinline
func waiter(g *sync.WaitGroup) { g.Wait() }

// stackOfAll is what debug=2 serves.
func stackOfAll() []byte {
	for buf := make([]byte, 1<<20); ; buf = make([]byte, 2*len(buf)) {
		if n := runtime.Stack(buf, true); n < len(buf) {
			return buf[:n]
		}
	}
}

// manyGoroutines makes a dump of n goroutines from the blocks of a real one, with ids of
// their own.
func manyGoroutines(t testing.TB, n int) []byte {
	t.Helper()
	parked{nap: 5, send: 5, recv: 5, sel: 5, lock: 5, wait: 5}.start(t)
	blocks := bytes.Split(bytes.TrimSuffix(stackOfAll(), []byte("\n")), []byte("\n\n"))
	var out bytes.Buffer
	for i := range n {
		block := blocks[i%len(blocks)]
		if i > 0 {
			out.WriteByte('\n')
			if bytes.Contains(block, []byte("[running]")) {
				block = blocks[(i+1)%len(blocks)]
			}
		}
		space := bytes.IndexByte(block[len(goroutineWord):], ' ')
		out.WriteString(goroutineWord + strconv.Itoa(i+1))
		out.Write(block[len(goroutineWord)+space:])
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// decode runs Decode with the default budget.
func decode(t testing.TB, data []byte) (*evidence.Set, error) {
	t.Helper()
	return Decode(context.Background(), bytes.NewReader(data), evidence.Position{Source: "dump"}, budget.Budget{})
}

// one returns the only snapshot of a whole dump.
func one(t testing.TB, data []byte) *evidence.Snapshot {
	t.Helper()
	set, err := decode(t, data)
	if err != nil {
		t.Fatalf("decode: %v\n%s", err, data)
	}
	if len(set.Snapshots) != 1 || len(set.Inputs) != 1 {
		t.Fatalf("%d snapshots, %d inputs, want one each", len(set.Snapshots), len(set.Inputs))
	}
	s := &set.Snapshots[0]
	check(t, s)
	return s
}

// check holds what is true of every snapshot.
func check(t testing.TB, s *evidence.Snapshot) {
	t.Helper()
	sum := s.Dropped
	for _, g := range s.Groups {
		sum += g.Count
		if s.HasIDs && len(g.IDs)+g.IDsDropped != g.Count {
			t.Errorf("group of %d goroutines has %d ids and %d dropped", g.Count, len(g.IDs), g.IDsDropped)
		}
		for i := 1; i < len(g.IDs); i++ {
			if g.IDs[i-1] > g.IDs[i] {
				t.Fatalf("ids not ascending: %v", g.IDs)
			}
		}
		if g.MinMinutes > g.MaxMinutes || g.Leaked > g.Count {
			t.Errorf("impossible group: %+v", g)
		}
	}
	if sum != s.Total {
		t.Errorf("groups and dropped hold %d goroutines, total says %d", sum, s.Total)
	}
}

// count adds up the goroutines whose stack has a function that ends in name.
func count(s *evidence.Snapshot, name string) (n int, wait evidence.Wait) {
	for _, g := range s.Groups {
		for _, f := range g.Stack {
			if f.Function == name {
				n += g.Count
				wait = g.Wait
				break
			}
		}
	}
	return n, wait
}

func describe(set *evidence.Set, err error) string {
	return fmt.Sprintf("%+v %+v %v", set.Inputs, set.Snapshots, err)
}
