package source

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// maxZipDirectory bounds the bytes read for a zip file's directory, which archive/zip holds
// in memory at several times its size.
const maxZipDirectory = 16 << 20

// readCap is an io.ReaderAt that reads no more than left bytes.
type readCap struct {
	r    io.ReaderAt
	left int64
}

var errZipDirectory = fmt.Errorf("the zip directory is over the limit of %d bytes", maxZipDirectory)

func (c *readCap) ReadAt(p []byte, off int64) (int, error) {
	if c.left < int64(len(p)) {
		return 0, errZipDirectory
	}
	n, err := c.r.ReadAt(p, off)
	c.left -= int64(n)
	return n, err
}

// openZip reads a zip file's directory. Members are read from the file when they are
// opened; the file stays open until the scratch is closed.
func openZip(file, name string, l limits, scratch *Scratch) *bundle {
	a := newArchive(name, "unzip -l", l)
	f, err := os.Open(file)
	if err != nil {
		a.fail(reason(err))
		return a.bundle()
	}
	if err := scratch.keep(f); err != nil {
		a.fail(err)
		return a.bundle()
	}
	st, err := f.Stat()
	if err != nil {
		a.fail(reason(err))
		return a.bundle()
	}
	capped := &readCap{r: f, left: maxZipDirectory}
	z, err := zip.NewReader(capped, st.Size())
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are checked below
		a.fail(fmt.Errorf("damaged or cut zip file: %w", err))
		return a.bundle()
	}
	// No reads are counted from here on: members are bounded where they are opened, and
	// may be read at the same time.
	capped.left = math.MaxInt64
	if len(z.File) > l.members {
		a.fail(overFiles(fmt.Sprintf("%d members of an archive", len(z.File)), l.members))
		return a.bundle()
	}
	for _, zf := range z.File {
		clean := a.admit(zf.Name, zf.Mode(), int64(min(zf.UncompressedSize64, math.MaxInt64)))
		if clean == "" {
			continue
		}
		if zf.Flags&1 != 0 {
			a.refuse(zf.Name, errors.New("encrypted"))
			continue
		}
		a.members[clean] = member{name: clean, open: func() (io.ReadCloser, error) { return zf.Open() }}
	}
	return a.bundle()
}
