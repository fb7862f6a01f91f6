package trace

import (
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

// fanServer is a server whose handlers ask three others, of which one is slow, and start a goroutine that stays.
type fanServer struct {
	client *http.Client
	up     string
	stay   chan struct{}
	staid  sync.WaitGroup
}

func newFanServer(t *testing.T) *fanServer {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(20 * time.Millisecond)
		}
		io.WriteString(w, "there")
	}))
	s := &fanServer{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, up: up.URL, stay: make(chan struct{})}
	t.Cleanup(func() {
		close(s.stay)
		s.staid.Wait()
		s.client.CloseIdleConnections()
		up.Close()
	})
	return s
}

//go:noinline
func (s *fanServer) fanningHandler(w http.ResponseWriter, r *http.Request) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { s.askQuick() })
	}
	wg.Go(func() { s.askSlow() })
	s.staid.Add(1)
	go s.staying()
	wg.Wait()
	io.WriteString(w, "asked")
}

//go:noinline
func (s *fanServer) askQuick() { s.ask("/quick") }

//go:noinline
func (s *fanServer) askSlow() { s.ask("/slow") }

func (s *fanServer) ask(path string) {
	resp, err := s.client.Get(s.up + path)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
}

//go:noinline
func (s *fanServer) staying() {
	defer s.staid.Done()
	<-s.stay
}

// deepHandler waits for a goroutine that waits for goroutines of its own, and for what they send.
//
//go:noinline
func deepHandler(w http.ResponseWriter, r *http.Request) {
	results := make(chan int)
	go collect(results)
	n := 0
	for v := range results {
		n += v
	}
	io.WriteString(w, strings.Repeat("x", n))
}

//go:noinline
func collect(results chan int) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			time.Sleep(time.Millisecond)
			results <- 1
		})
	}
	wg.Wait()
	time.Sleep(time.Millisecond)
	close(results)
}

// What requests start is counted by where, and what they wait for is what the goroutine did that they waited for.
func TestFanOut(t *testing.T) {
	s := newFanServer(t)
	tr := newTruth()
	srv := httptest.NewServer(tr.middleware(http.HandlerFunc(s.fanningHandler)))
	defer srv.Close()
	const clients, each = 4, 12
	data := record(t, func() {
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for range each {
					ask(t, srv.Client(), srv.URL)
				}
			})
		}
		wg.Wait()
		waitServed(t)
		time.Sleep(3 * onItsWay) // so that the last request's is seen to stay
	})
	got, w := sameEverywhere(t, data)
	addsUp(t, got)
	compareFanOut(t, data, got, w)
	r := route(t, got, "fanningHandler")
	if r.Completed+r.Open != clients*each {
		t.Fatalf("%d requests, want %d", r.Completed+r.Open, clients*each)
	}
	if r.FanOut == nil || r.FanOut.Requests != r.Completed {
		t.Fatalf("%+v of %d requests", r.FanOut, r.Completed)
	}
	var asked, staid, left int64
	for _, s := range r.FanOut.Starts {
		switch start := got.StackOf(s.Start); {
		case start.Contains("go-debug/analyze/decode/trace.(*fanServer).staying"):
			staid, left = staid+s.Started, left+s.Left
		case got.StackOf(s.Stack).Contains("go-debug/analyze/decode/trace.(*fanServer).fanningHandler"):
			asked += s.Started
		}
	}
	if asked != 3*r.Completed || staid != r.Completed || left != r.Completed {
		t.Errorf("%d requests started %d and %d goroutines, and left %d of these running; want 3, 1 and 1 each", r.Completed, asked, staid, left)
	}
	var waited, quick, slow int64
	for _, a := range r.FanOut.Awaited {
		for _, s := range a.For {
			switch stack := got.StackOf(s.Stack); {
			case a.State != string(evidence.WaitWaitGroup) || s.State != evidence.StateDownstream:
			case stack.Contains("go-debug/analyze/decode/trace.(*fanServer).askSlow"):
				slow += s.NS
			case stack.Contains("go-debug/analyze/decode/trace.(*fanServer).askQuick"):
				quick += s.NS
			}
		}
		if a.State == string(evidence.WaitWaitGroup) {
			waited += a.NS
		}
	}
	if all := spent(r, string(evidence.WaitWaitGroup)); waited != all && got.Windows[0].Generations == 1 {
		t.Errorf("%d of %d ns in the wait group are divided", waited, all)
	}
	if slow == 0 || quick > slow {
		t.Errorf("waited for the slow one for %d ns, for the quick ones %d ns", slow, quick)
	}
	if !slices.ContainsFunc(r.Exemplars[0].Line, func(s evidence.RequestSegment) bool {
		return s.Child != nil && got.StackOf(s.Child.Stack).Contains("go-debug/analyze/decode/trace.(*fanServer).fanningHandler")
	}) && got.Windows[0].Generations == 1 {
		t.Errorf("the slowest request waited for no goroutine: %+v", r.Exemplars[0].Line)
	}
}

