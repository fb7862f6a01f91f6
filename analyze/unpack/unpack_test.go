package unpack

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

const memory = 64 << 20

// text is compressible, and longer than a block of zstd.
func text(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "goroutine %d [chan receive, %d minutes]:\n", r.IntN(1<<30), r.IntN(99))
	}
	return b.Bytes()[:n]
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zstded writes a stream with a checksum, in blocks, as the command line tool does.
func zstded(t testing.TB, data []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, append([]zstd.EOption{zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1 << 20)}, opts...)...)
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

func skippable(content string) []byte {
	return append([]byte{0x5a, 0x2a, 0x4d, 0x18, byte(len(content)), 0, 0, 0}, content...)
}

// read unpacks everything, and checks that the error stays.
func read(t testing.TB, r io.Reader, head []byte) ([]byte, error) {
	t.Helper()
	u, err := NewReader(r, Sniff(head), memory)
	if err != nil {
		return nil, err
	}
	defer u.Close()
	out, err := io.ReadAll(u)
	again := err
	if err == nil {
		again = io.EOF
	}
	if n, err2 := u.Read(make([]byte, 10)); n != 0 || !errors.Is(err2, again) {
		t.Fatalf("after %v: %d bytes, %v", again, n, err2)
	}
	return out, err
}

func TestUnpack(t *testing.T) {
	plain := text(1 << 20)
	one, two := plain[:300_000], plain[300_000:]
	for name, tt := range map[string]struct{ packed, want []byte }{
		"gzip":                   {gzipped(t, plain), plain},
		"gzip, empty":            {gzipped(t, nil), nil},
		"gzip, members":          {join(gzipped(t, one), gzipped(t, nil), gzipped(t, two)), plain},
		"zstd":                   {zstded(t, plain), plain},
		"zstd, empty":            {zstded(t, nil, zstd.WithZeroFrames(true)), nil},
		"zstd, no checksum":      {zstded(t, plain, zstd.WithEncoderCRC(false)), plain},
		"zstd, single segment":   {zstded(t, one, zstd.WithSingleSegment(true)), one},
		"zstd, frames":           {join(zstded(t, one), zstded(t, two)), plain},
		"zstd, skipped frames":   {join(skippable("seek"), zstded(t, one), skippable(""), zstded(t, two), skippable("table")), plain},
		"zstd, skipped and last": {join(skippable("seek"), skippable("table")), nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{bytes.NewReader(tt.packed), iotest.OneByteReader(bytes.NewReader(tt.packed)),
				iotest.DataErrReader(bytes.NewReader(tt.packed)), bytes.NewBuffer(bytes.Clone(tt.packed))} {
				got, err := read(t, r, tt.packed)
				if err != nil || !bytes.Equal(got, tt.want) {
					t.Fatalf("%T: %d bytes, error %v; want %d bytes", r, len(got), err, len(tt.want))
				}
			}
		})
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestSniff(t *testing.T) {
	for head, want := range map[string]Format{
		"": None, "\x1f": None, "\x1f\x8b": Gzip, "\x28\xb5\x2f\xfd": Zstd, "\x28\xb5\x2f": None,
		"\x50\x2a\x4d\x18": Zstd, "\x5f\x2a\x4d\x18\x00": Zstd, "\x60\x2a\x4d\x18": None, "go 1.22 trace\x00": None,
	} {
		if got := Sniff([]byte(head)); got != want {
			t.Errorf("Sniff(%q) = %q, want %q", head, got, want)
		}
	}
}

// A stream that is cut anywhere is an error, and what stands before the cut is read. The only
// whole prefixes are those of whole members and frames.
func TestCutAnywhere(t *testing.T) {
	plain := text(400_000)
	member := &bytes.Buffer{}
	w := gzip.NewWriter(member)
	w.Name = "named.pb" // a header that can be cut in several places
	w.Extra = []byte("extra")
	w.Comment = "comment"
	w.Write(plain[200_000:])
	w.Close()
	streams := map[Format][][]byte{
		Gzip: {gzipped(t, plain[:200_000]), member.Bytes()},
		Zstd: {zstded(t, plain[:200_000]), skippable("in between"), zstded(t, plain[200_000:])},
	}
	for format, parts := range streams {
		packed := bytes.Join(parts, nil)
		whole := map[int]bool{}
		end := 0
		for _, p := range parts {
			end += len(p)
			whole[end] = true
		}
		kept := 0
		for cut := 4; cut < len(packed); cut++ {
			if cut > 200 && cut < len(parts[0])-200 && cut%997 != 0 || cut > len(parts[0])+200 && cut%997 != 0 && cut < len(packed)-200 {
				continue // the middles of members are all alike
			}
			got, err := read(t, bytes.NewReader(packed[:cut]), packed)
			if !bytes.Equal(got, plain[:len(got)]) || len(got) < kept {
				t.Fatalf("%s cut at %d: %d bytes, which are no prefix or less than the %d of a shorter cut", format, cut, len(got), kept)
			}
			kept = len(got)
			var input *evidence.InputError
			switch {
			case whole[cut]:
				if err != nil {
					t.Fatalf("%s, whole at %d: %v", format, cut, err)
				}
			case !errors.As(err, &input) || !strings.Contains(err.Error(), string(format)+" stream is cut short"):
				t.Fatalf("%s cut at %d of %d: error %v", format, cut, len(packed), err)
			case input.Hint == "":
				t.Fatalf("no hint for %v", err)
			}
		}
		if kept < 150_000 {
			t.Errorf("%s: no more than %d bytes of a stream that lacks its last byte", format, kept)
		}
	}
}

func TestDamage(t *testing.T) {
	plain := text(400_000)
	flip := func(data []byte, fromEnd int) []byte {
		out := bytes.Clone(data)
		out[len(out)-fromEnd] ^= 0x55
		return out
	}
	for name, tt := range map[string]struct {
		packed []byte
		kept   int // at least so many bytes
	}{
		"gzip checksum":        {flip(gzipped(t, plain), 6), len(plain)},
		"gzip length":          {flip(gzipped(t, plain), 2), len(plain)},
		"gzip garbage behind":  {append(gzipped(t, plain), "garbage behind the end"...), len(plain)},
		"gzip block type":      {append(gzipped(t, nil)[:10], bytes.Repeat([]byte{0xff}, 100)...), 0},
		"gzip method":          {[]byte("\x1f\x8b\x09\x00\x00\x00\x00\x00\x00\x00\x00"), 0},
		"zstd checksum":        {flip(zstded(t, plain), 1), len(plain)},
		"zstd checksum, small": {flip(zstded(t, plain[:1000]), 1), 1000},
		"zstd garbage behind":  {append(zstded(t, plain), "garbage behind the end"...), len(plain)},
		"zstd reserved bit":    {[]byte("\x28\xb5\x2f\xfd\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0},
		"zstd block type":      {[]byte("\x28\xb5\x2f\xfd\x00\x58\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0},
		"zstd block too large": {[]byte("\x28\xb5\x2f\xfd\x00\x00\x01\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, bytes.NewReader(tt.packed), tt.packed)
			var input *evidence.InputError
			if !errors.As(err, &input) || input.Hint == "" || !strings.Contains(err.Error(), "is damaged") {
				t.Errorf("error %v, want that it is damaged, and a hint", err)
			}
			if len(got) < tt.kept || !bytes.Equal(got, plain[:len(got)]) {
				t.Errorf("%d bytes kept, want %d", len(got), tt.kept)
			}
		})
	}
}

func TestDictionary(t *testing.T) {
	packed := zstded(t, text(1000), zstd.WithEncoderDictRaw(77, text(1<<10)))
	_, err := read(t, bytes.NewReader(packed), packed)
	var input *evidence.InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), "dictionary") || !strings.Contains(input.Hint, "-D") {
		t.Errorf("error %v", err)
	}
}

// The error of the stream below is the cause: decompressors make an end of some of them.
func TestErrorsOfTheStream(t *testing.T) {
	plain := text(100_000)
	for _, packed := range [][]byte{gzipped(t, plain), zstded(t, plain)} {
		for _, cause := range []error{context.Canceled, io.ErrUnexpectedEOF, &budget.Error{What: "decompressed bytes", Limit: 1}} {
			for _, at := range []int{4, 20, len(packed) / 2, len(packed) - 1, len(packed)} {
				r := io.MultiReader(bytes.NewReader(packed[:at]), iotest.ErrReader(cause))
				got, err := read(t, r, packed)
				if !errors.Is(err, cause) || strings.Contains(err.Error(), "damaged") {
					t.Errorf("%s, %v at %d: error %v", Sniff(packed), cause, at, err)
				}
				if at == len(packed) && !bytes.Equal(got, plain) {
					t.Errorf("%s, %v behind the end: %d bytes", Sniff(packed), cause, len(got))
				}
			}
		}
	}
}

// A stream that demands a window of a gigabyte is refused before it costs anything; one that
// only states a large size is not.
func TestWindowIsBounded(t *testing.T) {
	hostile := []byte("\x28\xb5\x2f\xfd\x00\xa0\x59\x00\x00x0123456789abcdef") // window 1<<30
	big := join([]byte("\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x40"), []byte("\x59\x00\x00x0123456789abcdef"))
	for name, packed := range map[string][]byte{"window": hostile, "single segment": big} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := read(t, bytes.NewReader(packed), packed)
			runtime.ReadMemStats(&after)
			var over *budget.Error
			if !errors.As(err, &over) || over.Flag != budget.MemoryFlag || over.Limit != memory/windowShare || over.Need != 4<<30 {
				t.Errorf("error %v", err)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
				t.Errorf("%d bytes allocated for it", got)
			}
		})
	}
	later := join(zstded(t, text(1000)), hostile)
	if got, err := read(t, bytes.NewReader(later), later); err == nil || !strings.Contains(err.Error(), "needs more memory") || len(got) != 1000 {
		t.Errorf("in a later frame: %d bytes, error %v", len(got), err)
	}
	fits := zstded(t, text(4<<20), zstd.WithWindowSize(memory/windowShare))
	if got, err := read(t, bytes.NewReader(fits), fits); err != nil || len(got) != 4<<20 {
		t.Errorf("a window as large as allowed: %d bytes, error %v", len(got), err)
	}
}

