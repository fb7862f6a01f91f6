package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

type batchJobs struct{ aborted atomic.Int64 }

func newBatchJobs(*environment) http.Handler { return &batchJobs{} }

func (b *batchJobs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, b.run(number(r)))
}

// run works on a job; SIGHUP makes it write a checkpoint.
func (b *batchJobs) run(n int) string {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup) // mend: defer func() { signal.Stop(hangup); close(hangup) }()
	go func() {
		for range hangup { // want "leak/chan-receive"
			b.aborted.Add(1)
		}
	}()
	time.Sleep(4 * time.Millisecond)
	return fmt.Sprintf("job %d: checkpoint %d", n, b.aborted.Load())
}
