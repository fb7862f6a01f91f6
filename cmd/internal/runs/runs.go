// Package runs drives the runs of two versions of a program that a gate compares, one after the other and
// interleaved, and keeps what each run leaves.
//
// The order is base, head, head, base, base, head, head, …: each side runs as often early as late, so that a
// machine that slows down, or a cache that warms up, is the same for both.
package runs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Side is one version of the program.
type Side struct {
	Name    string   // "base" or "head"
	Command []string // what runs it
	Dir     string   // where; empty for the directory at hand
}

// Plan is what to run.
type Plan struct {
	Sides []Side // one or two
	Runs  int    // of each side
	// Root is the directory under which each run has one of its own: base/01, head/01.
	Root string
	// Capture takes the evidence of a run while its command runs, and puts it into a directory that it makes; the
	// command is asked to end when it returns. nil: the command puts it there itself, and ends.
	Capture func(ctx context.Context, dir string) error
	// Output gets what commands print as they print it; nil keeps the end of it, for failures.
	Output io.Writer
	// Note is told of each run before it begins.
	Note func(format string, args ...any)
	// Grace is how long a command that was asked to end may take before it is killed; 0 is 10 s.
	Grace time.Duration
}

// The variables by which a command learns what it is to do.
const (
	OutVariable  = "GO_DEBUG_OUT"  // the directory for the evidence of the run
	SideVariable = "GO_DEBUG_SIDE" // base or head
	RunVariable  = "GO_DEBUG_RUN"  // the number of the run of its side, from 1
)

// Failure is a run that did not come to its end.
type Failure struct {
	Run    string // "run 3 of 20 (head 2)"
	Err    error
	Output string // the end of what the command printed
	// Empty is set where the command ended well and left nothing.
	Empty bool
}

func (f *Failure) Error() string { return f.Run + ": " + f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Drive runs all there is to run. dirs has the directories of the evidence by the name of the side, in the order of
// the runs. It stops at the first run that fails, with a *Failure, and when ctx ends: no process is left behind.
func (p *Plan) Drive(ctx context.Context) (dirs map[string][]string, err error) {
	dirs = map[string][]string{}
	order := Order(p.Runs, len(p.Sides))
	for i, k := range order {
		side := p.Sides[k]
		n := len(dirs[side.Name]) + 1
		name := fmt.Sprintf("run %d of %d (%s %d)", i+1, len(order), side.Name, n)
		p.Note("%s", name)
		dir := filepath.Join(p.Root, side.Name, fmt.Sprintf("%02d", n))
		made := dir
		if p.Capture != nil {
			made = filepath.Dir(dir) // a capture makes its own
		}
		if err := os.MkdirAll(made, 0o700); err != nil {
			return dirs, err
		}
		if err := p.one(ctx, side, name, n, dir); err != nil {
			return dirs, err
		}
		dirs[side.Name] = append(dirs[side.Name], dir)
	}
	return dirs, nil
}

// Order is the sequence of the sides of n runs each: of two sides base, head, head, base, and so on.
func Order(n, sides int) []int {
	var out []int
	for i := range n {
		for k := range sides {
			if i%2 == 1 {
				k = sides - 1 - k
			}
			out = append(out, k)
		}
	}
	return out
}

// outputKept is how much of the end of what a command prints is kept.
const outputKept = 64 << 10

// one does one run.
func (p *Plan) one(ctx context.Context, side Side, name string, n int, dir string) error {
	printed := &tail{most: outputKept}
	var output io.Writer = printed
	if p.Output != nil {
		output = io.MultiWriter(printed, p.Output)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	failed := func(err error) error { return &Failure{Run: name, Err: err, Output: printed.String()} }
	c := &process{argv: side.Command, dir: side.Dir, output: output, grace: cmp.Or(p.Grace, defaultGrace),
		environ: append(os.Environ(), OutVariable+"="+absolute, SideVariable+"="+side.Name, fmt.Sprintf("%s=%d", RunVariable, n))}
	if err := c.start(); err != nil {
		return failed(fmt.Errorf("cannot run the command: %w", err))
	}
	defer c.kill()
	if p.Capture != nil {
		if err := p.captured(ctx, c, dir); err != nil {
			return interruptedOr(ctx, failed(err))
		}
		return nil
	}
	if err := c.wait(ctx); err != nil {
		return interruptedOr(ctx, failed(fmt.Errorf("the command failed: %w", err)))
	}
	left, err := os.ReadDir(dir)
	if err == nil && len(left) == 0 {
		return &Failure{Run: name, Empty: true, Output: printed.String(),
			Err: fmt.Errorf("the command ended well and left nothing in $%s: write the profiles there", OutVariable)}
	}
	return err
}

// captured takes the evidence of a command that runs, and ends it.
func (p *Plan) captured(ctx context.Context, c *process, dir string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-c.done:
			stop(fmt.Errorf("the command ended before it was captured: %s", c.how()))
		case <-ctx.Done():
		}
	}()
	if err := p.Capture(ctx, dir); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return err
	}
	c.end()
	return nil
}

// interruptedOr is why ctx ended, where it has: who interrupts need not be told what that broke.
func interruptedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// defaultGrace is how long a command that was asked to end may take before it is killed.
const defaultGrace = 10 * time.Second

// process is a command with all that it starts.
type process struct {
	argv    []string
	dir     string
	environ []string
	output  io.Writer
	grace   time.Duration
	cmd     *exec.Cmd
	done    chan struct{} // closed when it has ended
	err     error         // of Wait, once done
}

func (c *process) start() error {
	c.cmd = exec.Command(c.argv[0], c.argv[1:]...)
	c.cmd.Dir, c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr = c.dir, c.environ, c.output, c.output
	c.cmd.WaitDelay = time.Second // children that keep the pipe open
	ownGroup(c.cmd)
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.done = make(chan struct{})
	go func() {
		c.err = c.cmd.Wait()
		if errors.Is(c.err, exec.ErrWaitDelay) {
			c.err = nil
		}
		close(c.done)
	}()
	return nil
}

// wait waits for its end; when ctx ends first it asks it to end.
func (c *process) wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		c.end()
		return context.Cause(ctx)
	}
}

// end asks the command and all that it started to end, and waits for that, for a while.
func (c *process) end() {
	interrupt(c.cmd)
	select {
	case <-c.done:
	case <-time.After(c.grace):
	}
	c.kill()
}

// kill ends what is left of it.
func (c *process) kill() {
	killGroup(c.cmd)
	<-c.done
}

func (c *process) how() string {
	if c.err != nil {
		return c.err.Error()
	}
	return "exit code 0"
}

// tail keeps the end of what is written.
type tail struct {
	most int
	buf  bytes.Buffer
	cut  bool
}

func (t *tail) Write(b []byte) (int, error) {
	t.buf.Write(b)
	if over := t.buf.Len() - t.most; over > 0 {
		t.buf.Next(over)
		t.cut = true
	}
	return len(b), nil
}

func (t *tail) String() string {
	text := strings.TrimRight(t.buf.String(), "\n")
	if t.cut {
		text = "…" + text
	}
	return text
}
