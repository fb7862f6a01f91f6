package decode

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	"go-debug/analyze/budget"
	"go-debug/analyze/unpack"
)

// rawReader counts and hashes an input as it is read. Its first error stays.
type rawReader struct {
	ctx   context.Context
	r     io.Reader
	bytes int64
	hash  hash.Hash
	err   error
	// unpacked is how many bytes came of those read, at the layer of compression that made most.
	unpacked int64
}

func newRawReader(ctx context.Context, r io.Reader) *rawReader {
	return &rawReader{ctx: ctx, r: r, hash: sha256.New()}
}

func (r *rawReader) Read(p []byte) (int, error) {
	if r.err == nil {
		r.err = context.Cause(r.ctx)
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.r.Read(p)
	r.bytes += int64(n)
	r.hash.Write(p[:n])
	r.err = err
	return n, err
}

// drain reads what a decoder left over, for the byte count and the hash, but no more than
// limit bytes in all: a stream may be endless.
func (r *rawReader) drain(limit int64) {
	if left := limit - r.bytes; left >= 0 && r.err == nil {
		io.CopyN(io.Discard, r, left+1) // the error stays in r.err
	}
}

// sum is the SHA-256 of all bytes, or empty when they were not read to the end.
func (r *rawReader) sum() string {
	if r.err != io.EOF {
		return ""
	}
	return hex.EncodeToString(r.hash.Sum(nil))
}

// stream is an input with compression undone. Its first error stays.
type stream struct {
	r      io.Reader
	left   int64 // decompressed bytes that may still come
	budget budget.Budget
	raw    *rawReader
	err    error
}

func (s *stream) Read(p []byte) (int, error) {
	if s.err == nil {
		s.err = s.exploded()
	}
	if s.err != nil {
		return 0, s.err
	}
	// One byte more than allowed tells an input at the limit from one beyond it.
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	n, err := s.r.Read(p)
	s.left -= int64(n)
	s.raw.unpacked = max(s.raw.unpacked, s.budget.Bytes-s.left)
	if s.left < 0 {
		n, err = n-1, &budget.Error{What: "decompressed bytes", Limit: s.budget.Bytes, Flag: budget.BytesFlag}
	}
	s.err = err
	return n, err
}

// seekable is an input that can be read at any place, and was not read from yet when it was opened; nil for a
// stream.
func seekable(r io.Reader) io.ReaderAt {
	f, ok := r.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return f
}

// exploded tells a bomb: what came of the bytes so far is far more than any capture makes of them.
func (s *stream) exploded() error {
	out, in := s.budget.Bytes-s.left, max(s.raw.bytes, 1)
	if out <= budget.RatioFrom || out/in <= s.budget.Ratio {
		return nil
	}
	return &budget.Error{What: fmt.Sprintf("decompression to %d times the size", out/in), Limit: s.budget.Ratio, Flag: budget.RatioFlag}
}

// maxLayers is how many layers of compression are undone: what a server sent compressed may
// have been compressed already.
const maxLayers = 2

// content is an input with compression undone.
type content struct {
	*bufio.Reader // begins at the first byte of the format
	stream        *stream
	format        Format
	layers        []*unpack.Reader
	ahead         io.ReaderAt
}

// open undoes compression and sniffs what is inside. Errors are those of the input, of the
// decompression or of the budget; those that come later are kept in the stream.
func open(input *rawReader, b budget.Budget) (*content, error) {
	var raw io.Reader = input
	c := &content{format: Unknown}
	for {
		c.stream = &stream{r: raw, left: b.Bytes, budget: b, raw: input}
		c.Reader = bufio.NewReaderSize(c.stream, HeadSize)
		head, err := c.Peek(HeadSize)
		format := Sniff(head)
		if format == Empty && err != io.EOF {
			return c, err // the format is that of the layer around
		}
		c.format = format
		packing := unpack.Sniff(head)
		if packing == unpack.None || len(c.layers) == maxLayers {
			return c, nil
		}
		u, err := unpack.NewReader(c.Reader, packing, b.Memory)
		if err != nil {
			return c, err
		}
		c.layers = append(c.layers, u)
		raw = u
	}
}

// Ahead is the input for looks at what lies ahead; nil where it cannot be read twice. It stays until the
// content is closed.
func (c *content) Ahead() io.ReaderAt {
	if len(c.layers) > 0 {
		return nil
	}
	return c.ahead
}

func (c *content) close() {
	for _, u := range c.layers {
		u.Close()
	}
}

// rest reads what a decoder left over, for the checksums at the end, and returns the error that
// the stream ended with.
func (c *content) rest() error {
	io.Copy(io.Discard, c)
	if c.stream.err == io.EOF {
		return nil
	}
	return c.stream.err
}
