package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
)

// shelf is a URL opener like that of an object store: it knows buckets by host, and no prefixes.
type shelf struct{ dir string }

func (s shelf) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	if u.Path != "" {
		return nil, fmt.Errorf("path %q", u.Path)
	}
	return fileblob.OpenBucket(filepath.Join(s.dir, u.Host), &fileblob.Options{CreateDir: true, NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
}

func open(t *testing.T, location string) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), location, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// A directory, a file:// URL and the prefix of a store work alike.
func TestLocations(t *testing.T) {
	dir := t.TempDir()
	blob.DefaultURLMux().RegisterBucket("shelf", shelf{dir})
	for _, location := range []string{filepath.Join(dir, "a"), "file://" + filepath.ToSlash(filepath.Join(dir, "b c")), "shelf://bucket/team/main", "shelf://other"} {
		b := open(t, location)
		for _, key := range []string{"2", "1"} {
			if err := b.Put(t.Context(), key, []byte("data "+key), "text/plain"); err != nil {
				t.Fatalf("%s: %v", location, err)
			}
		}
		if err := b.Put(t.Context(), "1", []byte("other"), "text/plain"); !errors.Is(err, ErrExists) {
			t.Errorf("%s: a second object of one key: %v", location, err)
		}
		keys, err := b.Keys(t.Context())
		if err != nil || strings.Join(keys, " ") != "1 2" {
			t.Errorf("%s: keys %v, %v", location, keys, err)
		}
		if data, err := b.Get(t.Context(), "1", 100); err != nil || string(data) != "data 1" {
			t.Errorf("%s: %q, %v", location, data, err)
		}
		if _, err := b.Get(t.Context(), "1", 3); err == nil {
			t.Errorf("%s: more than the limit was read", location)
		}
		if _, err := b.Get(t.Context(), "3", 100); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: %v", location, err)
		}
		within, key := Split(Join(location, "1"))
		if other := open(t, within); key != "1" {
			t.Errorf("%s: split into %s and %s", location, within, key)
		} else if data, err := other.Get(t.Context(), key, 100); err != nil || string(data) != "data 1" {
			t.Errorf("%s: %q, %v", within, data, err)
		}
		if err := errors.Join(b.Delete(t.Context(), "1"), b.Delete(t.Context(), "1")); err != nil {
			t.Errorf("%s: %v", location, err)
		}
		if keys, err := b.Keys(t.Context()); err != nil || len(keys) != 1 {
			t.Errorf("%s: keys %v, %v", location, keys, err)
		}
	}
}

func TestLocationsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for location, want := range map[string]string{
		filepath.Join(file, "..", "missing"): "does not exist", file: "is a file, not a directory", "s3://bucket/main": ErrNoDriver.Error(),
		"gs://bucket": ErrNoDriver.Error(), "azblob://bucket": ErrNoDriver.Error(), "ftp://host/x": "ftp:// is no place for baselines", "s3://%zz": "is no URL",
	} {
		if b, err := Open(t.Context(), location, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", location, b, err, want)
		}
	}
	for location, want := range map[string]bool{"s3://b": true, "gs://b": true, "azblob://b": true, "file:///b": false, "b": false, "http://host": false, "host:6060": false} {
		if IsRemote(location) != want {
			t.Errorf("%s: remote %v", location, !want)
		}
	}
}

// Whatever fails while an object is written: there is none of that key and nothing beside it, and the disk's own
// words are told.
func TestWritingFails(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT} {
		dir := t.TempDir()
		b := open(t, dir)
		b.sync = func(f *os.File) error { return &os.PathError{Op: "sync", Path: f.Name(), Err: fault} }
		if err := b.Put(t.Context(), "a", []byte("data"), "text/plain"); !errors.Is(err, fault) {
			t.Errorf("%v: %v", fault, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%v: left behind %v", fault, left)
		}
		// Closing early is what a disk does that refuses the data itself.
		b.sync = func(f *os.File) error { return f.Close() }
		if err := b.Put(t.Context(), "a", []byte("data"), "text/plain"); err == nil {
			t.Error("a file that could not be closed is stored")
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left behind %v", left)
		}
	}
	dir := t.TempDir()
	b := open(t, dir)
	ctx, interrupt := context.WithCancel(t.Context())
	b.sync = func(*os.File) error { interrupt(); return nil }
	if err := b.Put(ctx, "a", []byte("data"), "text/plain"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("interrupted: left behind %v", left)
	}
}

// Of many that write one key one succeeds, and whoever reads meanwhile sees its object or none.
func TestOneOfManyWrites(t *testing.T) {
	dir := t.TempDir()
	want := map[string]bool{}
	for i := range 8 {
		want[strings.Repeat(fmt.Sprint(i), 100_000)] = true
	}
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	readers.Go(func() {
		b := open(t, dir)
		for {
			select {
			case <-done:
				return
			default:
			}
			data, err := b.Get(t.Context(), "key", 1<<20)
			if errors.Is(err, ErrMissing) {
				continue
			}
			if err != nil || !want[string(data)] {
				t.Errorf("read %d bytes, %v", len(data), err)
				return
			}
		}
	})
	written := make(chan error, len(want))
	for data := range want {
		writers.Go(func() { written <- open(t, dir).Put(t.Context(), "key", []byte(data), "text/plain") })
	}
	writers.Wait()
	close(done)
	readers.Wait()
	close(written)
	stored := 0
	for err := range written {
		switch {
		case err == nil:
			stored++
		case !errors.Is(err, ErrExists):
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(dir); stored != 1 || len(left) != 1 {
		t.Errorf("%d writers stored, files %v", stored, left)
	}
}
