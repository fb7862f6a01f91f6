package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go-debug/report"
)

// ownDump is a full dump of this process.
func ownDump() []byte {
	buf := make([]byte, 8<<20)
	return buf[:runtime.Stack(buf, true)]
}

// The tool's own goroutines end with what they were started for, by the judgement of its own leak
// detector: dumps of this process, with every command having run between two of them, have nobody
// of the tool's who stays.
func TestOwnGoroutinesEnd(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/silent/", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	sample := filepath.Join("..", "..", "..", "fixtures", "resyncleak")
	dir := t.TempDir()
	store := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), ownDump(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	quietly := func(ctx context.Context, args ...string) {
		var stdout, stderr bytes.Buffer
		run(ctx, args, &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: environment(nil)})
	}
	for _, name := range []string{"goroutine.00.debug2.txt", "goroutine.01.debug2.txt", "goroutine.02.debug2.txt", "goroutine.03.debug2.txt", "goroutine.04.debug2.txt"} {
		quietly(t.Context(), "analyze", sample)
		quietly(t.Context(), "analyze", srv.URL+"/debug/pprof/heap")
		quietly(t.Context(), "analyze", "--timeout", "50ms", srv.URL+"/silent/debug/pprof/heap")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		quietly(ctx, "capture", srv.URL, "-o", filepath.Join(t.TempDir(), "bundle"))
		cancel()
		srv.CloseClientConnections()
		store(name)
	}
	var stdout, stderr bytes.Buffer
	term := &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: environment(nil)}
	run(t.Context(), []string{"analyze", "--only", "leak", "-f", "json", dir}, term)
	var r report.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v; stderr %s", err, &stderr)
	}
	if len(r.Inputs) != 5 || r.Detectors[0].State != "ran" {
		t.Fatalf("inputs %+v, detector %+v", r.Inputs, r.Detectors)
	}
	for _, f := range r.Findings {
		for _, stack := range f.Stacks {
			for _, function := range stack {
				if strings.HasPrefix(function, "go-debug/") && !strings.HasPrefix(function, "go-debug/cmd/internal/cli.TestOwn") {
					t.Errorf("%s: %s stays behind: %v", f.Rule, function, stack)
				}
			}
		}
	}
}
