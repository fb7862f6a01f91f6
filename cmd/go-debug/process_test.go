package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// process is this test binary as go-debug: testscript.Main goes by the name that it is called by.
func process(t *testing.T, dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Args[0] = "go-debug"
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// A signal ends a capture with the code of an interrupt, and leaves nothing behind.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(sig) { // as under nohup: the process inherits that, and goes on as it should
			t.Logf("%v is ignored here, and not tested", sig)
			continue
		}
		for _, output := range []string{"bundle", "bundle.zip"} {
			asked := make(chan struct{}, 10)
			srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				<-r.Context().Done()
			}))
			dir := t.TempDir()
			cmd, stderr := process(t, dir, "capture", srv.URL, "-o", filepath.Join(dir, output))
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-asked
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			srv.Close()
			if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(stderr.String(), "interrupted") {
				t.Errorf("%v: exit code %d, stderr %s", sig, code, stderr)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%v: left behind %v", sig, left)
			}
		}
	}
}

// A reader that has had enough does not kill the process: the gate's verdict is its exit code.
func TestClosedPipeKeepsTheVerdict(t *testing.T) {
	for _, closed := range []bool{false, true} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if closed {
			r.Close()
		}
		report := filepath.Join(t.TempDir(), "report.json")
		cmd, stderr := process(t, t.TempDir(), "gate", "-f", "json", "-o", report, filepath.Join("..", "..", "fixtures", "resyncleak"))
		cmd.Stdout = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if !closed {
			var out bytes.Buffer
			out.ReadFrom(r)
		}
		cmd.Wait()
		r.Close()
		if code := cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("closed %v: exit code %d, stderr %s", closed, code, stderr)
		}
		if _, err := os.Stat(report); err != nil {
			t.Errorf("closed %v: %v", closed, err)
		}
	}
}
