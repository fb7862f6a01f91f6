package unpack

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/gzip"
)

func (u *Reader) openGzip() error {
	z, err := gzip.NewReader(u.in)
	if err != nil {
		return noEOF(err)
	}
	z.Multistream(false)
	u.z, u.close = &members{z: z, in: u.in}, func() { z.Close() }
	return nil
}

// members reads the members of a gzip stream one after another. The library would do so too,
// but takes a stream that ends inside the header of a further member for one that is whole.
type members struct {
	z  *gzip.Reader
	in *bufio.Reader
}

func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.z.Read(p)
		if err != io.EOF {
			return n, err
		}
		if n > 0 {
			return n, nil // the end comes again
		}
		if _, err := m.in.Peek(1); err != nil {
			return 0, err
		}
		if err := m.z.Reset(m.in); err != nil {
			return 0, noEOF(err)
		}
		m.z.Multistream(false)
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
