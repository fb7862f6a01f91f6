package inflight

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/trace"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"go-debug/analyze/budget"
	tracefile "go-debug/analyze/decode/trace"
	"go-debug/analyze/evidence"
)

// saturatedServer names the file in which this program leaves its trace when it is the server of TestSaturatedServer.
const saturatedServer = "GO_DEBUG_TEST_SATURATED_SERVER"

func TestMain(m *testing.M) {
	if file := os.Getenv(saturatedServer); file != "" {
		if err := serveTraced(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveTraced says where it listens and serves under a trace, until its standard input ends.
func serveTraced(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := trace.Start(f); err != nil {
		return err
	}
	go http.Serve(l, http.HandlerFunc(computingHandler))
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin)
	trace.Stop()
	return f.Close()
}

//go:noinline
func computingHandler(w http.ResponseWriter, _ *http.Request) {
	n := uint32(1)
	for range 400_000 {
		n = n*1664525 + 1013904223
	}
	fmt.Fprintln(w, n)
}

// asked is one request as the kernel saw it at its client: between sent and taken it came to the server's socket, and
// between soonest and replied its reply to the client's. These two are one, but where several replies were read at once.
type asked struct{ sent, taken, soonest, replied time.Time }

// Where processors saturate, the server finds requests there whenever it looks. The report then has intervals and no
// numbers, and what clients see lies in them.
func TestSaturatedServer(t *testing.T) {
	const connections, each, ahead = 8, 100, 1
	file := filepath.Join(t.ArtifactDir(), "trace.out")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), saturatedServer+"="+file, "GOMAXPROCS=2")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	clients := make([]*client, connections)
	for i := range clients { // nobody knows how long a connection waits to be accepted: not while the server is busy
		clients[i] = newClient(t, strings.TrimSpace(addr))
		clients[i].ask(t, 1, 0)
	}
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { c.ask(t, each, ahead) })
	}
	wg.Wait()
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !t.Failed() {
		judgeSaturated(t, file, clients, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
}

func judgeSaturated(t *testing.T, file string, clients []*client, cpu time.Duration) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	set, err := tracefile.Decode(context.Background(), f, evidence.Position{Source: "trace.out"}, budget.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	all, _ := trafficOf(set.Trace)
	if all == nil {
		t.Fatal("no requests in the trace")
	}
	// What came while the one before was being served is served from then on.
	var least, most []time.Duration
	var lower, upper time.Duration
	for _, c := range clients {
		var before asked
		for _, a := range c.asked {
			least = append(least, max(a.soonest.Sub(latest(a.taken, before.replied)), 0))
			most = append(most, a.replied.Sub(latest(a.sent, before.soonest)))
			lower += a.replied.Sub(latest(a.taken, before.replied))
			upper += a.replied.Sub(latest(a.sent, before.replied))
			before = a
		}
	}
	if n := int64(len(least)); all.ended()+all.Open != n || all.Open > int64(len(clients)) { // nothing may show that the last is over
		t.Fatalf("%d requests ended and %d did not, of %d", all.ended(), all.Open, n)
	}
	had := float64(cpu) / float64(set.Trace.Sched.RunningNS)
	share := float64(all.Unseen) / float64(all.Completed)
	t.Logf("%.0f %% of %d arrivals were not seen; in flight %v to %v of request time, the clients' %v to %v", 100*share, all.Completed,
		time.Duration(all.InFlightNS), time.Duration(all.UpperNS), lower, upper)
	if !all.bracketed() {
		t.Skipf("the server saw %.0f %% of %d requests arrive: its processors were not saturated", 100*(1-share), all.Completed)
	}
	load := loadsOf(t, set.Trace)["all"]
	if f := load.InFlight; f.Mean != nil || f.Lower == nil || f.Upper == nil {
		t.Fatalf("in flight %+v, want an interval and no number", f)
	}
	// How long the network may be left alone holds for threads that get a processor when they want one. As long as one is kept
	// from it, what comes on any connection is not seen to.
	lower -= time.Duration(len(clients)) * max(time.Duration(set.Trace.Sched.RunningNS)-cpu, 0)
	if had < 1-grain {
		t.Logf("the host was busy, the server had a processor for %.0f %% of the time it seemed to: the upper bounds are not checked", 100*had)
		lower = 0
		clear(least)
	}
	checkInterval(t, "in flight", *load.InFlight.Lower*load.WindowS, *load.InFlight.Upper*load.WindowS, lower.Seconds(), upper.Seconds())
	for name, q := range map[string]float64{"p50": 0.5, "p95": 0.95} {
		in := load.Latency.Intervals[name]
		checkInterval(t, name, in[0]/1e9, in[1]/1e9, quantileOf(least, q).Seconds(), quantileOf(most, q).Seconds())
	}
	if !load.Latency.UpperBound || !regexp.MustCompile(` QPS at [\d.,<]+ to [\d.,]+ in flight .*; P99 `).MatchString(load.Sentence) {
		t.Errorf("%q, want intervals", load.Sentence)
	}
}

// grain is how far apart the ends of the two clocks' intervals may be: that of the histogram, and the time from the reply's
// being in the client's socket to the end of the system call that wrote it.
const grain = 0.05

// checkInterval demands that what clients saw, which is known as an interval too, meets the report's.
func checkInterval(t *testing.T, name string, lower, upper, least, most float64) {
	t.Helper()
	t.Logf("%s: %.4g to %.4g s, the clients' %.4g to %.4g s", name, lower, upper, least, most)
	if lower > most*(1+grain) || upper*(1+grain) < least {
		t.Errorf("%s: %.4g to %.4g s does not hold the clients' %.4g to %.4g s", name, lower, upper, least, most)
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func quantileOf(list []time.Duration, q float64) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[int(q*float64(len(list)-1))]
}

// client is one connection. It notes when the kernel received what was read last, whenever the reader had a processor to
// read it.
type client struct {
	*net.TCPConn
	replies *bufio.Reader
	came    time.Time
	before  time.Time // when that of the read before came
	asked   []asked
}

func newClient(t *testing.T, addr string) *client {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{TCPConn: conn.(*net.TCPConn)}
	c.replies = bufio.NewReader(c)
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soTimestampNS, 1) })
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask sends requests, so many of them before the replies to those before are there.
func (c *client) ask(t *testing.T, n, ahead int) {
	list := make([]asked, n)
	for i := range n + ahead {
		if i < n {
			list[i].sent = time.Now()
			if _, err := fmt.Fprintf(c.TCPConn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Error(err)
				return
			}
			list[i].taken = time.Now()
		}
		if i < ahead {
			continue
		}
		resp, err := http.ReadResponse(c.replies, nil)
		if err != nil {
			t.Error(err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		a := &list[i-ahead]
		a.soonest, a.replied = c.came, c.came
		if c.replies.Buffered() > 0 { // others came with it, and the time is that of the last of them
			a.soonest = c.before
		}
	}
	c.asked = append(c.asked, list...)
}

const soTimestampNS = 35 // SO_TIMESTAMPNS and SCM_TIMESTAMPNS of nearly all ports of Linux

func (c *client) Read(p []byte) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var control [64]byte
	used := 0
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		n, used, _, _, failed = syscall.Recvmsg(int(fd), p, control[:], 0)
		return failed != syscall.EAGAIN
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return 0, err
	}
	messages, err := syscall.ParseSocketControlMessage(control[:used])
	if err != nil {
		return n, err
	}
	c.before, c.came = c.came, time.Now() // the first may come before the kernel notes times
	for _, m := range messages {
		if m.Header.Type == soTimestampNS && len(m.Data) >= int(unsafe.Sizeof(syscall.Timespec{})) {
			c.came = time.Unix(0, (*syscall.Timespec)(unsafe.Pointer(&m.Data[0])).Nano())
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
