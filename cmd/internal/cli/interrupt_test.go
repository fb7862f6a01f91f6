package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go-debug/report"
)

// An interrupt ends every command that waits with its own code, prints no report, and leaves
// no part of a bundle behind.
func TestInterrupted(t *testing.T) {
	for name, args := range map[string][]string{
		"analyze a program":      {"analyze", "URL", "--for", "1h"},
		"analyze one profile":    {"analyze", "URL/debug/pprof/heap"},
		"analyze a pipe":         {"analyze"},
		"gate":                   {"gate", "URL", "--for", "1h", "-o", "DIR/gate.json"},
		"baseline save":          {"baseline", "save", "DIR/baselines", "URL", "--for", "1h"},
		"capture into a folder":  {"capture", "URL", "--for", "1h", "-o", "DIR/bundle"},
		"capture into a zip":     {"capture", "URL", "--for", "1h", "-o", "DIR/bundle.zip"},
		"capture into a tarball": {"capture", "URL", "--for", "1h", "-o", "DIR/bundle.tar.gz"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				interrupt()
				<-r.Context().Done()
			}))
			defer srv.Close()
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			var words []string
			for _, a := range args {
				words = append(words, strings.NewReplacer("URL", srv.URL, "DIR", filepath.ToSlash(dir)).Replace(a))
			}
			stdin, typed := io.Pipe()
			defer typed.Close()
			var stdout, stderr bytes.Buffer
			term := &terminal{stdin: interrupting{stdin, interrupt}, stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
			if code := run(ctx, words, term); code != report.ExitInterrupted {
				t.Errorf("exit code %d, want %d; stderr %s", code, report.ExitInterrupted, &stderr)
			}
			if stdout.Len() > 0 || !strings.Contains(stderr.String(), "interrupted") {
				t.Errorf("stdout %q, stderr %q", &stdout, &stderr)
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// interrupting is standard input of somebody who presses Ctrl-C instead of typing.
type interrupting struct {
	r         io.Reader
	interrupt func()
}

func (i interrupting) Read(p []byte) (int, error) {
	i.interrupt()
	return i.r.Read(p)
}

// What a reader does not want is no failure; what a disk does not take is one.
func TestOutputErrors(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	r, gone, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	r.Close()
	store := t.TempDir()
	keep := &terminal{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: environment(nil)}
	if code := run(t.Context(), []string{"baseline", "save", store, filepath.Join("..", "..", "..", "fixtures", "resyncleak"), "--only", "leak"}, keep); code != report.ExitOK {
		t.Fatalf("exit code %d", code)
	}
	for _, args := range [][]string{{"baseline", "show", store}, {"baseline", "prune", store}, {"config", "show"}, {"version"}, {"schema"}, {"schema", "config"}, {"explain"}, {"explain", "leak"}, {"completion", "bash"}} {
		var stderr bytes.Buffer
		term := &terminal{stdin: strings.NewReader(""), stdout: full, stderr: &stderr, getenv: os.Getenv}
		if code := run(t.Context(), args, term); code != report.ExitIncomplete || !strings.Contains(stderr.String(), "cannot write to standard output") {
			t.Errorf("%v on a full disk: code %d, stderr %s", args, code, &stderr)
		}
		stderr.Reset()
		term.stdout = gone
		if code := run(t.Context(), args, term); code != report.ExitOK || stderr.Len() > 0 {
			t.Errorf("%v to a closed pipe: code %d, stderr %s", args, code, &stderr)
		}
	}
}
