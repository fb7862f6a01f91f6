package decode

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
	"go-debug/analyze/unpack"
)

// regression is an input that once did harm, here or to a library that reads such, and what is expected
// of it. It stands in a file of testdata/regressions, in lines of these forms:
//
//	why: what it did
//	name: heap.pb.gz
//	expect: FORMAT KIND complete
//	expect: FORMAT KIND error "part of the text"
//	data: "quoted as in Go"
//	data: 1000 * "repeated"
//	gzip:
//
// Lines of data are joined; gzip compresses what stands above it.
type regression struct {
	why, name    string
	format, kind string
	complete     bool
	fault        string
	data         []byte
}

var (
	expectLine = regexp.MustCompile(`^(\S+) (\S+) (?:(complete)|error (".+"))$`)
	dataLine   = regexp.MustCompile(`^(?:(\d+) \* )?(".*")$`)
)

func readRegression(t testing.TB, path string) regression {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unquote := func(s string) string {
		out, err := strconv.Unquote(s)
		if err != nil {
			t.Fatalf("%s: %s: %v", path, s, err)
		}
		return out
	}
	var r regression
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "why":
			r.why = value
		case "name":
			r.name = value
		case "expect":
			m := expectLine.FindStringSubmatch(value)
			if m == nil {
				t.Fatalf("%s: no expectation: %q", path, value)
			}
			r.format, r.kind, r.complete = m[1], m[2], m[3] != ""
			if m[4] != "" {
				r.fault = unquote(m[4])
			}
		case "data":
			m := dataLine.FindStringSubmatch(value)
			if m == nil {
				t.Fatalf("%s: no data: %.60q", path, value)
			}
			n := 1
			if m[1] != "" {
				n, _ = strconv.Atoi(m[1])
			}
			r.data = append(r.data, strings.Repeat(unquote(m[2]), n)...)
		case "gzip":
			r.data = zip(t, r.data)
		default:
			t.Fatalf("%s: %q is no line of a regression", path, line)
		}
	}
	if r.why == "" || r.name == "" || r.format == "" {
		t.Fatalf("%s lacks a line: %+v", path, r)
	}
	return r
}

func regressions(t testing.TB) map[string]regression {
	t.Helper()
	paths, err := filepath.Glob("testdata/regressions/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]regression{}
	for _, path := range paths {
		out[strings.TrimSuffix(filepath.Base(path), ".txt")] = readRegression(t, path)
	}
	if len(out) < 20 {
		t.Fatalf("%d regressions", len(out))
	}
	return out
}

// Each does what its file expects, within limits that a small machine has.
func TestRegressions(t *testing.T) {
	b := budget.Budget{Bytes: 2 << 20, Memory: 64 << 20}
	for name, r := range regressions(t) {
		t.Run(name, func(t *testing.T) {
			set, in := one(t, item(1, r.name, r.data), b)
			if in.Format != r.format || string(in.Kind) != r.kind || in.Complete != r.complete || !strings.Contains(in.Error, r.fault) {
				t.Errorf("%s: got: %s %s complete=%v error %q\n%+v", r.why, in.Format, in.Kind, in.Complete, in.Error, in.Notes)
			}
			if strings.Contains(in.Error, "panicked") || in.Complete && isBare(set) {
				t.Errorf("%+v", in)
			}
		})
	}
}

// fuzzSeeds are the regressions that are small and one small capture of each kind from a fixture. Every
// format is among them.
func fuzzSeeds(f *testing.F) map[string][]byte {
	const most = 30 << 10
	out := map[string][]byte{}
	for name, data := range captures(f) {
		if unpack.Sniff(data) == unpack.Gzip {
			z, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				f.Fatal(err)
			}
			if data, err = io.ReadAll(io.LimitReader(z, most)); err != nil {
				f.Fatal(err)
			}
		}
		out[name] = data[:min(len(data), most)]
	}
	for _, r := range regressions(f) {
		if len(r.data) < most {
			out[r.name+" "+r.why] = r.data
		}
	}
	covered := map[Format]bool{}
	for _, data := range out {
		covered[Sniff(data)] = true
	}
	for _, e := range formats {
		if !covered[e.format] {
			f.Fatalf("no seed is of the format %s: add a file to testdata/regressions", e.format)
		}
	}
	return out
}

func FuzzDecode(f *testing.F) {
	for name, data := range fuzzSeeds(f) {
		name, _, _ = strings.Cut(name, " ")
		f.Add(data, name)
	}
	f.Add(zip(f, zip(f, []byte("# TYPE up gauge\nup 1\n"))), "m.gz")
	f.Add(zst(f, zip(f, []byte("# TYPE up gauge\nup 1\n"))), "m.zst")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		b := budget.Budget{Bytes: 1 << 20, Memory: 32 << 20, Stacks: 100}
		set, in := one(t, item(1, name, data), b)
		if strings.Contains(in.Error, " panicked") {
			t.Fatal(in.Error)
		}
		if in.Complete && isBare(set) && in.Kind != evidence.Metrics {
			t.Fatalf("complete without evidence: %+v", in)
		}
	})
}

// What an input is depends on its head alone, is one of the formats, and is told without keeping or changing it.
func FuzzSniff(f *testing.F) {
	for _, data := range fuzzSeeds(f) {
		f.Add(data[:min(len(data), 8<<10)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		head := bytes.Clone(data[:min(len(data), HeadSize)])
		format := Sniff(head)
		if formatOf(format).format != format {
			t.Errorf("%q is no format", format)
		}
		if !bytes.Equal(head, data[:len(head)]) {
			t.Error("the head was changed")
		}
		if again := Sniff(head); again != format {
			t.Errorf("%q, and then %q", format, again)
		}
	})
}
