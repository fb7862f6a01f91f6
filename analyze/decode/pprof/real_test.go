package pprof

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"runtime"
	rpprof "runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func gunzip(t testing.TB, data []byte) []byte {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// take writes a runtime profile of this process, uncompressed.
func take(t testing.TB, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := rpprof.Lookup(name).WriteTo(&b, 0); err != nil {
		t.Fatal(err)
	}
	return gunzip(t, b.Bytes())
}

func takeCPU(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := rpprof.StartCPUProfile(&b); err != nil {
		t.Skip("CPU profiling is taken:", err)
	}
	burn(200 * time.Millisecond)
	rpprof.StopCPUProfile()
	return gunzip(t, b.Bytes())
}

var sink any

func burn(d time.Duration) {
	ctx := rpprof.WithLabels(context.Background(), rpprof.Labels("handler", "burn"))
	rpprof.Do(ctx, rpprof.Labels(), func(context.Context) {
		for end := time.Now().Add(d); time.Now().Before(end); {
			s := make([]byte, 0)
			for i := range 2000 {
				s = append(s, byte(i))
			}
			sink = s
		}
	})
}

// park blocks n goroutines on a channel until the test ends.
func park(t testing.TB, n int, labels rpprof.LabelSet) {
	stop := make(chan struct{})
	var done sync.WaitGroup
	all := parked() + n
	for range n {
		done.Go(func() {
			rpprof.Do(context.Background(), labels, func(context.Context) { <-stop })
		})
	}
	t.Cleanup(func() { close(stop); done.Wait() })
	for parked() < all {
		time.Sleep(time.Millisecond)
	}
}

// parked counts the goroutines that park has blocked: one that is still on its way shows another stack.
func parked() (n int) {
	buf := make([]byte, 4<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if state, _, _ := strings.Cut(g, "\n"); strings.Contains(state, "[chan receive") && strings.Contains(g, "pprof.park.func") {
			n++
		}
	}
	return n
}

// contend makes one goroutine wait for a mutex that another holds.
func contend(t testing.TB) {
	runtime.SetBlockProfileRate(1)
	old := runtime.SetMutexProfileFraction(1)
	t.Cleanup(func() { runtime.SetBlockProfileRate(0); runtime.SetMutexProfileFraction(old) })
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				mu.Lock()
				time.Sleep(50 * time.Microsecond)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func decode(t testing.TB, data []byte, name string, declared evidence.Kind) *evidence.Set {
	t.Helper()
	set, err := Decode(context.Background(), bytes.NewReader(data), evidence.Position{Source: name}, declared, budget.Default())
	if err != nil {
		t.Fatalf("Decode(%s): %v", name, err)
	}
	if len(set.Inputs) != 1 || !set.Inputs[0].Complete {
		t.Fatalf("Decode(%s): inputs %+v", name, set.Inputs)
	}
	return set
}

func TestProfilesAgainstParse(t *testing.T) {
	contend(t)
	park(t, 3, rpprof.Labels())
	runtime.GC()
	cpu := takeCPU(t)
	for _, tc := range []struct {
		name string
		data []byte
		kind evidence.Kind
	}{
		{"cpu", cpu, evidence.CPU},
		{"heap", take(t, "heap"), evidence.Heap},
		{"allocs", take(t, "allocs"), evidence.Allocs},
		{"mutex", take(t, "mutex"), evidence.Mutex},
		{"block", take(t, "block"), evidence.Block},
		{"threadcreate", take(t, "threadcreate"), evidence.ThreadCreate},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// No name and no declaration: the content alone must settle the kind.
			set := decode(t, tc.data, "input", evidence.Unknown)
			if len(set.Profiles) != 1 || set.Inputs[0].Kind != tc.kind || set.Profiles[0].Kind != tc.kind {
				t.Fatalf("kind = %s, want %s", set.Inputs[0].Kind, tc.kind)
			}
			p := set.Profiles[0]
			if !compare(t, tc.data) {
				t.Error("not compared")
			}
			if p.At.IsZero() && tc.kind != evidence.ThreadCreate {
				t.Errorf("no capture time")
			}
		})
	}
}

func checkOrder(t testing.TB, p *evidence.Profile) {
	t.Helper()
	for i := 1; i < len(p.Stacks); i++ {
		a, b := p.Stacks[i-1], p.Stacks[i]
		if a.Values[p.Default] < b.Values[p.Default] {
			t.Fatalf("stack %d weighs less than its successor", i-1)
		}
		if a.Values[p.Default] == b.Values[p.Default] && slices.Compare(a.Frames, b.Frames) >= 0 {
			t.Fatalf("stacks %d and %d are equal or out of order", i-1, i)
		}
	}
	if !slices.IsSortedFunc(p.Frames, compareFrames) {
		t.Fatal("frame table is not sorted")
	}
}

