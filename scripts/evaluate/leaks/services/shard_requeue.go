package main

import (
	"fmt"
	"net/http"
	"time"
)

type indexJob struct{ doc, attempts int }

// An indexShard works through its jobs; one whose document is not there yet goes back to
// the end of the queue.
type indexShard struct{ jobs chan indexJob }

func (s *indexShard) run() {
	for j := range s.jobs {
		time.Sleep(2 * time.Millisecond)
		if j.doc%2 == 0 && j.attempts < 2 {
			j.attempts++
			s.jobs <- j // want "leak/chan-send" // mend: go func() { s.jobs <- j }()
		}
	}
}

type indexer struct{ shards [4]indexShard }

func newIndexer(*environment) http.Handler {
	x := &indexer{}
	for i := range x.shards {
		x.shards[i].jobs = make(chan indexJob, 4)
		go x.shards[i].run()
	}
	return x
}

// ServeHTTP takes a bulk of documents.
func (x *indexer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	go x.ingest(&x.shards[n%len(x.shards)], n)
	fmt.Fprintln(w, "accepted")
}

func (x *indexer) ingest(s *indexShard, n int) {
	for i := range 10 {
		s.jobs <- indexJob{doc: 10*n + i} // want "leak/chan-send"
	}
}
