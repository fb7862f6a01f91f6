package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
)

type thumbnails struct{}

func newThumbnails(*environment) http.Handler { return thumbnails{} }

// ServeHTTP renders the pictures of an album, three at a time.
func (t thumbnails) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pictures := make(chan string)
	var pending sync.WaitGroup
	for range 3 {
		go t.renderAll(pictures, &pending)
	}
	for i := range 6 {
		pending.Add(1)
		pictures <- fmt.Sprintf("album-%d/%d.jpg", number(r), i)
	}
	pending.Wait() // mend: pending.Wait(); close(pictures)
	fmt.Fprintln(w, "rendered")
}

func (t thumbnails) renderAll(pictures <-chan string, pending *sync.WaitGroup) {
	for p := range pictures { // want "leak/chan-receive"
		sum := sha256.Sum256([]byte(p))
		for range 200 {
			sum = sha256.Sum256(sum[:])
		}
		pending.Done()
	}
}
