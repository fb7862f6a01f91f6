package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"go-debug/report"
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

// Processes that save to one location at once all succeed, and so do gates that write one file: what each has written
// is whole, nothing lies beside it, and whoever reads meanwhile reads a whole one.
func TestWritingAtOnce(t *testing.T) {
	const jobs = 4
	sample := filepath.Join("..", "..", "fixtures", "resyncleak")
	dir := t.TempDir()
	store, out := filepath.Join(dir, "baselines"), filepath.Join(dir, "gate.json")
	small := []string{"--only", "leak", "--src", ""}
	start := func(args ...string) (*exec.Cmd, *bytes.Buffer) {
		cmd, stderr := process(t, dir, append(args, small...)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, stderr
	}
	wait := func(want int, cmd *exec.Cmd, stderr *bytes.Buffer) {
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("%v: exit code %d, want %d; stderr %s", cmd.Args, code, want, stderr)
		}
	}
	cmd, stderr := start("baseline", "save", store, sample)
	wait(0, cmd, stderr)
	type job struct {
		want   int
		cmd    *exec.Cmd
		stderr *bytes.Buffer
	}
	var running []job
	for range jobs {
		cmd, stderr := start("baseline", "save", store, sample)
		running = append(running, job{0, cmd, stderr})
		cmd, stderr = start("gate", "-q", sample, "-o", out)
		running = append(running, job{1, cmd, stderr})
		cmd, stderr = start("gate", "-q", sample, "--baseline", store)
		running = append(running, job{0, cmd, stderr})
	}
	for _, j := range running {
		wait(j.want, j.cmd, j.stderr)
	}
	left, err := os.ReadDir(store)
	if err != nil || len(left) != jobs+1 {
		t.Errorf("%d baselines, want %d: %v", len(left), jobs+1, err)
	}
	for _, e := range left {
		data, err := os.ReadFile(filepath.Join(store, e.Name()))
		if err == nil {
			_, err = report.ReadBaseline(e.Name(), data)
		}
		if err != nil || !report.IsBaselineName(e.Name()) {
			t.Errorf("%s: %v", e.Name(), err)
		}
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if r, err := report.Read(f); err != nil || r.Gate == nil {
		t.Errorf("the gates' report: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind %v", left)
	}
}

// A disk that takes no more: the exit code says so and no baseline lies there that is not whole. A limit on the size of
// files does what a full disk does, wherever the tests run.
func TestSavingToAFullDisk(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "baselines")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(dir, "go-debug")); err != nil {
		t.Fatal(err)
	}
	script := `trap "" XFSZ; ulimit -f 1; exec "$0" baseline save "$1" "$2" --only leak --src ""`
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script, filepath.Join(dir, "go-debug"), store, filepath.Join("..", "..", "fixtures", "resyncleak"))
	said, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(string(said), "cannot save to "+store+": file too large") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if left, _ := os.ReadDir(store); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

// A disk that takes no more, as a limit on the length of files has it: every command that stores a file ends with
// exit code 3, says why, and leaves neither the file nor a part of it.
func TestDiskTakesNoMore(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil || runtime.GOOS != "linux" {
		t.Skip("a limit on the length of files takes sh and Linux")
	}
	srv := httptest.NewServer(targets())
	t.Cleanup(srv.Close)
	fixture, err := filepath.Abs(filepath.Join("..", "..", "fixtures", "resyncleak"))
	if err != nil {
		t.Fatal(err)
	}
	dump, stored := filepath.Join(fixture, "goroutine.01.debug2.txt.gz"), filepath.Join(t.TempDir(), "stored.json")
	cmd, stderr := process(t, t.TempDir(), "analyze", "-q", "-o", stored, dump)
	if cmd.Run(); cmd.ProcessState.ExitCode() == 3 {
		t.Fatalf("exit code 3, stderr %s", stderr)
	}
	for _, words := range [][]string{
		{"analyze", dump, "-o", "out.json"}, {"gate", dump, "-o", "out.json"}, {"diff", dump, dump, "-o", "out.json"}, {"render", stored, "-o", "out.json"},
		{"capture", srv.URL, "--for", "1s", "-o", "out"}, {"capture", srv.URL, "--for", "1s", "-o", "out.zip"}, {"capture", srv.URL, "--for", "1s", "-o", "out.tar.gz"},
	} {
		t.Run(words[0]+" "+words[len(words)-1], func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd, stderr := process(t, dir, words...)
			exe := cmd.Path
			cmd.Path, cmd.Dir = "/bin/sh", dir
			cmd.Args = append([]string{"sh", "-c", `ulimit -f 1; exec "$@"`, "sh", filepath.Join(linkTo(t, exe), "go-debug")}, words...)
			var stdout bytes.Buffer
			cmd.Stdout = &stdout
			cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(stderr.String(), "file too large") || !strings.Contains(stderr.String(), "go-debug: hint: ") {
				t.Errorf("exit code %d, stderr %s", code, stderr)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind %v, %v", left, err)
			}
			if words[0] != "capture" && stdout.Len() == 0 {
				t.Error("nothing on standard output")
			}
		})
	}
}

// linkTo is a directory in which an executable is called go-debug.
func linkTo(t *testing.T, exe string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(dir, "go-debug")); err != nil {
		t.Fatal(err)
	}
	return dir
}
