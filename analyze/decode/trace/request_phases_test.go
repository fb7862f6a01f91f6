package trace

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/budget"
)

// line runs the machine over what one connection does, each step 1 ms after the one before.
type line struct {
	tally *requestTally
	conn  *tracked
	now   int64
}

func newLine() *line {
	return &line{tally: newRequestTally(), conn: &tracked{kind: servesConn, head: headState{ended: true}, born: true}}
}

func (l *line) spends(status goStatus, at requestStack) {
	l.now += 1e6
	l.conn.apply(l.tally, &requestEvent{kind: eventSpent, at: l.now, see: at, spell: spell{status: status}})
}

func (l *line) shows(role requestRole, how sighting) {
	l.conn.apply(l.tally, &requestEvent{kind: eventSeen, at: l.now, see: requestStack{kind: servesConn, role: role, network: role == rolePeek}, how: how})
}

// reads waits for a request and reads it.
func (l *line) reads() {
	peek := requestStack{kind: servesConn, role: rolePeek, network: true}
	l.shows(rolePeek, sightBlocked)
	l.spends(goWaiting, peek)
	l.spends(goRunning, requestStack{})
	l.shows(roleStart, sightPassing)
}

// replies writes the reply.
func (l *line) replies() {
	l.spends(goRunning, requestStack{})
	l.shows(roleFlush, sightPassing)
	l.spends(goSyscall, requestStack{kind: servesConn, role: roleFlush})
}

// preempted is where the scheduler may stop a connection's goroutine, which then shows its stack.
func (l *line) preempted(role requestRole) {
	l.spends(goRunning, requestStack{})
	l.shows(role, sightPassing)
	l.spends(goRunnable, requestStack{})
}

func (l *line) ends() []int64 {
	var out []int64
	l.tally.records.each(func(r requestRecord) { out = append(out, r.from/1e6, r.to/1e6) })
	return out
}

// However often a connection is preempted while it puts a request away, that was one request.
func TestPreemptedBehindTheReply(t *testing.T) {
	for _, tt := range []struct {
		name string
		play func(l *line)
		want string // from and to of each request, in ms
	}{
		{"undisturbed", func(l *line) { l.replies() }, "[1 4]"},
		{"before the write", func(l *line) { l.preempted(roleFinish); l.replies() }, "[1 6]"},
		{"behind the write", func(l *line) { l.replies(); l.preempted(roleFinish) }, "[1 4]"},
		{"behind the watch's end", func(l *line) { l.replies(); l.shows(roleAfter, sightBlocked); l.preempted(roleFinish) }, "[1 4]"},
		{"twice behind it", func(l *line) {
			l.replies()
			l.shows(roleAfter, sightBlocked)
			l.preempted(roleFinish)
			l.preempted(roleFinish)
		}, "[1 4]"},
		{"and another request", func(l *line) {
			l.replies()
			l.shows(roleAfter, sightBlocked)
			l.preempted(roleFinish)
			l.reads()
			l.replies()
		}, "[1 4 7 10]"},
	} {
		l := newLine()
		l.reads()
		tt.play(l)
		l.shows(rolePeek, sightBlocked)
		if got := fmt.Sprint(l.ends()); got != tt.want {
			t.Errorf("preempted %s: requests %s, want %s", tt.name, got, tt.want)
		}
	}
}

// What goes on at the end of the window counts to a request as far as it is part of it: where its reply is written, and the
// goroutine waits for a lock on its way to the next one, the request lasts to the end of the write.
func TestOpenBehindTheReply(t *testing.T) {
	for _, tt := range []struct {
		name    string
		network bool
		want    int64 // ms of the request
	}{{"a lock", false, 3}, {"room for the reply", true, 9}} {
		w := newWindow(budget.Budget{}.WithDefaults())
		l := &line{tally: w.requests.tally, conn: newLine().conn}
		l.reads()
		l.replies()
		l.conn.shown = requestStack{kind: servesConn, network: tt.network}
		w.now = 10e6
		w.requests.tracked[1] = l.conn
		w.goroutines[1] = &goroutine{id: 1, state: xtrace.GoWaiting, since: l.now}
		w.closeRequests()
		var spent int64
		for _, r := range l.tally.routes {
			spent = r.censored.Sum
			if r.inFlight != spent || r.open != 1 {
				t.Errorf("%s: %d open, %d ns in flight, %d of requests", tt.name, r.open, r.inFlight, spent)
			}
		}
		if spent != tt.want*1e6 {
			t.Errorf("%s: %d ns, want %d ms", tt.name, spent, tt.want)
		}
	}
}

