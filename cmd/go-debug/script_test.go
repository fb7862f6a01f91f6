package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"

	"go-debug/report"
)

// exits runs a command and demands its exact exit code: exits 3 go-debug analyze missing.
// Its output is checked with stdout and stderr as after exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%v exited with %d, want %d", args[1:], got, want)
	}
}

// gates demands the exit code of a gate in every format: gates 1 INPUT [FLAG...].
func gates(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: gates CODE INPUT [FLAG...]")
	}
	// The refusal of an unknown format lists those that there are.
	exits(ts, false, []string{"2", "go-debug", "gate", "-f", "?", "x"})
	_, list, ok := strings.Cut(ts.ReadFile("stderr"), "(have ")
	if list, _, _ = strings.Cut(list, ")"); !ok || strings.Count(list, ",") < 3 {
		ts.Fatalf("no list of formats in %q", ts.ReadFile("stderr"))
	}
	for format := range strings.SplitSeq(list, ", ") {
		exits(ts, false, slices.Concat([]string{args[0], "go-debug", "gate", "-f", format}, args[1:]))
	}
}

// cutFile keeps the first N bytes of a file, or its first N percent: cut FROM TO 60%.
func cutFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cut FROM TO N|N%%")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	var n int
	if _, err := fmt.Sscanf(args[2], "%d%%", &n); err != nil {
		ts.Fatalf("bad size %q", args[2])
	}
	if args[2][len(args[2])-1] == '%' {
		n = len(data) * n / 100
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data[:n], 0o600))
}

// writeBytes writes a file that txtar cannot hold: bytes FILE 'text with \x00 escapes'.
func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bytes FILE TEXT")
	}
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// repack writes the content of a file, of gzip or not, in another way of compression:
// repack gzip|zstd|none FROM TO. Of a directory it repacks all captures, without a capture.json.
func repack(ts *testscript.TestScript, neg bool, args []string) {
	pack, known := packers[args[0]]
	if neg || len(args) != 3 || !known {
		ts.Fatalf("usage: repack gzip|zstd|none FROM TO")
	}
	from, to := ts.MkAbs(args[1]), ts.MkAbs(args[2])
	st, err := os.Stat(from)
	ts.Check(err)
	if !st.IsDir() {
		ts.Check(repackFile(from, to, pack))
		return
	}
	ts.Check(os.Mkdir(to, 0o700))
	files, err := filepath.Glob(filepath.Join(from, "*.gz"))
	ts.Check(err)
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".gz") + extensions[args[0]]
		ts.Check(repackFile(f, filepath.Join(to, name), pack))
	}
}

var (
	packers    = map[string]func(io.Writer) (io.WriteCloser, error){"gzip": gzipWriter, "zstd": zstdWriter, "none": noWriter}
	extensions = map[string]string{"gzip": ".gz", "zstd": ".zst", "none": ""}
)

func gzipWriter(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }

// zstdWriter makes blocks so small that a cut in the middle of a small capture leaves some.
func zstdWriter(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(4<<10))
}

func noWriter(w io.Writer) (io.WriteCloser, error) { return plainWriter{w}, nil }

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

func repackFile(from, to string, pack func(io.Writer) (io.WriteCloser, error)) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		if data, err = io.ReadAll(z); err != nil {
			return err
		}
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	w, err := pack(out)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return errors.Join(err, w.Close())
}

// storeBaseline puts a file among the baselines of a directory, under such a name, and removes those there:
// stored FILE DIRECTORY.
func storeBaseline(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: stored FILE DIRECTORY")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	dir := ts.MkAbs(args[1])
	ts.Check(os.RemoveAll(dir))
	ts.Check(os.Mkdir(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, report.BaselineName(time.Unix(1e9, 0), data)), data, 0o600))
}

// hurtBaseline copies the baselines of a directory into another, without their last byte: hurt FROM TO.
func hurtBaseline(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hurt FROM TO")
	}
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.baseline.json.gz"))
	ts.Check(err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[1]), filepath.Base(f)), data[:len(data)-1], 0o600))
	}
}

// targets is a server with net/http/pprof beside the things that answer in its place.
func targets() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/html/debug/pprof/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><html><body>Sign in</body></html>")
	})
	// A proxy compresses what nobody asked it to compress.
	mux.HandleFunc("/packed/debug/pprof/goroutine", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "zstd")
		z, err := zstdWriter(w)
		if err != nil {
			panic(err)
		}
		defer z.Close()
		pprof.Handler("goroutine").ServeHTTP(answer{w, z}, r)
	})
	mux.HandleFunc("/silent/", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/cut/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		fmt.Fprint(w, "\x1f\x8b")
	})
	return mux
}

// answer is a response whose body goes through another writer.
type answer struct {
	http.ResponseWriter
	body io.Writer
}

func (a answer) Write(p []byte) (int, error) { return a.body.Write(p) }
