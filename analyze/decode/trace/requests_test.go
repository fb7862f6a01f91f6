package trace

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	rtrace "runtime/trace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go-debug/analyze/budget"
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

// replayed decodes and also returns the window, for what evidence does not keep.
func replayed(t testing.TB, r io.Reader, workers int, b budget.Budget) (*evidence.Trace, *window) {
	t.Helper()
	var kept *window
	set, err := decodeWith(t.Context(), r, evidence.Position{Source: "t.trace"}, b,
		func(w *window, in *input, br *bufio.Reader, minor int) error {
			kept = w
			return replayWith(workers)(w, in, br, minor)
		})
	if err != nil {
		t.Fatal(err)
	}
	return set.Trace, kept
}

// stream hides that an input can be read twice.
type stream struct{ io.Reader }

// sameEverywhere decodes in all ways there are and demands the same evidence.
func sameEverywhere(t *testing.T, data []byte) (*evidence.Trace, *window) {
	t.Helper()
	tr, w := replayed(t, bytes.NewReader(data), 1, budget.Budget{})
	want, err := json.Marshal(tr)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 2, 4} {
		for name, r := range map[string]io.Reader{"file": bytes.NewReader(data), "stream": stream{bytes.NewReader(data)}} {
			other, _ := replayed(t, r, workers, budget.Budget{})
			got, err := json.Marshal(other)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s with %d workers: other evidence than one worker's", name, workers)
			}
		}
	}
	return tr, w
}

// compare holds the trace's requests against the truth.
func (tr *truth) compare(t *testing.T, c *clock, got *evidence.Trace, w *window, counts func(requestRecord) bool) {
	t.Helper()
	tr.mu.Lock() // connections note their last write when the client may long be done
	defer tr.mu.Unlock()
	lo, hi := c.start(t, got)
	slack := hi.Sub(lo)
	window := time.Duration(got.Windows[0].DurationNS)
	records, open := map[uint64][]requestRecord{}, map[uint64]requestRecord{}
	total := 0
	w.requests.tally.records.each(func(r requestRecord) {
		switch {
		case !counts(r) || r.earlier:
		case r.open:
			open[r.goroutine] = r
		default:
			records[r.goroutine] = append(records[r.goroutine], r)
			total++
		}
	})
	var inner, outer, have []float64 // seconds
	var excess []time.Duration
	paired, early := 0, 0
	var faults []string // of single requests
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, s := range tr.served {
		start, end := s.start.Sub(lo), s.end.Sub(lo)
		if start < 0 || end > window {
			continue
		}
		at := slices.IndexFunc(records[s.goroutine], func(r requestRecord) bool {
			return time.Duration(r.earliest) <= start+clockGrain && end-slack <= time.Duration(r.to)
		})
		if at < 0 {
			if s.wrote.IsZero() || s.wrote.Sub(lo) > window {
				continue // it ended when the trace had
			}
			if r, ok := open[s.goroutine]; ok && time.Duration(r.earliest) <= start+clockGrain && time.Duration(r.to) <= s.wrote.Sub(lo)+clockGrain {
				continue // the trace had no other event to show that this was the last write
			}
			fault("no request of the trace is that of goroutine %d from %v to %v; there are %+v", s.goroutine, start, end, records[s.goroutine])
			continue
		}
		r := records[s.goroutine][at]
		records[s.goroutine] = slices.Delete(records[s.goroutine], at, at+1)
		paired++
		if r.from == r.earliest && r.from > int64(start+clockGrain) {
			fault("goroutine %d: arrival at %v, the handler began at %v", s.goroutine, time.Duration(r.from), start)
		}
		d := time.Duration(r.to - r.from)
		if !s.wrote.IsZero() {
			end = s.wrote.Sub(lo)
		}
		excess = append(excess, (d - (end - start)).Abs())
		have, inner = append(have, d.Seconds()), append(inner, s.end.Sub(s.start).Seconds())
		if !s.sent.IsZero() && !s.wrote.IsZero() {
			outer = append(outer, s.wrote.Sub(s.sent).Seconds())
			if time.Duration(r.to) > s.wrote.Sub(lo)+clockGrain {
				fault("goroutine %d: ended at %v, written at %v", s.goroutine, time.Duration(r.to), s.wrote.Sub(lo))
			}
			if !tr.alerts && time.Duration(r.to) < s.write.Sub(hi)-clockGrain {
				fault("goroutine %d: ended at %v, before the last write at %v", s.goroutine, time.Duration(r.to), s.write.Sub(hi))
			}
			if r.from == r.earliest && time.Duration(r.from) < s.sent.Sub(hi)-clockGrain {
				fault("goroutine %d: arrived at %v, sent at %v", s.goroutine, time.Duration(r.from), s.sent.Sub(lo))
			}
		} else {
			early++
		}
	}
	if paired == 0 {
		t.Fatal("nothing was compared")
	}
	if left := total - paired; left != 0 {
		fault("%d of %d requests of the trace are no request of the program", left, total)
	}
	if len(faults) > 0 {
		t.Errorf("%d faults: %s", len(faults), strings.Join(faults[:min(len(faults), 3)], "; "))
	}
	slices.Sort(excess)
	report := fmt.Sprintf("%d paired of %d; the trace's request differs by %v (median), %v (P99)", paired, total, excess[len(excess)/2], excess[len(excess)*99/100])
	for _, q := range []float64{0.5, 0.95, 0.99} {
		i, h := quantile(inner, q), quantile(have, q)
		report += fmt.Sprintf("; P%v %.2f of %.2f ms", q*100, h*1e3, i*1e3)
		// Quantiles of durations that are each longer than another are longer too.
		if h < i-float64(slack+2*clockGrain)/1e9 {
			t.Errorf("P%v %v s, the handlers' %v s", q*100, h, i)
		}
		if early == 0 {
			if o := quantile(outer, q); h > o+float64(slack+2*clockGrain)/1e9 {
				t.Errorf("P%v %v s, from sending to the last write %v s", q*100, h, o)
			}
		}
	}
	report += fmt.Sprintf("; mean in flight %.3f of %.3f", sum(have)/window.Seconds(), sum(inner)/window.Seconds())
	t.Log(report)
}

