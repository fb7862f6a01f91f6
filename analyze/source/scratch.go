package source

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"go-debug/analyze/evidence"
)

// Scratch owns what items need until they have been read: temporary directories (captures of
// live endpoints, members of tar archives, archives that came through a pipe) and open zip
// files. The zero value is ready. The caller of [Resolve] closes it after the last item is
// read; nothing is created before something needs it.
type Scratch struct {
	// Parent is the directory to create in; empty means the system's temporary directory.
	Parent string

	mu      sync.Mutex
	root    string
	n       int
	closers []io.Closer
}

// Close closes the files and removes the directories. It may be called more than once.
func (s *Scratch) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	s.closers = nil
	if s.root != "" {
		errs = append(errs, os.RemoveAll(s.root))
		s.root = ""
	}
	return errors.Join(errs...)
}

// path returns a path of a file or directory that does not exist yet and that Close removes.
func (s *Scratch) path() (string, error) {
	if s == nil {
		return "", errors.New("no room for temporary files was given")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == "" {
		root, err := os.MkdirTemp(s.Parent, "go-debug-")
		if err != nil {
			return "", &evidence.InputError{Err: fmt.Errorf("no temporary directory: %w", reason(err)),
				Hint: "name a directory that can be written to: export TMPDIR=$HOME"}
		}
		s.root = root
	}
	s.n++
	return filepath.Join(s.root, strconv.Itoa(s.n)), nil
}

// keep closes c when the scratch is closed.
func (s *Scratch) keep(c io.Closer) error {
	if s == nil {
		return errors.Join(errors.New("nothing was given to keep the file open"), c.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closers = append(s.closers, c)
	return nil
}
