package source

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

// bundleWriter collects the files of a bundle in a hidden directory beside its final place,
// and moves them there only when they are whole.
type bundleWriter struct {
	output string
	tmp    string
	root   *os.Root
}

func newBundleWriter(output string) (*bundleWriter, error) {
	if output == "" {
		return nil, errors.New("no place for the bundle was given")
	}
	output = filepath.Clean(output)
	if _, err := os.Lstat(output); err == nil {
		return nil, occupied(output)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(output), ".go-debug-capture-")
	if err != nil {
		return nil, &evidence.InputError{Err: fmt.Errorf("%s: %w", output, reason(err)), Hint: "ls -ld " + ShellQuote(filepath.Dir(output))}
	}
	root, err := os.OpenRoot(tmp)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(tmp))
	}
	return &bundleWriter{output: output, tmp: tmp, root: root}, nil
}

func occupied(output string) error {
	return &evidence.InputError{Err: fmt.Errorf("%s exists already", output), Hint: "choose another name, or remove it: rm -r " + ShellQuote(output)}
}

// discard removes what has not been moved to its place.
func (w *bundleWriter) discard() {
	w.root.Close()
	os.RemoveAll(w.tmp)
}

func (w *bundleWriter) create(name string) (*os.File, error) {
	return w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (w *bundleWriter) open(name string) (*os.File, error) { return w.root.Open(name) }

func (w *bundleWriter) remove(name string) { w.root.Remove(name) }

// save copies a body into a file and returns its length as received. cut is why reading
// ended early; err is a failure to write.
func (w *bundleWriter) save(name string, src *body, compress bool) (n int64, cut, err error) {
	f, err := w.create(name)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var dst io.Writer = f
	if head, _ := src.buf.Peek(2); compress && !(len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b) {
		z, _ := gzip.NewWriterLevel(f, gzip.BestSpeed)
		defer func() { err = errors.Join(err, z.Close()) }()
		dst = z
	}
	r := &errorKeeper{r: src}
	n, err = io.Copy(dst, r)
	if r.err != nil {
		return n, r.err, nil
	}
	return n, nil, err
}

// errorKeeper tells a reader's errors from a writer's in io.Copy.
type errorKeeper struct {
	r   io.Reader
	err error
}

func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		k.err = err
	}
	return n, err
}

var traceHeader = regexp.MustCompile(`^go (1\.[0-9]+) trace\x00`)

// traceVersion reads the Go version from the header of a trace file; empty when there is
// none. It is the version of the wire format: of 1.26.3 it says 1.26.
func (w *bundleWriter) traceVersion(name string) string {
	f, err := w.open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	head, _ := bufio.NewReader(f).Peek(16)
	if m := traceHeader.FindSubmatch(head); m != nil {
		return "go" + string(m[1])
	}
	return ""
}

// finish writes capture.json and moves the bundle to its place.
func (w *bundleWriter) finish(m *Manifest) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := w.create(ManifestName)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	names := []string{ManifestName}
	for _, f := range m.Files {
		if _, err := w.root.Lstat(f.Name); err == nil {
			names = append(names, f.Name)
		}
	}
	if pack := packerFor(w.output); pack != nil {
		return w.pack(names, m.StartedAt, pack)
	}
	if _, err := os.Lstat(w.output); err == nil {
		return occupied(w.output)
	}
	return os.Rename(w.tmp, w.output)
}

// packerFor chooses the archive format by the output's name; nil means a directory.
func packerFor(output string) packer {
	name := strings.ToLower(output)
	switch {
	case strings.HasSuffix(name, ".zip"):
		return packZip
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		return packTarGz
	case strings.HasSuffix(name, ".tar"):
		return packTar
	}
	return nil
}

// packer writes the named files of root as an archive.
type packer func(dst io.Writer, root *os.Root, names []string, at time.Time) error

func (w *bundleWriter) pack(names []string, at time.Time, pack packer) error {
	const tmp = ".packed"
	f, err := w.create(tmp)
	if err != nil {
		return err
	}
	err = pack(f, w.root, names, at)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, replaces no file that has appeared meanwhile. Where the file
	// system has none, renaming must do.
	from := filepath.Join(w.tmp, tmp)
	err = os.Link(from, w.output)
	switch {
	case errors.Is(err, fs.ErrExist):
		return occupied(w.output)
	case err != nil:
		return os.Rename(from, w.output)
	}
	return nil
}

func packZip(dst io.Writer, root *os.Root, names []string, at time.Time) error {
	z := zip.NewWriter(dst)
	for _, name := range names {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at}
		if strings.HasSuffix(name, ".gz") {
			h.Method = zip.Store
		}
		h.SetMode(0o600)
		out, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if err := copyMember(out, root, name); err != nil {
			return err
		}
	}
	return z.Close()
}

func packTarGz(dst io.Writer, root *os.Root, names []string, at time.Time) error {
	z := gzip.NewWriter(dst)
	return errors.Join(packTar(z, root, names, at), z.Close())
}

func packTar(dst io.Writer, root *os.Root, names []string, at time.Time) error {
	t := tar.NewWriter(dst)
	for _, name := range names {
		st, err := root.Stat(name)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: name, Mode: 0o600, Size: st.Size(), ModTime: at.Truncate(time.Second), Typeflag: tar.TypeReg}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if err := copyMember(t, root, name); err != nil {
			return err
		}
	}
	return t.Close()
}

func copyMember(dst io.Writer, root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(dst, f)
	return err
}
