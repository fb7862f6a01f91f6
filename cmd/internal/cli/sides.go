package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/source"
	"go-debug/report"
)

// side reads one side of a comparison: a stored baseline or report, captures like those that analyze reads, or a
// directory of such, each of which is a run of its own.
func (t *terminal) side(ctx context.Context, name string, in *inputFlags, opt analyze.Options) (report.Side, error) {
	side := report.Side{Name: name}
	if b, err := t.stored(ctx, name); err != nil || b != nil {
		if b != nil {
			side.Runs = b.Runs
		}
		return side, err
	}
	for _, run := range runsIn(name) {
		r, err := t.run(ctx, run, in, opt)
		if err != nil {
			return side, err
		}
		side.Runs = append(side.Runs, r)
	}
	return side, nil
}

// run is one run: a stored report, or captures to analyse.
func (t *terminal) run(ctx context.Context, name string, in *inputFlags, opt analyze.Options) (*report.Report, error) {
	if isReport(name) {
		return readReport(t, name)
	}
	return t.pipeline(ctx, []string{name}, in, opt)
}

// runsIn are the runs that a name stands for: those in it, where it is a directory of captures, bundles
// or reports, else itself.
func runsIn(name string) []string {
	entries, err := os.ReadDir(name)
	if err != nil {
		return []string{name}
	}
	var runs []string
	for _, e := range entries {
		path := filepath.Join(name, e.Name())
		if e.IsDir() && isCapture(path) || e.Type().IsRegular() && (isBundle(e.Name()) || isReport(path)) {
			runs = append(runs, path)
		}
	}
	if isCapture(name) || len(runs) == 0 {
		return []string{name}
	}
	slices.Sort(runs)
	return runs
}

func isBundle(name string) bool {
	return slices.ContainsFunc([]string{".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst"}, func(ext string) bool { return strings.HasSuffix(strings.ToLower(name), ext) })
}

func isCapture(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, source.ManifestName))
	return err == nil
}

// isReport reports a file that begins like a report of any version.
func isReport(name string) bool {
	if strings.ToLower(filepath.Ext(name)) != ".json" || filepath.Base(name) == source.ManifestName {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 256))
	return err == nil && bytes.Contains(head, []byte(`"schema"`)) && bytes.Contains(head, []byte(`go-debug/report/`))
}

// partial says which runs of a side were not wholly read.
func partial(s report.Side) error {
	for _, r := range s.Runs {
		if bad := r.Incomplete(); len(bad) > 0 {
			return fmt.Errorf("%s: input %s was not wholly read: %s", s.Name, bad[0].Name, bad[0].Error)
		}
	}
	return nil
}
