package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

type transcoder struct{ samples atomic.Int64 }

func newTranscoder(*environment) http.Handler { return &transcoder{} }

func (t *transcoder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	done := make(chan struct{})
	t.watchProgress(done)
	time.Sleep(time.Duration(20+number(r)%20) * time.Millisecond)
	close(done)
	fmt.Fprintln(w, t.samples.Load())
}

// watchProgress samples a job until it is done.
func (t *transcoder) watchProgress(done <-chan struct{}) {
	ticker := time.NewTicker(10 * time.Millisecond)
	go func() {
		for range ticker.C { // want "leak/chan-receive" // mend: for func() bool { select { case <-ticker.C: return true; case <-done: return false } }() {
			t.samples.Add(1)
		}
	}()
	go func() {
		<-done
		ticker.Stop()
	}()
}
