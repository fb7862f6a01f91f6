package gostack

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

const pkg = "go-debug/analyze/decode/gostack."

// TestMain makes the test binary the crashing child of TestCrash and TestSignal too.
func TestMain(m *testing.M) {
	if how := os.Getenv("GOSTACK_CHILD"); how != "" {
		child(how)
	}
	os.Exit(m.Run())
}

// child parks 40 goroutines and ends as it is told.
func child(how string) {
	quit := make(chan struct{})
	for range 40 {
		go receiver(quit)
	}
	for bytes.Count(stackOfAll(), []byte("[chan receive")) < 40 {
		runtime.Gosched()
	}
	os.Stderr.WriteString("2026/01/02 15:04:05 listening on :8080 (tcp)\n")
	switch how {
	case "panic":
		panic("boom (really)")
	case "deadlock":
		<-quit
	}
	os.Stderr.WriteString("ready\n")
	time.Sleep(time.Hour)
}

// crash runs the child to its end and returns what it wrote to stderr.
func crash(t *testing.T, how, traceback string) []byte {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGQUIT")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GOSTACK_CHILD="+how, "GOTRACEBACK="+traceback)
	var log bytes.Buffer
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf, signalled := make([]byte, 4096), how != "quit"
	for {
		n, err := pipe.Read(buf)
		log.Write(buf[:n])
		if !signalled && bytes.Contains(log.Bytes(), []byte("ready\n")) {
			signalled = true
			if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child was to crash")
	}
	return log.Bytes()
}

func TestCrash(t *testing.T) {
	for _, tt := range []struct {
		how, traceback string
		parked         int
	}{
		{"panic", "all", 40},
		{"panic", "system", 40},
		{"panic", "single", 0},
		{"deadlock", "all", 40},
		{"quit", "all", 40},
		{"quit", "system", 40},
	} {
		t.Run(tt.how+"/"+tt.traceback, func(t *testing.T) {
			if tt.how == "deadlock" && !deadlocksAreSeen {
				t.Skip("under the race detector the runtime does not notice deadlocks")
			}
			log := crash(t, tt.how, tt.traceback)
			s := one(t, append(log, "exit status 2\nrestarting (1)\n"...))
			if s.Format != "crash" || !s.Complete || !s.HasIDs || !s.HasStates || !s.HasCreators {
				t.Errorf("format %q, complete %v", s.Format, s.Complete)
			}
			n, wait := count(s, pkg+"receiver")
			if n != tt.parked || n > 0 && wait != evidence.WaitChanRecv {
				t.Errorf("%d goroutines in receiver, waiting for %q, want %d\n%s", n, wait, tt.parked, log)
			}
			if headers := bytes.Count(log, []byte("\ngoroutine ")) - bytes.Count(log, []byte("\ngoroutine 0 ")); s.Total != headers {
				t.Errorf("total %d, the log has %d headers", s.Total, headers)
			}
		})
	}
}

// GOTRACEBACK=crash lists on every further thread what runs there, again.
func TestCrashRelay(t *testing.T) {
	log := crash(t, "quit", "crash")
	s := one(t, log)
	if n, _ := count(s, pkg+"receiver"); n != 40 {
		t.Errorf("%d goroutines in receiver, want 40", n)
	}
	seen := map[uint64]bool{}
	for _, g := range s.Groups {
		for _, id := range g.IDs {
			if seen[id] {
				t.Errorf("goroutine %d counted twice", id)
			}
			seen[id] = true
		}
	}
}

func TestRealDumps(t *testing.T) {
	parked{nap: 3, send: 7, recv: 11, sel: 13, lock: 17, wait: 19}.start(t)
	want := map[string]struct {
		n              int
		wait, fromWait evidence.Wait // with states, and from a debug=1 stack alone
	}{
		"nap": {3, evidence.WaitSelect, evidence.WaitSelect}, "sender": {7, evidence.WaitChanSend, evidence.WaitChan},
		"receiver": {11, evidence.WaitChanRecv, evidence.WaitChan}, "selector": {13, evidence.WaitSelect, evidence.WaitSelect},
		"locker": {17, evidence.WaitMutex, evidence.WaitMutex}, "waiter": {19, evidence.WaitWaitGroup, evidence.WaitWaitGroup},
	}
	for debug := 1; debug <= 2; debug++ {
		var buf bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&buf, debug); err != nil {
			t.Fatal(err)
		}
		s := one(t, buf.Bytes())
		if !s.Complete || s.Dropped != 0 || s.Kind != evidence.Goroutine {
			t.Errorf("debug=%d: complete %v, dropped %d, kind %q", debug, s.Complete, s.Dropped, s.Kind)
		}
		if debug == 1 && (s.Format != "debug1" || s.Declared != s.Total || s.HasIDs || s.HasStates || s.HasCreators) ||
			debug == 2 && (s.Format != "debug2" || s.Declared != 0 || s.Total != bytes.Count(buf.Bytes(), []byte("\ngoroutine "))+1) {
			t.Errorf("debug=%d: %q with total %d, declared %d", debug, s.Format, s.Total, s.Declared)
		}
		for name, w := range want {
			if debug == 1 {
				w.wait = w.fromWait
			}
			if n, wait := count(s, pkg+name); n != w.n || wait != w.wait {
				t.Errorf("debug=%d: %d goroutines in %s waiting for %q, want %d for %q", debug, n, name, wait, w.n, w.wait)
			}
		}
		for _, g := range s.Groups {
			for _, f := range g.Stack {
				if f.Function == "" || f.File == "" || f.Line <= 0 || strings.ContainsAny(f.Function, "\t\n ") {
					t.Errorf("debug=%d: frame %+v", debug, f)
				}
			}
			if debug == 2 && g.Stack[0].Function == pkg+"receiver" && g.CreatedBy.Function == "" {
				t.Errorf("no creator in %+v", g)
			}
		}
	}
}

