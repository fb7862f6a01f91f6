package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bench is where a recipe runs: an empty directory, go-debug and the leaky server in PATH, and
// an address of its own for the server.
type bench struct {
	t                  *testing.T
	root, dir, address string
	env                map[string]string
}

// newBench sets what a user sets: a server and a load that leaves its goroutines behind.
func newBench(t *testing.T) *bench {
	t.Helper()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: scripts/recipes/gate.sh needs %s: %v", tool, err)
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for _, name := range []string{"go-debug", "leaky", "drive"} {
		if err := os.Symlink(exe, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := &bench{t: t, root: root, dir: t.TempDir(), address: l.Addr().String()}
	b.env = map[string]string{
		"PATH":        bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		"GATE_SERVER": "leaky " + b.address,
		"GATE_URL":    "http://" + b.address,
		"GATE_LOAD":   "drive http://" + b.address + "/load",
		"GATE_FLAGS":  "--for 5s --settle 200ms --retry 0 --only leak",
	}
	return b
}

// healthy has the goroutines end with the load.
func (b *bench) healthy() { b.env["GATE_LOAD"] += "?end=1" }

// command runs in the directory of the bench with its environment.
func (b *bench) command(name string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(b.t.Context(), name, args...)
	cmd.Dir = b.dir
	cmd.Env = os.Environ()
	for k, v := range b.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 30 * time.Second // what is left behind holds the output open
	return cmd, &out
}

// exits demands an exit code and texts in the output, and that nobody listens any more.
func (b *bench) exits(want int, cmd *exec.Cmd, out *bytes.Buffer, texts ...string) {
	b.t.Helper()
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		b.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		b.t.Fatalf("%v exited with %d, want %d\n%s", cmd.Args, got, want, out)
	}
	for _, text := range texts {
		if !strings.Contains(out.String(), text) {
			b.t.Errorf("%v: no %q in\n%s", cmd.Args, text, out)
		}
	}
	b.stopped()
}

func (b *bench) stopped() {
	b.t.Helper()
	if c, err := net.Dial("tcp", b.address); err == nil {
		c.Close()
		b.t.Error("the server was not stopped")
	}
}

func (b *bench) gate(want int, texts ...string) {
	b.t.Helper()
	cmd, out := b.command(filepath.Join(b.root, "scripts/recipes/gate.sh"))
	b.exits(want, cmd, out, texts...)
}

func (b *bench) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// failures demands that each report names the leak.
func (b *bench) failures(dir string) {
	b.t.Helper()
	for name, text := range map[string]string{
		"gate.json":       `"phase": "settled"`,
		"gate.md":         "leak/chan-receive",
		"gate.xml":        "<failure message=",
		"gate.sarif":      `"level": "error"`,
		"annotations.txt": "::error file=",
	} {
		if got := b.read(filepath.Join(dir, name)); !strings.Contains(got, text) {
			b.t.Errorf("%s has no %q:\n%s", name, text, got)
		}
	}
	var quality []struct{ Fingerprint string }
	if err := json.Unmarshal([]byte(b.read(filepath.Join(dir, "quality.json"))), &quality); err != nil || len(quality) == 0 || quality[0].Fingerprint == "" {
		b.t.Errorf("quality.json: %v, %v", quality, err)
	}
}

func TestGateScriptFailsOnALeak(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.gate(1, "GATE FAILED", "driven: 200")
	b.failures("gate")
	if log := b.read("gate/server.log"); !strings.Contains(log, b.address) {
		t.Errorf("the server's output is lost: %q", log)
	}
	// What the leak left behind does not pass for a report of a run that got nowhere.
	b.env["GATE_SERVER"] = "echo no such shop; exit 7"
	b.gate(3, "no such shop", "the server ended before it answered")
	if left, _ := filepath.Glob(filepath.Join(b.dir, "gate", "*")); len(left) != 1 {
		t.Errorf("reports of the run before: %q", left)
	}
}

// The twin that is healthy passes and becomes the baseline; make reads it and fails on the other.
func TestGateMakefile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := exec.LookPath("make"); err != nil {
		t.Skipf("SKIPPED: no make: %v", err)
	}
	b.env["GATE_SH"] = filepath.Join(b.root, "scripts/recipes/gate.sh")
	file := filepath.Join(b.root, "scripts/recipes/gate.mk")
	leaking := b.env["GATE_LOAD"]
	b.healthy()
	cmd, out := b.command("make", "-f", file, "gate-baseline")
	b.exits(0, cmd, out, "GATE PASSED", "baselines/")
	b.env["GATE_LOAD"] = leaking
	cmd, out = b.command("make", "-f", file, "gate")
	b.exits(2, cmd, out, "new finding leak/chan-receive", "Error 1") // make itself exits with 2
	b.failures("gate")
}

func TestGateScriptRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.env["GATE_READY"] = "soon"
	b.gate(2, "GATE_READY is a number of seconds")
	b.env["GATE_READY"] = "1"

	// It is started and stopped, though it never answers, with all that it started.
	b.env["GATE_SERVER"] = "sleep 600 & echo $! >child; echo warming up; wait"
	b.gate(3, "warming up", "no answer from http://"+b.address+"/debug/pprof/ within 1 s")
	gone(t, b.read("child"))

	b.env["GATE_LOAD"] = ""
	b.gate(2, "GATE_LOAD is empty")
}

// A server that was left over would be judged in place of the one that the gate is for.
func TestGateScriptRefusesAForeignServer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server, _ := b.command(filepath.Join(filepath.SplitList(b.env["PATH"])[0], "leaky"), b.address)
	serving(t, server, b.address)
	cmd, out := b.command(filepath.Join(b.root, "scripts/recipes/gate.sh"))
	if cmd.Run(); cmd.ProcessState.ExitCode() != 3 || !strings.Contains(out.String(), "answers before the server is started") {
		t.Errorf("exit code %d: %s", cmd.ProcessState.ExitCode(), out)
	}
}

// A pipeline that is cancelled leaves neither the server nor the load behind.
func TestGateScriptInterrupted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.env["GATE_LOAD"] = "echo $$ >load; exec sleep 600"
	cmd, out := b.command(filepath.Join(b.root, "scripts/recipes/gate.sh"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		data, _ := os.ReadFile(filepath.Join(b.dir, "load"))
		return bytes.HasSuffix(data, []byte("\n"))
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d: %s", code, out)
	}
	b.stopped()
	gone(t, b.read("load"))
}

// gone waits until a process has ended: one that lost its parent may stay a zombie for a while.
func gone(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(pid))
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		stat, _ := os.ReadFile("/proc/" + strconv.Itoa(n) + "/stat")
		return syscall.Kill(n, 0) != nil || bytes.Contains(stat, []byte(") Z "))
	})
}

// await ends a test that would hang; no machine is so slow.
func await(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); {
		if time.Now().After(end) {
			t.Fatal("what was waited for did not happen")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// serving runs a server until the test ends.
func serving(t *testing.T, server *exec.Cmd, address string) {
	t.Helper()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	await(t, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}
