// Package gotest makes Go test binaries tell which goroutines outlive their tests, without a
// change to the program: a command such as "go test ./..." runs in an environment in which
// each test binary dumps its goroutines when it exits.
//
// # How
//
// GOFLAGS carries a -overlay that adds one file to the package testing/internal/testdeps of the
// toolchain at hand, which every test binary links and nothing else does, so no package is compiled
// again. Its init function registers an exit hook of the runtime, as the coverage of test binaries
// does; os.Exit runs it after the last test, whatever the package's TestMain does. The hook waits
// until no goroutine is left, at most for the time to settle, and writes a dump (debug=2) of those
// that are. A runtime that can prove leaks is asked first, and marks them in the dump.
// -count=1 keeps go test from showing a stored result in place of a run. A toolchain in the module
// cache, where go allows no overlay, is reached through a symbolic link.
//
// Other ways were worse. go test -trace takes one package at a time, ends with the last test and so
// has no time to settle, and slows the tests down. An -exec wrapper sees a process from outside, where
// SIGQUIT is the only way to a dump and ends it before its own exit code. An overlay on the
// program's packages would have to share them with a TestMain that is there already.
//
// It needs go1.23 or later, whose runtime has the hooks in a package of their own.
//
// # What is left out
//
// Goroutines that were started on goroutine 1 live as long as the process on purpose: package
// initialisation and TestMain run there, tests do not. So are those that they started. Examples run on
// goroutine 1 too; what they leave behind is not seen.
package gotest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

//go:embed hook.go.txt
var hook []byte

// DefaultSettle is how long goroutines have to end after the last test.
const DefaultSettle = time.Second

const (
	hookPackage = "src/testing/internal/testdeps"
	exitHooks   = "src/internal/runtime/exithook/hooks.go"
)

// Run is one run of a command whose test binaries tell.
type Run struct {
	dir string
	env []string
	// root is where the toolchain is seen by the command; real is where it is.
	root, real string
	// Go is the version of the toolchain.
	Go string
}

// toolchain is what the go command says of itself.
type toolchain struct{ GOROOT, GOFLAGS, GOVERSION, GOMODCACHE string }

// Prepare makes the environment for a command. The caller closes the Run. Errors are
// *evidence.InputError.
func Prepare(ctx context.Context, command []string, settle time.Duration) (*Run, error) {
	tc, err := findToolchain(ctx, command)
	if err != nil {
		return nil, err
	}
	if flags := append(strings.Fields(tc.GOFLAGS), command...); slices.ContainsFunc(flags, isOverlay) {
		return nil, &evidence.InputError{Err: errors.New("the command sets -overlay, and there can be one only, which the gate needs"),
			Hint: "gate a running program instead: go-debug gate http://localhost:6060"}
	}
	if _, err := os.Stat(filepath.Join(tc.GOROOT, filepath.FromSlash(exitHooks))); err != nil {
		return nil, &evidence.InputError{Err: fmt.Errorf("test binaries of %s have no exit hooks: it takes go1.23 or later", tc.GOVERSION),
			Hint: "go-debug gate -- env GOTOOLCHAIN=go1.26.0 go test ./..."}
	}
	dir, err := os.MkdirTemp("", "go-debug-tests-")
	if err != nil {
		return nil, err
	}
	r := &Run{dir: dir, Go: tc.GOVERSION, root: tc.GOROOT, real: tc.GOROOT, env: os.Environ()}
	if under(tc.GOMODCACHE, tc.GOROOT) {
		err = r.moveRoot()
	}
	if err == nil {
		err = r.writeOverlay(tc.GOFLAGS)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.env = append(r.env, "GO_DEBUG_TEST_DUMPS="+r.dumps(), "GO_DEBUG_TEST_SETTLE="+settle.String())
	return r, nil
}

// moveRoot makes a toolchain that was downloaded into the module cache, where go refuses any
// overlay, appear elsewhere. It is the one that go would choose by itself, so nothing else changes.
func (r *Run) moveRoot() error {
	r.root = filepath.Join(r.dir, "goroot")
	bin := filepath.Join(r.root, "bin")
	r.env = append(r.env, "GOROOT="+r.root, "GOTOOLCHAIN=local", "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return os.Symlink(r.real, r.root)
}

func under(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return dir != "" && err == nil && filepath.IsLocal(rel)
}

// Command is the command with the go that belongs to the environment.
func (r *Run) Command(command []string) []string {
	if r.root == r.real || strings.TrimSuffix(filepath.Base(command[0]), ".exe") != "go" {
		return command
	}
	return append([]string{filepath.Join(r.root, "bin", filepath.Base(command[0]))}, command[1:]...)
}

// findToolchain asks the go command that the command is, or will call, in the directory where it
// will.
func findToolchain(ctx context.Context, command []string) (toolchain, error) {
	var tc toolchain
	name, args := "go", []string{"env", "-json", "GOROOT", "GOFLAGS", "GOVERSION", "GOMODCACHE"}
	if base := strings.TrimSuffix(filepath.Base(command[0]), ".exe"); base == "go" || strings.HasPrefix(base, "go1.") {
		name = command[0]
		if len(command) > 2 && command[1] == "-C" {
			args = append([]string{"-C", command[2]}, args...)
		}
	}
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &tc)
	} else if text := strings.TrimSpace(stderr.String()); text != "" {
		err = errors.New(strings.ReplaceAll(text, "\n", "; "))
	}
	if err != nil {
		return tc, &evidence.InputError{Err: fmt.Errorf("cannot find the Go toolchain of the tests: %w", err), Hint: name + " env GOROOT"}
	}
	return tc, nil
}

func isOverlay(arg string) bool {
	return strings.HasPrefix(strings.TrimLeft(arg, "-"), "overlay") && strings.HasPrefix(arg, "-")
}

// quoted puts a flag that holds a space between quotes, as GOFLAGS wants it.
func quoted(flag string) string {
	if strings.ContainsAny(flag, " \t") {
		return "'" + flag + "'"
	}
	return flag
}

func (r *Run) dumps() string { return filepath.Join(r.dir, "dumps") }

// writeOverlay writes the hook, and has go put it into its place.
func (r *Run) writeOverlay(goflags string) error {
	source, overlay := filepath.Join(r.dir, "hook.go"), filepath.Join(r.dir, "overlay.json")
	place := filepath.Join(r.root, filepath.FromSlash(hookPackage), "go_debug_hook.go")
	data, err := json.Marshal(map[string]map[string]string{"Replace": {place: source}})
	if err != nil {
		return err
	}
	r.env = append(r.env, "GOFLAGS="+strings.TrimSpace(goflags+" "+quoted("-overlay="+overlay)+" -count=1"))
	return errors.Join(os.Mkdir(r.dumps(), 0o700), os.WriteFile(source, hook, 0o600), os.WriteFile(overlay, data, 0o600))
}

// Environ is the environment of the command.
func (r *Run) Environ() []string { return r.env }

// Close removes all that the run has left.
func (r *Run) Close() error { return os.RemoveAll(r.dir) }
