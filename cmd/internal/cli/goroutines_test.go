package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
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

// leftBehind runs something five times, dumps this process behind each, and says which goroutines of
// the tool's stay, by the judgement of its own leak detector.
func leftBehind(t *testing.T, something func()) (stacks []string) {
	t.Helper()
	dir := t.TempDir()
	for i := range 5 {
		something()
		name := filepath.Join(dir, fmt.Sprintf("goroutine.%02d.debug2.txt", i))
		if err := os.WriteFile(name, ownDump(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	term := &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: environment(nil)}
	run(t.Context(), []string{"analyze", "--only", "leak", "--src", "", "-f", "json", dir}, term)
	var r report.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v; stderr %s", err, &stderr)
	}
	if len(r.Inputs) != 5 || r.Detectors[0].State != "ran" {
		t.Fatalf("inputs %+v, detector %+v", r.Inputs, r.Detectors)
	}
	for _, f := range r.Findings {
		for _, stack := range f.Stacks {
			if slices.ContainsFunc(stack, func(function string) bool {
				return strings.HasPrefix(function, "go-debug/") && !strings.HasPrefix(function, "go-debug/cmd/internal/cli.TestOwn")
			}) {
				stacks = append(stacks, f.Rule+" "+strings.Join(stack, " "))
			}
		}
	}
	return stacks
}

// The tool's own goroutines end with what they were started for: every command that reads has run
// between two dumps of this process, and nobody of the tool's stays.
func TestOwnGoroutinesEnd(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/silent/", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	sample := filepath.Join("..", "..", "..", "fixtures", "resyncleak")
	quietly := func(ctx context.Context, args ...string) {
		var stdout, stderr bytes.Buffer
		run(ctx, args, &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: environment(nil)})
	}
	for _, stack := range leftBehind(t, func() {
		quietly(t.Context(), "analyze", sample)
		quietly(t.Context(), "gate", filepath.Join(sample, "heap.pb.gz"))
		quietly(t.Context(), "diff", filepath.Join(sample, "heap.pb.gz"), filepath.Join(sample, "heap.pb.gz"))
		quietly(t.Context(), "analyze", srv.URL+"/debug/pprof/heap")
		quietly(t.Context(), "analyze", "--timeout", "50ms", srv.URL+"/silent/debug/pprof/heap")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		quietly(ctx, "capture", srv.URL, "-o", filepath.Join(t.TempDir(), "bundle"))
		cancel()
		srv.CloseClientConnections()
	}) {
		t.Errorf("stays behind: %s", stack)
	}
}

// planted waits for what nobody sends until the test is over.
func planted(over <-chan struct{}) { <-over }

// A goroutine of the tool's that stays each time is seen, so that the test above can fail.
func TestPlantedGoroutineIsSeen(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	waiting := regexp.MustCompile(`\[chan receive\]:\ngo-debug/cmd/internal/cli\.planted\(`)
	n := 0
	stacks := leftBehind(t, func() {
		for range 5 {
			go planted(over)
		}
		for n += 5; len(waiting.FindAll(ownDump(), -1)) < n; {
			runtime.Gosched()
		}
	})
	if len(stacks) != 1 || !strings.Contains(stacks[0], "cli.planted") {
		t.Errorf("25 goroutines stay, and it sees %q", stacks)
	}
}
