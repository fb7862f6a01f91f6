package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go-debug/report"
)

// faultyFile fails at one step of being written.
type faultyFile struct {
	*os.File
	step string
	err  error
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.step == "write" {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, f.err
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if f.step == "sync" {
		return f.err
	}
	return f.File.Sync()
}

func (f *faultyFile) Close() error {
	err := f.File.Close()
	if f.step == "close" {
		return f.err
	}
	return err
}

// faulty is a file system that fails at one step.
func faulty(step string, fault error) *fileSystem {
	fsys := osFiles
	fsys.create = func(dir string) (tempFile, error) {
		if step == "create" {
			return nil, fault
		}
		f, err := os.CreateTemp(dir, ".go-debug-*")
		return &faultyFile{f, step, fault}, err
	}
	if step == "rename" {
		fsys.rename = func(string, string) error { return fault }
	}
	return &fsys
}

// Whatever fails while a report is stored: exit code 3 with the cause, the old report is whole, nothing
// lies beside it, and standard output has the report all the same.
func TestStoringFails(t *testing.T) {
	sample := filepath.Join("..", "..", "..", "fixtures", "resyncleak", "heap.pb.gz")
	for _, step := range []string{"create", "write", "sync", "close", "rename"} {
		for _, fault := range []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EROFS} {
			dir := t.TempDir()
			name := filepath.Join(dir, "report.json")
			if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			term := &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr,
				getenv: environment(nil), files: faulty(step, fault)}
			code := run(t.Context(), []string{"analyze", sample, "-o", name}, term)
			if code != report.ExitIncomplete || !strings.Contains(stderr.String(), "cannot write the report "+name+": "+fault.Error()) ||
				!strings.Contains(stderr.String(), "go-debug: hint: ") {
				t.Errorf("%s, %v: exit code %d, stderr %s", step, fault, code, &stderr)
			}
			if old, err := os.ReadFile(name); err != nil || string(old) != "old" {
				t.Errorf("%s, %v: the report is now %q, %v", step, fault, old, err)
			}
			if left, _ := os.ReadDir(dir); len(left) != 1 {
				t.Errorf("%s, %v: left behind %v", step, fault, left)
			}
			if stdout.Len() == 0 {
				t.Errorf("%s, %v: nothing on standard output", step, fault)
			}
		}
	}
}

// One file that cannot be written costs no other.
func TestOtherFilesAreStored(t *testing.T) {
	sample := filepath.Join("..", "..", "..", "fixtures", "resyncleak", "heap.pb.gz")
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	term := &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: environment(nil)}
	code := run(t.Context(), []string{"analyze", sample, "-o", filepath.Join(dir, "missing", "a.json"), "-o", filepath.Join(dir, "b.json")}, term)
	info, err := os.Stat(filepath.Join(dir, "b.json"))
	if code != report.ExitIncomplete || err != nil || info.Mode().Perm() != 0o600 || !strings.Contains(stderr.String(), "mkdir -p") {
		t.Errorf("exit code %d, %v, %v, stderr %s", code, info, err, &stderr)
	}
}

// failingWriter takes some bytes and then none.
type failingWriter struct {
	room int
	err  error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.room {
		n := w.room
		w.room = 0
		return n, w.err
	}
	w.room -= len(p)
	return len(p), nil
}

// A standard output that fails at any byte is exit code 3; one whose reader has had enough changes
// no verdict.
func TestWritingFailsAnywhere(t *testing.T) {
	sample := filepath.Join("..", "..", "..", "fixtures", "resyncleak")
	write := func(args []string, w io.Writer) (int, string) {
		var stderr bytes.Buffer
		term := &terminal{stdin: strings.NewReader(""), stdout: w, stderr: &stderr, getenv: environment(nil)}
		return run(t.Context(), args, term), stderr.String()
	}
	heap, stored := filepath.Join(sample, "heap.pb.gz"), filepath.Join(t.TempDir(), "stored.json")
	write([]string{"analyze", "-q", "-o", stored, heap}, io.Discard)
	for _, args := range [][]string{{"analyze", sample}, {"analyze", "-f", "json", sample}, {"gate", sample}, {"diff", heap, heap}, {"render", stored}} {
		var whole bytes.Buffer
		want, _ := write(args, &whole)
		for _, room := range []int{0, 1, whole.Len() / 2, whole.Len() - 1} {
			full := &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
			if code, said := write(args, &failingWriter{room, full}); code != report.ExitIncomplete || !strings.Contains(said, "no space left") {
				t.Errorf("%v, full after %d bytes: exit code %d, stderr %s", args, room, code, said)
			}
			gone := &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
			if code, said := write(args, &failingWriter{room, gone}); code != want || strings.Contains(said, "pipe") {
				t.Errorf("%v, closed after %d bytes: exit code %d, want %d; stderr %s", args, room, code, want, said)
			}
		}
		if code, _ := write(args, &failingWriter{whole.Len(), errors.New("never")}); code != want {
			t.Errorf("%v: exit code %d, want %d", args, code, want)
		}
	}
}
