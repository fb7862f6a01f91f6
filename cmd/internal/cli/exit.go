package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"go-debug/report"
	"go-debug/report/render"
)

// failure is an error with the exit code it leads to and a hint that can be run. Codes are
// those of the design: report.ExitUsage and so on.
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

// exitCode prints what is to be said of err and returns the code of the process.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return report.ExitOK
	}
	var f *failure
	switch {
	case errors.As(err, &f):
		if f.err != nil {
			complain(stderr, f.err.Error(), f.hint)
		}
		return f.code
	case errors.Is(err, context.Canceled):
		complain(stderr, "interrupted", "")
		return report.ExitInterrupted
	}
	// What cobra itself refuses: unknown commands and flags, missing arguments.
	complain(stderr, err.Error(), "go-debug --help")
	return report.ExitUsage
}

// complain writes an error and its hint as every command does. The texts may hold names
// from outside, so both pass the sanitiser.
func complain(stderr io.Writer, message, hint string) {
	fmt.Fprintf(stderr, "go-debug: error: %s\n", render.Sanitize(message))
	if hint != "" {
		fmt.Fprintf(stderr, "go-debug: hint: %s\n", render.Sanitize(hint))
	}
}
