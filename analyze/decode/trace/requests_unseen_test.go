package trace

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

// A server that finds the next request there whenever it looks, as one does that is busy, does not see them arrive. What is known
// is an interval, and the truth lies in it: on each connection, and so for throughput, latency and what is in flight.
func TestRequestsThatNobodySeesArrive(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(sleepingHandler))
	defer srv.Close()
	const connections, each, ahead = 4, 40, 3
	var mu sync.Mutex
	next := sync.NewCond(&mu)
	sent := map[string][]time.Time{} // by connection
	served := map[string]int{}
	goroutines := map[string]uint64{}
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sleepingHandler(w, r)
		mu.Lock()
		defer mu.Unlock()
		goroutines[r.RemoteAddr] = goroutineNumber()
		served[r.RemoteAddr]++
		for len(sent[r.RemoteAddr]) < min(served[r.RemoteAddr]+1, each) { // however late the client is
			next.Wait()
		}
	})
	c := &clock{}
	data := record(t, func() {
		c.tick()
		var wg sync.WaitGroup
		for range connections {
			wg.Go(func() {
				sendAhead(t, srv.Listener.Addr().String(), each, ahead, func(addr string, at time.Time) {
					mu.Lock()
					defer mu.Unlock()
					sent[addr] = append(sent[addr], at)
					next.Broadcast()
				})
			})
		}
		wg.Wait()
		waitParked(t, 0, "", "net/http.(*conn).serve") // else the last replies may not be known to be over
	})
	tr, w := sameEverywhere(t, data)
	addsUp(t, tr)
	records := map[uint64][]requestRecord{}
	w.requests.tally.records.each(func(r requestRecord) {
		if !r.open { // the end of a connection may look like the begin of a request
			records[r.goroutine] = append(records[r.goroutine], r)
		}
	})
	lo, hi := c.start(t, tr)
	n := 0
	for addr, times := range sent {
		list := records[goroutines[addr]]
		if len(list) != each {
			t.Fatalf("%d requests of %s, want %d", len(list), addr, each)
		}
		free := int64(-1) // the end of the one before
		for i, r := range list {
			earliest, latest := max(int64(times[i].Sub(hi)), free), max(int64(times[i].Sub(lo)), free)
			// One that was seen to arrive was waited for, and those who wait are told late.
			// The first may have come before its connection was accepted.
			seen := r.from == r.earliest || i == 0
			if !seen && r.earliest > latest+int64(clockGrain) || r.from < earliest-int64(clockGrain) {
				t.Errorf("request %d of %s came between %d and %d, the trace says between %d and %d", i, addr, earliest, latest, r.earliest, r.from)
			}
			free = r.to
			n++
		}
	}
	var r evidence.Requests // one that is short may show no event in its handler, and so no route
	for i := range tr.Requests {
		r.AddCounts(&tr.Requests[i])
	}
	if n != connections*each || r.Unseen*2 < r.Completed {
		t.Errorf("%d requests, %d of %d were not seen to arrive, want most", n, r.Unseen, r.Completed)
	}
	if r.UpperNS <= r.InFlightNS || r.Upper.Sum <= r.Latency.Sum {
		t.Errorf("in flight %d to %d ns, latency %d to %d", r.InFlightNS, r.UpperNS, r.Latency.Sum, r.Upper.Sum)
	}
}

// A connection that waits for a request while generations end is seen to get it: the time from then until the goroutine runs
// is part of the request.
func TestArrivalsAcrossGenerations(t *testing.T) {
	srv := httptest.NewServer(newTruth().middleware(http.HandlerFunc(sleepingHandler)))
	defer srv.Close()
	const n = 6
	data := record(t, func() {
		split := newGeneration(t)
		for range n {
			ask(t, srv.Client(), srv.URL)
			waitServed(t)
			split()
		}
	})
	tr, w := sameEverywhere(t, data)
	addsUp(t, tr)
	var list []requestRecord
	w.requests.tally.records.each(func(r requestRecord) { list = append(list, r) })
	if len(list) != n {
		t.Fatalf("%d requests, want %d", len(list), n)
	}
	oracle := readRequests(t, data)
	for i, r := range list[1:] { // the first may be there as soon as its connection is
		if o := oracle.done[i+1]; r.from != o.from || r.earliest != r.from {
			t.Errorf("request %d came between %d and %d, its wait ended at %d", i+1, r.earliest, r.from, o.from)
		}
	}
}

// sendAhead sends requests on one connection, some of them before it has the replies to those before. Once one is sent it tells
// when that began.
func sendAhead(t *testing.T, addr string, n, ahead int, sent func(local string, at time.Time)) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	replies := bufio.NewReader(c)
	for i := range n + ahead {
		if i < n {
			at := time.Now()
			if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Error(err)
				return
			}
			sent(c.LocalAddr().String(), at)
		}
		if i < ahead {
			continue
		}
		resp, err := http.ReadResponse(replies, nil)
		if err != nil {
			t.Error(err)
			break
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}
