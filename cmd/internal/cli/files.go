package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go-debug/analyze/source"
)

// tempFile is a file that is being written beside its final place.
type tempFile interface {
	io.WriteCloser
	Sync() error
	Name() string
}

// fileSystem is what storing a report needs of one.
type fileSystem struct {
	create func(dir string) (tempFile, error) // with mode 0600, under a name of its own
	rename func(from, to string) error
	remove func(name string) error
}

var osFiles = fileSystem{
	create: func(dir string) (tempFile, error) { return os.CreateTemp(dir, ".go-debug-*") },
	rename: os.Rename,
	remove: os.Remove,
}

func (t *terminal) fileSystem() fileSystem {
	if t.files == nil {
		return osFiles
	}
	return *t.files
}

// writeFile replaces a file at once: a reader sees the old one or the whole new one, and a
// full disk leaves no half report.
func (t *terminal) writeFile(name string, data []byte) (err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(name, data, 0o600) // a device or named pipe is written to, not replaced
	}
	fsys := t.fileSystem()
	f, err := fsys.create(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, fsys.remove(f.Name()))
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return fsys.rename(f.Name(), name)
}

// unwritten says why a report could not be stored. The error may name the temporary file
// beside it, which tells nobody anything.
func unwritten(name string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return unreadable(fmt.Errorf("cannot write the report %s: %w", name, err), placeHint(name, err))
}

// placeHint is what to look at where a file could not be written.
func placeHint(name string, err error) string {
	dir := source.ShellQuote(filepath.Dir(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "mkdir -p " + dir
	case errors.Is(err, syscall.ENOSPC):
		return "df -h " + dir
	}
	return "ls -ld " + dir
}
