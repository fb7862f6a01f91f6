package source

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"go-debug/analyze/budget"
	"go-debug/analyze/unpack"
)

// openTar spools the members of a tar archive, compressed or not, into the scratch directory: a
// stream has no way back to a member once the order of all is known.
func openTar(ctx context.Context, file, name string, l limits, scratch *Scratch) *bundle {
	a := newArchive(name, "tar -tvf", l)
	f, err := os.Open(file)
	if err != nil {
		a.fail(reason(err))
		return a.bundle()
	}
	defer f.Close()
	buffered := bufio.NewReader(f)
	var r io.Reader = buffered
	if head, _ := buffered.Peek(tarBlock); !isTarHeader(head) {
		u, err := unpack.NewReader(buffered, unpack.Sniff(head), l.memory)
		if err != nil {
			a.fail(err)
			return a.bundle()
		}
		defer u.Close()
		r = u
	}
	dir, err := scratch.path()
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		a.fail(err)
		return a.bundle()
	}
	// Headers, padding and skipped members count too: a gzip bomb of nothing else ends here.
	end := &zeroCounter{r: r}
	raw := &io.LimitedReader{R: end, N: l.bytes + int64(l.members)*4*tarBlock}
	s := &spool{archive: a, dir: dir, ctx: ctx, raw: raw, end: end}
	if err := s.all(); err != nil {
		a.fail(err)
	}
	return a.bundle()
}

type spool struct {
	*archive
	ctx  context.Context
	dir  string
	raw  *io.LimitedReader
	end  *zeroCounter
	seen int
}

// zeroCounter counts the zero bytes that the last reads ended with.
type zeroCounter struct {
	r     io.Reader
	zeros int
}

func (z *zeroCounter) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	i := n
	for i > 0 && p[i-1] == 0 {
		i--
	}
	if i > 0 {
		z.zeros = 0
	}
	z.zeros += n - i
	return n, err
}

func (s *spool) all() error {
	t := tar.NewReader(s.raw)
	for {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF) && s.raw.N > 0 && s.end.zeros < tarBlock:
			// The reader takes an end of file between two members for the end of the archive.
			return errors.New("ends without an end mark: it may be cut")
		case errors.Is(err, io.EOF) && s.raw.N > 0:
			return s.checkEnd()
		case err != nil && !errors.Is(err, tar.ErrInsecurePath): // names are checked below
			return s.broken(err)
		}
		if s.seen++; s.seen > s.limits.members {
			return overFiles("members of an archive", s.limits.members)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		clean := s.admit(h.Name, tarMode(h), h.Size)
		if clean == "" {
			continue
		}
		if err := s.spool(clean, t); err != nil {
			return s.broken(err)
		}
	}
}

// checkEnd reads what stands behind the end mark: padding, and the checksum of what the archive
// is compressed with.
func (s *spool) checkEnd() error {
	if _, err := io.Copy(io.Discard, &contextReader{s.ctx, s.raw}); err != nil {
		return fmt.Errorf("damaged archive: %w", err)
	}
	return nil
}

// tarMode is the header's mode; a hard link counts as a link, and what is neither file nor
// directory as a device.
func tarMode(h *tar.Header) fs.FileMode {
	switch h.Typeflag {
	case tar.TypeReg: // the reader turns the old flag into this one
		return 0
	case tar.TypeDir:
		return fs.ModeDir
	case tar.TypeSymlink, tar.TypeLink:
		return fs.ModeSymlink
	}
	return fs.ModeDevice
}

// spool copies one member. If the archive ends inside it, what is there is kept and marked.
func (s *spool) spool(name string, r io.Reader) error {
	path := filepath.Join(s.dir, strconv.Itoa(s.seen))
	m := member{name: name, open: func() (io.ReadCloser, error) { return os.Open(path) }}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, &contextReader{s.ctx, r})
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		m.cut = fmt.Sprintf("the archive ends or breaks off %d bytes into this member", n)
	}
	s.members[name] = m
	return err
}

func (s *spool) broken(err error) error {
	switch {
	case s.raw.N <= 0:
		return fmt.Errorf("what follows was not read: %w", &budget.Error{What: "unpacked bytes of an archive", Limit: s.limits.bytes, Flag: budget.BytesFlag})
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the archive is cut: what follows was not read")
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	}
	return fmt.Errorf("damaged archive, what follows was not read: %w", err)
}

// contextReader ends reading when the context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
