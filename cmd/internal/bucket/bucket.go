// Package bucket keeps objects in a directory or an object store: what a team's CI jobs share. It is
// the one package that knows gocloud.dev.
//
// A location is a path, a file:// URL, or a URL of an object store (s3://BUCKET/PREFIX, gs://, azblob://) whose
// driver the program was built with; parameters of the URL are the driver's.
//
// Objects are written once and never changed. A reader sees an object whole or not at all: files are written
// beside their place, synchronised to the disk and renamed, and object stores are asked to refuse a key that is
// there already. So jobs that write at the same time neither clobber nor corrupt what another has written.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

var (
	// ErrExists: there is an object of that key.
	ErrExists = errors.New("it exists already")
	// ErrMissing: there is no object of that key, or no such directory or bucket.
	ErrMissing = errors.New("it does not exist")
	// ErrNoDriver: this program was built without the driver of such URLs.
	ErrNoDriver = errors.New("this go-debug was built without the drivers of object stores, which go-debug-cloud has")
)

// stores are the schemes of object stores, whose drivers are compiled in by cmd/go-debug-cloud alone: they are
// larger than all of go-debug.
var stores = []string{"s3", "gs", "azblob"}

// Bucket is an open location.
type Bucket struct {
	blob *blob.Bucket
	dir  string                 // of a directory; empty for an object store
	sync func(f *os.File) error // before a file gets its name
}

// IsRemote reports whether a location names an object store.
func IsRemote(location string) bool {
	scheme, _, ok := strings.Cut(location, "://")
	return ok && scheme != fileblob.Scheme && (slices.Contains(stores, scheme) || blob.DefaultURLMux().ValidBucketScheme(scheme))
}

// LocalPath is the path of a location on this machine: of a file:// URL, or of a path as it stands. It is
// false for other URLs.
func LocalPath(location string) (string, bool) {
	scheme, rest, ok := strings.Cut(location, "://")
	switch {
	case !ok:
		return location, true
	case scheme != fileblob.Scheme:
		return "", false
	}
	rest, _, _ = strings.Cut(rest, "?")
	if p, err := url.PathUnescape(rest); err == nil {
		rest = p
	}
	return filepath.FromSlash(rest), true
}

// Join is the location of something within a location.
func Join(location, key string) string {
	if dir, ok := LocalPath(location); ok {
		return filepath.Join(dir, filepath.FromSlash(key))
	}
	u, err := url.Parse(location)
	if err != nil {
		return location
	}
	u.Path = path.Join("/", u.Path, key)
	return u.String()
}

// Split is a location, and the key of the object in it that the location's last element names.
func Split(location string) (within, key string) {
	if p, ok := LocalPath(location); ok {
		return filepath.Dir(p), filepath.Base(p)
	}
	u, err := url.Parse(location)
	if err != nil {
		return location, ""
	}
	key = path.Base(u.Path)
	u.Path = path.Dir(u.Path)
	return u.String(), key
}

// Open opens a location. With create a directory is made where there is none.
func Open(ctx context.Context, location string, create bool) (*Bucket, error) {
	if dir, ok := LocalPath(location); ok {
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return nil, fmt.Errorf("%s is a file, not a directory", dir)
		} else if errors.Is(err, os.ErrNotExist) && !create {
			return nil, fmt.Errorf("%s: %w", dir, ErrMissing)
		}
		b, err := fileblob.OpenBucket(dir, &fileblob.Options{CreateDir: create, NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
		if err != nil {
			return nil, cause(err)
		}
		return &Bucket{blob: b, dir: dir, sync: (*os.File).Sync}, nil
	}
	u, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("%q is no URL: %w", location, err)
	}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		if slices.Contains(stores, u.Scheme) {
			return nil, ErrNoDriver
		}
		return nil, fmt.Errorf("%s:// is no place for baselines: give a directory, file://, s3://, gs:// or azblob://", u.Scheme)
	}
	prefix := strings.Trim(u.Path, "/")
	u.Path = ""
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, cause(err)
	}
	if prefix != "" {
		b = blob.PrefixedBucket(b, prefix+"/")
	}
	return &Bucket{blob: b, sync: (*os.File).Sync}, nil
}

// Close ends the use of a location.
func (b *Bucket) Close() error { return b.blob.Close() }

// Keys are the objects of the location itself, not of what lies below it, in order.
func (b *Bucket) Keys(ctx context.Context) ([]string, error) {
	var out []string
	for it := b.blob.List(&blob.ListOptions{Delimiter: "/"}); ; {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			slices.Sort(out)
			return out, nil
		}
		if err != nil {
			return nil, cause(err)
		}
		if !o.IsDir {
			out = append(out, o.Key)
		}
	}
}

// Put writes an object. It is ErrExists where the key is taken. When it returns nil the object is stored for
// good; after any error there is none of that key, or the one that was there before.
func (b *Bucket) Put(ctx context.Context, key string, data []byte, contentType string) error {
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()
	if ok, err := b.blob.Exists(ctx, key); err != nil {
		return cause(err)
	} else if ok {
		return ErrExists
	}
	var file *os.File
	w, err := b.blob.NewWriter(ctx, key, &blob.WriterOptions{ContentType: contentType, IfNotExist: true, DisableContentTypeDetection: true,
		BeforeWrite: func(as func(any) bool) error {
			var f *os.File
			if as(&f) {
				file = f
			}
			return nil
		}})
	if err != nil {
		return cause(err)
	}
	_, err = w.Write(data)
	if err == nil && file != nil {
		err = b.sync(file)
	}
	if err != nil {
		abandon() // what is closed after that is not stored
		_ = w.Close()
	} else {
		err = w.Close()
	}
	if err != nil && file != nil {
		_ = os.Remove(file.Name()) // where closing it failed, it is still there
	}
	if err != nil {
		return cause(err)
	}
	return b.syncDirectory()
}

// syncDirectory makes a name last that a file was given.
func (b *Bucket) syncDirectory() error {
	if b.dir == "" {
		return nil
	}
	d, err := os.Open(b.dir)
	if err != nil {
		return err
	}
	// Some file systems do not know how; what is written is safe from all but a power cut there.
	_ = d.Sync()
	return d.Close()
}

// Get reads an object of at most max bytes.
func (b *Bucket) Get(ctx context.Context, key string, max int64) ([]byte, error) {
	r, err := b.blob.NewReader(ctx, key, nil)
	if err != nil {
		return nil, cause(err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, cause(err)
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("it is larger than the limit of %d bytes", max)
	}
	return data, nil
}

// Delete removes an object. One that is gone already is no error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := cause(b.blob.Delete(ctx, key)); err != nil && !errors.Is(err, ErrMissing) {
		return err
	}
	return nil
}

// cause is an error in words of this package, where it has some. What the disk says stays as it is.
func cause(err error) error {
	var pe *os.PathError
	switch gcerrors.Code(err) {
	case gcerrors.OK:
		return nil
	case gcerrors.NotFound:
		return ErrMissing
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return fmt.Errorf("%w (%w)", ErrExists, err)
	}
	if errors.As(err, &pe) {
		return pe
	}
	return err
}
