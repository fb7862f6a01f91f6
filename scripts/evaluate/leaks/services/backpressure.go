package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// An uploader stores blocks through a bounded queue; producers wait while it is full, and
// each of them gets through after a while.
type uploader struct {
	blocks chan int
	stored atomic.Int64
}

func newUploader(*environment) http.Handler {
	u := &uploader{blocks: make(chan int, 4)}
	for range 3 {
		go func() {
			for b := range u.blocks {
				time.Sleep(time.Duration(6+b%5) * time.Millisecond)
				u.stored.Add(1)
			}
		}()
	}
	for producer := range 25 {
		go u.produce(producer)
	}
	return u
}

func (u *uploader) produce(n int) {
	for b := n; ; b += 25 {
		u.blocks <- b
	}
}

func (u *uploader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.blocks <- number(r)
	fmt.Fprintln(w, u.stored.Load())
}
