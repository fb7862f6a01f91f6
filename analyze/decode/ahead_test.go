package decode

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// A decoder may look into a file that it reads, ahead of where it stands; into what is decompressed or
// comes from elsewhere it may not.
func TestDecodersLookAhead(t *testing.T) {
	const header = "go 1.26 trace\x00\x00\x00"
	var ahead io.ReaderAt
	more := make([]byte, 4)
	i := 0
	for formats[i].format != Trace {
		i++
	}
	defer func(e entry) { formats[i] = e }(formats[i])
	formats[i].decode = func(_ context.Context, r io.Reader, _ evidence.Position, _ told, _ budget.Budget) (*evidence.Set, error) {
		if ahead = r.(interface{ Ahead() io.ReaderAt }).Ahead(); ahead != nil {
			if _, err := ahead.ReadAt(more, int64(len(header))); err != nil {
				t.Error(err)
			}
		}
		return nil, nil
	}
	file := filepath.Join(t.TempDir(), "a.trace")
	if err := os.WriteFile(file, []byte(header+"more"), 0o600); err != nil {
		t.Fatal(err)
	}
	stored := item(0, file, nil)
	stored.Open = func(context.Context) (io.ReadCloser, error) { return os.Open(file) }
	Item(context.Background(), stored, budget.Default())
	if ahead == nil || string(more) != "more" {
		t.Fatalf("ahead of the header of a file stands %q", more)
	}
	Item(context.Background(), item(0, "pipe", []byte(header+"more")), budget.Default())
	if ahead != nil {
		t.Fatal("a stream was to be read twice")
	}
}
