package pprof

import (
	"bytes"
	"io"

	"go-debug/analyze/budget"
)

// memory books what decoding holds against the budget.
type memory struct{ held, limit int64 }

// charge books n bytes more, or fewer, before they are allocated.
func (m *memory) charge(n int64) error {
	if n > m.limit-m.held {
		return budget.OverMemory("memory for the messages of the profile", m.limit)
	}
	m.held += n
	return nil
}

// grow makes room for n more elements in a slice and books what that takes.
func grow[T any](m *memory, s []T, n int, size int64) ([]T, error) {
	if len(s)+n <= cap(s) {
		return s, nil
	}
	to := max(2*cap(s), len(s)+n, 16)
	if err := m.charge(int64(to-cap(s)) * size); err != nil {
		return s, err
	}
	out := make([]T, len(s), to)
	copy(out, s)
	return out, nil
}

// windowSize is what the window begins with; a message that is longer makes it grow.
const windowSize = 32 << 10

// input is a window on the stream that always holds the message being read. Lengths are the
// stream's claims: the window grows with the bytes that really come.
type input struct {
	r       io.Reader
	mem     *memory
	buf     []byte
	at, end int   // what has been read and not yet used
	err     error // what ended the stream
}

func newInput(r io.Reader, mem *memory) *input {
	return &input{r: r, mem: mem, buf: make([]byte, windowSize)}
}

// fill makes the window hold n unused bytes. A stream that ends before is cut short.
func (in *input) fill(n int) error {
	for idle := 0; in.end-in.at < n; {
		if in.err != nil {
			return in.err
		}
		if in.end == len(in.buf) {
			if err := in.room(); err != nil {
				return err
			}
		}
		m, err := in.r.Read(in.buf[in.end:])
		in.end += m
		in.err = err
		if idle++; m > 0 {
			idle = 0
		} else if err == nil && idle > 100 {
			in.err = io.ErrNoProgress
		}
	}
	return nil
}

// room frees what is used of a full window, or doubles it.
func (in *input) room() error {
	if in.at > 0 {
		in.end = copy(in.buf, in.buf[in.at:in.end])
		in.at = 0
		return nil
	}
	if err := in.mem.charge(int64(len(in.buf))); err != nil {
		return err
	}
	larger := make([]byte, 2*len(in.buf))
	in.end = copy(larger, in.buf[:in.end])
	in.buf = larger
	return nil
}

// done reports whether the stream is used up and ended well.
func (in *input) done() (bool, error) {
	err := in.fill(1)
	if err == io.EOF {
		return true, nil
	}
	return false, err
}

func (in *input) uvarint() (uint64, error) {
	if in.end-in.at < maxVarint {
		if err := in.fill(maxVarint); err != nil && err != io.EOF {
			return 0, err
		}
	}
	v, n := uvarint(in.buf[in.at:in.end])
	if n == 0 {
		if in.end-in.at < maxVarint {
			return 0, io.ErrUnexpectedEOF
		}
		return 0, errWire
	}
	in.at += n
	return v, nil
}

// take uses the next size bytes and returns the first keep of them, which stay valid until
// the next call.
func (in *input) take(size, keep uint64) ([]byte, error) {
	kept := min(size, keep)
	if kept > uint64(in.mem.limit) {
		return nil, in.mem.charge(in.mem.limit + 1)
	}
	if err := in.fill(int(kept)); err != nil {
		return nil, cutAt(err)
	}
	out := in.buf[in.at : in.at+int(kept)]
	in.at += int(kept)
	if size > kept {
		out = bytes.Clone(out)
		return out, in.drop(size - kept)
	}
	return out, nil
}

// drop uses n bytes without a look at them.
func (in *input) drop(n uint64) error {
	for {
		step := min(n, uint64(in.end-in.at))
		in.at += int(step)
		if n -= step; n == 0 {
			return nil
		}
		if err := in.fill(1); err != nil {
			return cutAt(err)
		}
	}
}

// cutAt turns the end of the stream inside a field into an unexpected one.
func cutAt(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
