package trace

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	_ "net/http/pprof"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// route finds the requests of a function of this test.
func route(t testing.TB, tr *evidence.Trace, function string) evidence.Requests {
	t.Helper()
	var names []string
	for _, r := range tr.Requests {
		if strings.HasSuffix(r.Route, "."+function) {
			return r
		}
		names = append(names, r.Route)
	}
	t.Fatalf("no requests of %s, there are %q", function, names)
	return evidence.Requests{}
}

// spent is the time that requests spent in a state.
func spent(r evidence.Requests, state string) (ns int64) {
	for _, s := range r.States {
		if s.State == state {
			ns += s.NS
		}
	}
	return ns
}

func ask(t testing.TB, client *http.Client, url string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
}

// gate holds handlers until it is opened.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{make(chan struct{}, 100), make(chan struct{})} }

//go:noinline
func (g *gate) waitingHandler(w http.ResponseWriter, r *http.Request) {
	g.entered <- struct{}{}
	<-g.open
	io.WriteString(w, "ok")
}

// Requests that the window cuts are counted and kept apart, whichever of their ends lies outside.
func TestCensoredRequests(t *testing.T) {
	early, late := newGate(), newGate()
	mux := http.NewServeMux()
	mux.HandleFunc("/early", early.waitingHandler)
	mux.HandleFunc("/late", late.waitingHandler)
	srv := httptest.NewUnstartedServer(mux)
	idle := make(chan struct{}, 100)
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateIdle { // the reply is written
			idle <- struct{}{}
		}
	}
	srv.Start()
	defer srv.Close()
	// What closes a connection wakes its goroutine as a request does, and none may be woken when the window ends.
	srv.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = 16
	release := sync.OnceFunc(func() { close(late.open) })
	defer release()
	var before, after sync.WaitGroup
	for range 3 {
		before.Go(func() { ask(t, srv.Client(), srv.URL+"/early") })
	}
	for range 2 {
		after.Go(func() { ask(t, srv.Client(), srv.URL+"/late") })
	}
	for range 3 {
		<-early.entered
	}
	for range 2 {
		<-late.entered
	}
	waitParked(t, 5, "chan receive", "trace.(*gate).waitingHandler")
	data := record(t, func() {
		split := newGeneration(t)
		for range 4 {
			after.Go(func() { ask(t, srv.Client(), srv.URL+"/late") })
		}
		for range 4 {
			<-late.entered
		}
		waitParked(t, 9, "chan receive", "trace.(*gate).waitingHandler")
		split()
		close(early.open)
		before.Wait()
		for range 3 {
			<-idle
		}
		split()
	})
	release()
	after.Wait()
	tr, _ := sameEverywhere(t, data)
	addsUp(t, tr)
	var completed, earlier, open, openEarlier int64
	for _, r := range tr.Requests {
		completed, earlier, open, openEarlier = completed+r.Completed, earlier+r.Earlier, open+r.Open, openEarlier+r.OpenEarlier
	}
	if completed != 0 || earlier != 3 || open != 6 || openEarlier != 2 {
		t.Errorf("%d completed, %d earlier, %d open, %d of them earlier; want 0, 3, 6, 2", completed, earlier, open, openEarlier)
	}
	q := tr.Windows[0].Requests
	if q.Max != 9 {
		t.Errorf("at most %d in flight, want 9", q.Max)
	}
	if ns := spent(route(t, tr, "(*gate).waitingHandler"), "chan-receive"); ns == 0 {
		t.Error("no time in a channel receive")
	}
}

// A client that goes while the handler runs has its request counted as abandoned; one that takes its reply has not.
func TestAbandonedRequests(t *testing.T) {
	g := newGate()
	gone := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		g.entered <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	mux.HandleFunc("/sleep", sleepingHandler)
	srv := httptest.NewServer(mux)
	defer srv.Close()
	data := record(t, func() {
		split := newGeneration(t)
		for i := range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"/wait", nil)
				if resp, err := srv.Client().Do(req); err == nil {
					resp.Body.Close()
				}
			})
			<-g.entered
			if i == 1 {
				split()
			}
			cancel()
			<-gone
			wg.Wait()
			ask(t, srv.Client(), srv.URL+"/sleep")
		}
		srv.CloseClientConnections()
		waitParked(t, 0, "", "net/http.(*connReader).backgroundRead")
		waitParked(t, 0, "", "net/http.(*conn).serve")
	})
	tr, _ := sameEverywhere(t, data)
	var abandoned int64
	for _, r := range tr.Requests {
		abandoned += r.Abandoned
	}
	if abandoned != 3 {
		t.Errorf("%d requests were abandoned, want 3", abandoned)
	}
	if r := route(t, tr, "sleepingHandler"); r.Abandoned != 0 || r.Completed != 3 {
		t.Errorf("%d completed, %d abandoned; want 3 and 0", r.Completed, r.Abandoned)
	}
}

