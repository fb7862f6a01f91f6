package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"go-debug/analyze/source"
	"go-debug/report"
	"go-debug/report/render"
)

// failure is an error with the exit code it leads to (report.ExitUsage and so on) and a hint
// that can be run. A hint that begins with a flag is completed with the command at hand.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usage(hint, format string, args ...any) error {
	return &failure{code: report.ExitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

func unreadable(err error, hint string) error {
	return &failure{code: report.ExitIncomplete, err: err, hint: hint}
}

// silent ends a command with a code whose reason is already on stdout or stderr.
func silent(code int) error {
	if code == report.ExitOK {
		return nil
	}
	return &failure{code: code}
}

// exitCode prints what is to be said of cmd's error and returns the code of the process.
func exitCode(err error, cmd *cobra.Command, stderr io.Writer) int {
	if err == nil {
		return report.ExitOK
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		worst := report.ExitOK
		for _, e := range joined.Unwrap() {
			if code := exitCode(e, cmd, stderr); worst == report.ExitOK || code == report.ExitUsage {
				worst = code
			} else {
				worst = report.Worse(worst, code)
			}
		}
		return worst
	}
	var f *failure
	var write *fs.PathError
	switch {
	case errors.As(err, &f):
		if f.err != nil {
			complain(stderr, f.err.Error(), completed(f.hint, cmd))
			for _, note := range originNotes(cmd, f.err.Error()) {
				fmt.Fprintf(stderr, "go-debug: note: %s\n", safe(note))
			}
		}
		return f.code
	case errors.Is(err, context.Canceled):
		complain(stderr, "interrupted", "")
		return report.ExitInterrupted
	case errors.Is(err, syscall.EPIPE):
		return report.ExitOK // the reader had enough
	case errors.As(err, &write):
		complain(stderr, fmt.Sprintf("cannot write to standard output: %v", write.Err), cmd.CommandPath()+" > FILE")
		return report.ExitIncomplete
	}
	// What cobra itself refuses: unknown commands and flags, missing arguments.
	complain(stderr, err.Error(), cmd.CommandPath()+" --help")
	return report.ExitUsage
}

// completed makes a hint that names a flag alone one that can be run.
func completed(hint string, cmd *cobra.Command) string {
	if !strings.HasPrefix(hint, "-") {
		return hint
	}
	words := []string{cmd.CommandPath(), hint}
	for _, arg := range cmd.Flags().Args() {
		words = append(words, source.ShellQuote(redacted(arg)))
	}
	return strings.Join(words, " ")
}

// safe is a text from outside as it may be printed: without secrets, and without anything that steers
// a terminal or a log.
func safe(text string) string { return render.Sanitize(report.RedactText(text)) }

// complain writes an error and its hint as every command does. The texts may hold names
// from outside, so both pass the sanitiser.
func complain(stderr io.Writer, message, hint string) {
	fmt.Fprintf(stderr, "go-debug: error: %s\n", safe(message))
	if hint != "" {
		fmt.Fprintf(stderr, "go-debug: hint: %s\n", safe(hint))
	}
}