// Goroutines that a request has to make for the runtime are not its own.
func TestFanOutOfTheRuntime(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var procs atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runtime.GOMAXPROCS(int(procs.Load()))
		runtime.GC() // which has a worker for each processor, and makes those that are missing
		go askOne()
		next, stop := iter.Pull(slices.Values([]int{1}))
		defer stop()
		next()
	}))
	defer srv.Close()
	for { // until there are more processors than ever: workers stay
		procs.Add(32)
		data := record(t, func() {
			ask(t, srv.Client(), srv.URL)
			waitServed(t)
		})
		tr, _ := sameEverywhere(t, data)
		workers := int64(0)
		for _, s := range tr.Sites {
			if tr.StackOf(s.Start).Contains("runtime.gcBgMarkWorker") && tr.StackOf(s.Stack).Contains("net/http.(*conn).serve") {
				workers += s.Created
			}
		}
		if workers == 0 {
			continue
		}
		r := route(t, tr, "TestFanOutOfTheRuntime.func1")
		if r.FanOut == nil {
			t.Fatal("the request started nothing")
		}
		var started []string
		for _, s := range r.FanOut.Starts {
			stack := tr.StackOf(s.Start)
			started = append(started, stack[len(stack)-1].Function)
		}
		slices.Sort(started)
		if want := []string{"go-debug/analyze/decode/trace.askOne", "runtime.corostart"}; !slices.Equal(started, want) {
			t.Errorf("%d workers were made by a request that is said to have started %q, want %q", workers, started, want)
		}
		return
	}
}

// Where a goroutine of a request waits for others that it started, the request waits for these.
func TestFanOutInDepth(t *testing.T) {
	for name, splits := range map[string]bool{"one generation": false, "generations": true} {
		t.Run(name, func(t *testing.T) {
			tr := newTruth()
			srv := httptest.NewServer(tr.middleware(http.HandlerFunc(deepHandler)))
			defer srv.Close()
			data := record(t, func() {
				split := func() {}
				if splits {
					split = newGeneration(t)
				}
				for i := range 60 {
					if i%10 == 5 {
						split()
					}
					ask(t, srv.Client(), srv.URL)
				}
			})
			got, w := sameEverywhere(t, data)
			addsUp(t, got)
			compareFanOut(t, data, got, w)
			r := route(t, got, "deepHandler")
			var started, asleep, waiting int64
			for _, s := range r.FanOut.Starts {
				started += s.Started
			}
			for _, a := range r.FanOut.Awaited {
				for _, s := range a.For {
					switch s.State {
					case string(evidence.WaitSleep):
						asleep += s.NS
					case string(evidence.WaitWaitGroup):
						waiting += s.NS
					}
				}
			}
			if started != 3*r.Completed || asleep == 0 || waiting > 0 {
				t.Errorf("%d goroutines of %d requests, which waited %d ns for sleep and %d ns for a group; want 3 each, some and 0", started, r.Completed, asleep, waiting)
			}
		})
	}
}

//go:noinline
func (g *gate) gatheringHandler(w http.ResponseWriter, r *http.Request) {
	var wg sync.WaitGroup
	wg.Go(func() { g.entering() })
	wg.Wait()
	io.WriteString(w, "entered")
}

//go:noinline
func (g *gate) entering() {
	g.entered <- struct{}{}
	<-g.open
}

// A request that waits for a goroutine of its own through several generations waits for what that one does.
func TestFanOutAcrossGenerations(t *testing.T) {
	const n, held = 4, 20 * time.Millisecond
	g := newGate()
	tr := newTruth()
	srv := httptest.NewServer(tr.middleware(http.HandlerFunc(g.gatheringHandler)))
	defer srv.Close()
	data := record(t, func() {
		split := newGeneration(t)
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() { ask(t, srv.Client(), srv.URL) })
		}
		for range n {
			<-g.entered
		}
		waitParked(t, n, "chan receive", "trace.(*gate).entering")
		waitParked(t, n, "sync.WaitGroup.Wait", "trace.(*gate).gatheringHandler")
		for range 3 {
			split()
			time.Sleep(held)
		}
		close(g.open)
		wg.Wait()
	})
	got, w := sameEverywhere(t, data)
	addsUp(t, got)
	compareFanOut(t, data, got, w)
	r := route(t, got, "gatheringHandler")
	if r.FanOut == nil || len(r.FanOut.Awaited) != 1 || r.FanOut.Awaited[0].NS != spent(r, string(evidence.WaitWaitGroup)) || r.FanOut.Crossed == 0 {
		t.Fatalf("%+v of %d ns in the wait group", r.FanOut, spent(r, string(evidence.WaitWaitGroup)))
	}
	for _, s := range r.FanOut.Awaited[0].For {
		if s.State == string(evidence.WaitChanRecv) && s.NS >= 3*n*int64(held) {
			return
		}
	}
	t.Errorf("%+v, want %d ns and more in a channel receive", r.FanOut.Awaited[0], 3*n*int64(held))
}
