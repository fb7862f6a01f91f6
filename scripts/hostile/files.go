package main

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// writer writes a file of any size without holding it.
type writer func(w io.Writer) error

func file(name string, content writer) func(dir string) error {
	return func(dir string) error { return write(filepath.Join(dir, name), content) }
}

func write(path string, content writer) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 64<<10)
	return errors.Join(content(b), b.Flush(), f.Close())
}

func files(n int, pattern string, content func(i int) writer) func(dir string) error {
	return func(dir string) error {
		for i := range n {
			if err := write(filepath.Join(dir, fmt.Sprintf(pattern, i)), content(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

func text(s string) writer {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func join(parts ...writer) writer {
	return func(w io.Writer) error {
		for _, p := range parts {
			if err := p(w); err != nil {
				return err
			}
		}
		return nil
	}
}

func repeated(s string, size int64) writer {
	return func(w io.Writer) error {
		block := strings.Repeat(s, max(1, 64<<10/len(s)))
		for n := int64(0); n < size; n += int64(len(block)) {
			if _, err := io.WriteString(w, block); err != nil {
				return err
			}
		}
		return nil
	}
}

func zeros(size int64) writer { return repeated("\x00", size) }

func noise(size int64) writer {
	return func(w io.Writer) error { _, err := io.CopyN(w, rand.NewChaCha8([32]byte{1}), size); return err }
}

// gzipped compresses. Long runs are compressed once and repeated: members of gzip may follow each
// other, and a bomb is not worth the time.
func gzipped(content writer) writer {
	return func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			return err
		}
		return errors.Join(content(z), z.Close())
	}
}

const dumpOfOne = "goroutine 7 [chan send, 5 minutes]:\nmain.work(0x1)\n\t/src/main.go:10 +0x1d\ncreated by main.main in goroutine 1\n\t/src/main.go:5 +0x2a\n\n"

// dumpOfStacks is a dump in which every goroutine has a stack of its own.
func dumpOfStacks(n, seed int) writer {
	return func(w io.Writer) error {
		if _, err := io.WriteString(w, "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:3 +0x19f\n\n"); err != nil {
			return err
		}
		for i := range n {
			if _, err := fmt.Fprintf(w, "goroutine %d [chan send]:\nexample.com/app/package%d.function%d(0x1)\n\t/src/app/f%d.go:10 +0x1d\n"+
				"example.com/app.serve()\n\t/src/app/s.go:7 +0x11\ncreated by main.main in goroutine 1\n\t/src/main.go:5 +0x2a\n\n", i+2, seed, i, i); err != nil {
				return err
			}
		}
		return nil
	}
}

// series is an exposition in which every sample has labels of its own.
func series(n int) writer {
	return func(w io.Writer) error {
		for i := range n {
			if _, err := fmt.Fprintf(w, "http_requests_total{path=\"/%d\",code=\"%d\"} %d\n", i, i%600, i); err != nil {
				return err
			}
		}
		return nil
	}
}

func mappedPipe(dir string) error {
	pipe := filepath.Join(dir, ".pipe")
	return errors.Join(syscall.Mkfifo(pipe, 0o600), write(filepath.Join(dir, "mapping.pb.gz"), gzipped(profileOfMapping(pipe))))
}

const evil = "\x1b[2J\x1b]0;owned\x07\u202e\u200b\u009b31m\x7f\r\n::error::owned\n##vso[task.complete result=Succeeded]<script>alert(1)</script>"

func evilSymbols(dir string) error {
	return errors.Join(
		write(filepath.Join(dir, "heap.pb.gz"), gzipped(heapOfSymbol("main."+evil))),
		write(filepath.Join(dir, "goroutine.pb.gz"), gzipped(goroutinesOfSymbol("main."+evil, 50_000))),
		write(filepath.Join(dir, "goroutine.debug2.txt"), text("goroutine 1 [chan send, 9 minutes]:\nmain.\x1b[2J\u202e(0x1)\n\t/src/\x1b[2Jmain.go:10 +0x1d\n")))
}

func evilNames(dir string) error {
	var errs []error
	for i, name := range []string{"a\x1b[2J.pb.gz", "b\n::error::x.txt", "c\u202egp.bp", "d\u009b31m.trace", "\xff\xfe.pb.gz", "e\r.pb"} {
		errs = append(errs, write(filepath.Join(dir, name), text(strings.Repeat("x", i))))
	}
	return errors.Join(errs...)
}

var leading = []string{"../outside.pb.gz", "/tmp/go-debug-outside.pb.gz", "a/../../outside.pb.gz", `..\outside.pb.gz`, "C:/outside.pb.gz", "ok.pb.gz"}

func evilTar(dir string) error {
	return write(filepath.Join(dir, "evil.tar"), func(w io.Writer) error {
		t := tar.NewWriter(w)
		for _, name := range leading {
			if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 1}); err != nil {
				return err
			}
			if _, err := t.Write([]byte("x")); err != nil {
				return err
			}
		}
		for i, kind := range []byte{tar.TypeSymlink, tar.TypeLink, tar.TypeFifo, tar.TypeChar, tar.TypeBlock} {
			if err := t.WriteHeader(&tar.Header{Name: fmt.Sprintf("special%d", i), Typeflag: kind, Linkname: "/etc/passwd"}); err != nil {
				return err
			}
		}
		return t.Close()
	})
}

func evilZip(dir string) error {
	return write(filepath.Join(dir, "evil.zip"), func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, name := range leading {
			f, err := z.Create(name)
			if err != nil {
				return err
			}
			if _, err := f.Write([]byte("x")); err != nil {
				return err
			}
		}
		h := &zip.FileHeader{Name: "link.pb.gz"}
		h.SetMode(os.ModeSymlink | 0o777)
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		_, err = f.Write([]byte("/etc/passwd"))
		return errors.Join(err, z.Close())
	})
}

func manyMembers(n int) func(dir string) error {
	return file("many.zip", func(w io.Writer) error {
		z := zip.NewWriter(w)
		for i := range n {
			if _, err := z.Create(fmt.Sprintf("heap.%d.pb.gz", i)); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// zipBombs stores one compressed run of zeros under many names.
func zipBombs(n int, size int64) func(dir string) error {
	return func(dir string) error {
		one := filepath.Join(dir, "..", "one.gz")
		if err := write(one, gzipped(zeros(size))); err != nil {
			return err
		}
		data, err := os.ReadFile(one)
		if err = errors.Join(err, os.Remove(one)); err != nil {
			return err
		}
		data = data[:min(len(data), 256<<10)] // the first quarter GiB of it
		return write(filepath.Join(dir, "bombs.zip"), func(w io.Writer) error {
			z := zip.NewWriter(w)
			for i := range n {
				f, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("heap.%d.pb.gz", i), Method: zip.Store})
				if err != nil {
					return err
				}
				if _, err := f.Write(data); err != nil {
					return err
				}
			}
			return z.Close()
		})
	}
}

func tarHeader(name string, size int64) writer {
	return func(w io.Writer) error {
		return tar.NewWriter(w).WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size})
	}
}

func evilDirectory(dir string) error {
	return errors.Join(
		os.Symlink("/etc/passwd", filepath.Join(dir, "heap.pb.gz")),
		os.Symlink("/dev/zero", filepath.Join(dir, "mutex.pb.gz")),
		os.Symlink("../..", filepath.Join(dir, "up")),
		os.Symlink("self", filepath.Join(dir, "self")),
		syscall.Mkfifo(filepath.Join(dir, "block.pb.gz"), 0o600))
}

// laughs is a configuration whose aliases unfold to 10^9 strings.
func laughs(dir string) error {
	return errors.Join(write(filepath.Join(dir, "x.txt"), text("x")), write(filepath.Join(dir, "laughs.yaml"), func(w io.Writer) error {
		fmt.Fprintln(w, "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]")
		for i := 1; i < 10; i++ {
			fmt.Fprintf(w, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
		}
		_, err := fmt.Fprintln(w, "accept: *a9")
		return err
	}))
}

// endless repeats a text for ever.
func endless(s string) io.Reader {
	return &repeater{block: []byte(strings.Repeat(s, max(1, 32<<10/len(s))))}
}

type repeater struct {
	block []byte
	at    int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := copy(p, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	return n, nil
}

// silence is a pipe into which nobody writes, and which nobody closes.
func silence() io.Reader {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	quiet = append(quiet, w)
	return r
}

// quiet keeps the ends of pipes from the garbage collector, which would close them.
var quiet []*os.File
