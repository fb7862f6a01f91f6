package decode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
)

func item(seq int, name string, data []byte) source.Item {
	return source.Item{Position: evidence.Position{Source: name, Seq: seq}, Declared: evidence.Unknown,
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

func one(t testing.TB, it source.Item, b budget.Budget) (*evidence.Set, evidence.Input) {
	t.Helper()
	set := Item(context.Background(), it, b)
	if len(set.Inputs) != 1 {
		t.Fatalf("%d inputs, want 1", len(set.Inputs))
	}
	in := set.Inputs[0]
	if in.Complete != (in.Error == "") {
		t.Fatalf("complete = %v with the error %q", in.Complete, in.Error)
	}
	if in.Error != "" && in.Hint == "" {
		t.Fatalf("error without a hint: %q", in.Error)
	}
	if strings.Contains(in.Error, "\n") {
		t.Fatalf("error has several lines: %q", in.Error)
	}
	return set, in
}

func TestWrongKind(t *testing.T) {
	for name, tc := range map[string]struct{ file, data, why, hint string }{
		"empty":      {"heap.pb.gz", "", "the file is empty", "go-debug capture"},
		"empty gzip": {"heap.pb.gz", string(zip(t, nil)), "the file is empty", "go-debug capture"},
		"html":       {"heap.pb.gz", "<html><body>Bad gateway", "this is HTML, did a proxy answer?", "curl"},
		"symbol":     {"symbol.txt", "num_symbols: 1\n", "this is what /debug/pprof/symbol answers", "go-debug capture"},
		"report":     {"old.json", `{"schema":"go-debug/report/v1"}`, "a go-debug report", "go-debug render old.json"},
		"odd name":   {"a b.json", `{"schema":"go-debug/report/v1"}`, "a go-debug report", "go-debug render FILE"},
		"binary":     {"app", "\x7fELF\x02\x01\x01", "this is an executable", "net/http/pprof"},
		"deep zstd":  {"t.zst", string(zst(t, zst(t, zip(t, nil)))), "compressed more than twice", "gunzip -c t.zst | go-debug analyze -"},
		"json":       {"x.json", `{"a": 1}`, "expected a pprof profile", "go-debug capture"},
		"noise":      {"x", "\x00\x01\x02", "binary data of no known form", "go-debug capture"},
		"prose":      {"notes.txt", "hello\nworld\n", "text of no known form; expected a pprof profile", "go-debug capture"},
		"404":        {"heap", "404 page not found\n", "404 page not found", "net/http/pprof"},
	} {
		t.Run(name, func(t *testing.T) {
			set, in := one(t, item(1, tc.file, []byte(tc.data)), budget.Default())
			if !strings.Contains(in.Error, tc.why) || !strings.Contains(in.Hint, tc.hint) || !isBare(set) {
				t.Errorf("error %q, hint %q; want %q, %q", in.Error, in.Hint, tc.why, tc.hint)
			}
			if in.SHA256 == "" || in.Bytes != int64(len(tc.data)) || in.LostBytes != in.Bytes {
				t.Errorf("%d bytes, %d lost, hash %q", in.Bytes, in.LostBytes, in.SHA256)
			}
		})
	}
}

func TestMisnamed(t *testing.T) {
	trace, heap := traceBytes(t), profileBytes(t, "heap", 0)
	for name, tc := range map[string]struct {
		file     string
		data     []byte
		declared evidence.Kind
		want     string
	}{
		"trace as profile":  {"cpu.pb.gz", trace, evidence.Unknown, "named like a profile, but this is an execution trace, analysed as one"},
		"profile as trace":  {"app.trace", heap, evidence.Unknown, "named like a trace, but this is a heap profile, analysed as one"},
		"text as trace":     {"app.trace", profileBytes(t, "goroutine", 1), evidence.Unknown, "named like a trace, but this is a goroutine profile, analysed as one"},
		"declared as other": {"x", heap, evidence.CPU, "declared as cpu, but this is a heap profile, analysed as one"},
		"trace":             {"trace.out", trace, evidence.Execution, ""},
		"trace by URL":      {"http://h/debug/pprof/trace?seconds=5", trace, evidence.Unknown, ""},
		"heap as allocs":    {"allocs.pb.gz", heap, evidence.Allocs, ""},
		"zstd trace":        {"cpu.pb.zst", zst(t, trace), evidence.Unknown, "named like a profile, but this is an execution trace, analysed as one"},
		"zstd profile":      {"app.trace.zst", zst(t, heap), evidence.Unknown, "named like a trace, but this is a heap profile, analysed as one"},
		"no promise":        {"input", trace, evidence.Unknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			it := item(1, tc.file, tc.data)
			it.Declared = tc.declared
			_, in := one(t, it, budget.Default())
			if got := strings.Join(in.Notes, "\n"); !strings.Contains(got, tc.want) || tc.want == "" && strings.Contains(got, "analysed as one") {
				t.Errorf("notes %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTextDumpBehindALongLog(t *testing.T) {
	var b bytes.Buffer
	for b.Len() < 3*HeadSize {
		b.WriteString("2026/01/02 15:04:05 served a request\n")
	}
	b.WriteString("panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/app/main.go:7 +0x1d\n\ngoroutine 6 [chan receive]:\nmain.wait()\n\t/src/app/main.go:9 +0x1d\n")
	set, in := one(t, item(1, "app.log", b.Bytes()), budget.Default())
	if len(set.Snapshots) != 1 || set.Snapshots[0].Total != 2 {
		t.Errorf("input %+v, snapshots %+v", in, set.Snapshots)
	}
}

func TestBudgetCountsDecompressedBytes(t *testing.T) {
	bomb := zip(t, bytes.Repeat([]byte("# nothing\n"), 1<<20))
	_, in := one(t, item(1, "m.txt.gz", bomb), budget.Budget{Bytes: 1 << 20})
	if !strings.Contains(in.Error, "over budget: decompressed bytes beyond the limit of 1048576") || in.Hint == "" {
		t.Errorf("input %+v", in)
	}
	// The bound holds at each layer: one that unpacks to little of what it took is no way around.
	for name, data := range map[string][]byte{
		"zstd": zst(t, bytes.Repeat([]byte("# nothing\n"), 1<<20)), "inner": zip(t, zst(t, bytes.Repeat([]byte("# nothing\n"), 1<<20))),
		"empty frames": zip(t, bytes.Repeat(zst(t, nil), 1<<18)),
	} {
		if _, in := one(t, item(1, "m.txt", data), budget.Budget{Bytes: 1 << 20}); !strings.Contains(in.Error, "over budget: decompressed bytes") {
			t.Errorf("%s: input %+v", name, in)
		}
	}
	exact := []byte("# TYPE up gauge\nup 1\n")
	if _, in := one(t, item(1, "m.txt", exact), budget.Budget{Bytes: int64(len(exact))}); !in.Complete {
		t.Errorf("an input as long as the limit: %q", in.Error)
	}
	if _, in := one(t, item(1, "m.txt", exact), budget.Budget{Bytes: int64(len(exact) - 1)}); in.Complete || in.SHA256 != "" && in.Bytes != int64(len(exact)) {
		t.Errorf("an input beyond the limit: %+v", in)
	}
}

// endless never stops sending the same text.
type endless struct{ sent *int64 }

func (e endless) Read(p []byte) (int, error) {
	*e.sent += int64(len(p))
	return copy(p, bytes.Repeat([]byte("# nothing\n"), len(p)/10+1)), nil
}

func TestEndlessInput(t *testing.T) {
	var sent int64
	it := item(1, "pipe", nil)
	it.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(endless{&sent}), nil }
	_, in := one(t, it, budget.Budget{Bytes: 1 << 20})
	if in.Complete || in.SHA256 != "" || sent > 2<<20 {
		t.Errorf("read %d bytes, input %+v", sent, in)
	}
}

// withDecoder puts a decoder in place of the list's for one test.
func withDecoder(t *testing.T, f Format, decode decodeFunc) {
	old := formats
	formats = append([]entry{{format: f, decode: decode}}, old...)
	t.Cleanup(func() { formats = old })
}

func TestPanicStaysWithItsInput(t *testing.T) {
	withDecoder(t, Metrics, func(ctx context.Context, r io.Reader, _ evidence.Position, _ told, _ budget.Budget) (*evidence.Set, error) {
		var empty []int
		n, _ := io.ReadFull(r, make([]byte, 4))
		return nil, errors.New(fmt.Sprint(empty[n]))
	})
	heap := profileBytes(t, "heap", 0)
	set := All(context.Background(), []source.Item{
		item(1, "a.pb.gz", heap), item(2, "bad.txt", []byte("# TYPE up gauge\nup 1\n")), item(3, "c.pb.gz", heap)}, budget.Default())
	if len(set.Inputs) != 3 || len(set.Profiles) != 2 {
		t.Fatalf("%d inputs, %d profiles", len(set.Inputs), len(set.Profiles))
	}
	in := set.Inputs[1]
	for _, want := range []string{"decoding bad.txt as openmetrics panicked", "index out of range [4] with length 0", "decode/decode_test.go:"} {
		if !strings.Contains(in.Error, want) {
			t.Errorf("error %q lacks %q", in.Error, want)
		}
	}
	if in.Complete || in.Hint == "" || in.Bytes == 0 || !set.Inputs[0].Complete || !set.Inputs[2].Complete {
		t.Errorf("inputs %+v", set.Inputs)
	}
}

func TestPanicWhileOpening(t *testing.T) {
	it := item(1, "x", nil)
	it.Open = func(context.Context) (io.ReadCloser, error) { panic("no such luck") }
	if _, in := one(t, it, budget.Default()); !strings.Contains(in.Error, "no such luck") {
		t.Errorf("input %+v", in)
	}
}

func TestUnopenable(t *testing.T) {
	it := item(1, "gone.pb.gz", nil)
	it.Declared = evidence.Mutex
	it.Open = func(context.Context) (io.ReadCloser, error) {
		return nil, &evidence.InputError{Err: errors.New("no such file"), Hint: "ls"}
	}
	_, in := one(t, it, budget.Default())
	if in.Error != "no such file" || in.Hint != "ls" || in.Kind != evidence.Mutex || in.SHA256 != "" {
		t.Errorf("input %+v", in)
	}
}

func TestReadErrorKeepsItsCause(t *testing.T) {
	heap := profileBytes(t, "heap", 0)
	it := item(1, "http://h/debug/pprof/heap", nil)
	it.Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(heap[:len(heap)/2]), broken{})), nil
	}
	if _, in := one(t, it, budget.Default()); !strings.Contains(in.Error, "connection reset") || in.SHA256 != "" {
		t.Errorf("input %+v", in)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

func TestTruncatedCapture(t *testing.T) {
	it := item(1, "goroutine.debug2.txt", profileBytes(t, "goroutine", 2))
	it.Truncated, it.Go = "cut at 67108864 bytes", "go1.26.8"
	set, in := one(t, it, budget.Default())
	if in.Complete || !strings.Contains(in.Error, it.Truncated) || in.Go != "go1.26.8" {
		t.Errorf("input %+v", in)
	}
	if len(set.Snapshots) != 1 || set.Snapshots[0].Complete {
		t.Errorf("snapshots %+v", set.Snapshots)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	in := Item(ctx, item(1, "x", profileBytes(t, "heap", 0)), budget.Default()).Inputs[0]
	if in.Complete || !strings.Contains(in.Error, context.Canceled.Error()) {
		t.Errorf("input %+v", in)
	}
}

// TestAllIsMergeOfItems also holds that the order of the arguments does not matter.
func TestAllIsMergeOfItems(t *testing.T) {
	heap, dump := profileBytes(t, "heap", 0), profileBytes(t, "goroutine", 2)
	for n := range 12 {
		var items, reversed []source.Item
		want := &evidence.Set{}
		for i := range n {
			data := heap
			if i%3 == 1 {
				data = dump
			}
			items = append(items, item(i, fmt.Sprintf("in%02d", i), data))
			reversed = append([]source.Item{items[i]}, reversed...)
			want = evidence.Merge(want, Item(context.Background(), items[i], budget.Default()))
		}
		for _, list := range [][]source.Item{items, reversed} {
			got := All(context.Background(), list, budget.Default())
			if a, b := asJSON(t, got), asJSON(t, want); a != b {
				t.Fatalf("%d items: All differs from merging one by one:\n%s\n%s", n, a, b)
			}
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