// Who looks for goroutines that are gone may find one whose end was told, and counts nothing again.
func TestEndToldTwice(t *testing.T) {
	l := newLine()
	l.reads()
	l.conn.clientLeft(l.tally, l.conn.serial, l.now)
	l.replies()
	l.conn.exit(l.tally)
	l.conn.exit(l.tally)
	var abandoned int64
	for _, r := range l.tally.routes {
		abandoned += r.abandoned
	}
	if got := fmt.Sprint(l.ends()); got != "[1 4]" || abandoned != 1 {
		t.Errorf("requests %s, %d of them abandoned; want [1 4] and 1", got, abandoned)
	}
}

// What finishRequest calls says how far it is.
func TestFinishing(t *testing.T) {
	for called, want := range map[string]requestRole{
		"bufio.(*Writer).Flush":                   roleFlush,
		"net/http.(*chunkWriter).close":           roleFlush,
		"net/http.(*response).WriteHeader":        roleFlush,
		"net/http.(*connReader).abortPendingRead": roleAfter,
		"net/http.(*body).Close":                  roleAfter,
		"mime/multipart.(*Form).RemoveAll":        roleAfter,
		"runtime.asyncPreempt":                    roleFinish,
		"":                                        roleFinish,
	} {
		if got := finishing(called); got != want {
			t.Errorf("%q: role %d, want %d", called, got, want)
		}
	}
}

