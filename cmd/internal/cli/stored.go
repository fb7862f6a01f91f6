package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
	"go-debug/cmd/internal/bucket"
	"go-debug/report"
)

// maxStored bounds a baseline as it is stored: compressed, twenty runs take some hundred kilobytes.
const maxStored = 32 << 20

// stored reads the baseline that a name stands for: that object, or the newest of a location. It is nil where
// the name stands for something else.
func (t *terminal) stored(ctx context.Context, name string) (*report.StoredBaseline, error) {
	if !isStored(name) {
		return nil, nil
	}
	if path, local := bucket.LocalPath(name); local {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return readStoredFile(path)
		}
	}
	keys, bk, err := t.baselines(ctx, name)
	if err != nil {
		return nil, err
	}
	defer bk.Close()
	return readStored(ctx, bk, name, keys[len(keys)-1])
}

// isStored reports whether a name stands for a stored baseline.
func isStored(name string) bool {
	path, local := bucket.LocalPath(name)
	return bucket.IsRemote(name) || local && (path != name || holdsBaselines(path))
}

// holdsBaselines reports a file that is a baseline by its name, and a directory that has such files.
func holdsBaselines(path string) bool {
	if report.IsBaselineName(filepath.Base(path)) {
		return true
	}
	entries, err := os.ReadDir(path)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return report.IsBaselineName(e.Name()) })
}

func readStoredFile(path string) (*report.StoredBaseline, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unusable(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxStored+1))
	if err == nil && len(data) > maxStored {
		err = fmt.Errorf("it is larger than the limit of %d bytes", maxStored)
	}
	if err != nil {
		return nil, unusable(path, err)
	}
	b, err := report.ReadBaseline(filepath.Base(path), data)
	if err != nil {
		return nil, unusable(path, err)
	}
	return b, nil
}

// baselines opens a location and lists its baselines, of which there is at least one: the oldest first. A
// location that is the name of one baseline has that one.
func (t *terminal) baselines(ctx context.Context, location string) ([]string, *bucket.Bucket, error) {
	within, key := bucket.Split(location)
	if !report.IsBaselineName(key) {
		within, key = location, ""
	}
	bk, err := bucket.Open(ctx, within, false)
	if err != nil {
		return nil, nil, storeFailure(ctx, "cannot read baselines from "+location, err)
	}
	if key != "" {
		return []string{key}, bk, nil
	}
	keys, err := bk.Keys(ctx)
	if err != nil {
		bk.Close()
		return nil, nil, storeFailure(ctx, "cannot read baselines from "+location, err)
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return !report.IsBaselineName(k) })
	if len(keys) == 0 {
		bk.Close()
		return nil, nil, unreadable(fmt.Errorf("there is no baseline in %s", location), "go-debug baseline save "+source.ShellQuote(location)+" CAPTURE")
	}
	return keys, bk, nil
}

func readStored(ctx context.Context, bk *bucket.Bucket, location, key string) (*report.StoredBaseline, error) {
	data, err := bk.Get(ctx, key, maxStored)
	if err != nil {
		return nil, storeFailure(ctx, "cannot read the baseline "+key+" of "+location, err)
	}
	b, err := report.ReadBaseline(key, data)
	if err != nil {
		return nil, unusable(bucket.Join(location, key), err)
	}
	return b, nil
}

func unusable(name string, err error) error {
	hint := "go-debug baseline show " + source.ShellQuote(name)
	var in *evidence.InputError
	if errors.As(err, &in) {
		hint = in.Hint
	}
	return unreadable(fmt.Errorf("cannot use the baseline %s: %w", name, err), hint)
}

// storeFailure is what went wrong with a location: exit code 3, or an interrupt.
func storeFailure(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	hint := "go-debug help baseline"
	var pe *fs.PathError
	if errors.As(err, &pe) {
		hint = "ls -ld " + source.ShellQuote(filepath.Dir(pe.Path))
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			hint = "df -h " + source.ShellQuote(filepath.Dir(pe.Path))
		}
		err = pe.Err // the name of a file that is being written tells nobody anything
	}
	if errors.Is(err, bucket.ErrNoDriver) {
		hint = "go -C cmd/go-debug-cloud install"
	}
	return unreadable(fmt.Errorf("%s: %w", what, err), hint)
}
