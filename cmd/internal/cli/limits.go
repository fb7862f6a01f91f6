package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"go-debug/analyze/budget"
	"go-debug/analyze/recovered"
)

// limitFlags bound what reading may cost. Sizes are kept as they were written; empty means the
// default.
type limitFlags struct {
	memory, bytes string
	ratio         int64
	files         int
	timeout       time.Duration
}

func (l *limitFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&l.memory, flagName(budget.MemoryFlag), "", "memory that reading an input may take, a `SIZE` such as 512MiB "+
		"or 2GiB; what does not fit is left out, and said to be (default: 1GiB or GOMEMLIMIT, whichever is less)")
	f.StringVar(&l.bytes, flagName(budget.BytesFlag), "", "decompressed bytes of an input that are read, a `SIZE`; of all inputs together eight times as many (default: 8GiB)")
	f.Int64Var(&l.ratio, flagName(budget.RatioFlag), budget.DefaultRatio, "how many times its size an input may be decompressed to, beyond 256 MiB")
	f.IntVar(&l.files, flagName(budget.FilesFlag), budget.DefaultFiles, "files of a directory and members of an archive that are read")
	l.registerTimeout(cmd)
}

func (l *limitFlags) registerTimeout(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&l.timeout, flagName(budget.TimeoutFlag), 0, "end after this `TIME`; what was read until then is reported, and said not to be all (default: none)")
}

func flagName(flag string) string { return strings.TrimLeft(flag, "-") }

// check refuses limits that leave nothing to read.
func (l *limitFlags) check() error {
	if err := l.checkTimeout(); err != nil {
		return err
	}
	if l.ratio < 1 {
		return usage(budget.RatioFlag+" 500", "%s is %d: give a number above 0", budget.RatioFlag, l.ratio)
	}
	if l.files < 1 {
		return usage(budget.FilesFlag+" 10000", "%s is %d: give a number above 0", budget.FilesFlag, l.files)
	}
	return nil
}

func (l *limitFlags) checkTimeout() error {
	if l.timeout < 0 {
		return usage(budget.TimeoutFlag+" 5m", "%s is %v: give a time above 0", budget.TimeoutFlag, l.timeout)
	}
	return nil
}

// apply sets the limits of a budget other than memory.
func (l *limitFlags) apply(b *budget.Budget) error {
	if l.bytes != "" {
		n, err := parseSize(l.bytes)
		if err == nil && n < 1 {
			err = fmt.Errorf("%q is too little", l.bytes)
		}
		if err != nil {
			return usage(budget.BytesFlag+" 8GiB", "%s: %w", budget.BytesFlag, err)
		}
		b.Bytes = n
	}
	b.Ratio, b.Files = cmp.Or(l.ratio, b.Ratio), cmp.Or(l.files, b.Files)
	return nil
}

// deadline ends a run when its time is over. Whatever it stops says so by the context's cause.
func (l *limitFlags) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, l.timeout, budget.OverTime(l.timeout))
}

// judgeAtLeast is how long a run may go on after its deadline to judge what was read.
const judgeAtLeast = 5 * time.Second

// within runs f, which no context interrupts, and gives up on it when twice the time of the run is
// over. What f returns then is nobody's.
func (l *limitFlags) within(ctx context.Context, f func() error) error {
	if l.timeout == 0 {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("internal defect: %s", recovered.Cause(ctx, p))
			}
		}()
		done <- f()
	}()
	late := time.NewTimer(max(l.timeout, judgeAtLeast))
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		over := budget.OverTime(l.timeout)
		return unreadable(fmt.Errorf("judging what was read: %w", over), budget.TimeoutFlag+" "+over.Raise(0))
	}
}
