package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// A fileWatcher tells of changes until it is closed.
type fileWatcher struct {
	Events chan int
	done   chan struct{}
	mtime  atomic.Int64
}

func watchFile() *fileWatcher {
	w := &fileWatcher{Events: make(chan int), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *fileWatcher) Close() { close(w.done) }

func (w *fileWatcher) run() {
	for {
		time.Sleep(3 * time.Millisecond)
		select { // want "leak/select"
		case w.Events <- int(w.mtime.Add(1)):
		case <-w.done:
			return
		}
	}
}

type configServer struct{}

func newConfigServer(*environment) http.Handler { return configServer{} }

// ServeHTTP answers when the configuration has changed.
func (c configServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	watcher := watchFile()
	version := <-watcher.Events // mend: version := <-watcher.Events; watcher.Close()
	fmt.Fprintln(w, number(r), version)
}