func quantile(v []float64, q float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[min(int(math.Ceil(q*float64(len(v))))-1, len(v)-1)]
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

// addsUp demands that each nanosecond of a request is in one state.
func addsUp(t *testing.T, tr *evidence.Trace) {
	t.Helper()
	for _, r := range tr.Requests {
		var ns int64
		for _, s := range r.States {
			ns += s.NS
			var parts int64
			for _, p := range s.Parts {
				parts += p
			}
			if parts != s.NS {
				t.Errorf("%s %s: the parts of the window add up to %d of %d ns", r.Route, s.State, parts, s.NS)
			}
		}
		if ns != r.InFlightNS || r.Latency.Sum+r.Censored.Sum != ns {
			t.Errorf("%s: states add up to %d ns, requests to %d and %d", r.Route, ns, r.InFlightNS, r.Latency.Sum+r.Censored.Sum)
		}
		for _, e := range r.Exemplars {
			var line int64
			for _, s := range e.Line {
				line += s.NS
			}
			if line != e.DurationNS {
				t.Errorf("%s: the line of a request of %d ns adds up to %d", r.Route, e.DurationNS, line)
			}
		}
		fansOut(t, r)
	}
}

// fansOut demands that what goroutines did adds up to the time that requests waited for them.
func fansOut(t *testing.T, r evidence.Requests) {
	t.Helper()
	total := func(list []evidence.RequestSegment) (ns int64) {
		for _, s := range list {
			ns += s.NS
		}
		return ns
	}
	for _, e := range r.Exemplars {
		for _, s := range e.Line {
			if c := s.Child; c != nil && (total(c.Line) != c.NS || c.NS > s.NS) {
				t.Errorf("%s: a wait of %d ns, of which %d for a goroutine that did %d ns", r.Route, s.NS, c.NS, total(c.Line))
			}
		}
	}
	if r.FanOut == nil {
		return
	}
	for _, a := range r.FanOut.Awaited {
		left := a.NS
		for _, s := range a.For {
			left -= s.NS
		}
		at := slices.IndexFunc(r.States, func(s evidence.RequestState) bool { return s.State == a.State && s.Stack == a.Stack })
		if left != 0 || at < 0 || r.States[at].NS < a.NS {
			t.Errorf("%s: waits of %d ns are %d ns off from what was waited for, and part of %+v", r.Route, a.NS, left, r.States)
		}
	}
}

// The handlers are named, and not inlined, so that routes can be told apart.

//go:noinline
func sleepingHandler(w http.ResponseWriter, r *http.Request) {
	time.Sleep(3 * time.Millisecond)
	io.WriteString(w, "slept")
}

//go:noinline
func postingHandler(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	time.Sleep(time.Millisecond)
	fmt.Fprint(w, n)
}

//go:noinline
func largeHandler(w http.ResponseWriter, r *http.Request) {
	w.Write(make([]byte, 200_000))
	time.Sleep(time.Millisecond)
}

//go:noinline
func streamingHandler(w http.ResponseWriter, r *http.Request) {
	for range 5 {
		io.WriteString(w, "a line of a stream\n")
		w.(http.Flusher).Flush()
		time.Sleep(200 * time.Microsecond)
	}
}

//go:noinline
func gatheringHandler(w http.ResponseWriter, r *http.Request) {
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(askOne)
	}
	wg.Wait()
	io.WriteString(w, "gathered")
}

