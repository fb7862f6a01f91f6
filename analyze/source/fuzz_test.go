package source

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzReadManifest(f *testing.F) {
	f.Add([]byte(`{"schema": "go-debug/capture/v1", "files": [{"name": "a"}, {"name": "../b"}]}`))
	f.Add([]byte(`{"schema": "go-debug/capture/v2"}`))
	f.Add([]byte(`{"schema": "go-debug/capture/v1", "files": [{"name": "x", "captured_at": "2026-01-02T03:04:05Z", "bytes": -1}]} trailing`))
	f.Add([]byte(`{"schema": "go-debug/capture/v1", "started_at": "9999-12-31T23:59:59-23:59", "files": [{"name": "x", "captured_at": "0000-01-01T00:00:00+23:59"}]}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ReadManifest(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if !filepath.IsLocal(file.Name) || !fs.ValidPath(file.Name) {
				t.Errorf("admits %q", file.Name)
			}
		}
		again, err := json.Marshal(m)
		must(t, err)
		if _, err := ReadManifest(bytes.NewReader(again)); err != nil && len(again) <= maxManifestBytes {
			t.Errorf("does not read its own output: %v", err)
		}
	})
}

// Whatever the members of an archive are called, nothing is written outside the scratch
// directory and every item stays under the archive's name.
func FuzzArchiveNames(f *testing.F) {
	for _, name := range []string{"a", "../a", "/a", "a/../../b", `..\a`, "C:/a", "./a", "a/", ".", "a//b", "\x00", "capture.json", "x/capture.json", strings.Repeat("a/", 300)} {
		f.Add(name, byte('0'))
	}
	f.Add("l", byte('2'))
	f.Fuzz(func(t *testing.T, name string, typ byte) {
		dir := t.TempDir()
		scratch := &Scratch{Parent: filepath.Join(dir, "scratch")}
		must(t, os.Mkdir(scratch.Parent, 0o700))
		defer scratch.Close()

		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		if w.WriteHeader(&tar.Header{Name: name, Typeflag: typ, Linkname: "/etc/passwd", Size: 0}) == nil {
			w.Close()
			must(t, os.WriteFile(filepath.Join(dir, "t"), buf.Bytes(), 0o600))
		}
		buf.Reset()
		z := zip.NewWriter(&buf)
		if _, err := z.Create(name); err == nil && z.Close() == nil {
			must(t, os.WriteFile(filepath.Join(dir, "z"), buf.Bytes(), 0o600))
		}
		for _, archive := range []string{"t", "z"} {
			path := filepath.Join(dir, archive)
			items, _ := Resolve(context.Background(), []string{path}, Options{Scratch: scratch})
			for _, it := range items {
				if rest, ok := strings.CutPrefix(it.Source, path); !ok || strings.Contains("/"+rest+"/", "/../") {
					t.Errorf("%s: member %q became %q", archive, name, it.Source)
				}
			}
		}
		entries, err := os.ReadDir(dir)
		must(t, err)
		for _, e := range entries {
			if e.Name() != "t" && e.Name() != "z" && e.Name() != "scratch" {
				t.Errorf("member %q wrote %s", name, e.Name())
			}
		}
	})
}

func FuzzSniffArchive(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add(make([]byte, 1024))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "x")
		must(t, os.WriteFile(path, data, 0o600))
		scratch := &Scratch{Parent: dir}
		defer scratch.Close()
		opt := Options{Scratch: scratch, MaxSpool: 1 << 20, MaxMembers: 100}
		items, problems := Resolve(context.Background(), []string{path}, opt)
		if len(items) == 0 && !anyFatal(problems) {
			t.Error("neither an item nor a fatal problem")
		}
	})
}

func FuzzCountGoroutines(f *testing.F) {
	f.Add(goroutineProfile(5))
	f.Add(goroutineProfile(5, 7, 1<<40))
	f.Add([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := countGoroutines(bytes.NewReader(data)); err == nil && n <= 0 {
			t.Errorf("counts %d without an error", n)
		}
	})
}

func TestCountGoroutines(t *testing.T) {
	for _, tc := range []struct {
		name string
		data []byte
		want int64
	}{
		{"packed and not", goroutineProfile(100, 20, 3), 123},
		{"gzip", gz(t, goroutineProfile(1_000_000, 1)), 1_000_001},
		{"none", goroutineProfile(), 0},
		{"cut", goroutineProfile(100, 20)[:30], 0},
		{"overflow", goroutineProfile(1<<62, 1<<62), 0},
		{"negative", goroutineProfile(-1), 0},
		{"huge sample", []byte{profileSample<<3 | wireBytes, 0xff, 0xff, 0xff, 0x7f}, 0},
		{"text", []byte("goroutine profile: total 5\n"), 0},
		{"empty", nil, 0},
	} {
		n, err := countGoroutines(bytes.NewReader(tc.data))
		if n != tc.want && err == nil || (err == nil) != (tc.want > 0) {
			t.Errorf("%s: got %d, %v, want %d", tc.name, n, err, tc.want)
		}
	}
}
