package trace

import (
	"bytes"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	xtrace "golang.org/x/exp/trace"
)

// requestRegion is what middleware marks each request by, for the oracle.
const requestRegion = "request"

// oracleRequest is a request as it follows from the events of x/exp/trace and the mark of its middleware: that it was one
// nobody has to find out. The order of the events is the oracle's, their times are those in the file.
type oracleRequest struct {
	goroutine      uint64
	from, earliest int64 // the arrival; where nobody saw it the first read, and the end of the request before
	begun, handled int64 // the mark
	to             int64
}

// requestOracle reads requests off a trace whose middleware marks them.
type requestOracle struct {
	threads map[uint64]*oracleGoroutine
	done    []oracleRequest
	// inexact: x/exp/trace made more events than there are in the file, so that times cannot be told. It does where a goroutine is
	// in a system call as a generation begins.
	inexact bool
}

type oracleGoroutine struct {
	created, freed int64
	waits, calls   string // the stack at which it waits, or is in a system call
	arrived, read  int64  // the first wait for a request that ended, the last read
	cur            *oracleRequest
	alone          bool // one request a goroutine
}

func readRequests(t *testing.T, data []byte) *requestOracle {
	t.Helper()
	r, err := xtrace.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	file := &recordedOracle{t: t, times: map[eventClass][]int64{}}
	file.readTimes(data)
	o := &requestOracle{threads: map[uint64]*oracleGoroutine{}}
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		at, ok := file.find(&ev, int64(ev.Time()))
		o.inexact = o.inexact || !ok
		o.event(&ev, at-file.start)
	}
	for _, g := range o.threads {
		o.close(g)
	}
	return o
}

func (o *requestOracle) of(id xtrace.GoID) *oracleGoroutine {
	g := o.threads[uint64(id)]
	if g == nil {
		g = &oracleGoroutine{}
		o.threads[uint64(id)] = g
	}
	return g
}

func (o *requestOracle) event(ev *xtrace.Event, at int64) {
	switch ev.Kind() {
	case xtrace.EventRegionBegin:
		if ev.Region().Type == requestRegion {
			o.begin(o.of(ev.Goroutine()), uint64(ev.Goroutine()), at, framesOf(ev.Stack()))
		}
	case xtrace.EventRegionEnd:
		if g := o.of(ev.Goroutine()); ev.Region().Type == requestRegion && g.cur != nil {
			g.cur.handled, g.cur.to = at, at
		}
	case xtrace.EventStateTransition:
		st := ev.StateTransition()
		if st.Resource.Kind != xtrace.ResourceGoroutine {
			return
		}
		from, to := st.Goroutine()
		o.transition(o.of(st.Resource.Goroutine()), from, to, at, framesOf(st.Stack))
	}
}

func framesOf(s xtrace.Stack) string {
	var b strings.Builder
	for f := range s.Frames() {
		b.WriteString(f.Func + "\n")
	}
	return b.String()
}

// reads is the stack of a connection that waits for a request or reads one.
func reads(stack string) bool {
	return strings.Contains(stack, "bufio.(*Reader).Peek\nnet/http.(*conn).serve") || strings.Contains(stack, "net/http.(*conn).readRequest\n")
}

// writesRest is the stack of a connection that writes what is left of a reply. To stop the watch over the connection is none of it.
func writesRest(stack string) bool {
	return strings.Contains(stack, "net/http.(*response).finishRequest\n") && !strings.Contains(stack, "abortPendingRead")
}

func (o *requestOracle) transition(g *oracleGoroutine, from, to xtrace.GoState, at int64, stack string) {
	switch {
	case from == to && stack == "": // a generation begins and says so, but not where the goroutine is
		return
	case from == to:
	case from == xtrace.GoNotExist:
		*g = oracleGoroutine{created: at, freed: at}
	case from == xtrace.GoWaiting:
		o.moved(g, g.waits, at, true)
	case from == xtrace.GoSyscall:
		o.moved(g, g.calls, at, false)
	}
	switch to {
	case xtrace.GoWaiting:
		g.waits = stack
	case xtrace.GoSyscall:
		g.calls = stack
	case xtrace.GoNotExist:
		if g.alone && g.cur != nil {
			g.cur.to = at
		}
		o.close(g)
	}
}

