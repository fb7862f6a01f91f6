package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/decode"
	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
	"go-debug/cmd/internal/gotest"
	"go-debug/detectors"
	"go-debug/report"
)

// findCommand refuses a command that cannot be run, before time is spent on the rest.
func findCommand(name string) error {
	_, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	if err != nil {
		return unreadable(fmt.Errorf("cannot run the command: %w", err), "command -v "+source.ShellQuote(name))
	}
	return nil
}

// commandGrace is how long a command that was asked to end may take.
const commandGrace = 10 * time.Second

// execute runs a command to its end. All that it prints goes to stderr, because stdout is the
// report's. A command that fails is no error; the error is about one that could not be run, or
// was interrupted.
func (t *terminal) execute(ctx context.Context, argv, environ []string) (*report.Command, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environ, t.stderr, t.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = commandGrace
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, unreadable(fmt.Errorf("cannot run the command: %w", err), "command -v "+source.ShellQuote(argv[0]))
	}
	return &report.Command{Args: argv, ExitCode: cmd.ProcessState.ExitCode()}, nil
}

// tests runs a command whose Go test binaries tell which goroutines outlive their tests, and
// makes a report of that.
func (g *gating) tests(ctx context.Context, command []string, opt analyze.Options) (*report.Report, *report.Command, error) {
	run, err := gotest.Prepare(ctx, command, g.settle)
	if err != nil {
		return nil, nil, unpreparable(err)
	}
	defer run.Close()
	ran, err := g.t.execute(ctx, run.Command(command), run.Environ())
	if err != nil {
		return nil, nil, err
	}
	ran.Args = command
	dumps, untold, err := run.Dumps()
	if err != nil {
		return nil, nil, unreadable(fmt.Errorf("cannot read the goroutines of the tests: %w", err), "df -h")
	}
	var problems []source.Problem
	for _, pkg := range untold {
		// The tests' own failure says enough: one that panics tells nothing.
		problems = append(problems, source.Problem{Name: "tests of " + pkg, Fatal: ran.ExitCode == 0,
			Err:  errors.New("the test binary ended without telling its goroutines"),
			Hint: "go test -v " + source.ShellQuote(pkg)})
	}
	limits, err := g.in.budget(g.t.getenv)
	if err != nil {
		return nil, nil, err
	}
	if len(opt.Only) == 0 {
		opt.Only = judgesOfSurvivors()
	}
	r, err := g.t.judged(ctx, decode.All(ctx, testItems(run, dumps), limits), problems, &g.in, opt)
	if err != nil {
		return nil, nil, err
	}
	if len(dumps)+len(untold) == 0 {
		g.t.note("no Go test binary ran: the command must call go test, and not in a container or on another machine")
	}
	return r, ran, nil
}

// judgesOfSurvivors are the detectors that tests give anything to look at.
func judgesOfSurvivors() []string {
	var out []string
	for _, d := range detectors.All {
		if slices.ContainsFunc(d.Needs, func(n analyze.Need) bool { return n.Kind == evidence.Survivors }) {
			out = append(out, d.Name)
		}
	}
	return out
}

func unpreparable(err error) error {
	hint := ""
	var in *evidence.InputError
	if errors.As(err, &in) {
		hint = in.Hint
	}
	return unreadable(err, hint)
}

// testItems are the dumps as inputs. Each is of a process of its own, and its goroutines are
// what is left when the tests were over.
func testItems(run *gotest.Run, dumps []gotest.Dump) []source.Item {
	var items []source.Item
	for i, d := range dumps {
		items = append(items, source.Item{
			Position: evidence.Position{Source: "tests of " + d.Package, Seq: i, Phase: evidence.Settled},
			Declared: evidence.Goroutine,
			Go:       strings.TrimSpace(run.Go),
			Open:     func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(d.Text)), nil },
		})
	}
	return items
}
