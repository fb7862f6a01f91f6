package trace

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	rtrace "runtime/trace"
	"strings"
	"sync"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

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
	const handler = "go-debug/analyze/decode/trace.gatheringHandler"
	var waited int64 // by what the goroutines did, whatever they served
	for _, b := range tr.Blocks {
		if b.Wait == evidence.WaitWaitGroup && tr.StackOf(b.Stack).Contains(handler) {
			waited += b.Ended.Sum + b.Unseen.Sum + b.Open.Sum
		}
	}
	if ns := spent(r, "waitgroup"); ns != waited || ns == 0 {
		t.Errorf("%d ns of requests in the wait group, their goroutines were there for %d", ns, waited)
	}
	made := int64(0)
	for _, s := range tr.Sites {
		if tr.StackOf(s.Stack).Contains(handler) {
			made += s.Created
		}
	}
	if n := r.Completed + r.Open; made != 3*n { // nothing may show that the last is over
		t.Errorf("%d goroutines were made by %d requests", made, n)
	}
}

// throughProxy serves by way of a proxy to a server of its own.
func throughProxy(t *testing.T, h http.Handler) http.Handler {
	up := httptest.NewServer(h)
	t.Cleanup(up.Close)
	target, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
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
	keep(t, buf.Bytes())
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

func scenarios(t *testing.T) map[string]scenario {
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
		"proxy":           {handler: throughProxy(t, mux), want: "/sleep", splits: true, behind: "sleepingHandler"},
		"timeout handler": {handler: http.TimeoutHandler(mux, time.Minute, "late"), want: "/sleep", splits: true, fans: true},
	}
}

func TestRequestsOfServers(t *testing.T) {
	for name, sc := range scenarios(t) {
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