// Requests for profiles are no work of the service, and connections that are taken over no requests any more.
func TestRequestsLeftOut(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/debug/", http.DefaultServeMux)
	mux.HandleFunc("/raw", func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n")
		bufio.NewReader(c).ReadString('\n')
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	data := record(t, func() {
		for range 4 {
			ask(t, srv.Client(), srv.URL+"/debug/pprof/cmdline")
			ask(t, srv.Client(), srv.URL+"/debug/pprof/goroutine?debug=2")
		}
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /raw HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n")
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
			t.Error(err)
		}
		fmt.Fprintln(c, "bye")
		io.Copy(io.Discard, c)
	})
	tr, _ := sameEverywhere(t, data)
	addsUp(t, tr)
	var hijacked int64
	for _, r := range tr.Requests {
		hijacked += r.Hijacked
		if strings.Contains(r.Route, "pprof") {
			t.Errorf("%d requests of %s", r.Completed, r.Route)
		}
	}
	if q := tr.Windows[0].Requests; hijacked != 1 || q.Excluded == 0 {
		t.Errorf("%d taken over, want 1; %d left out, want some", hijacked, q.Excluded)
	}
}

// What a proxy waits for is downstream, and what its upstream does is not.
func TestRequestsOfProxy(t *testing.T) {
	const n, held = 20, 20 * time.Millisecond
	g := newGate()
	up := httptest.NewServer(http.HandlerFunc(g.waitingHandler))
	defer up.Close()
	target, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(httputil.NewSingleHostReverseProxy(target))
	defer proxy.Close()
	data := record(t, func() {
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() { ask(t, proxy.Client(), proxy.URL) })
		}
		waitParked(t, n, "chan receive", "trace.(*gate).waitingHandler")
		waitParked(t, 2*n, "select", "net/http.(*persistConn).roundTrip") // the clients', and the proxy's
		time.Sleep(held)
		close(g.open)
		wg.Wait()
	})
	tr, _ := sameEverywhere(t, data)
	addsUp(t, tr)
	r := route(t, tr, "(*ReverseProxy).ServeHTTP")
	// The client may be told of the last reply before the event of its write.
	if r.Completed+r.Open != n {
		t.Errorf("%d requests of the proxy, want %d", r.Completed+r.Open, n)
	}
	if ns := spent(r, evidence.StateDownstream); ns < n*int64(held) {
		t.Errorf("%d of %d ns downstream, want %d and more", ns, r.InFlightNS, n*int64(held))
	}
	if r := route(t, tr, "(*gate).waitingHandler"); spent(r, "chan-receive") < n*int64(held) {
		t.Errorf("%d of %d ns in a channel receive upstream, want %d and more", spent(r, "chan-receive"), r.InFlightNS, n*int64(held))
	}
}

//go:noinline
func jobOfItsOwn(wg *sync.WaitGroup, c chan int) {
	defer wg.Done()
	<-c
}

// A function that the user names is a request for each goroutine that starts in it.
func TestRequestRoot(t *testing.T) {
	const n = 30
	data := record(t, func() {
		var wg sync.WaitGroup
		c := make(chan int)
		for range n {
			wg.Add(1)
			go jobOfItsOwn(&wg, c)
		}
		waitParked(t, n, "chan receive", "trace.jobOfItsOwn")
		close(c)
		wg.Wait()
		for parked("", "trace.jobOfItsOwn") > 0 {
			runtime.Gosched()
		}
	})
	root := "go-debug/analyze/decode/trace.jobOfItsOwn"
	tr, _ := replayed(t, bytes.NewReader(data), 2, budget.Budget{RequestRoot: root})
	addsUp(t, tr)
	if len(tr.Requests) != 1 || tr.Requests[0].Completed != n || tr.Requests[0].Protocol != "function" || tr.Windows[0].Requests.Max != n {
		t.Errorf("%+v", tr.Requests)
	}
	if tr, _ := replayed(t, bytes.NewReader(data), 2, budget.Budget{}); len(tr.Requests) != 0 {
		t.Errorf("without the name: %+v", tr.Requests)
	}
}

// A stream whose generation does not fit says that its requests were not rebuilt.
func TestRequestsOfStreamBeyondMemory(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(sleepingHandler))
	defer srv.Close()
	data := record(t, func() {
		for range 200 {
			ask(t, srv.Client(), srv.URL)
		}
	})
	limits := budget.Budget{Memory: int64(len(data)) * 8}
	tr, _ := replayed(t, stream{bytes.NewReader(data)}, 1, limits)
	q := tr.Windows[0].Requests
	if q == nil || q.BlindNS == 0 || !strings.Contains(strings.Join(tr.Windows[0].Warnings, "\n"), "could not be rebuilt") {
		t.Errorf("%+v, warnings %q", q, tr.Windows[0].Warnings)
	}
	if tr, _ := replayed(t, bytes.NewReader(data), 1, limits); len(tr.Requests) == 0 || tr.Windows[0].Requests.BlindNS != 0 {
		t.Errorf("of a file: %+v", tr.Requests)
	}
}
