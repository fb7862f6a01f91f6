// Package cli is the command line: one file a command, and the pipeline that they share.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"go-debug/analyze/recovered"
	"go-debug/analyze/source"
	"go-debug/cmd/internal/config"
	"go-debug/report"
)

// terminal is the world outside: the streams, and what is known of them.
type terminal struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	stdinTTY       bool // somebody sits there: nothing is piped in
	stdoutTTY      bool
	stderrTTY      bool
	width          int // columns of stdout, 0 when it is no terminal
	getenv         func(string) string
	files          *fileSystem      // nil means that of the system
	now            func() time.Time // nil means time.Now
	config         *config.Config   // of the command at hand; empty until settle has read it
	progressShown  bool             // the cursor stands behind a progress line
}

// Main runs the command of os.Args and exits.
func Main() {
	// A second interrupt kills at once: NotifyContext is undone after the first.
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop)
	// A reader who has had enough of standard output is met as an error of writing, which changes no
	// exit code. By default the signal would kill the process, and the verdict with it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	t := osTerminal()
	code := run(ctx, os.Args[1:], t)
	// Some file systems tell only now that there was no room.
	if err := os.Stdout.Close(); err != nil && code == report.ExitOK {
		code = exitCode(err, &cobra.Command{Use: "go-debug"}, t.stderr)
	}
	os.Exit(code)
}

func osTerminal() *terminal {
	t := &terminal{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		stdinTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		stdoutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		stderrTTY: term.IsTerminal(int(os.Stderr.Fd()))}
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		t.width = w
	}
	return t
}

// clock is the time of day: the only place where it enters a judgement.
func (t *terminal) clock() time.Time {
	if t.now == nil {
		return time.Now()
	}
	return t.now()
}

// run executes one command line and returns its exit code. A panic outside the boundaries
// of inputs and detectors must not end in code 2, which means a usage error here.
func run(ctx context.Context, args []string, t *terminal) (code int) {
	if t.getenv(tracebackVariable) == "1" {
		ctx = recovered.WithTraceback(ctx, t.traceback)
	}
	defer func() {
		if r := recover(); r != nil {
			complain(t.stderr, "internal defect: "+recovered.Cause(ctx, r), "export "+tracebackVariable+"=1, run it again, and report what you ran and what it says")
			code = report.ExitIncomplete
		}
	}()
	root := newRoot(t)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if ctx.Err() != nil {
		err = context.Canceled
	}
	return exitCode(err, cmd, t.stderr)
}

// tracebackVariable is the environment's wish to see the stack of every panic that was caught.
const tracebackVariable = "GO_DEBUG_TRACEBACK"

func (t *terminal) traceback(panicked any, stack []byte) {
	t.note("caught a panic: %v", panicked)
	for line := range strings.Lines(string(stack)) {
		fmt.Fprintf(t.stderr, "    %s\n", safe(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    ")))
	}
}

func newRoot(t *terminal) *cobra.Command {
	t.config = &config.Config{}
	root := &cobra.Command{
		Use:   "go-debug",
		Short: "Say what is wrong with a Go service from its profiles, dumps, traces and metrics",
		Long: `go-debug reads what Go programs already emit (pprof profiles, goroutine dumps, execution
traces, Prometheus metrics), says what is wrong in one verdict line, ranks the findings with
their evidence, says what it could not check, and names the next command.`,
		Example: `  go-debug analyze profile.pb.gz
  go-debug analyze http://localhost:6060
  curl -s http://localhost:6060/debug/pprof/goroutine | go-debug analyze
  go-debug gate capture/ --baseline report.json`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		Args:              unknownCommand,
		Version:           versionText(),
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return t.settle(cmd) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(t.stderr)
			if err := cmd.Help(); err != nil {
				return err
			}
			return silent(report.ExitUsage)
		},
	}
	root.SetIn(t.stdin)
	root.SetOut(t.stdout)
	root.SetErr(t.stderr)
	root.SetVersionTemplate("{{.Version}}")
	root.SuggestionsMinimumDistance = 2
	root.AddCommand(configured(newAnalyze(t), newCapture(t), newGate(t), newDiff(t), newRender(t))...)
	root.AddCommand(newBaseline(t), newConfig(t), newExplain(t), newSchema(t), newVersion(t))
	return root
}

// exactly refuses any other number of arguments than those named.
func exactly(hint string, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		want := "no argument"
		if len(names) > 0 {
			want = strings.Join(names, " and ")
		}
		return usage(hint, "%s takes %s; got %d", cmd.CommandPath(), want, len(args))
	}
}

// unknownCommand says what somebody probably meant who names an input without a command.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "go-debug --help"
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		hint = "go-debug " + s[0]
	} else if looksLikeInput(args[0]) {
		hint = "go-debug analyze " + source.ShellQuote(redacted(args[0]))
	}
	return usage(hint, "unknown command %q", args[0])
}
