package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func decodeErr(t testing.TB, data []byte) (*evidence.Set, error) {
	t.Helper()
	return Decode(t.Context(), bytes.NewReader(data), evidence.Position{Source: "t.trace"}, budget.Budget{})
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestNotATrace(t *testing.T) {
	for _, tt := range []struct{ name, data, want string }{
		{"empty", "", "0 bytes"},
		{"short", "go 1.26 tr", "10 bytes"},
		{"something else", "<html><body>bad gateway", "not an execution trace"},
		{"later version", "go 1.31 trace\x00\x00\x00more", `"go 1.31 trace"; read are the formats go1.11, go1.19, go1.21, go1.22, go1.23, go1.25, go1.26`},
		{"header only", "go 1.26 trace\x00\x00\x00", "a header and nothing else"},
		{"header only, before end marks", "go 1.22 trace\x00\x00\x00", "a header and nothing else"},
		{"header only, old format", "go 1.21 trace\x00\x00\x00", ""},
		{"header and rubbish", "go 1.26 trace\x00\x00\x00rubbish", "trace not readable: 23 of 23 bytes lost"},
	} {
		set, err := decodeErr(t, []byte(tt.data))
		var in *evidence.InputError
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &in) || in.Hint == "" {
			t.Errorf("%s: error %v with hint, want %q", tt.name, err, tt.want)
		}
		if len(set.Inputs) != 1 || set.Inputs[0].Complete || set.Trace != nil {
			t.Errorf("%s: set %+v", tt.name, set)
		}
		if got := set.Inputs[0].LostBytes; got != int64(len(tt.data)) {
			t.Errorf("%s: %d bytes lost, want all %d", tt.name, got, len(tt.data))
		}
	}
}

// ends are the offsets behind the generations of a whole trace.
func ends(data []byte) []int64 {
	g := newGenerations(strings.HasPrefix(string(data), "go 1.26"))
	g.feed(data)
	return g.ends
}

func TestCutTraces(t *testing.T) {
	data := record(t, func() {
		end := newGeneration(t)
		end()
		stories(t, end)
	})
	bounds := ends(data)
	if len(bounds) < 3 || bounds[len(bounds)-1] != int64(len(data)) {
		t.Skipf("%d generations found in a trace of %s", len(bounds), data[:7])
	}
	whole := decode(t, data).Trace.Windows[0]
	if whole.Generations != len(bounds) {
		t.Errorf("%d generations decoded, %d scanned", whole.Generations, len(bounds))
	}
	for cut := headerSize; cut < len(data); cut += 1 + len(data)/41 {
		if slices.Contains(bounds, int64(cut)) {
			continue // that is no cut
		}
		set, err := decodeErr(t, data[:cut])
		n := 0
		for n < len(bounds) && bounds[n] <= int64(cut) {
			n++
		}
		good := int64(0)
		if n > 0 {
			good = bounds[n-1]
		}
		in := set.Inputs[0]
		// Of a generation that is cut only the batch at the cut is lost.
		if err == nil || in.Complete || in.LostBytes < 0 || in.LostBytes > min(int64(cut)-good, maxBatchSize+maxBatchHead) {
			t.Fatalf("cut at %d: complete %v, %d bytes lost, want %d; error %v", cut, in.Complete, in.LostBytes, int64(cut)-good, err)
		}
		// Of a cut generation what stands before the cut counts, even if it is the first.
		if set.Trace == nil && n > 0 {
			t.Fatalf("cut at %d: trace %v after %d generations", cut, set.Trace, n)
		}
		if set.Trace == nil {
			continue
		}
		checkInvariants(t, set.Trace)
		if w := set.Trace.Windows[0]; w.Generations != n || w.Complete || w.LostBytes != in.LostBytes || !strings.Contains(err.Error(), "trace read in part") {
			t.Fatalf("cut at %d: window %+v, error %v", cut, w, err)
		}
	}
	// Cut between generations, what is left is a trace like any other.
	if set, err := decodeErr(t, data[:bounds[1]]); err != nil || set.Trace.Windows[0].Generations != 2 {
		t.Errorf("cut behind the second generation: %v", err)
	}
}

func TestCorruptTraces(t *testing.T) {
	data := record(t, func() { stories(t, newGeneration(t)) })
	for at := headerSize; at < len(data); at += 1 + len(data)/83 {
		bad := bytes.Clone(data)
		bad[at] ^= 0x55
		set, err := decodeErr(t, bad)
		if (err == nil) != set.Inputs[0].Complete {
			t.Fatalf("byte %d changed: error %v, complete %v", at, err, set.Inputs[0].Complete)
		}
		if lost := set.Inputs[0].LostBytes; err != nil && (lost <= 0 || lost > int64(len(bad))) {
			t.Fatalf("byte %d changed: %d of %d bytes lost", at, lost, len(bad))
		}
		if set.Trace != nil {
			checkInvariants(t, set.Trace)
		}
	}
}

