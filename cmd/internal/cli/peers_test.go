package cli

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/source"
	"go-debug/report"
)

// answers are what a target serves, by the last part of a path, and the files of a fixture that it serves them from.
var answers = map[string]string{
	"goroutine": "goroutine.00.debug0.pb.gz", "goroutine?debug=2": "goroutine.03.debug2.txt.gz", "heap": "heap.pb.gz", "allocs": "allocs.pb.gz",
	"mutex": "mutex.pb.gz", "block": "block.pb.gz", "threadcreate": "threadcreate.pb.gz", "profile": "cpu.pb.gz", "trace": "trace.out.gz", "/metrics": "metrics.prom.gz",
}

// stored serves the captures of a fixture as the program would, but for one answer.
func stored(t *testing.T, faulty string, fault http.HandlerFunc) http.Handler {
	t.Helper()
	files := map[string][]byte{}
	for path, name := range answers {
		data, err := os.ReadFile(filepath.Join("..", "..", "..", "fixtures", "resyncleak", name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, ".pb.gz") {
			z, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if data, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		files[path] = data
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/debug/pprof/")
		if name == "goroutine" && r.URL.Query().Get("debug") == "2" {
			name += "?debug=2"
		}
		if name == faulty {
			fault(w, r)
			return
		}
		data, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	})
}

// faults are what may become of an answer.
var faults = []struct {
	name  string
	serve http.HandlerFunc
}{
	{"cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.Write([]byte("\x1f\x8b\x08"))
	}},
	{"closed", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	{"a page", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!DOCTYPE html><title>Sign in</title>")
	}},
	{"in an encoding nobody asked for", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		w.Write([]byte("\x1f\x8b\x08"))
	}},
}

// Whatever becomes of whichever answer of a target: every command that asks it ends with exit code 3 and names
// what failed, and all others are whole.
func TestPeersFail(t *testing.T) {
	commands := [][]string{
		{"analyze", "URL", "--for", "1s", "--only", "leak", "-f", "json"},
		{"capture", "URL", "--for", "1s", "-o", "DIR/bundle"},
		{"gate", "URL", "--for", "1s", "--only", "leak", "-f", "json"},
	}
	n := 0
	for _, path := range slices.Sorted(maps.Keys(answers)) {
		args, fault := commands[n%len(commands)], faults[(n+n/len(commands)*2)%len(faults)]
		if path == "goroutine" || path == "/metrics" { // without the first answer nothing is captured, and metrics are an offer
			fault = faults[0]
		}
		n++
		t.Run(args[0]+" "+strings.ReplaceAll(path, "/", "")+" "+fault.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(stored(t, path, fault.serve))
			defer func() { srv.CloseClientConnections(); srv.Close() }()
			dir := filepath.ToSlash(t.TempDir())
			var words []string
			for _, a := range args {
				words = append(words, strings.NewReplacer("URL", srv.URL, "DIR", dir).Replace(a))
			}
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), words, &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: environment(nil)})
			if code != report.ExitIncomplete || !strings.Contains(stderr.String(), "go-debug: error: ") || !strings.Contains(stderr.String(), "go-debug: hint: ") {
				t.Errorf("exit code %d, stderr %s", code, &stderr)
			}
			broken, whole := captured(t, args[0], dir, &stdout)
			for _, name := range broken {
				if !strings.Contains(name, stems[path]) || !strings.Contains(stderr.String(), name) {
					t.Errorf("%s is not whole; stderr %s", name, &stderr)
				}
			}
			if len(broken) == 0 || len(whole) < 8 || slices.ContainsFunc(whole, func(name string) bool { return strings.Contains(name, stems[path]) }) {
				t.Errorf("whole %v, not whole %v", whole, broken)
			}
		})
	}
}

// stems are what the files are called that hold an answer.
var stems = map[string]string{
	"goroutine": "debug0.pb.gz", "goroutine?debug=2": "debug2.txt", "heap": "heap.", "allocs": "allocs.pb.gz", "mutex": "mutex.pb.gz",
	"block": "block.pb.gz", "threadcreate": "threadcreate.pb.gz", "profile": "cpu.pb.gz", "trace": "trace.out", "/metrics": "metrics.prom",
}

// captured are the files of a capture that are not whole, and those that are, by the bundle's manifest or the report.
func captured(t *testing.T, command, dir string, stdout io.Reader) (broken, whole []string) {
	t.Helper()
	note := func(name string, ok bool) {
		if ok {
			whole = append(whole, name)
		} else {
			broken = append(broken, name)
		}
	}
	if command == "capture" {
		f, err := os.Open(filepath.Join(dir, "bundle", "capture.json"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		m, err := source.ReadManifest(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Files {
			note(f.Name, f.Error == "" && f.Truncated == "")
		}
		return broken, whole
	}
	r, err := report.Read(stdout)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range r.Inputs {
		note(in.Name, in.Complete)
	}
	return broken, whole
}