// The two text forms must agree on functions and lines wherever both show a frame.
func TestFormsAgree(t *testing.T) {
	parked{recv: 4, sel: 2, lock: 3}.start(t)
	key := func(s *evidence.Snapshot, name string) (frames evidence.Stack) {
		for _, g := range s.Groups {
			for _, f := range g.Stack {
				if f.Function == pkg+name {
					frames = append(frames, f)
				}
			}
		}
		return frames
	}
	var one1, two bytes.Buffer
	if err := errors.Join(pprof.Lookup("goroutine").WriteTo(&one1, 1), pprof.Lookup("goroutine").WriteTo(&two, 2)); err != nil {
		t.Fatal(err)
	}
	a, b := one(t, one1.Bytes()), one(t, two.Bytes())
	for _, name := range []string{"receiver", "selector", "locker"} {
		if fa, fb := key(a, name), key(b, name); len(fa) == 0 || !reflect.DeepEqual(fa, fb) {
			t.Errorf("%s: debug=1 has %v, debug=2 %v", name, fa, fb)
		}
	}
}

func TestLabelsOfRealDump(t *testing.T) {
	quit, ready := make(chan struct{}), make(chan struct{})
	for _, id := range []string{"1", "2", "3"} {
		pprof.Do(context.Background(), pprof.Labels("app", `quo"ted ]} x`, "request", id), func(context.Context) {
			go func() {
				ready <- struct{}{}
				receiver(quit)
			}()
		})
		<-ready
	}
	defer close(quit)
	for bytes.Count(stackOfAll(), []byte("gostack.receiver(")) < 3 {
		runtime.Gosched()
	}
	var buf bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&buf, 1); err != nil {
		t.Fatal(err)
	}
	for _, g := range one(t, buf.Bytes()).Groups {
		if g.Stack.Contains(pkg + "receiver") {
			if g.Count != 3 || !reflect.DeepEqual(g.Labels, []string{`app=quo"ted ]} x`}) {
				t.Errorf("group of %d with labels %q", g.Count, g.Labels)
			}
		}
	}
}