// moved takes the end of a wait or a system call. To wait for a lock or the collector is to read or write nothing.
func (o *requestOracle) moved(g *oracleGoroutine, stack string, at int64, waited bool) {
	switch {
	case waited && !strings.Contains(stack, "internal/poll."):
	case writesRest(stack) && g.cur != nil && g.cur.handled > 0:
		g.cur.to = at
	case reads(stack) && (g.cur == nil || g.cur.handled > 0):
		o.close(g)
		if waited && g.arrived == 0 {
			g.arrived = at
		}
		if g.read == 0 {
			g.read = at
		}
	}
}

// begin takes the mark's beginning.
func (o *requestOracle) begin(g *oracleGoroutine, id uint64, at int64, stack string) {
	o.close(g)
	q := &oracleRequest{goroutine: id, from: at, earliest: g.freed, begun: at}
	switch {
	case strings.Contains(stack, "erverConn).runHandler"):
		g.alone = true
		q.from, q.earliest = g.created, g.created
	case g.arrived > 0:
		q.from, q.earliest = g.arrived, g.arrived
	case g.read > 0:
		q.from = g.read
	}
	g.cur = q
}

func (o *requestOracle) close(g *oracleGoroutine) {
	if g.cur == nil || g.cur.handled == 0 {
		return
	}
	o.done = append(o.done, *g.cur)
	g.freed, g.arrived, g.read, g.cur = g.cur.to, 0, 0, nil
}

// The limits of what the requests of a trace may be off by. Both sides stand on the same events and times, so that no load of
// the machine makes a difference.
const (
	maxUnpaired     = 0.0001
	maxQPSError     = 0.0025
	maxFlightError  = 0.03
	maxLatencyError = 0.05
	latencyGrain    = 200 * time.Microsecond
)

// compareWithOracle demands that the requests of the trace are those of the oracle.
func compareWithOracle(t *testing.T, data []byte, w *window, counts func(requestRecord) bool) {
	t.Helper()
	o := readRequests(t, data)
	records := map[uint64][]requestRecord{}
	cut := map[uint64]int64{} // where one that the window cuts began
	n, paired := 0, 0
	var have, want []float64
	w.requests.tally.records.each(func(r requestRecord) {
		if counts(r) && !r.earlier && !r.open {
			records[r.goroutine] = append(records[r.goroutine], r)
			have = append(have, float64(r.to-r.from))
			n++
		}
		if r.open || r.earlier {
			cut[r.goroutine] = r.from
		}
	})
	o.done = slices.DeleteFunc(o.done, func(q oracleRequest) bool {
		from, ok := cut[q.goroutine]
		return ok && q.handled >= from
	})
	for _, q := range o.done {
		at := slices.IndexFunc(records[q.goroutine], func(r requestRecord) bool { return r.from <= q.handled && q.handled <= r.to+int64(latencyGrain) })
		if at < 0 {
			t.Logf("no request of goroutine %d from %d to %d in %+v", q.goroutine, q.from, q.to, records[q.goroutine])
			want = append(want, float64(q.to-q.from))
			continue
		}
		// Where nobody saw it arrive, it is right to say any time that it can have come at.
		if r := records[q.goroutine][at]; q.from != q.earliest || r.from != r.earliest {
			q.from = min(max(r.from, q.earliest), q.begun)
		}
		want = append(want, float64(q.to-q.from))
		records[q.goroutine] = slices.Delete(records[q.goroutine], at, at+1)
		paired++
	}
	if share := 1 - float64(paired)/float64(len(o.done)); share > maxUnpaired && !o.inexact {
		t.Errorf("%d of %d requests are paired", paired, len(o.done))
	}
	if o.inexact {
		t.Log("the oracle has no exact times for this trace: no durations are compared")
		return
	}
	if e := float64(n)/float64(len(o.done)) - 1; math.Abs(e) > maxQPSError {
		t.Errorf("%d requests, the oracle has %d", n, len(o.done))
	}
	if e := sum(have)/sum(want) - 1; math.Abs(e) > maxFlightError {
		t.Errorf("the mean in flight is off by %.2f %%", 100*e)
	}
	for _, p := range []float64{0.5, 0.95, 0.99} {
		h, o := quantile(have, p), quantile(want, p)
		if d := math.Abs(h - o); d > max(maxLatencyError*o, float64(latencyGrain)) {
			t.Errorf("P%v is %v, the oracle's %v", 100*p, time.Duration(h), time.Duration(o))
		}
	}
	t.Logf("%d of %d paired; mean in flight off by %+.3f %%, P99 by %+.3f %%", paired, len(o.done), 100*(sum(have)/sum(want)-1),
		100*(quantile(have, 0.99)/quantile(want, 0.99)-1))
}
