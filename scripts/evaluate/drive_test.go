package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestDriverIsOpen holds every request until several are open: one that waited for
// answers would never get there.
func TestDriverIsOpen(t *testing.T) {
	const together = 8
	arrived := make(chan string, maxOpenRequests)
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.FormValue("n")
		<-release
		http.Error(w, "refused", http.StatusForbidden)
	}))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	d := newDriver()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.run(ctx, srv.URL, pass{"fast", 500})
	}()
	seen := map[string]bool{}
	for range together {
		seen[<-arrived] = true
	}
	close(release)
	for d.answered.Load() < together {
		<-arrived
	}
	cancel()
	<-done
	if len(seen) != together || d.failed.Load() > 0 || d.open.Load() != 0 {
		t.Errorf("%d numbers, %d failed, %d open", len(seen), d.failed.Load(), d.open.Load())
	}
}
