package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
	"go-debug/report/render"
)

func newCapture(t *terminal) *cobra.Command {
	var (
		live   liveFlags
		output string
		limits limitFlags
	)
	cmd := &cobra.Command{
		Use:   "capture URL",
		Short: "Keep what a live endpoint shows as a bundle, to analyse later or elsewhere",
		Long: `Capture asks a program that serves net/http/pprof for its profiles, goroutines (several times
over the window), a short execution trace and, where it serves them, its metrics. It writes them
as ordinary files beside a capture.json that says what, when, how long and from where: into a
directory, or a .zip or .tar.gz by the name of -o.

Goroutines are asked for with debug=0 first, which does not stop the program for long. Full
dumps (debug=2) stop it while they are written, about 3 s at 100,000 goroutines, so they are taken only
below ` + fmt.Sprint(source.DefaultStackLimit) + `; else there is a series of debug=0 beside the trace. The runtime's own leak
profile comes last and once, below ` + fmt.Sprint(source.DefaultLeakLimit) + `. --force lifts both limits.

Heap profiles are taken ` + fmt.Sprint(source.HeapProfiles) + ` times over the window: memory that grows shows in a series alone. Each
takes a few milliseconds of the target and stops nothing. They show what was in use up to two collections ago;
--gc has the target collect before each, for programs that rarely do.

What the capture will cost the target is estimated on stderr before it begins, and what it did
cost is printed after it and stored in capture.json. The default capture took 0.3 CPU seconds of a
server at 500 requests/s with 2,000 goroutines, 2.9 % of one core while it lasted, and left P50 where
it was; ./scripts/bench capture of the source repository measures it.

It exits with 3 when an answer was cut or failed; the bundle is kept, and says which.`,
		Example: `  go-debug capture http://localhost:6060 --for 30s -o incident.zip
  go-debug analyze incident.zip`,
		Args: exactly("go-debug capture http://localhost:6060", "one URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(live.check(), limits.checkTimeout()); err != nil {
				return err
			}
			if output == "" {
				output = bundleName(args[0])
			}
			opt, err := t.captureOptions(live, args)
			if err != nil {
				return err
			}
			opt.Output, opt.Estimated = output, t.estimated
			ctx, cancel := limits.deadline(cmd.Context())
			defer cancel()
			m, err := source.Capture(ctx, args[0], opt)
			t.endProgress()
			if ctx.Err() != nil && cmd.Context().Err() == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return captureFailure(args[0], output, err)
			}
			return t.captured(output, m)
		},
	}
	live.register(cmd)
	limits.registerTimeout(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "the bundle: a directory, .zip or .tar.gz that does not exist yet (default: capture-HOST)")
	return cmd
}

func captureFailure(target, output string, err error) error {
	hint := ""
	var place *fs.PathError
	if errors.As(err, &place) { // the path is that of the temporary directory, which tells nobody anything
		err, hint = fmt.Errorf("%s: %w", output, place.Err), placeHint(output, place.Err)
	}
	var in *evidence.InputError
	if errors.As(err, &in) {
		hint = in.Hint
	}
	var over *budget.Error
	if errors.As(err, &over) && over.Flag != "" {
		hint = over.Flag + " " + over.Raise(0)
	}
	if _, statErr := os.Stat(target); statErr == nil {
		hint = "to read a file: go-debug analyze " + source.ShellQuote(target)
	}
	return unreadable(fmt.Errorf("cannot capture %s: %w", redacted(target), err), hint)
}

// redacted leaves out the user and password that a URL may carry.
func redacted(target string) string {
	if u, err := url.Parse(target); err == nil && u.User != nil {
		u.User = nil
		return u.String()
	}
	return target
}

// bundleName derives a directory name from the target: capture-localhost-6060.
func bundleName(target string) string {
	host := target
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		host = u.Host
	}
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, host)
	return "capture-" + strings.Trim(clean, "-.")
}

// captureOptions are those of a capture by any command. args are the inputs, which credentials
// are for. Progress is for people who watch.
func (t *terminal) captureOptions(l liveFlags, args []string) (source.CaptureOptions, error) {
	access, err := l.access.access(args)
	opt := source.CaptureOptions{For: l.window, Every: l.every, Trace: l.trace, Collect: l.gc, Tool: tool().Version,
		Load: l.load, Settle: l.settle, Settling: l.settling, Access: access}
	if l.force {
		opt.StackLimit, opt.LeakLimit = source.NoLimit, source.NoLimit
	}
	if t.stderrTTY {
		opt.Progress = t.progress
	}
	return opt, err
}

// progress keeps one line of the terminal current.
func (t *terminal) progress(e source.Event) {
	what := e.File
	if e.Remark != "" {
		what = strings.TrimSpace(what + " " + e.Remark)
	}
	fmt.Fprintf(t.stderr, "\r\x1b[K%s  %s of %s  %s", safe(e.Target),
		e.Elapsed.Round(time.Second), e.For, safe(what))
	t.progressShown = true
}

// endProgress clears the line, so that what follows starts at its beginning.
func (t *terminal) endProgress() {
	if t.progressShown {
		fmt.Fprint(t.stderr, "\r\x1b[K")
		t.progressShown = false
	}
}

// captured names the bundle on stdout, for scripts, and on stderr what is not in it. A bundle that lacks
// part of what the target has is kept, and is no success.
func (t *terminal) captured(output string, m *source.Manifest) error {
	lacking := 0
	for _, f := range m.Files {
		if f.Error != "" || f.Truncated != "" {
			lacking++
		}
		switch {
		case f.Error != "":
			t.note("%s: %s", f.Name, f.Error)
		case f.Truncated != "":
			t.note("%s is cut: %s", f.Name, f.Truncated)
		}
	}
	for _, s := range m.Skipped {
		t.note("%s skipped: %s", s.Kind, s.Why)
	}
	for _, w := range m.Warnings {
		t.note("%s", w)
	}
	t.cost(m)
	if _, err := fmt.Fprintf(t.stdout, "%s: %d files, %.1f s; next: go-debug analyze %s\n",
		render.Sanitize(output), len(m.Files), m.DurationS, render.Sanitize(source.ShellQuote(output))); err != nil {
		return err
	}
	if lacking > 0 {
		return unreadable(fmt.Errorf("%s is not whole: %d of its %d files were cut or failed", output, lacking, len(m.Files)),
			"what is whole is analysed all the same: go-debug analyze "+source.ShellQuote(output))
	}
	return nil
}