func TestBudgets(t *testing.T) {
	data := record(t, func() { stories(t, newGeneration(t)) })
	for _, tt := range []struct {
		name string
		b    budget.Budget
	}{
		{"bytes", budget.Budget{Bytes: int64(len(data)) / 2}},
		{"memory", budget.Budget{Memory: 10_000}},
	} {
		set, err := Decode(t.Context(), bytes.NewReader(data), evidence.Position{}, tt.b)
		var over *budget.Error
		if !errors.As(err, &over) || set.Inputs[0].Complete {
			t.Errorf("%s: error %v, want one of the budget", tt.name, err)
		}
	}
	set, err := Decode(t.Context(), bytes.NewReader(data), evidence.Position{}, budget.Budget{Stacks: 5})
	if err != nil {
		t.Fatal(err)
	}
	tr, full := set.Trace, decode(t, data).Trace
	if len(tr.Stacks) > 6 || len(tr.Windows[0].Warnings) == 0 {
		t.Errorf("%d stacks, warnings %v", len(tr.Stacks), tr.Windows[0].Warnings)
	}
	if tr.Sched.RunningNS != full.Sched.RunningNS || tr.Windows[0].Goroutines != full.Windows[0].Goroutines {
		t.Error("a bound on stacks must not change totals")
	}
	checkInvariants(t, tr)
}

func TestCancelled(t *testing.T) {
	data := record(t, func() {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Decode(ctx, bytes.NewReader(data), evidence.Position{}, budget.Budget{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add([]byte("go 1.26 trace\x00\x00\x00"))
	f.Add([]byte("go 1.19 trace\x00\x00\x00\x01"))
	f.Add(record(f, func() { stories(f, func() {}) }))
	for _, path := range distribution(f, "testdata/tests/*.test") {
		if data, _ := assemble(f, path); len(data) < 20_000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := Decode(t.Context(), bytes.NewReader(data), evidence.Position{Source: "f"}, budget.Budget{Memory: 64 << 20})
		in := set.Inputs[0]
		if (err == nil) != in.Complete || in.LostBytes < 0 || in.LostBytes > int64(len(data)) {
			t.Fatalf("error %v, input %+v", err, in)
		}
		if _, err := json.Marshal(set); err != nil {
			t.Fatal(err)
		}
	})
}

// TestCutKeepsEvents: nearly all events that stand before a cut count, and none is invented.
func TestCutKeepsEvents(t *testing.T) {
	data := record(t, func() { load(t, 4, newGeneration(t)) })
	whole := decode(t, data).Trace
	for _, percent := range []int{20, 45, 70, 95} {
		set, err := decodeErr(t, data[:len(data)*percent/100])
		if err == nil || set.Trace == nil {
			t.Fatalf("cut at %d %%: error %v", percent, err)
		}
		checkInvariants(t, set.Trace)
		got, all := set.Trace.Windows[0].Events, whole.Windows[0].Events
		// Tables take part of a generation's bytes, and a batch at the cut is lost.
		if got > all || got < all*int64(percent-20)/100 {
			t.Errorf("cut at %d %%: %d of %d events: %v", percent, got, all, err)
		}
		if set.Trace.Sched.Latency.Count > whole.Sched.Latency.Count || set.Trace.Sched.RunningNS > whole.Sched.RunningNS*11/10 {
			t.Errorf("cut at %d %%: more latencies or running time than in the whole", percent)
		}
	}
}

// TestLostSeconds: where a generation is broken and others follow it, the report says how much of the
// window is lost; where the trace just ends, nobody knows.
func TestLostSeconds(t *testing.T) {
	data := record(t, func() {
		end := newGeneration(t)
		for range 4 {
			time.Sleep(5 * time.Millisecond)
			end()
		}
	})
	whole := decode(t, data)
	var bounds []int64
	g := newGenerations(true)
	g.feed(data)
	bounds = g.ends
	bad := bytes.Clone(data)
	// A table of strings whose entries are no strings, in the second generation.
	at := bytes.LastIndex(bad[:bounds[1]], []byte("chan receive"))
	if at < int(bounds[0]) {
		t.Fatal("no string to break in the second generation")
	}
	for i := range 12 {
		bad[at-2] = 0xff
		bad[at+i] = 0xff
	}
	set, err := decodeErr(t, bad)
	in := set.Inputs[0]
	if err == nil || in.LostSeconds == nil {
		t.Fatalf("lost seconds %v, error %v", in.LostSeconds, err)
	}
	window := float64(whole.Trace.DurationNS()) / 1e9
	if s := *in.LostSeconds; s < 0.010 || s > window {
		t.Errorf("%g s lost of %g", s, window)
	}
	if !strings.Contains(err.Error(), "with the last ") {
		t.Errorf("error %v", err)
	}
	if set, _ := decodeErr(t, data[:bounds[2]+100]); set.Inputs[0].LostSeconds != nil {
		t.Errorf("cut: %g s lost, which nobody can know", *set.Inputs[0].LostSeconds)
	}
}
