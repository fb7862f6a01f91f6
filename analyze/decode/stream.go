package decode

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// rawReader counts and hashes an input as it is read. Its first error stays.
type rawReader struct {
	ctx   context.Context
	r     io.Reader
	bytes int64
	hash  hash.Hash
	err   error
}

func newRawReader(ctx context.Context, r io.Reader) *rawReader {
	return &rawReader{ctx: ctx, r: r, hash: sha256.New()}
}

func (r *rawReader) Read(p []byte) (int, error) {
	if r.err == nil {
		r.err = r.ctx.Err()
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
	r     io.Reader
	left  int64 // decompressed bytes that may still come
	limit int64
	err   error
}

func (s *stream) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	// One byte more than allowed tells an input at the limit from one beyond it.
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	n, err := s.r.Read(p)
	if s.left -= int64(n); s.left < 0 {
		n, err = n-1, &budget.Error{What: "decompressed bytes", Limit: s.limit}
	}
	s.err = err
	return n, err
}

// maxGzip is how many layers of gzip are undone: what a server sent compressed may have
// been compressed already.
const maxGzip = 2

// unpack undoes gzip and sniffs what is inside. The reader begins at the first byte of the
// format; its errors are those of the input, of the decompression or of the budget, and
// are kept in the stream.
func unpack(raw io.Reader, limit int64) (*bufio.Reader, *stream, Format, error) {
	for layer := 0; ; layer++ {
		s := &stream{r: raw, left: limit, limit: limit}
		br := bufio.NewReaderSize(s, HeadSize)
		head, err := br.Peek(HeadSize)
		format := Sniff(head)
		switch {
		case format == Empty && err != io.EOF:
			return br, s, Unknown, err
		case format != Gzip || layer == maxGzip:
			return br, s, format, nil
		}
		zr, err := gzip.NewReader(br)
		if err != nil {
			return br, s, format, gzipError(err)
		}
		raw = gzipReader{zr}
	}
}

// gzipReader words the errors of gzip for people.
type gzipReader struct{ zr *gzip.Reader }

func (g gzipReader) Read(p []byte) (int, error) {
	n, err := g.zr.Read(p)
	return n, gzipError(err)
}

func gzipError(err error) error {
	const again = "take the capture again; gzip -t FILE checks a file"
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &evidence.InputError{Err: fmt.Errorf("gzip stream is cut short: %w", err), Hint: again}
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return &evidence.InputError{Err: fmt.Errorf("gzip stream is damaged: %w", err), Hint: again}
	}
	return err
}