func TestSeveralDumps(t *testing.T) {
	parked{recv: 5}.start(t)
	var small, profile bytes.Buffer
	small.Write(stackOfAll())
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		t.Fatal(err)
	}
	parked{send: 4}.start(t)
	large := stackOfAll()
	recovered := "2026/01/02 http: panic serving 127.0.0.1:5: boom\ngoroutine 8 [running]:\nmain.f()\n\t/src/main.go:4 +0x1\ncreated by main.g\n\t/src/main.go:9 +0x2\n"
	for name, data := range map[string]string{
		"glued":     small.String() + profile.String() + string(large) + small.String(),
		"separated": small.String() + "\n" + profile.String() + "\n--- next ---\n" + string(large) + "\n" + small.String(),
		"in a log":  recovered + "log\n" + small.String() + profile.String() + recovered + string(large) + recovered + small.String() + "end\n",
	} {
		set, err := decode(t, []byte(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var counts [][2]int
		for i := range set.Snapshots {
			check(t, &set.Snapshots[i])
			r, _ := count(&set.Snapshots[i], pkg+"receiver")
			s, _ := count(&set.Snapshots[i], pkg+"sender")
			counts = append(counts, [2]int{r, s})
		}
		if want := [][2]int{{5, 0}, {5, 0}, {5, 4}, {5, 0}}; !reflect.DeepEqual(counts, want) {
			t.Errorf("%s: receivers and senders %v, want %v", name, counts, want)
		}
		if len(set.Inputs[0].Notes) == 0 {
			t.Errorf("%s: no note on several dumps", name)
		}
	}
}

func TestBounds(t *testing.T) {
	dump := manyGoroutines(t, 2000)
	all := one(t, dump)
	set, err := Decode(context.Background(), bytes.NewReader(dump), evidence.Position{}, budget.Budget{Stacks: 3})
	s := set.Snapshots[0]
	check(t, &s)
	var over *budget.Error
	if !errors.As(err, &over) || over.Flag != budget.MemoryFlag || over.Limit != 3 || set.Inputs[0].Complete || len(s.Groups) != 3 || s.Total != all.Total || s.Dropped == 0 {
		t.Errorf("3 stacks: %d groups, total %d of %d, %d dropped, %v", len(s.Groups), s.Total, all.Total, s.Dropped, err)
	}
	set, err = Decode(context.Background(), bytes.NewReader(dump), evidence.Position{}, budget.Budget{Memory: 2000})
	if s = set.Snapshots[0]; !errors.As(err, &over) || over.Flag != budget.MemoryFlag || over.Limit != 2000 || s.Total != all.Total || s.Dropped == 0 {
		t.Errorf("2000 bytes: total %d, dropped %d, %v", s.Total, s.Dropped, err)
	}
	set, err = Decode(context.Background(), bytes.NewReader(dump), evidence.Position{}, budget.Budget{Bytes: 10_000})
	if !errors.As(err, &over) || set.Inputs[0].Complete || len(set.Snapshots) != 1 || set.Snapshots[0].Complete {
		t.Errorf("10000 bytes: %v, %+v", err, set.Inputs[0])
	}
	if _, err = Decode(context.Background(), bytes.NewReader(dump), evidence.Position{}, budget.Budget{Bytes: int64(len(dump))}); err != nil {
		t.Errorf("a budget of exactly the size: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = Decode(ctx, bytes.NewReader(dump), evidence.Position{}, budget.Budget{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 3*maxLine)
	text := long + "\ngoroutine 1 [running] {k: " + long + "}:\nmain.main()\n\t/src/main.go:3 +0x1\n\n" +
		"goroutine 2 [select]:\nmain.f(" + long + ")\n\t/src/main.go:4 +0x1\n" +
		"main.g()\n\t/src/main.go:5 +0x1\ncreated by main.main\n\t/src/main.go:6 +0x1\n" + long + "\n"
	set, err := decode(t, []byte(text))
	if err != nil || set.Snapshots[0].Total != 2 || len(set.Inputs[0].Notes) != 1 {
		t.Errorf("%v", describe(set, err))
	}
}

// A body of exactly 64 MiB is where runtime/pprof stopped, though its last goroutine is whole.
func TestSilentLimit(t *testing.T) {
	dump := manyGoroutines(t, 140_000)
	head := bytes.LastIndex(dump[:silentLimit-4096], []byte("\n\n")) + 1
	body := append([]byte{}, dump[:head]...)
	const block = "\ngoroutine 999999999 [select]:\nmain.f(...)\n\t/%s.go:1\ncreated by main.main\n\t/m.go:1 +0x1\n"
	body = append(body, strings.Replace(block, "%s", strings.Repeat("p", silentLimit-head-len(block)+2), 1)...)
	if len(body) != silentLimit {
		t.Fatalf("made %d bytes", len(body))
	}
	set, err := decode(t, body)
	if err == nil || set.Inputs[0].Complete || set.Snapshots[0].Complete || !strings.Contains(err.Error(), "64 MiB") {
		t.Errorf("a body of 64 MiB: %v", err)
	}
	check(t, &set.Snapshots[0])
	if got, want := set.Snapshots[0].Total, bytes.Count(body, []byte("\n\n"))+1; got != want {
		t.Errorf("total %d, want %d", got, want)
	}
	if set, err := decode(t, append(body[:len(body)-1], "2\n"...)); err != nil || !set.Snapshots[0].Complete {
		t.Errorf("one byte more: %v", err)
	}
}

func TestNoDump(t *testing.T) {
	for _, text := range []string{"", "\n", "hello\n", "threadcreate profile: total 5\n", "panic: boom\n", "goroutines [all]:\n"} {
		set, err := decode(t, []byte(text))
		var in *evidence.InputError
		if !errors.As(err, &in) || in.Hint == "" || set == nil || len(set.Inputs) != 1 || set.Inputs[0].Complete {
			t.Errorf("%q: %v", text, describe(set, err))
		}
	}
}

// What the program died of stands in the log alone, so it is told with the dump.
func TestCrashReason(t *testing.T) {
	const body = "\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:3 +0x1\nexit status 2\n"
	const deadlock = "fatal error: all goroutines are asleep - deadlock!"
	for _, c := range []struct {
		name, log string
		want      []string
	}{
		{"deadlock", "started\n" + deadlock + body, []string{"the program crashed: " + deadlock}},
		{"panic", "panic: boom\n\tpanic: again" + body, []string{"the program crashed: panic: boom"}},
		{"told once", deadlock + body + deadlock + body, []string{"the program crashed: " + deadlock}},
		{"asked for by a signal", "SIGQUIT: quit\nPC=0x1" + body, nil},
		{"said in a log, and no dump follows", body + "panic: boom\n", nil},
		{"bounded", "panic: 1" + body + "panic: 2" + body + "panic: 3" + body + "panic: 4" + body,
			[]string{"the program crashed: panic: 1", "the program crashed: panic: 2", "the program crashed: panic: 3", "1 crashes of other causes"}},
		{"long", "panic: " + strings.Repeat("x", 1000) + body, []string{"the program crashed: panic: " + strings.Repeat("x", maxReason-len("panic: "))}},
	} {
		set, err := decode(t, []byte(c.log))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var got []string
		for _, n := range set.Inputs[0].Notes {
			if strings.Contains(n, "crash") {
				got = append(got, n)
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: notes %q, want %q", c.name, got, c.want)
		}
	}
}