//go:noinline
func askOne() { time.Sleep(2 * time.Millisecond) }

// gathers demands that requests which wait for goroutines of their own are seen to, and by whom they are woken.
func gathers(t *testing.T, tr *evidence.Trace) {
	t.Helper()
	r := route(t, tr, "gatheringHandler")
	if ns := spent(r, "waitgroup"); ns < r.InFlightNS/2 {
		t.Errorf("%d of %d ns in the wait group", ns, r.InFlightNS)
	}
	made := int64(0)
	for _, s := range tr.Sites {
		if tr.StackOf(s.Stack).Contains("go-debug/analyze/decode/trace.gatheringHandler") {
			made += s.Created
		}
	}
	if made != 3*r.Completed {
		t.Errorf("%d goroutines were made by %d requests", made, r.Completed)
	}
}

// throughProxy serves by way of a proxy to a server of its own.
func throughProxy(h http.Handler) http.Handler {
	up := httptest.NewServer(h)
	target, err := url.Parse(up.URL)
	if err != nil {
		panic(err)
	}
	return httputil.NewSingleHostReverseProxy(target)
}

// recordFlight takes a trace by a flight recorder.
func recordFlight(t testing.TB, run func()) []byte {
	fr := rtrace.NewFlightRecorder(rtrace.FlightRecorderConfig{MinAge: time.Hour, MaxBytes: 1 << 28})
	if err := fr.Start(); err != nil {
		t.Skip("no flight recorder:", err)
	}
	defer fr.Stop()
	run()
	var buf bytes.Buffer
	if _, err := fr.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// scenario is a way to ask a server.
type scenario struct {
	server  func(s *httptest.Server)
	handler http.Handler
	client  func(c *http.Client)
	method  string
	body    string
	splits  bool                            // generations end meanwhile
	record  func(testing.TB, func()) []byte // nil: record
	want    string
	over    uint8  // the protocol
	behind  string // the handler of another server in this process, whose requests are not compared
	fans    bool   // requests start goroutines
	check   func(t *testing.T, tr *evidence.Trace)
}

func scenarios() map[string]scenario {
	mux := http.NewServeMux()
	mux.HandleFunc("/sleep", sleepingHandler)
	mux.HandleFunc("/post", postingHandler)
	mux.HandleFunc("/large", largeHandler)
	mux.HandleFunc("/stream", streamingHandler)
	mux.HandleFunc("/gather", gatheringHandler)
	noKeepAlive := func(c *http.Client) { c.Transport.(*http.Transport).DisableKeepAlives = true }
	tls := func(s *httptest.Server) { s.StartTLS() }
	h2 := func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }
	return map[string]scenario{
		"keep-alive":      {handler: mux, want: "/sleep"},
		"generations":     {handler: mux, want: "/sleep", splits: true},
		"posts":           {handler: mux, method: "POST", body: strings.Repeat("body ", 2000), want: "/post"},
		"large posts":     {handler: mux, method: "POST", body: strings.Repeat("body ", 40_000), want: "/post", splits: true},
		"large replies":   {handler: mux, want: "/large"},
		"streams":         {handler: mux, want: "/stream", splits: true},
		"no keep-alive":   {handler: mux, want: "/sleep", client: noKeepAlive},
		"TLS":             {handler: mux, want: "/sleep", server: tls, splits: true},
		"HTTP/2":          {handler: mux, want: "/sleep", server: h2, splits: true, over: overHTTP2},
		"HTTP/2 posts":    {handler: mux, want: "/post", server: h2, over: overHTTP2, method: "POST", body: strings.Repeat("body ", 20_000)},
		"flight recorder": {handler: mux, want: "/sleep", record: recordFlight},
		"fan-out":         {handler: mux, want: "/gather", splits: true, fans: true, check: gathers},
		"proxy":           {handler: throughProxy(mux), want: "/sleep", splits: true, behind: "sleepingHandler"},
		"timeout handler": {handler: http.TimeoutHandler(mux, time.Minute, "late"), want: "/sleep", splits: true, fans: true},
	}
}

