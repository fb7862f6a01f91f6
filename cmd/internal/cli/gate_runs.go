package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"go-debug/analyze"
	"go-debug/analyze/source"
	"go-debug/cmd/internal/runs"
	"go-debug/report"
)

// runsFlags have a gate drive the runs that it compares.
type runsFlags struct {
	n        int
	baseCmd  string
	revision string
	keep     string
	ready    time.Duration
}

const (
	maxRuns     = 100
	exampleRuns = `go-debug gate --runs 10 --base-rev main -- sh -c 'go test -run=- -bench=. -cpuprofile=$GO_DEBUG_OUT/cpu.pprof'`
)

func (r *runsFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&r.n, "runs", 0, "run COMMAND `N` times, and as often --base-rev or --base-cmd in turn with it (base, head, head, base, …), and compare the two sides; each run writes its profiles "+
		"into $"+runs.OutVariable+", or serves the live INPUT")
	f.StringVar(&r.revision, "base-rev", "", "with --runs: the same COMMAND in a checkout of the git revision `REV` is the other side")
	f.StringVar(&r.baseCmd, "base-cmd", "", "with --runs: the shell command `CMD` is the other side")
	f.StringVar(&r.keep, "keep-runs", "", "with --runs: keep what the runs leave in the directory `DIR`, which does not exist yet")
	f.DurationVar(&r.ready, "ready", 30*time.Second, "with --runs and a live INPUT: how long the program may take to answer")
}

// check refuses what does not go together.
func (r *runsFlags) check(g *gating, inputs, command []string) error {
	given := r.revision != "" || r.baseCmd != "" || r.keep != ""
	switch {
	case r.n == 0 && !given:
		return nil
	case r.n < 1 || r.n > maxRuns:
		return usage(exampleRuns, "--runs is %d: give a number from 1 to %d", r.n, maxRuns)
	case len(command) == 0:
		return usage(exampleRuns, "--runs needs a command behind --, which makes one run")
	case len(inputs) > 1 || len(inputs) == 1 && !source.IsProgram(inputs[0]):
		return usage(exampleRuns, "--runs takes no INPUT, or the URL that the command serves")
	case r.revision != "" && r.baseCmd != "" || g.baseline != "" && (r.revision != "" || r.baseCmd != ""):
		return usage(exampleRuns, "--base-rev, --base-cmd and --baseline are three ways to say what is compared with: give one")
	case r.revision == "" && r.baseCmd == "" && g.baseline == "":
		return usage(exampleRuns, "--runs has nothing to compare with: give --base-rev, --base-cmd or --baseline")
	case g.retry > 0 || g.settle > 0:
		return usage(exampleRuns, "--retry and --settle do not go with --runs")
	}
	if err := findCommand(command[0]); err != nil {
		return err
	}
	if _, err := os.Stat(r.keep); r.keep != "" && err == nil {
		return usage(exampleRuns, "--keep-runs: %s exists already", r.keep)
	}
	return nil
}

// drive does the runs, and sets both sides of the trial. It returns the run that stands for the others.
func (g *gating) drive(ctx context.Context, inputs, command []string, opt analyze.Options, trial *report.Trial) (attempt, error) {
	plan := runs.Plan{Runs: g.runs.n, Root: g.runs.keep, Note: g.t.note, Sides: []runs.Side{{Name: "head", Command: command}}}
	if g.out.verbose {
		plan.Output = g.t.stderr
	}
	if plan.Root == "" {
		root, err := os.MkdirTemp("", "go-debug-runs-")
		if err != nil {
			return nil, unreadable(fmt.Errorf("cannot keep the runs: %w", err), "df -h "+source.ShellQuote(os.TempDir()))
		}
		defer os.RemoveAll(root)
		plan.Root = root
	}
	base, done, err := g.baseSide(ctx, command)
	if err != nil {
		return nil, err
	}
	defer done()
	if base != nil {
		plan.Sides = []runs.Side{*base, plan.Sides[0]}
	}
	if len(inputs) == 1 {
		if source.Listens(ctx, inputs[0]) {
			return nil, unreadable(fmt.Errorf("something answers at %s before the command has been started: it would be captured in its place", redacted(inputs[0])), "curl -i "+source.ShellQuote(redacted(inputs[0])))
		}
		plan.Capture = func(ctx context.Context, dir string) error { return g.captureRun(ctx, inputs[0], dir) }
	}
	dirs, err := plan.Drive(ctx)
	if err != nil {
		return nil, g.broken(err)
	}
	if base != nil {
		before, err := g.read(ctx, "base", dirs["base"], opt)
		if err != nil {
			return nil, err
		}
		trial.Against(g.runs.baseName(), before)
	}
	head, err := g.read(ctx, "head", dirs["head"], opt)
	if err != nil {
		return nil, err
	}
	last := trial.Replicates(head)
	return func(context.Context) (*report.Report, *report.Command, error) { return last, nil, nil }, nil
}

