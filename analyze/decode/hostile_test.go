package decode

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
)

// faultyReader fails at the k-th read, each of which hands out no more than step bytes.
type faultyReader struct {
	r       io.Reader
	step, k int
	err     error
}

func (f *faultyReader) Read(p []byte) (int, error) {
	if f.k--; f.k == 0 {
		return 0, f.err
	}
	return f.r.Read(p[:min(len(p), f.step)])
}

var errDisk = errors.New("input/output error")

// captures are small ones of every kind, from a fixture.
func captures(t testing.TB) map[string][]byte {
	t.Helper()
	dir := filepath.Join("..", "..", "fixtures", "resyncleak")
	out := map[string][]byte{}
	for _, pattern := range []string{"goroutine.*0.debug*", "heap.pb.gz", "mutex.pb.gz", "cpu.pb.gz", "trace.out*", "metrics.prom*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names[:min(1, len(names))] {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(name)] = data
		}
	}
	if len(out) < 4 {
		t.Fatalf("%d captures in %s", len(out), dir)
	}
	return out
}

func itemOf(name string, r io.Reader) source.Item {
	return source.Item{Position: evidence.Position{Source: name}, Declared: evidence.Unknown,
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(r), nil }}
}

// A read that fails, wherever it does, is told with its cause: the input is not complete. Short
// reads and data that comes with the end change nothing.
func TestReadingFailsAnywhere(t *testing.T) {
	for name, data := range captures(t) {
		whole := Item(t.Context(), itemOf(name, bytes.NewReader(data)), budget.Default()).Inputs[0]
		if !whole.Complete {
			t.Fatalf("%s: %s", name, whole.Error)
		}
		for how, r := range map[string]io.Reader{
			"short reads": &faultyReader{r: bytes.NewReader(data), step: 7}, "the end with the data": iotest.DataErrReader(bytes.NewReader(data)),
		} {
			in := Item(t.Context(), itemOf(name, r), budget.Default()).Inputs[0]
			if !in.Complete || in.SHA256 != whole.SHA256 || in.Bytes != whole.Bytes {
				t.Errorf("%s, %s: %+v", name, how, in)
			}
		}
		step := max(len(data)/6, 1)
		for k := 1; k <= 7; k++ {
			in := Item(t.Context(), itemOf(name, &faultyReader{bytes.NewReader(data), step, k, errDisk}), budget.Default()).Inputs[0]
			if in.Complete || !strings.Contains(in.Error, errDisk.Error()) || in.Hint == "" || in.SHA256 != "" {
				t.Errorf("%s, read %d fails: %+v", name, k, in)
			}
		}
	}
}

func packed(t *testing.T, unit string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	block := []byte(strings.Repeat(unit, 64<<10/len(unit)))
	for n := 0; n < size; n += len(block) {
		if _, err := z.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Bombs end at a limit that is named, with the flag that raises it.
func TestBombs(t *testing.T) {
	lines := packed(t, "nothing of use in this line\n", 1<<20)
	for name, tt := range map[string]struct {
		data []byte
		b    budget.Budget
		flag string
	}{
		"too many bytes":        {lines, budget.Budget{Bytes: 100_000}, budget.BytesFlag},
		"too many bytes, twice": {packed(t, string(lines), 1), budget.Budget{Bytes: 100_000}, budget.BytesFlag},
		"packed far too well":   {packed(t, "\n", budget.RatioFrom+8<<20), budget.Budget{Ratio: 100}, budget.RatioFlag},
	} {
		in := Item(t.Context(), itemOf("bomb", bytes.NewReader(tt.data)), tt.b).Inputs[0]
		if in.Complete || !strings.Contains(in.Error, "over budget: ") || !strings.Contains(in.Hint, tt.flag+" ") {
			t.Errorf("%s: %q, %q", name, in.Error, in.Hint)
		}
	}
}

// All inputs together have a limit of their own: the ones behind it are said to be unread.
func TestInputsTogetherAreBounded(t *testing.T) {
	const size = 1000
	var items []source.Item
	for i := range 20 {
		it := itemOf(fmt.Sprint(i), strings.NewReader("go_goroutines 1\n"+strings.Repeat("# a comment\n", size/12)))
		it.Seq = i
		items = append(items, it)
	}
	b := budget.Budget{Bytes: size + 100}
	set := All(t.Context(), items, b)
	unread := 0
	for _, in := range set.Inputs {
		if !in.Complete {
			unread++
			if !strings.Contains(in.Error, "over budget") {
				t.Errorf("%s: %s", in.Source, in.Error)
			}
		}
	}
	if most := int(b.TotalBytes()) / size; unread < len(items)-most-1 || unread == len(items) {
		t.Errorf("%d of %d inputs were not read; the limit is %d bytes", unread, len(items), b.TotalBytes())
	}
}
