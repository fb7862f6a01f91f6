// Command toolchains waits for locks and channels in every way that detectors mutexwait and selectwait know, and
// writes profiles of that into the directory that it is given. Its profiles by several toolchains are kept beside it:
//
//	GOTOOLCHAIN=go1.20.14 go run . go1.20
package main

import (
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

func main() {
	dir := os.Args[1]
	if err := os.MkdirAll(dir, 0o755); err != nil {
		log.Fatal(err)
	}
	runtime.SetMutexProfileFraction(5)
	runtime.SetBlockProfileRate(10_000)
	write(dir, "mutex", ".0.pb.gz")
	write(dir, "block", ".0.pb.gz")
	f, err := os.Create(filepath.Join(dir, "cpu.pb.gz"))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		log.Fatal(err)
	}
	var s store
	var l ledger
	var t table
	q := queue{items: make(chan int, 8)}
	go q.drain()
	together(14, s.put)
	together(4, l.fight)
	together(2, t.read)
	together(2, poll)
	together(20, q.fill)
	pprof.StopCPUProfile()
	f.Close()
	write(dir, "mutex", ".1.pb.gz")
	write(dir, "block", ".1.pb.gz")
}

// together has n goroutines do one thing for a while.
func together(n int, run func(stop chan struct{})) {
	stop := make(chan struct{})
	time.AfterFunc(1300*time.Millisecond, func() { close(stop) })
	var wg sync.WaitGroup
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); run(stop) }()
	}
	wg.Wait()
}

func write(dir, profile, suffix string) {
	f, err := os.Create(filepath.Join(dir, profile+suffix))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	if err := pprof.Lookup(profile).WriteTo(f, 0); err != nil {
		log.Fatal(err)
	}
}

func stopped(stop chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// store holds its lock while asleep.
type store struct{ mu sync.Mutex }

func (s *store) put(stop chan struct{}) {
	for !stopped(stop) {
		s.save()
	}
}

func (s *store) save() {
	s.mu.Lock()
	defer s.mu.Unlock()
	time.Sleep(time.Millisecond)
}

// ledger is fought for.
type ledger struct {
	mu sync.Mutex
	n  int
}

func (l *ledger) fight(stop chan struct{}) {
	for !stopped(stop) {
		for i := 0; i < 10_000; i++ {
			l.mu.Lock()
			l.n++
			l.mu.Unlock()
		}
	}
}

// table is read all the time.
type table struct {
	mu sync.RWMutex
	n  int
}

func (t *table) read(stop chan struct{}) {
	for n := 0; !stopped(stop); {
		for i := 0; i < 10_000; i++ {
			t.mu.RLock()
			n += t.n
			t.mu.RUnlock()
		}
	}
}

func poll(stop chan struct{}) {
	for never := make(chan int); ; {
		select {
		case <-stop:
			return
		default:
		}
		select {
		case <-never:
		case <-stop:
			return
		default:
		}
	}
}

// queue is filled by many and drained by one.
type queue struct{ items chan int }

func (q *queue) fill(stop chan struct{}) {
	for i := 0; !stopped(stop); i++ {
		q.items <- i
	}
}

func (q *queue) drain() {
	for range q.items {
		time.Sleep(time.Millisecond)
	}
}
