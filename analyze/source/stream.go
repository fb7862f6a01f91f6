package source

import (
	"bufio"
	"context"
	"io"
	"os"

	"go-debug/analyze/budget"
	"go-debug/analyze/unpack"
)

// stream is an input that can be read once: standard input, a pipe, a device.
type stream struct {
	name string
	r    io.Reader
	c    io.Closer
}

// openPipe opens a named pipe or device. Opening a pipe blocks until there is a writer, and
// nothing can interrupt it; so it happens beside a wait for the context.
func openPipe(ctx context.Context, path string) (*stream, error) {
	type result struct {
		f   *os.File
		err error
	}
	opened := make(chan result, 1)
	go func() {
		f, err := os.Open(path)
		opened <- result{f, err}
	}()
	select {
	case r := <-opened:
		if r.err != nil {
			return nil, r.err
		}
		return &stream{name: path, r: r.f, c: r.f}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// peek looks at the first bytes without using them up. Errors are left for the reader to
// meet again.
func (s *stream) peek(ctx context.Context) ([]byte, error) {
	b := bufio.NewReaderSize(newInterruptible(ctx, s.r), headBytes)
	head, err := b.Peek(headBytes)
	if err == nil && unpack.Sniff(head) == unpack.Zstd {
		b = bufio.NewReaderSize(b, zstdHeadBytes) // many pipes may be open at the same time
		head, err = b.Peek(zstdHeadBytes)
	}
	s.r = b
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return head, nil
}

// interruptible reads in a goroutine of its own, so that a read from a terminal or an idle
// pipe ends when the context does.
type interruptible struct {
	ctx     context.Context
	request chan struct{}
	reply   chan chunk
	rest    []byte
	err     error
}

type chunk struct {
	data []byte
	err  error
}

func newInterruptible(ctx context.Context, r io.Reader) *interruptible {
	i := &interruptible{ctx: ctx, request: make(chan struct{}), reply: make(chan chunk)}
	go i.pump(r)
	return i
}

func (i *interruptible) pump(r io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		select {
		case <-i.request:
		case <-i.ctx.Done():
			return
		}
		n, err := r.Read(buf)
		select {
		case i.reply <- chunk{buf[:n], err}:
		case <-i.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// Read hands out the last chunk wholly before it asks for the next: the buffer is shared.
func (i *interruptible) Read(p []byte) (int, error) {
	for len(i.rest) == 0 {
		if i.err != nil {
			return 0, i.err
		}
		select {
		case i.request <- struct{}{}:
		case <-i.ctx.Done():
			return 0, context.Cause(i.ctx)
		}
		select {
		case c := <-i.reply:
			i.rest, i.err = c.data, c.err
		case <-i.ctx.Done():
			return 0, context.Cause(i.ctx)
		}
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	return n, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// spoolStream copies a stream into a file of the scratch directory, at most limit bytes.
func spoolStream(r io.Reader, limit int64, scratch *Scratch) (path string, err error) {
	path, err = scratch.path()
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	n, err := io.Copy(f, io.LimitReader(r, limit+1))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && n > limit {
		err = &budget.Error{What: "bytes of an archive that comes through a pipe or URL", Limit: limit, Flag: budget.BytesFlag}
	}
	return path, err
}
