package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

type importer struct{ finished atomic.Int64 }

func newImporter(*environment) http.Handler { return &importer{} }

// ServeHTTP imports three files in the background; the last one finishes the import.
func (m *importer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			time.Sleep(time.Duration(1+i) * time.Millisecond)
			if i == 2 {
				wg.Wait() // want "leak/waitgroup" // mend:
				m.finished.Add(1)
			}
		})
	}
	fmt.Fprintln(w, number(r), m.finished.Load())
}
