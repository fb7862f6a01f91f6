package trace

import (
	"bytes"
	"io"
	"reflect"
	"runtime"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func upcomingOf(list ...upcoming) *upcomings {
	u := &upcomings{list: list}
	u.sort()
	return u
}

// Batches come in the order of their times, and those of one thread in the order in which they stand.
func TestUpcoming(t *testing.T) {
	u := upcomingOf(upcoming{body: 10, thread: 1, time: 50}, upcoming{body: 20, thread: 2, time: 60}, upcoming{body: 30, thread: 1, time: 70}, upcoming{body: 40, thread: 3, time: 51})
	if b := u.before(50); b != nil {
		t.Errorf("%+v is before the first", b)
	}
	var order []int64
	for b := u.before(65); b != nil; b = u.before(65) {
		order, b.done = append(order, b.body), true
	}
	if !reflect.DeepEqual(order, []int64{10, 40, 20}) {
		t.Errorf("delivered in the order %v", order)
	}
	for body, known := range map[int64]bool{20: true, 25: false, 40: true, 50: false} {
		u.at = 0
		if b := u.passing(body); (b != nil) != known || known && b.body != body {
			t.Errorf("at %d stands %+v", body, b)
		}
	}
	for name, u := range map[string]*upcomings{
		"a thread goes back in time": upcomingOf(upcoming{body: 10, thread: 1, time: 50}, upcoming{body: 20, thread: 1, time: 49}),
		"too many":                   upcomingOf(make([]upcoming, maxUpcoming+1)...),
	} {
		if u.passing(10) != nil || u.before(1<<60) != nil {
			t.Errorf("%s: it is used all the same", name)
		}
	}
}

// Which event of the collector is the first is certain once everything before it was delivered.
func TestCollectorIsKnownEarly(t *testing.T) {
	for now, want := range map[int64]bool{100: false, 100 + gcMargin: false, 101 + gcMargin: true} {
		r := &replay{}
		second := &thread{gcSeq: 8, gcAt: 50}
		r.gcParked = &thread{gcSeq: 7, gcAt: 100, next: second}
		if got := r.settleGCBefore(now); got != want || got && (r.gcSeq != 6 || !r.gcKnown) {
			t.Errorf("at %d: %v, sequence %d", now, got, r.gcSeq)
		}
	}
}

// collectedPingPong is some MB of a trace of a collection and then of two goroutines that wake each other.
func collectedPingPong(t *testing.T) []byte {
	return record(t, func() {
		runtime.GC()
		ping, pong := make(chan int), make(chan int)
		go func() {
			for range ping {
				pong <- 1
			}
			close(pong)
		}()
		for range 100_000 {
			ping <- 1
			<-pong
		}
		close(ping)
		<-pong
	})
}

// peakLent is how many bytes of batches are in memory at most while a trace is replayed by one worker.
func peakLent(t *testing.T, r io.Reader) int64 {
	t.Helper()
	in := &input{ctx: t.Context(), r: r, limits: budget.Default(), ahead: aheadOf(r)}
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(r, header); err != nil {
		t.Fatal(err)
	}
	pool, peak := newPool(), int64(0)
	reader := newGenReader(in, 26, nil, pool)
	for {
		j := &job{gen: &generation{}, rep: &replay{free: pool.put, limit: 1 << 30}}
		begun := false
		err := reader.next(j.gen, func(b batch) {
			if !begun {
				begun = true
				j.rep.begin(j.gen.freq, 0)
				j.rep.req.begin(j.gen.names, j.gen.blind)
			}
			j.feed(b, pool)
			peak = max(peak, pool.lent)
		})
		if err == io.EOF {
			return peak
		}
		if err == nil {
			err = j.gen.cut
		}
		if err != nil {
			t.Fatal(err)
		}
		if j.finish(); j.err != nil {
			t.Fatal(j.err)
		}
		reader.recycle(j.gen)
	}
}

// What can be looked into is not held as a whole: of a generation only what is not yet in order is in memory.
func TestGenerationsAreNotHeld(t *testing.T) {
	data := collectedPingPong(t)
	file, stream := peakLent(t, bytes.NewReader(data)), peakLent(t, bytes.NewBuffer(data))
	t.Logf("%d bytes, at most %d in memory of a file, %d of a stream", len(data), file, stream)
	if file*3 > stream {
		t.Errorf("of a file of %d bytes %d are in memory at a time, of a stream %d", len(data), file, stream)
	}
	var sets [2]*evidence.Set
	for i, r := range []io.Reader{bytes.NewReader(data), bytes.NewBuffer(data)} {
		var err error
		if sets[i], err = Decode(t.Context(), r, evidence.Position{}, budget.Default()); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(sets[0], sets[1]) {
		t.Error("the evidence of a file and of a stream differ")
	}
}
