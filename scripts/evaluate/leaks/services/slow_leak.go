package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

type translations struct{}

func newTranslations(*environment) http.Handler { return translations{} }

// ServeHTTP has the paragraphs of a page translated; the page is shown with what has
// come back in time.
func (t translations) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	back := make(chan string) // mend: back := make(chan string, 20)
	for i := range 20 {
		go t.translate(n, i, back)
	}
	deadline := time.After(60 * time.Millisecond)
	for i := range 20 {
		select {
		case <-back:
		case <-deadline:
			fmt.Fprintln(w, i, "of 20 paragraphs")
			return
		}
	}
	fmt.Fprintln(w, "all paragraphs")
}

func (t translations) translate(n, paragraph int, back chan<- string) {
	took := rand.N(15 * time.Millisecond)
	if paragraph == 7 && n%3 == 0 {
		took = 150 * time.Millisecond
	}
	time.Sleep(took)
	back <- fmt.Sprintf("paragraph %d", paragraph) // want "leak/chan-send"
}
