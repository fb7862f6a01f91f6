package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeTarget is a program as net/http/pprof shows it, in virtual time: windows take their
// seconds at once. Faults replace single answers.
type fakeTarget struct {
	total  func(since time.Duration) int64 // goroutines; nil means 12
	faults map[string]http.HandlerFunc     // by path, or by path and query

	mu       sync.Mutex
	start    time.Time
	requests []string // "4.5s /debug/pprof/trace?seconds=1"
}

const exposition = "# HELP go_info x\n# TYPE go_info gauge\ngo_info{version=\"go1.26.8\"} 1\ngo_goroutines 12\n"

func (f *fakeTarget) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	if f.start.IsZero() {
		f.start = time.Now()
	}
	since := time.Since(f.start)
	f.requests = append(f.requests, fmt.Sprintf("%s %s", since, r.URL.RequestURI()))
	f.mu.Unlock()
	for _, key := range []string{r.URL.RequestURI(), r.URL.Path} {
		if h, ok := f.faults[key]; ok {
			h(w, r)
			return
		}
	}
	if s, err := strconv.ParseFloat(r.FormValue("seconds"), 64); err == nil {
		select {
		case <-time.After(time.Duration(s * float64(time.Second))):
		case <-r.Context().Done():
			return
		}
	}
	switch r.URL.Path {
	case "/metrics":
		io.WriteString(w, exposition)
	case "/debug/pprof/goroutine":
		if r.FormValue("debug") == "2" {
			io.WriteString(w, "goroutine 1 [running]:\nmain.main()\n\t/app/main.go:1 +0x1\n")
			return
		}
		n := int64(12)
		if f.total != nil {
			n = f.total(since)
		}
		w.Write(goroutineProfile(n-5, 5))
	case "/debug/pprof/trace":
		io.WriteString(w, "go 1.26 trace\x00\x00\x00events")
	case "/debug/pprof/profile", "/debug/pprof/mutex", "/debug/pprof/block", "/debug/pprof/allocs",
		"/debug/pprof/heap", "/debug/pprof/threadcreate":
		io.WriteString(w, "\x1f\x8bprofile")
	default:
		http.Error(w, "Unknown profile", http.StatusNotFound)
	}
}

func (f *fakeTarget) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.requests...)
}

// goroutineProfile is a profile.proto with one sample for each count.
func goroutineProfile(counts ...int64) []byte {
	field := func(dst []byte, no int, content []byte) []byte {
		dst = binary.AppendUvarint(dst, uint64(no<<3|wireBytes))
		dst = binary.AppendUvarint(dst, uint64(len(content)))
		return append(dst, content...)
	}
	p := field(nil, 1, []byte{0x08, 1, 0x10, 2}) // sample type
	for i, n := range counts {
		s := field(nil, 1, []byte{1, 2, 3}) // locations
		if i%2 == 0 {
			s = field(s, sampleValue, binary.AppendUvarint(nil, uint64(n)))
		} else { // not packed
			s = binary.AppendUvarint(append(s, sampleValue<<3|wireVarint), uint64(n))
		}
		p = field(p, profileSample, s)
	}
	p = binary.AppendUvarint(append(p, 9<<3|wireVarint), 1767323045) // time
	return field(p, 6, []byte("string table"))
}

// pipeListener connects a server and a client in memory, so that waiting for the network is
// waiting in virtual time.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inVirtualTime runs a test against a target on which no real time passes.
func inVirtualTime(t *testing.T, target http.Handler, test func(t *testing.T, client *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		srv := &http.Server{Handler: target, ErrorLog: nil}
		var wg sync.WaitGroup
		wg.Go(func() { srv.Serve(l) })
		transport := &http.Transport{DialContext: l.dial}
		test(t, &http.Client{Transport: transport})
		transport.CloseIdleConnections()
		srv.Close()
		wg.Wait()
	})
}

// partOf announces a body of n bytes and breaks off after the part.
func partOf(part []byte, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(n))
		w.Write(part)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, code) }
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// hang answers never.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// stall sends a part and then nothing more.
func stall(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "\x1f\x8bpart")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// trickle sends a byte every second, for ever.
func trickle(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
	}
}

// fill sends n bytes.
func fill(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		block := bytes.Repeat([]byte("goroutine 7 [select]:\n"), 1024)
		for left := n; left > 0; {
			m, err := w.Write(block[:min(left, len(block))])
			if err != nil {
				return
			}
			left -= m
		}
	}
}
