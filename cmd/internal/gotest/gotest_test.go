package gotest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeGo puts a go command into the PATH that says of itself what the test wants.
func fakeGo(t *testing.T, tc toolchain) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the fake go command is a shell script")
	}
	data, err := json.Marshal(tc)
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho '%s'\n", data)
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
}

// root makes a tree that looks like a toolchain's.
func root(t *testing.T, hooks bool) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, filepath.FromSlash(exitHooks))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if hooks {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func lookup(env []string, name string) string {
	value := ""
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v // the last one counts
		}
	}
	return value
}

func TestPrepare(t *testing.T) {
	goroot := root(t, true)
	fakeGo(t, toolchain{GOROOT: goroot, GOFLAGS: "-tags=x", GOVERSION: "go1.26.8", GOMODCACHE: t.TempDir()})
	t.Setenv("TMPDIR", t.TempDir())
	r, err := Prepare(t.Context(), []string{"go", "test"}, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	flags := lookup(r.Environ(), "GOFLAGS")
	if !strings.HasPrefix(flags, "-tags=x -overlay=") || !strings.HasSuffix(flags, " -count=1") {
		t.Errorf("GOFLAGS %q", flags)
	}
	if lookup(r.Environ(), "GO_DEBUG_TEST_SETTLE") != "3s" || lookup(r.Environ(), "GOROOT") != os.Getenv("GOROOT") {
		t.Errorf("environment %q", r.Environ())
	}
	if got := r.Command([]string{"go", "test"}); got[0] != "go" {
		t.Errorf("command %q", got)
	}
	var overlay struct{ Replace map[string]string }
	data, err := os.ReadFile(strings.TrimPrefix(strings.Fields(flags)[1], "-overlay="))
	if err == nil {
		err = json.Unmarshal(data, &overlay)
	}
	source := overlay.Replace[filepath.Join(goroot, "src/testing/internal/testdeps/go_debug_hook.go")]
	if got, readErr := os.ReadFile(source); err != nil || readErr != nil || string(got) != string(hook) {
		t.Errorf("overlay %s: %v, %v", data, err, readErr)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

// A toolchain in the module cache is reached by another way, since go allows no overlay there.
func TestPrepareDownloadedToolchain(t *testing.T) {
	goroot := root(t, true)
	fakeGo(t, toolchain{GOROOT: goroot, GOVERSION: "go1.27.0", GOMODCACHE: filepath.Dir(goroot)})
	r, err := Prepare(t.Context(), []string{"go", "test"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	link := lookup(r.Environ(), "GOROOT")
	if real, err := os.Readlink(link); err != nil || real != goroot {
		t.Errorf("GOROOT %s is %s, %v", link, real, err)
	}
	if lookup(r.Environ(), "GOTOOLCHAIN") != "local" || !strings.HasPrefix(lookup(r.Environ(), "PATH"), filepath.Join(link, "bin")) {
		t.Errorf("environment %q", r.Environ())
	}
	for command, want := range map[string]string{"go": filepath.Join(link, "bin", "go"), "/usr/bin/go": filepath.Join(link, "bin", "go"), "make": "make", "gotestsum": "gotestsum"} {
		if got := r.Command([]string{command, "test"}); got[0] != want || got[1] != "test" {
			t.Errorf("%s runs %q, want %s", command, got, want)
		}
	}
	dumpOf(t, r, "a", "example.com/a.test", "goroutine 1 [running]:\nos.Exit(0)\n\t"+link+"/src/os/proc.go:75 +0x2e\n")
	dumps, _, err := r.Dumps()
	if err != nil || len(dumps) != 1 || !strings.Contains(string(dumps[0].Text), goroot+"/src/os/proc.go") {
		t.Errorf("dumps %q, %v", dumps, err)
	}
}

func TestPrepareRefuses(t *testing.T) {
	hooks, none := root(t, true), root(t, false)
	for name, c := range map[string]struct {
		tc      toolchain
		command string
		want    string
	}{
		"an old toolchain":     {toolchain{GOROOT: none, GOVERSION: "go1.22.1"}, "go test", "test binaries of go1.22.1 have no exit hooks"},
		"an overlay":           {toolchain{GOROOT: hooks}, "go test -overlay=x.json", "sets -overlay"},
		"an overlay, apart":    {toolchain{GOROOT: hooks}, "go test --overlay x.json", "sets -overlay"},
		"an overlay in a flag": {toolchain{GOROOT: hooks, GOFLAGS: "-mod=mod -overlay=x"}, "make test", "sets -overlay"},
	} {
		fakeGo(t, c.tc)
		if r, err := Prepare(t.Context(), strings.Fields(c.command), 0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want %q", name, r, err, c.want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Prepare(t.Context(), []string{"make", "test"}, 0); err == nil || !strings.Contains(err.Error(), "cannot find the Go toolchain") {
		t.Errorf("no go: %v", err)
	}
}

// dumpOf leaves what a test binary leaves; an empty dump is that of one that never ended.
func dumpOf(t *testing.T, r *Run, id, name, text string) {
	t.Helper()
	err := os.WriteFile(filepath.Join(r.dumps(), id+".begun"), []byte(name), 0o600)
	if err == nil && text != "" {
		err = os.WriteFile(filepath.Join(r.dumps(), id+".ended"), []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDumps(t *testing.T) {
	r := &Run{dir: t.TempDir(), root: "/goroot", real: "/goroot"}
	if err := os.Mkdir(r.dumps(), 0o700); err != nil {
		t.Fatal(err)
	}
	if dumps, untold, err := r.Dumps(); err != nil || len(dumps)+len(untold) > 0 {
		t.Errorf("of nothing %v, %v, %v", dumps, untold, err)
	}
	const main = "goroutine 1 [running]:\nmain.main()\n"
	dumpOf(t, r, "3", "example.com/v2.test", main)
	dumpOf(t, r, "1", "example.com/v2.test", main+"\ngoroutine 9 [select]:\nmain.f()\n")
	dumpOf(t, r, "2", "example.com/a.test", main)
	dumpOf(t, r, "4", "example.com/gone.test", "")
	dumpOf(t, r, "5", "/tmp/go-build1/b001/built.test", main)
	dumps, untold, err := r.Dumps()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range dumps {
		got = append(got, d.Package)
	}
	if want := []string{"built", "example.com/a", "example.com/v2", "example.com/v2 #2"}; !slices.Equal(got, want) {
		t.Errorf("packages %q, want %q", got, want)
	}
	if !slices.Equal(untold, []string{"example.com/gone"}) || strings.Contains(string(dumps[2].Text), "goroutine 9") {
		t.Errorf("untold %q, the first of two %q", untold, dumps[2].Text)
	}
}

func TestWithoutProcessLong(t *testing.T) {
	block := func(id int, creator string) string {
		return fmt.Sprintf("goroutine %d [select]:\nmain.f()\n\t/x.go:1 +0x1\ncreated by %s\n\t/x.go:2 +0x1", id, creator)
	}
	keep := []string{
		"goroutine 1 [running]:\nmain.main()\n\t/x.go:1 +0x1",
		block(20, "example.com/a.(*T).run in goroutine 19"),   // of a test that is over
		block(19, "testing.(*T).Run in goroutine 1"),          // a test
		block(22, "example.com/a.later in goroutine 20"),      // of one of a test's
		block(23, "example.com/a.old"),                        // nobody knows by whom
		"goroutine 24 [select]:\nmain.f()\n\t/x.go:1 +0x1",    // nor here
		block(25, "example.com/a.strange in goroutine 12345"), // by one that is gone
	}
	drop := []string{
		block(7, "example.com/a.init.0 in goroutine 1"),
		block(8, "example.com/a.TestMain in goroutine 1"),
		block(40, "example.com/a.worker in goroutine 8"),
		block(12, "example.com/a.child in goroutine 40"), // ids of children may be smaller
	}
	all := append(slices.Clone(drop), keep...)
	got := string(withoutProcessLong([]byte(strings.Join(all, "\n\n") + "\n")))
	if want := strings.Join(keep, "\n\n") + "\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