// Unpacking starts no goroutine: a reader that is left alone costs nothing.
func TestNoGoroutines(t *testing.T) {
	packed := zstded(t, text(1<<20))
	before := runtime.NumGoroutine()
	u, err := NewReader(bytes.NewReader(packed), Zstd, memory)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
	u.Close()
}

func FuzzReader(f *testing.F) {
	plain := text(3000)
	f.Add(gzipped(f, plain))
	f.Add(zstded(f, plain))
	f.Add(join(skippable("x"), zstded(f, plain), zstded(f, nil, zstd.WithZeroFrames(true))))
	f.Add(join(gzipped(f, plain[:10]), gzipped(f, nil)))
	f.Add([]byte("\x28\xb5\x2f\xfd\x00\x58\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		format := Sniff(packed)
		if format == None {
			return
		}
		const limit = 4 << 20
		u, err := NewReader(bytes.NewReader(packed), format, memory)
		if err != nil {
			return
		}
		defer u.Close()
		once, err := io.ReadAll(io.LimitReader(u, limit))
		if len(once) == limit {
			return
		}
		// As it arrives, the result is the same.
		v, err2 := NewReader(iotest.HalfReader(bytes.NewReader(packed)), format, memory)
		if err2 != nil {
			t.Fatal(err2)
		}
		defer v.Close()
		twice, err2 := io.ReadAll(iotest.OneByteReader(v))
		if !bytes.Equal(once, twice) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("%d bytes and %v, byte by byte %d and %v", len(once), err, len(twice), err2)
		}
	})
}
