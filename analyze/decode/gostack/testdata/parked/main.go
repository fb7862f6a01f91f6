// Command parked parks goroutines in every way that the runtime has a word for and writes
// the dumps of itself into a directory: parked DIR [MINUTES]. ../capture runs it under each
// Go version. Its functions stay where they are: the tests name them, not their lines.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

// What is waited for is global, so that the leak profile sees nothing of it.
var (
	full    = make(chan int)    // nobody receives
	never   = make(chan int)    // nobody sends
	never2  = make(chan string) // likewise
	texts   = make(chan string) // nobody receives
	null    chan int
	mu      sync.Mutex
	rw      sync.RWMutex
	wg      sync.WaitGroup
	condMu  sync.Mutex
	cond    = sync.NewCond(&condMu)
	further []func() // what later Go versions add
)

func main() {
	dir, wait := os.Args[1], time.Second
	if len(os.Args) > 2 {
		var minutes int
		fmt.Sscan(os.Args[2], &minutes)
		wait = time.Duration(minutes)*time.Minute + time.Second
	}
	start()
	time.Sleep(300 * time.Millisecond)
	for i := 0; i < 2; i++ { // waits are timed from the start of the last collection but one
		runtime.GC()
	}
	time.Sleep(wait)
	switch filepath.Base(dir) {
	case "quit":
		syscall.Kill(os.Getpid(), syscall.SIGQUIT)
		select {}
	case "panic":
		panic("boom (really)")
	}
	write(dir, "goroutine", "debug2.txt", 2)
	write(dir, "goroutine", "debug1.txt", 1)
	write(dir, "goroutine", "debug0.pb.gz", 0)
	if pprof.Lookup("goroutineleak") != nil {
		write(dir, "goroutineleak", "leak.debug0.pb.gz", 0)
		write(dir, "goroutineleak", "leak.debug1.txt", 1)
		write(dir, "goroutine", "afterleak.debug2.txt", 2)
	}
}

func write(dir, profile, name string, debug int) {
	f, err := os.Create(filepath.Join(dir, name))
	if err == nil {
		err = pprof.Lookup(profile).WriteTo(f, debug)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		panic(err)
	}
}

func start() {
	for i := 0; i < 3; i++ {
		go send(full)
	}
	for i := 0; i < 2; i++ {
		go func() { <-never }()
	}
	go func() { go func() { texts <- "nested" }() }()
	go sendNil()
	go recvNil()
	go noCases()
	go choose(never, never2)
	mu.Lock()
	go lock()
	rw.Lock()
	go rlock()
	go wlock()
	wg.Add(1)
	go waitGroup()
	go waitCond()
	go nap()
	go locked()
	go accept()
	go read()
	go deep(120)
	go (&box[string]{c: never2}).take()
	go drain[int](never)
	go (&server{quit: never}).run()
	labels := pprof.Labels("route", "/items/{id}", "tricky", `a]: "b" {c}, d: }`, "empty", "", "plain", "v1.2/x_y")
	pprof.Do(context.Background(), labels, func(context.Context) { go labelled() })
	for i := 0; i < 4; i++ {
		go leak(make(chan int))
	}
	go func() {
		c := make(chan int)
		select {
		case <-c:
		case c <- 1:
		}
	}()
	for _, f := range further {
		f()
	}
}

//go:noinline
func send(c chan int) { c <- 1 }

//go:noinline
func sendNil() { null <- 1 }

//go:noinline
func recvNil() { <-null }

//go:noinline
func noCases() { select {} }

//go:noinline
func choose(a chan int, b chan string) {
	select {
	case <-a:
	case <-b:
	}
}

func lock()      { mu.Lock() }
func rlock()     { rw.RLock() }
func wlock()     { rw.Lock() }
func waitGroup() { wg.Wait() }
func waitCond()  { condMu.Lock(); cond.Wait() }
func nap()       { time.Sleep(time.Hour) }
func locked()    { runtime.LockOSThread(); <-never }
func labelled()  { <-never }

func accept() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	l.Accept()
}

func read() {
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		panic(err)
	}
	syscall.Read(p[0], make([]byte, 1))
}

//go:noinline
func deep(n int) int {
	if n == 0 {
		return <-never
	}
	return deep(n-1) + 1
}

type box[T any] struct{ c chan T }

//go:noinline
func (b *box[T]) take() T { return <-b.c }

//go:noinline
func drain[T any](c chan T) {
	for range c {
	}
}

type server struct{ quit chan int }

func (s *server) run() {
	defer func() { recover() }()
	func() { <-s.quit }()
}

//go:noinline
func leak(c chan int) { <-c }
