// Command http writes the traces of servers built by several toolchains that the tests of the decoder read: 40 requests by 4 clients over
// HTTP/1.1, and 40 over HTTP/2, each of which sleeps a millisecond.
//
//	for v in 1.22.12 1.23.12 1.24.13 1.25.11 1.27.0; do GOTOOLCHAIN=go$v go run -trimpath . ../http-go${v%.*}.trace; done
package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/trace"
	"sync"
	"time"
)

//go:noinline
func sleeps(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(time.Millisecond)
	io.WriteString(w, "done")
}

func main() {
	plain := httptest.NewServer(http.HandlerFunc(sleeps))
	two := httptest.NewUnstartedServer(http.HandlerFunc(sleeps))
	two.EnableHTTP2 = true
	two.StartTLS()
	f, err := os.Create(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := trace.Start(f); err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, srv := range []*httptest.Server{plain, two} {
		for i := 0; i < 4; i++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for k := 0; k < 10; k++ {
					get(srv)
				}
			}()
		}
	}
	wg.Wait()
	time.Sleep(20 * time.Millisecond) // the last reply is there before its write has ended
	trace.Stop()
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	plain.Close()
	two.Close()
}

func get(srv *httptest.Server) {
	resp, err := srv.Client().Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		log.Fatal(err)
	}
}
