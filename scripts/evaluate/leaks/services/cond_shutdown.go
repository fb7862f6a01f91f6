package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A workList is shared by the consumers of one import.
type workList struct {
	mu     sync.Mutex
	ready  *sync.Cond
	items  []int
	closed bool
}

func newWorkList() *workList {
	l := &workList{}
	l.ready = sync.NewCond(&l.mu)
	return l
}

func (l *workList) push(item int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, item)
	l.ready.Signal()
}

func (l *workList) pop() (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.items) == 0 {
		if l.closed {
			return 0, false
		}
		l.ready.Wait() // want "leak/cond"
	}
	item := l.items[0]
	l.items = l.items[1:]
	return item, true
}

func (l *workList) shutdown() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.ready.Signal() // mend: l.ready.Broadcast()
}

type imports struct{ rows atomic.Int64 }

func newImports(*environment) http.Handler { return &imports{} }

// ServeHTTP has three consumers import what it is given.
func (s *imports) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	list := newWorkList()
	for range 3 {
		go func() {
			for {
				if _, ok := list.pop(); !ok {
					return
				}
				s.rows.Add(1)
			}
		}()
	}
	for i := range 1 + number(r)%4 {
		list.push(i)
		time.Sleep(2 * time.Millisecond) // the next row comes over the network
	}
	list.shutdown()
	fmt.Fprintln(w, s.rows.Load(), "rows")
}
