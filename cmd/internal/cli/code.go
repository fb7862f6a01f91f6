package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"go-debug/analyze"
	"go-debug/analyze/code"
	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
	"go-debug/detectors"
	"go-debug/report"
)

// codeFlags say where the source of the captured program is.
type codeFlags struct {
	dir   string
	named func() bool // the user gave it
}

func (c *codeFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.dir, "src", "", "read the program's source in `DIR` where goroutines block, to name the pattern and the lines "+
		"to change; nothing outside of it is opened (default: the module at hand; an empty DIR reads none)")
	c.named = func() bool { return cmd.Flags().Changed("src") }
}

// check refuses a directory that cannot be opened before anything is captured.
func (c *codeFlags) check() error {
	if c.dir == "" {
		return nil
	}
	switch info, err := os.Stat(c.dir); {
	case err != nil:
		return unreadable(fmt.Errorf("cannot read the source: %w", err), "ls -ld "+source.ShellQuote(c.dir))
	case !info.IsDir():
		return usage("--src .", "--src %s is no directory", c.dir)
	}
	return nil
}

// readCode adds to the evidence what the source says, where a detector that runs could find more by it. The
// decoders see no source and detectors see no file, so this is the place where both meet. Source that
// nobody named and that has nothing to do with the captures goes unmentioned.
func (t *terminal) readCode(ctx context.Context, c *codeFlags, set *evidence.Set, opt analyze.Options) *report.Source {
	dir := c.directory()
	if dir == "" {
		return nil
	}
	if !analyze.ReadsCode(set, detectors.All, opt) {
		if c.named() {
			t.note("the source in %s was not read: nothing that was captured calls for it", dir)
		}
		return nil
	}
	// What decoding needed is garbage by now. The syntax trees shall take its place, and not come on top of it.
	runtime.GC()
	res, err := code.Inspect(ctx, set, dir)
	if err != nil {
		t.note("the source was not read: %v", err)
		return nil
	}
	if res.Found == 0 && !c.named() {
		return nil
	}
	set.Code = res.Sites
	return &report.Source{Dir: filepath.ToSlash(dir), Blocked: res.Blocked, Found: res.Found}
}

// directory is where the source is, empty for nowhere.
func (c *codeFlags) directory() string {
	if c.named() {
		return c.dir
	}
	return moduleAtHand()
}

// quote shows the line that a finding names as the source has it, where nothing was said of the source. That
// it cannot be opened has been said by then.
func quote(c *codeFlags, findings []analyze.Finding) {
	var at []evidence.Frame
	for i := range findings {
		if findings[i].Code == nil && findings[i].Location.Line > 0 {
			at = append(at, findings[i].Location)
		}
	}
	dir := c.directory()
	if dir == "" || len(at) == 0 {
		return
	}
	lines, err := code.Quote(dir, at)
	if err != nil {
		return
	}
	changes := map[evidence.Frame]evidence.Change{}
	for i := range findings {
		f := &findings[i]
		line, ok := lines[f.Location]
		if !ok || f.Code != nil {
			continue
		}
		f.Code = &evidence.CodeSite{Function: f.Location.Function, File: f.Location.File, Line: f.Location.Line, Before: line}
		if _, rule := detectors.Find(f.Rule); rule != nil && rule.Change != "" {
			changes[f.Location] = rule.Change
		}
	}
	if len(changes) == 0 {
		return
	}
	changed, err := code.Propose(dir, changes)
	if err != nil {
		return
	}
	for i := range findings {
		f := &findings[i]
		c, ok := changed[f.Location]
		if _, rule := detectors.Find(f.Rule); ok && rule != nil && rule.Change == changes[f.Location] {
			f.Code.Before, f.Code.After = c.Before, c.After
		}
	}
}

// moduleAtHand is the innermost directory around the current one that has a go.mod, relative to it; empty
// when there is none.
func moduleAtHand() string {
	here, err := os.Getwd()
	if err != nil {
		return ""
	}
	for dir, rel := here, "."; ; dir, rel = filepath.Dir(dir), filepath.Join(rel, "..") {
		info, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil && info.Mode().IsRegular() {
			return rel
		}
		if filepath.Dir(dir) == dir || err != nil && !errors.Is(err, os.ErrNotExist) {
			return ""
		}
	}
}

// locate names the files of findings as the repository at hand does: annotations of pipelines need that, and a
// program built elsewhere, or with -trimpath, has other names for them.
func locate(c *codeFlags, r *report.Report) {
	dir := c.directory()
	if dir == "" {
		return
	}
	var places []*report.Frame
	var at []evidence.Frame
	for i := range r.Findings {
		for _, f := range []*report.Frame{r.Findings[i].Location, r.Findings[i].CreatedBy} {
			if f != nil && f.Line != nil {
				places = append(places, f)
				at = append(at, evidence.Frame{Function: f.Function, File: string(f.Path), Line: *f.Line})
			}
		}
	}
	files, err := code.Locate(dir, at)
	if err != nil {
		return // that the source cannot be read has been said
	}
	for i, f := range places {
		name, found := files[at[i]]
		if found && filepath.IsLocal(dir) {
			name = path.Join(filepath.ToSlash(dir), name)
		}
		f.Source = report.Text(name)
	}
}