func (r *runsFlags) baseName() string {
	if r.revision != "" {
		return fmt.Sprintf("%s (%d runs)", r.revision, r.n)
	}
	return fmt.Sprintf("%s (%d runs)", r.baseCmd, r.n)
}

// baseSide is the other side; nil where the baseline is. done takes its checkout away.
func (g *gating) baseSide(ctx context.Context, command []string) (side *runs.Side, done func(), err error) {
	done = func() {}
	switch {
	case g.runs.baseCmd != "":
		return &runs.Side{Name: "base", Command: []string{"sh", "-c", g.runs.baseCmd}}, done, nil
	case g.runs.revision == "":
		return nil, done, nil
	}
	dir, remove, err := runs.Worktree(ctx, g.runs.revision)
	if err != nil {
		return nil, done, unreadable(fmt.Errorf("cannot run the base: %w", err), "git log --oneline -1 "+source.ShellQuote(g.runs.revision))
	}
	done = func() {
		if err := remove(); err != nil {
			g.t.note("the checkout of the base was not removed: %v", err)
		}
	}
	return &runs.Side{Name: "base", Command: command, Dir: dir}, done, nil
}

// captureRun captures a program as soon as it answers.
func (g *gating) captureRun(ctx context.Context, target, dir string) error {
	opt, err := g.t.captureOptions(g.in.live, []string{target})
	if err != nil {
		return err
	}
	opt.Output = dir
	deadline := time.Now().Add(g.runs.ready)
	for !source.Listens(ctx, target) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nothing answers at %s after %v", redacted(target), g.runs.ready)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	_, err = source.Capture(ctx, target, opt)
	g.t.endProgress()
	return err
}

// broken says which run failed and prints what its command had to say.
func (g *gating) broken(err error) error {
	var f *runs.Failure
	if !errors.As(err, &f) {
		if errors.Is(err, context.Canceled) {
			return err
		}
		return unreadable(fmt.Errorf("cannot keep the runs: %w", err), "df -h")
	}
	if f.Output != "" && !g.out.verbose {
		for line := range strings.Lines(f.Output) {
			fmt.Fprintf(g.t.stderr, "    %s\n", safe(strings.TrimRight(line, "\n")))
		}
	}
	code := report.ExitIncomplete
	if f.Empty {
		code = report.ExitInconclusive
	}
	return &failure{code: code, err: f, hint: "go-debug gate --help"}
}

// read makes a report of each run. Runs that were not wholly read are no side to compare with.
func (g *gating) read(ctx context.Context, name string, dirs []string, opt analyze.Options) ([]*report.Report, error) {
	side := report.Side{Name: name}
	for _, dir := range dirs {
		r, err := g.t.pipeline(ctx, []string{dir}, &g.in, opt)
		if err != nil {
			return nil, err
		}
		side.Runs = append(side.Runs, r)
	}
	if err := partial(side); err != nil && !g.pol.allowPartial {
		return nil, unreadable(fmt.Errorf("cannot use the runs of %w", err), "--keep-runs runs")
	}
	return side.Runs, nil
}
