// Package unpack undoes the compression of inputs, gzip and zstd, while they stream. It tells
// them by their first bytes and trusts no name.
//
// What stands before a cut or damaged place is handed out before the error: an input that is
// not whole is analysed as far as it goes.
package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// Format is a way of compression.
type Format string

// The formats that are undone.
const (
	None Format = ""
	Gzip Format = "gzip"
	Zstd Format = "zstd"
)

// SniffSize is how many bytes Sniff wants to see.
const SniffSize = 4

// Sniff tells the format from the first bytes of an input. A zstd stream may begin with a
// frame that readers skip: pzstd and the seekable format write such.
func Sniff(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return Gzip
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")), isSkippable(head):
		return Zstd
	}
	return None
}

func isSkippable(head []byte) bool {
	return len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18"
}

// bufferSize is that of the buffer in front of a decompressor, which reads byte by byte.
const bufferSize = 32 << 10

// Reader hands out the unpacked bytes of a stream: of all members of gzip, of all frames of
// zstd. Errors are *evidence.InputError for a stream that is cut or damaged, *budget.Error for
// one that needs too much memory, and the stream's own.
type Reader struct {
	format Format
	src    *source
	in     *bufio.Reader
	z      io.Reader
	close  func()
	err    error
}

// NewReader begins to unpack r, which Sniff has told to be of the given format. memory bounds
// what a zstd frame may demand for its window, which the writer of the stream chooses. No
// goroutine is started. The caller closes the reader; that does not close r.
func NewReader(r io.Reader, format Format, memory int64) (*Reader, error) {
	src := &source{r: r}
	u := &Reader{format: format, src: src, in: bufio.NewReaderSize(src, bufferSize)}
	var err error
	switch format {
	case Gzip:
		err = u.openGzip()
	case Zstd:
		err = u.openZstd(memory)
	default:
		return nil, fmt.Errorf("no known compression: %q", format)
	}
	if err != nil {
		return nil, u.explain(err)
	}
	return u, nil
}

// Read hands out data first and the error after it.
func (u *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if u.err == nil {
		n, err := u.z.Read(p)
		u.err = u.explain(err)
		if n > 0 || u.err == nil {
			return n, nil
		}
	}
	if u.err != io.EOF {
		// A zstd block whose checksum turned out wrong is held back until it is asked for again.
		// What is known to be damaged is read all the same, as that of gzip is.
		if n, _ := u.z.Read(p); n > 0 {
			return n, nil
		}
	}
	return 0, u.err
}

// Close releases the decompressor. It is called once.
func (u *Reader) Close() { u.close() }

// source keeps the error of the stream below, which decompressors replace by their own.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

// explain words an error of a decompressor for people, and finds its cause.
func (u *Reader) explain(err error) error {
	if err == nil {
		return nil
	}
	var input *evidence.InputError
	var over *budget.Error
	if errors.As(err, &input) || errors.As(err, &over) {
		return err
	}
	ended := err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)
	switch below := u.src.err; {
	case below != nil && below != io.EOF && (ended || errors.Is(err, below)):
		return below // zstd takes some of these for the end between two frames
	case err == io.EOF:
		return err
	case ended && below == io.EOF && u.in.Buffered() == 0:
		return u.broken("is cut short", err)
	}
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return &evidence.InputError{Err: errors.New("compressed with zstd and a dictionary, which is not at hand"),
			Hint: "zstd -dc -D DICTIONARY FILE | go-debug analyze -"}
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return u.broken("is damaged, or a later frame needs more memory than the first", err)
	case u.format == Zstd, ended, errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return u.broken("is damaged", err)
	}
	return err
}

func (u *Reader) broken(how string, err error) error {
	return &evidence.InputError{Err: fmt.Errorf("%s stream %s: %w", u.format, how, err),
		Hint: fmt.Sprintf("take the capture again; %s -t FILE checks a file", u.format)}
}
