package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

// record adds a file to the manifest.
func (c *capturer) record(f File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Files = append(c.out.Files, f)
	c.tell(Event{File: f.Name, Bytes: f.Bytes, Remark: firstNonEmpty(f.Error, f.Truncated)})
}

// failed notes why there is no file. What the target refuses is skipped; what broke on the
// way is an error of the capture.
func (c *capturer) failed(ctx context.Context, f File, err error) {
	if ctx.Err() != nil {
		return // the whole capture ends
	}
	var se *statusError
	switch {
	case errors.Is(err, errHTML) && f.Kind == evidence.GoroutineLeak:
		// The others were profiles: it is a page for what the program does not know.
		c.skip(Skip{Kind: f.Kind, Why: fmt.Sprintf("the target has no %s (it answers with a page)", f.Path), Absent: true})
	case !errors.As(err, &se):
		f.Error, f.DurationS = err.Error(), 0
		c.record(f)
	case se.absent():
		c.skip(Skip{Kind: f.Kind, Why: fmt.Sprintf("the target has no %s (HTTP status %d)", f.Path, se.code), Absent: true})
	default:
		c.skip(Skip{Kind: f.Kind, Why: se.Error()})
	}
}

func (c *capturer) skip(s Skip) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.out.Skipped, s) {
		return // every snapshot is refused for the same reason
	}
	c.out.Skipped = append(c.out.Skipped, s)
	c.tell(Event{Remark: fmt.Sprintf("%s skipped: %s", s.Kind, s.Why)})
}

func (c *capturer) warn(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Warnings = append(c.out.Warnings, text)
	c.tell(Event{Remark: text})
}

// tell is called with the lock held.
func (c *capturer) tell(e Event) {
	if c.opt.Progress != nil {
		e.Target, e.For, e.Elapsed = display(c.base), c.opt.For, time.Since(c.start)
		c.opt.Progress(e)
	}
}

// anything is an error when not a single file was captured.
func (c *capturer) anything() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	why := "nothing was asked for"
	for _, f := range c.out.Files {
		if f.Error == "" {
			return nil
		}
		why = f.Error
	}
	if len(c.out.Skipped) > 0 && len(c.out.Files) == 0 {
		why = c.out.Skipped[0].Why
	}
	return &evidence.InputError{Err: fmt.Errorf("nothing could be captured: %s", why),
		Hint: "see which profiles the program has: curl -sS " + ShellQuote(display(c.base))}
}

// result completes the manifest.
func (c *capturer) result() *Manifest {
	m := &c.out
	m.Schema, m.Tool, m.Sensitive = ManifestSchema, c.opt.Tool, sensitive
	m.Target, _, _ = strings.Cut(display(c.base), "?")
	m.StartedAt = c.start.UTC()
	m.DurationS = time.Since(c.start).Round(time.Millisecond).Seconds()
	m.Go = cmp.Or(m.Go, c.w.traceVersion("trace.out"))
	slices.SortFunc(m.Files, func(a, b File) int {
		return cmp.Or(a.CapturedAt.Compare(b.CapturedAt), compareNatural(a.Name, b.Name))
	})
	slices.SortFunc(m.Skipped, func(a, b Skip) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Why, b.Why))
	})
	return m
}