func TestRequestsOfServers(t *testing.T) {
	for name, sc := range scenarios() {
		t.Run(name, func(t *testing.T) { sc.run(t) })
	}
}

func (sc scenario) run(t *testing.T) {
	tr := newTruth()
	tr.alerts = sc.server != nil
	srv := httptest.NewUnstartedServer(tr.middleware(sc.handler))
	srv.Listener = listener{srv.Listener, tr}
	if sc.server != nil {
		sc.server(srv)
	} else {
		srv.Start()
	}
	defer srv.Close()
	client := srv.Client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 8
	if sc.client != nil {
		sc.client(client)
	}
	const clients, each = 8, 60
	c := &clock{}
	take := record
	if sc.record != nil {
		take = sc.record
	}
	data := take(t, func() {
		c.tick()
		split := func() {}
		if sc.splits {
			split = newGeneration(t)
		}
		stop := make(chan struct{})
		var splitting sync.WaitGroup
		splitting.Go(func() {
			for sc.splits {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
					split()
				}
			}
		})
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				for k := range each {
					req, err := http.NewRequest(cmp.Or(sc.method, "GET"), srv.URL+sc.want, strings.NewReader(sc.body))
					if err != nil {
						t.Error(err)
						return
					}
					tr.get(t, client, fmt.Sprint(i, "-", k), req)
				}
			})
		}
		wg.Wait()
		close(stop)
		splitting.Wait()
	})
	got, w := sameEverywhere(t, data)
	tr.mu.Lock()
	n := len(tr.served)
	tr.mu.Unlock()
	if n != clients*each {
		t.Fatalf("%d requests were served, want %d", n, clients*each)
	}
	if n := got.Windows[0].Generations; sc.splits && n < 2 {
		t.Errorf("%d generations: none ended in the middle", n)
	}
	addsUp(t, got)
	counts := func(r requestRecord) bool {
		return r.key.protocol == sc.over && (sc.behind == "" || !strings.HasSuffix(w.requests.text(r.key.route), "."+sc.behind))
	}
	tr.compare(t, c, got, w, counts)
	compareWithOracle(t, data, w, counts)
	if sc.fans {
		compareFanOut(t, data, got, w)
	}
	if sc.check != nil {
		sc.check(t, got)
	}
}