// The last of a reply is written once; a connection that is closed meanwhile is closed from where it is written.
func TestFinalFlush(t *testing.T) {
	write := []string{"syscall.write", "syscall.Write", "internal/poll.ignoringEINTRIO", "internal/poll.(*FD).Write"}
	closing := []string{"syscall.Close", "internal/poll.(*SysFile).destroy", "internal/poll.(*FD).destroy", "internal/poll.(*FD).writeUnlock", "internal/poll.(*FD).Write"}
	plain := []string{"net.(*netFD).Write", "net.(*conn).Write", "net/http.checkConnErrorWriter.Write", "bufio.(*Writer).Flush", "net/http.(*response).finishRequest"}
	overTLS := []string{"net.(*netFD).Write", "net.(*conn).Write", "crypto/tls.(*Conn).write", "crypto/tls.(*Conn).Write",
		"net/http.checkConnErrorWriter.Write", "bufio.(*Writer).Flush", "net/http.(*response).finishRequest"}
	for _, tt := range []struct {
		name  string
		calls [][]string
		want  bool
	}{
		{"write", [][]string{write, plain}, true},
		{"close", [][]string{closing, plain}, false},
		{"write over TLS", [][]string{write, overTLS}, false},
		{"cut stack", [][]string{{"net/http.(*response).finishRequest"}}, false},
	} {
		r := stackReader{t: &tables{}}
		for _, name := range slices.Concat(tt.calls...) {
			r.frames = append(r.frames, stackFrame{function: int32(len(r.t.texts))})
			r.t.texts = append(r.t.texts, []byte(name))
		}
		if got := r.finalFlush(r.frames); got != tt.want {
			t.Errorf("%s: final %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Sorting by digits is sorting, whatever the times span.
func TestSortTimes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, span := range []int64{1, 2, 2047, 2048, 1 << 33, math.MaxInt64} {
		for _, n := range []int{0, 1, 2, 1000} {
			times := make([]int64, n)
			for i := range times {
				times[i] = rng.Int64N(span) - min(span/2, 1<<40)
			}
			want := slices.Sorted(slices.Values(times))
			sortTimes(times, make([]int64, n))
			if !slices.Equal(times, want) {
				t.Errorf("%d times in %d: not sorted", n, span)
			}
			m := momentsOf(times)
			for _, at := range append(slices.Clone(times), -1<<41, 0, span/2, span) {
				for _, at := range []int64{at - 1, at, at + 1} {
					want, _ := slices.BinarySearch(times, at+1)
					if got := m.upTo(at); got != want && at != math.MaxInt64 {
						t.Fatalf("%d of %d times in %d are up to %d, want %d", got, n, span, at, want)
					}
				}
			}
		}
	}
}

// A connection that writes the last of a reply twice has replied to two requests, unless it has to wait for room in between: the other
// one was read with the first, and its handler left no event.
func TestRepliesWithoutEvents(t *testing.T) {
	flushes := requestStack{kind: servesConn, role: roleFlush, final: true}
	waits := requestStack{kind: servesConn, role: roleFlush, network: true}
	for _, tt := range []struct {
		name string
		play func(l *line)
		want string
	}{
		{"once", func(l *line) {}, "[1 4]"},
		{"twice", func(l *line) {
			l.spends(goRunning, requestStack{})
			l.shows(roleFlush, sightPassing)
			l.spends(goSyscall, flushes)
		}, "[1 4 5 6]"},
		{"three times", func(l *line) {
			for range 2 {
				l.spends(goRunning, requestStack{})
				l.shows(roleFlush, sightPassing)
				l.spends(goSyscall, flushes)
			}
			l.spends(goRunning, requestStack{})
		}, "[1 4 5 6 7 8]"},
		{"in parts", func(l *line) {
			l.spends(goRunning, requestStack{})
			l.shows(roleFlush, sightPassing)
			l.spends(goSyscall, flushes)
			l.spends(goRunning, requestStack{})
			l.conn.apply(l.tally, &requestEvent{kind: eventSeen, at: l.now, see: waits, how: sightBlocked})
			l.spends(goWaiting, waits)
			l.spends(goSyscall, flushes)
		}, "[1 9]"},
		{"twice, and once more without a stack", func(l *line) {
			l.spends(goRunning, requestStack{})
			l.shows(roleFlush, sightPassing)
			l.spends(goSyscall, flushes)
			l.spends(goSyscall, requestStack{})
		}, "[1 7]"},
		{"after a wait", func(l *line) {
			l.conn.apply(l.tally, &requestEvent{kind: eventSeen, at: l.now, see: waits, how: sightBlocked})
			l.spends(goWaiting, waits)
			l.spends(goSyscall, flushes)
		}, "[1 6]"},
	} {
		l := newLine()
		l.reads()
		l.spends(goRunning, requestStack{})
		l.shows(roleFlush, sightPassing)
		l.spends(goSyscall, flushes)
		tt.play(l)
		l.shows(rolePeek, sightBlocked)
		if got := fmt.Sprint(l.ends()); got != tt.want {
			t.Errorf("%s: requests %s, want %s", tt.name, got, tt.want)
		}
	}
}

// Where the end of a wait for a request may have been seen late, the request can have come earlier, but not before the one
// before it was over.
func TestArrivalsSeenLate(t *testing.T) {
	peek := requestStack{kind: servesConn, role: rolePeek, network: true}
	for _, tt := range []struct {
		name   string
		idle   int64
		atOnce bool
		want   int64
	}{
		{"at once", 5, true, 0}, {"late", 5, false, 6}, {"later than the network is left alone", 50, false, 20},
	} {
		l := newLine()
		l.reads()
		l.replies()
		l.shows(rolePeek, sightBlocked)
		l.now += tt.idle * 1e6
		l.conn.apply(l.tally, &requestEvent{kind: eventSpent, at: l.now + 1e6, see: peek, spell: spell{status: goWaiting}, atOnce: tt.atOnce})
		l.now += 1e6
		l.spends(goRunning, requestStack{})
		l.shows(roleStart, sightPassing)
		l.replies()
		l.shows(rolePeek, sightBlocked)
		var soonest []int64
		l.tally.records.each(func(r requestRecord) { soonest = append(soonest, (r.from-r.soonest)/1e6) })
		if len(soonest) != 2 || soonest[1] != tt.want {
			t.Errorf("%s: %v ms earlier, want %d", tt.name, soonest, tt.want)
		}
	}
}
