package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A quoteFeed passes each quote to whoever listens.
type quoteFeed struct {
	mu   sync.Mutex
	subs map[chan int]bool
}

func newQuoteFeed(env *environment) http.Handler {
	f := &quoteFeed{subs: map[chan int]bool{}}
	go f.publish(env)
	return f
}

func (f *quoteFeed) publish(env *environment) {
	ticker := time.NewTicker(400 * time.Millisecond)
	defer ticker.Stop()
	for quote := 0; ; quote++ {
		select {
		case <-ticker.C:
		case <-env.ctx.Done():
			return
		}
		f.mu.Lock()
		for s := range f.subs {
			select {
			case s <- quote:
			default:
			}
		}
		f.mu.Unlock()
	}
}

func (f *quoteFeed) subscribe() chan int {
	s := make(chan int, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs[s] = true
	return s
}

func (f *quoteFeed) unsubscribe(s chan int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs, s)
	close(s)
}

// ServeHTTP follows the feed for a moment and reports the last quote.
func (f *quoteFeed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := f.subscribe()
	var last atomic.Int64
	go func() {
		for q := range s { // want "leak/chan-receive"
			last.Store(int64(q))
		}
	}()
	if err := f.writeHistory(w, number(r)); err != nil {
		return // mend: f.unsubscribe(s); return
	}
	time.Sleep(30 * time.Millisecond)
	f.unsubscribe(s)
	fmt.Fprintln(w, last.Load())
}

func (f *quoteFeed) writeHistory(w io.Writer, n int) error {
	if n%3 == 0 {
		return errors.New("the client went away")
	}
	_, err := fmt.Fprintln(w, "history")
	return err
}
