package trace

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	rtrace "runtime/trace"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// record traces what run does in this process. It skips the test when tracing is on already.
func record(t testing.TB, run func()) []byte {
	t.Helper()
	if rtrace.IsEnabled() {
		t.Skip("this process is being traced already (go test -trace): the test cannot take a trace of its own")
	}
	var buf bytes.Buffer
	if err := rtrace.Start(&buf); err != nil {
		t.Fatal(err)
	}
	func() {
		defer rtrace.Stop()
		run()
	}()
	keep(t, buf.Bytes())
	return buf.Bytes()
}

// keep leaves the trace that a test failed on among its artifacts (go test -artifacts): the next is another.
func keep(t testing.TB, data []byte) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		path := filepath.Join(t.ArtifactDir(), "failed.trace")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Log(err)
			return
		}
		t.Log("failed on", path)
	})
}

// newGeneration makes the tracer end a generation: what a flight recorder writes is whole ones.
func newGeneration(t testing.TB) func() {
	fr := rtrace.NewFlightRecorder(rtrace.FlightRecorderConfig{})
	if err := fr.Start(); err != nil {
		t.Skip("no flight recorder to end generations with:", err)
	}
	t.Cleanup(fr.Stop)
	return func() {
		if _, err := fr.WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
	}
}

// parked counts the goroutines that are parked with the reason below the function.
func parked(reason, function string) int { return len(parkedIDs(reason, function)) }

// parkedIDs are the ids of those goroutines.
func parkedIDs(reason, function string) (ids []uint64) {
	buf := make([]byte, 1<<20)
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		head, _, _ := strings.Cut(g, "\n")
		if strings.Contains(head, "["+reason) && strings.Contains(g, function+"(") {
			var id uint64
			fmt.Sscanf(head, "goroutine %d ", &id)
			ids = append(ids, id)
		}
	}
	return ids
}

// waitParked returns once n goroutines are parked so.
func waitParked(t testing.TB, n int, reason, function string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		found := parked(reason, function)
		if found == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines in %s at %s, want %d", found, reason, function, n)
		}
	}
}

// waitServed returns once all connections of servers wait for a request: the replies that clients have are over for the
// servers too.
func waitServed(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); parked("", "net/http.(*conn).serve") != parked("IO wait", "net/http.(*conn).serve"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("servers go on serving")
		}
	}
}

func decode(t testing.TB, data []byte) *evidence.Set {
	t.Helper()
	set, err := Decode(t.Context(), bytes.NewReader(data), evidence.Position{Source: "t.trace"}, budget.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// blocksIn are the sites whose innermost frame of this test's code is the function. Any
// line that allocates may be drafted into a collection: those waits do not count.
func blocksIn(tr *evidence.Trace, function string) []evidence.BlockSite {
	var out []evidence.BlockSite
	for _, b := range tr.Blocks {
		if f, ok := tr.StackOf(b.Stack).User(); ok && b.Wait != evidence.WaitGC && strings.HasSuffix(f.Function, "."+function) {
			out = append(out, b)
		}
	}
	return out
}

func siteOf(t *testing.T, tr *evidence.Trace, function string) evidence.BlockSite {
	t.Helper()
	found := blocksIn(tr, function)
	if len(found) != 1 {
		t.Fatalf("%d block sites in %s, want 1", len(found), function)
	}
	return found[0]
}

// The functions that block are named, and not inlined, so that their sites can be found.

//go:noinline
func sendForever(c chan int) { c <- 1 }

//go:noinline
func lockAndUnlock(mu *sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
}

//go:noinline
func selectTwo(a, b chan int) {
	select {
	case <-a:
	case <-b:
	}
}

//go:noinline
func sleepALittle() { time.Sleep(time.Millisecond) }

//go:noinline
func awaitGroup(wg *sync.WaitGroup) { wg.Wait() }

//go:noinline
func readLock(mu *sync.RWMutex) {
	mu.RLock()
	defer mu.RUnlock()
}

//go:noinline
func receiveNil() { var c chan int; <-c }

//go:noinline
func releaseAll(mu *sync.Mutex, c chan int, wg *sync.WaitGroup, rw *sync.RWMutex) {
	mu.Unlock()
	close(c)
	wg.Done()
	rw.Unlock()
}

// assemble builds a binary trace from the text form in which the Go distribution keeps
// its test traces. It returns the bytes and whether they are meant to be valid.
func assemble(t testing.TB, path string) (data []byte, valid bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	expect, body, ok := strings.Cut(string(text), "-- trace --\n")
	if !ok {
		t.Fatalf("%s: no trace section", path)
	}
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		if version, ok := strings.CutPrefix(line, "Trace Go1."); ok {
			data = fmt.Appendf(data, "go 1.%s trace\x00\x00\x00", version)
			continue
		}
		data = appendLine(t, data, line)
	}
	return data, strings.Contains(expect, "SUCCESS")
}

func appendLine(t testing.TB, data []byte, line string) []byte {
	if quoted, ok := strings.CutPrefix(line, "\tdata="); ok {
		s, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatal(err)
		}
		return append(appendUvarint(data, uint64(len(s))), s...)
	}
	fields := strings.Fields(line)
	if !strings.HasPrefix(line, "\t") {
		typ, ok := eventTypes[fields[0]]
		if !ok {
			t.Fatalf("unknown event %s", fields[0])
		}
		data = append(data, typ)
		fields = fields[1:]
	}
	for _, f := range fields {
		_, value, _ := strings.Cut(f, "=")
		v, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		data = appendUvarint(data, v)
	}
	return data
}