func TestCPULabelsAndPeriod(t *testing.T) {
	data := takeCPU(t)
	for range 20 { // a busy machine may grant no time at all
		if bytes.Contains(data, []byte("burn")) {
			break
		}
		data = takeCPU(t)
	}
	p := decode(t, data, "cpu.pb.gz", evidence.Unknown).Profiles[0]
	n := p.Labels["handler"]
	if n == 0 || len(p.Labels) != 1 {
		t.Errorf("labels = %v, want those of handler counted by key alone", p.Labels)
	}
	set, err := Decode(context.Background(), bytes.NewReader(data), evidence.Position{}, evidence.Unknown, budget.Budget{Labels: 10})
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Profiles[0].Labels; len(got) != 1 || got["handler=burn"] != n {
		t.Errorf("labels = %v when asked for, want handler=burn:%d", got, n)
	}
	if note := strings.Join(set.Inputs[0].Notes, "\n"); !strings.Contains(note, "labels, of ") || !strings.Contains(note, " samples: handler=burn ") {
		t.Errorf("notes %q", note)
	}
	if p.Period != 10_000_000 || p.DurationNS <= 0 {
		t.Errorf("period %d, duration %d", p.Period, p.DurationNS)
	}
	if p.SampleTypes[p.Default] != (evidence.ValueType{Type: "cpu", Unit: "nanoseconds"}) {
		t.Errorf("default column is %v", p.SampleTypes[p.Default])
	}
}

func TestGoroutineSnapshot(t *testing.T) {
	park(t, 20, rpprof.Labels("route", "/a"))
	park(t, 22, rpprof.Labels("route", "/b", "tenant", "x"))
	data := take(t, "goroutine")
	if !compare(t, data) {
		t.Error("not compared")
	}
	set := decode(t, data, "goroutine.pb.gz", evidence.Unknown)
	if len(set.Snapshots) != 1 || len(set.Profiles) != 0 {
		t.Fatalf("%d snapshots, %d profiles", len(set.Snapshots), len(set.Profiles))
	}
	s := set.Snapshots[0]
	if s.Kind != evidence.Goroutine || s.Format != "pprof" || !s.Complete || s.HasIDs || s.HasStates || s.HasCreators {
		t.Errorf("snapshot is described as %+v", s)
	}
	sum, parked := 0, 0
	for _, g := range s.Groups {
		sum += g.Count
		if g.Count == 42 && g.Wait == evidence.WaitChanRecv && strings.HasSuffix(string(g.Stack[len(g.Stack)-1].Function), "(*WaitGroup).Go.func1") {
			parked++
			if len(g.Labels) != 0 {
				t.Errorf("labels %v are not shared by the whole group", g.Labels)
			}
		}
	}
	if parked != 1 {
		t.Errorf("the 42 parked goroutines form %d groups, want 1", parked)
	}
	if sum != s.Total {
		t.Errorf("groups hold %d goroutines, Total is %d", sum, s.Total)
	}
}

func TestSharedLabelsStay(t *testing.T) {
	park(t, 7, rpprof.Labels("route", "/only"))
	for _, g := range decode(t, take(t, "goroutine"), "", evidence.Unknown).Snapshots[0].Groups {
		if slices.Equal(g.Labels, []string{"route=/only"}) && g.Count == 7 {
			return
		}
	}
	t.Error("no group of 7 with the label route=/only")
}

func TestGoroutineLeakSnapshot(t *testing.T) {
	s := decode(t, encode(t, counted("goroutineleak", 3)), "x", evidence.Unknown).Snapshots[0]
	if s.Kind != evidence.GoroutineLeak || s.Total != 3 || len(s.Groups) != 1 || s.Groups[0].Leaked != 3 {
		t.Errorf("snapshot %+v", s)
	}
}

func TestInlinedFramesInnermostFirst(t *testing.T) {
	outer, inner := &profile.Function{ID: 1, Name: "main.outer", Filename: "a.go"}, &profile.Function{ID: 2, Name: "main.inner", Filename: "b.go"}
	loc := &profile.Location{ID: 9, Line: []profile.Line{{Function: inner, Line: 3}, {Function: outer, Line: 7}}}
	p := decode(t, encode(t, &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		Sample:     []*profile.Sample{{Location: []*profile.Location{loc}, Value: []int64{1, 10}}},
		Location:   []*profile.Location{loc}, Function: []*profile.Function{outer, inner},
	}), "", evidence.Unknown).Profiles[0]
	want := evidence.Stack{{Function: "main.inner", File: "b.go", Line: 3}, {Function: "main.outer", File: "a.go", Line: 7}}
	if got := p.Stack(&p.Stacks[0]); !slices.Equal(got, want) {
		t.Errorf("stack = %v, want %v", got, want)
	}
}

func encode(t testing.TB, p *profile.Profile) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteUncompressed(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAllocsDelta: a delta has lost its default sample type, and less may be in use at the
// end of the window than at its start. The declaration settles the first; the second is no
// fault of the capture.
func TestAllocsDelta(t *testing.T) {
	p, err := profile.ParseData(take(t, "allocs"))
	if err != nil {
		t.Fatal(err)
	}
	p.DefaultSampleType, p.DurationNanos = "", 5e9
	p.Sample[0].Value[len(p.SampleType)-1] = -4096
	var buf bytes.Buffer
	if err := p.WriteUncompressed(&buf); err != nil {
		t.Fatal(err)
	}
	for declared, want := range map[evidence.Kind]evidence.Kind{evidence.Allocs: evidence.Allocs, evidence.Unknown: evidence.Heap} {
		set := decode(t, buf.Bytes(), "input", declared)
		if in := set.Inputs[0]; in.Kind != want || len(in.Notes) != 0 {
			t.Errorf("declared %s: kind %s with notes %q, want %s without", declared, in.Kind, in.Notes, want)
		}
	}
}
