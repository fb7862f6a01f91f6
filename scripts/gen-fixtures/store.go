package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go-debug/analyze/source"
)

// maxFixture bounds the captures of one fixture: they are part of every clone.
const maxFixture = 1 << 20

// compressFrom is the size from which an uncompressed capture is stored gzipped; smaller
// ones stay readable in a pager.
const compressFrom = 8 << 10

// store scrubs the files of a bundle and moves them to dest in place of the captures that
// are there. It returns their size.
func store(bundle, dest, work string) (int64, error) {
	files, err := os.ReadDir(bundle)
	if err != nil {
		return 0, err
	}
	contents := map[string][]byte{}
	var size int64
	for _, f := range files {
		if !f.Type().IsRegular() {
			return 0, fmt.Errorf("the bundle holds %s, which is not a file", f.Name())
		}
		data, err := os.ReadFile(filepath.Join(bundle, f.Name()))
		if err != nil {
			return 0, err
		}
		if data, err = scrub(data, work); err != nil {
			return 0, fmt.Errorf("%s: %w", f.Name(), err)
		}
		contents[f.Name()] = data
	}
	if err := compress(contents); err != nil {
		return 0, err
	}
	for _, data := range contents {
		size += int64(len(data))
	}
	if size > maxFixture {
		return 0, fmt.Errorf("the captures take %d bytes, more than %d: capture for a shorter time", size, maxFixture)
	}
	if err := clear(dest); err != nil {
		return 0, err
	}
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(dest, name), data, 0o644); err != nil {
			return 0, err
		}
	}
	return size, nil
}

// compress gzips the large files of a bundle and renames them in its manifest, which gets
// the customary target.
func compress(contents map[string][]byte) error {
	m, err := source.ReadManifest(bytes.NewReader(contents[source.ManifestName]))
	if err != nil {
		return fmt.Errorf("%s: %w", source.ManifestName, err)
	}
	for i := range m.Files {
		f := &m.Files[i]
		data := contents[f.Name]
		if _, isGzip, err := gunzip(data); err != nil || isGzip || len(data) < compressFrom {
			continue
		}
		packed, err := gzipped(data)
		if err != nil {
			return err
		}
		delete(contents, f.Name)
		f.Name += ".gz"
		contents[f.Name] = packed
	}
	// The port was whatever was free; what reports suggest should be what readers know.
	m.Target = "http://localhost:6060/debug/pprof/"
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	contents[source.ManifestName] = append(manifest, '\n')
	return nil
}

// clear removes what an earlier run stored: all but sources and documents.
func clear(dest string) error {
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return err
	}
	files, err := os.ReadDir(dest)
	if err != nil {
		return err
	}
	for _, f := range files {
		if ext := filepath.Ext(f.Name()); !f.Type().IsRegular() || ext == ".go" || ext == ".md" || ext == ".mod" || ext == ".sum" {
			continue
		}
		if err := os.Remove(filepath.Join(dest, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// scrub takes this machine out of a capture. Profiles name the program's path in their
// mappings; a path of the same length keeps every length prefix of the encoding true, so
// that the capture stays the bytes that the runtime wrote, but for that.
func scrub(data []byte, work string) ([]byte, error) {
	plain, isGzip, err := gunzip(data)
	if err != nil {
		return nil, err
	}
	neutral := "/srv" + strings.Repeat("/fixture", len(work)/len("/fixture")+1)
	plain = bytes.ReplaceAll(plain, []byte(work), []byte(neutral[:len(work)]))
	for _, private := range machineNames() {
		if i := bytes.Index(plain, []byte(private)); i >= 0 {
			return nil, fmt.Errorf("it still names this machine: %q at byte %d", private, i)
		}
	}
	if !isGzip {
		return plain, nil
	}
	return gzipped(plain)
}

func gzipped(plain []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func gunzip(data []byte) (plain []byte, isGzip bool, err error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, false, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, true, err
	}
	plain, err = io.ReadAll(r)
	return plain, true, err
}

// machineNames are strings that no capture may hold.
func machineNames() []string {
	var names []string
	add := func(s string, err error) {
		if err == nil && len(s) > 3 { // "/" or "/go" would match by chance
			names = append(names, s)
		}
	}
	add(os.Hostname())
	add(os.Getwd())
	add(os.UserHomeDir())
	add(filepath.Join(os.TempDir(), "gen-fixtures-"), nil)
	add(os.Getenv("GOROOT"), nil)
	return names
}