func appendUvarint(b []byte, v uint64) []byte {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

// eventTypes are the type bytes of the wire format by name.
var eventTypes = func() map[string]byte {
	m := map[string]byte{}
	for i, name := range strings.Fields(`EventBatch Stacks Stack Strings String CPUSamples CPUSample Frequency
		ProcsChange ProcStart ProcStop ProcSteal ProcStatus GoCreate GoCreateSyscall GoStart GoDestroy GoDestroySyscall
		GoStop GoBlock GoUnblock GoSyscallBegin GoSyscallEnd GoSyscallEndBlocked GoStatus STWBegin STWEnd GCActive GCBegin
		GCEnd GCSweepActive GCSweepBegin GCSweepEnd GCMarkAssistActive GCMarkAssistBegin GCMarkAssistEnd HeapAlloc HeapGoal
		GoLabel UserTaskBegin UserTaskEnd UserRegionBegin UserRegionEnd UserLog GoSwitch GoSwitchDestroy GoCreateBlocked
		GoStatusStack ExperimentalBatch Sync ClockSnapshot EndOfGeneration`) {
		m[name] = byte(i + 1)
	}
	return m
}()

// distribution lists the files of the Go distribution's trace tests, or skips.
func distribution(t testing.TB, pattern string) []string {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command to ask where the Go distribution is:", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src", "internal", "trace", filepath.FromSlash(pattern)))
	if err != nil || len(files) == 0 {
		t.Skip("the Go distribution at hand has no trace test data: " + pattern)
	}
	return files
}

// stories is a program with known counts: see TestCounts.
func stories(t testing.TB, endGeneration func()) {
	var mu sync.Mutex
	var rw sync.RWMutex
	var wg, done sync.WaitGroup
	c, idle := make(chan int), make(chan int)
	mu.Lock()
	rw.Lock()
	wg.Add(1)
	start := func(n int, f func()) {
		for range n {
			done.Add(1)
			go func() { defer done.Done(); f() }()
		}
	}
	start(5, func() { lockAndUnlock(&mu) })
	start(4, func() { selectTwo(c, idle) })
	start(3, func() { awaitGroup(&wg) })
	start(2, func() { readLock(&rw) })
	start(6, sleepALittle)
	waitParked(t, 5, "sync.Mutex.Lock", "trace.lockAndUnlock")
	waitParked(t, 4, "select", "trace.selectTwo")
	waitParked(t, 3, "sync.WaitGroup.Wait", "trace.awaitGroup")
	waitParked(t, 2, "sync.RWMutex.RLock", "trace.readLock")
	endGeneration()
	releaseAll(&mu, c, &wg, &rw)
	done.Wait()
	ctx := context.Background()
	for range 3 {
		inner, task := rtrace.NewTask(ctx, "order")
		rtrace.WithRegion(inner, "parse", func() {
			rtrace.WithRegion(inner, "check", func() {})
		})
		task.End()
	}
	_, open := rtrace.NewTask(ctx, "never ended")
	t.Cleanup(open.End)
	runtime.GC()
}
