package trace

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	rtrace "runtime/trace"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

// served is a request as the program itself saw it, on the clock of the trace. The trace has to show it longer than
// the handler and shorter than from the client's sending to the end of the last write to the connection:
// events of one goroutine have an order that no load of the machine changes.
type served struct {
	goroutine  uint64
	conn       string
	start, end time.Time // of the handler
	sent       time.Time // by the client
	write      time.Time // the last write to the connection, zero when not known
	wrote      time.Time // and its end
}

// truth gathers what middleware, connections and clients see.
type truth struct {
	mu     sync.Mutex
	served []*served
	sent   map[string]time.Time
	byConn map[string]*served // the last one
	alerts bool               // connections write after the last reply, as TLS does
}

func newTruth() *truth {
	return &truth{sent: map[string]time.Time{}, byConn: map[string]*served{}}
}

// goroutineNumber is the id of the goroutine, as its traceback begins: "goroutine 7 [running]".
func goroutineNumber() uint64 {
	buf := make([]byte, 64)
	fields := strings.Fields(string(buf[:runtime.Stack(buf, false)]))
	id, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		panic(err)
	}
	return id
}

// middleware is the truth about handlers. It stands outermost.
func (tr *truth) middleware(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &served{goroutine: goroutineNumber(), conn: r.RemoteAddr, start: time.Now()}
		tr.mu.Lock()
		s.sent = tr.sent[r.Header.Get("Test-Request")]
		tr.served = append(tr.served, s)
		if r.ProtoMajor == 1 {
			tr.byConn[s.conn] = s
		}
		tr.mu.Unlock()
		defer rtrace.StartRegion(r.Context(), requestRegion).End()
		defer func() {
			end := time.Now()
			tr.mu.Lock()
			defer tr.mu.Unlock()
			s.end = end
		}()
		h.ServeHTTP(w, r)
	})
}

// listener is the truth about connections.
type listener struct {
	net.Listener
	tr *truth
}

type connection struct {
	net.Conn
	tr *truth
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return connection{c, l.tr}, nil
}

// Write notes when what was written last after a handler had returned was written.
func (c connection) Write(p []byte) (int, error) {
	before := time.Now()
	n, err := c.Conn.Write(p)
	now := time.Now()
	c.tr.mu.Lock()
	defer c.tr.mu.Unlock()
	if s := c.tr.byConn[c.RemoteAddr().String()]; s != nil {
		s.write, s.wrote = before, now
	}
	return n, err
}

// get asks for a path and reads the whole reply.
func (tr *truth) get(t testing.TB, client *http.Client, id string, req *http.Request) {
	req.Header.Set("Test-Request", id)
	tr.mu.Lock()
	tr.sent[id] = time.Now()
	tr.mu.Unlock()
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
}

// clock ties the program's clock to that of a trace, by regions whose beginning both show.
type clock struct {
	bracket [][2]time.Time
}

const clockRegions = 24

func (c *clock) tick() {
	for i := range clockRegions {
		before := time.Now()
		region := rtrace.StartRegion(context.Background(), "clock "+strconv.Itoa(i))
		after := time.Now()
		region.End()
		c.bracket = append(c.bracket, [2]time.Time{before, after})
	}
}

// start is the window's start on the program's clock: it lies between the two times.
func (c *clock) start(t *testing.T, tr *evidence.Trace) (lo, hi time.Time) {
	for i, b := range c.bracket {
		for _, s := range tr.Spans {
			if s.Kind != "region" || s.Name != "clock "+strconv.Itoa(i) || len(s.Exemplars) != 1 {
				continue
			}
			at := time.Duration(s.Exemplars[0].AtNS)
			if from := b[0].Add(-at - clockGrain); lo.IsZero() || from.After(lo) {
				lo = from
			}
			if to := b[1].Add(-at + clockGrain); hi.IsZero() || to.Before(hi) {
				hi = to
			}
		}
	}
	if lo.IsZero() || hi.Before(lo) {
		t.Fatalf("no clock: %v %v", lo, hi)
	}
	return lo, hi
}

// clockGrain is above the grain of the trace's clock, and of the program's where that is finer.
const clockGrain = 256 * time.Nanosecond
