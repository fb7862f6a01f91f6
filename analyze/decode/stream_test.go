package decode

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
)

func ungzip(t testing.TB, data []byte) []byte {
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

// zst writes a frame with a checksum, in blocks; nothing at all makes an empty frame.
func zst(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true), zstd.WithWindowSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// packings are the ways of compression, as functions and as errors name them.
var packings = map[string]func(testing.TB, []byte) []byte{"gzip": zip, "zstd": zst}

func TestLayersOfCompression(t *testing.T) {
	plain := ungzip(t, profileBytes(t, "heap", 0))
	for name, data := range map[string][]byte{
		"none": plain, "gzip": zip(t, plain), "zstd": zst(t, plain), "gzip twice": zip(t, zip(t, plain)),
		"zstd twice": zst(t, zst(t, plain)), "gzip in zstd": zst(t, zip(t, plain)), "zstd in gzip": zip(t, zst(t, plain)),
		"members": append(zip(t, plain[:100]), zip(t, plain[100:])...),
		"frames":  append(zst(t, plain[:100]), zst(t, plain[100:])...),
	} {
		t.Run(name, func(t *testing.T) {
			set, in := one(t, item(1, "heap.pb.gz", data), budget.Default())
			sum := sha256.Sum256(data)
			if !in.Complete || len(set.Profiles) != 1 || in.Kind != evidence.Heap || in.Format != "pprof" {
				t.Fatalf("input %+v, %d profiles", in, len(set.Profiles))
			}
			if in.Bytes != int64(len(data)) || in.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("%d bytes, hash %s; want those of the %d bytes as read", in.Bytes, in.SHA256, len(data))
			}
		})
	}
	for _, data := range [][]byte{zip(t, zip(t, zip(t, plain))), zip(t, zst(t, zip(t, plain)))} {
		if _, in := one(t, item(1, "x.gz", data), budget.Default()); !strings.Contains(in.Error, "more than twice") {
			t.Errorf("three layers: %+v", in)
		}
	}
}

func TestBrokenCompression(t *testing.T) {
	for name, pack := range packings {
		data := pack(t, ungzip(t, profileBytes(t, "heap", 0)))
		badSum := bytes.Clone(data)
		badSum[len(badSum)-1] ^= 1 // the length in gzip, the checksum in zstd
		inside := 0
		if name == "gzip" {
			inside = 1 // the trailer has more bytes than are cut off
		}
		for what, tc := range map[string]struct {
			data     []byte
			want     string
			profiles int
		}{
			"cut in the middle":   {data[:len(data)/2], name + " stream is cut short", 0},
			"only the trailer is": {data[:len(data)-3], "cut short", 1},
			"header only":         {data[:5], "cut short", 0},
			"checksum":            {badSum, "damaged", 1},
			"garbage behind":      {append(bytes.Clone(data), "garbage behind the end"...), "damaged", 1},
			"in gzip":             {zip(t, data[:len(data)-4]), name + " stream is cut short", inside},
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				set, in := one(t, item(1, "heap.pb.gz", tc.data), budget.Default())
				if in.Complete || !strings.Contains(in.Error, tc.want) || in.Hint == "" {
					t.Errorf("input %+v, want an error that says %q", in, tc.want)
				}
				if len(set.Profiles) < tc.profiles {
					t.Errorf("%d profiles, want %d", len(set.Profiles), tc.profiles)
				}
				if in.Bytes != int64(len(tc.data)) || in.SHA256 == "" {
					t.Errorf("%d bytes and hash %q of %d bytes", in.Bytes, in.SHA256, len(tc.data))
				}
			})
		}
	}
}

// What stands before a cut is evidence, marked as not whole, however the bytes arrive.
func TestCutCompressionKeepsWhatWasRead(t *testing.T) {
	var dump bytes.Buffer
	for i := range 30_000 {
		fmt.Fprintf(&dump, "goroutine %d [chan receive]:\nmain.wait%d()\n\t/src/app/main.go:%d +0x1d\n\n", i+1, i%50, 10+i%50)
	}
	for name, pack := range packings {
		t.Run(name, func(t *testing.T) {
			packed := pack(t, dump.Bytes())
			cut := packed[:len(packed)*3/4]
			set, in := one(t, item(1, "dump", cut), budget.Default())
			if in.Complete || !strings.Contains(in.Error, name+" stream is cut short") {
				t.Errorf("input %+v", in)
			}
			if len(set.Snapshots) != 1 || set.Snapshots[0].Complete || set.Snapshots[0].Total < 10_000 || set.Snapshots[0].Total >= 30_000 {
				t.Fatalf("snapshots %+v", set.Snapshots)
			}
			pipe := item(1, "dump", nil)
			pipe.Open = func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(iotest.HalfReader(bytes.NewReader(cut))), nil
			}
			piped, _ := one(t, pipe, budget.Default())
			if a, b := asJSON(t, set), asJSON(t, piped); a != b {
				t.Errorf("from a pipe:\n%s\nfrom a file:\n%s", b, a)
			}
		})
	}
}

// What a writer of zstd chose for its window is paid for by the reader, so it is bounded by the
// memory, and the hint leads on.
func TestWindowBeyondTheMemory(t *testing.T) {
	hostile := append([]byte("\x28\xb5\x2f\xfd\x00\xa8"), zst(t, []byte("up 1\n"))[6:]...) // a window of 2 GiB
	for name, wantHint := range map[string]string{
		"m.prom.zst":     "go-debug analyze --max-memory 8GiB m.prom.zst",
		source.StdinName: "go-debug analyze --max-memory 8GiB FILE",
	} {
		_, in := one(t, item(1, name, hostile), budget.Default())
		if !strings.Contains(in.Error, "over budget: memory for a zstd window of 2147483648 bytes") ||
			!strings.Contains(in.Hint, "raise the limit with --max-memory") || !strings.Contains(in.Hint, wantHint) {
			t.Errorf("error %q, hint %q", in.Error, in.Hint)
		}
	}
}

func TestHintsNameTheInput(t *testing.T) {
	for _, tt := range []struct{ name, hint, want string }{
		{"a.gz", "gzip -t FILE", "gzip -t a.gz"},
		{"a b.gz", "gzip -t FILE", "gzip -t FILE"},
		{source.StdinName, "gzip -t FILE", "gzip -t FILE"},
		{"a.gz", "go tool pprof -proto FILE1 FILE2", "go tool pprof -proto FILE1 FILE2"},
	} {
		err := &evidence.InputError{Err: io.ErrUnexpectedEOF, Hint: tt.hint}
		if got := hintOf(err, tt.name, budget.DefaultMemory); got != tt.want {
			t.Errorf("hint for %q: %q, want %q", tt.name, got, tt.want)
		}
	}
}
