// Package recovered turns a panic that was caught at the boundary of an input or a detector into
// one line for people, and shows its stack to who asked for it.
package recovered

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
)

type key struct{}

// WithTraceback returns a context under which every caught panic is also given to show, with its
// stack. show may be called by several goroutines.
func WithTraceback(ctx context.Context, show func(panicked any, stack []byte)) context.Context {
	return context.WithValue(ctx, key{}, show)
}

// maxCause bounds the text of a panic: it may quote the input.
const maxCause = 200

// Cause describes a panic in one line: its value and the first place below the runtime, "index out of
// range [3] with length 2 (pprof/wire.go:17)". It is called by the function that recovered.
func Cause(ctx context.Context, p any) string {
	stack := debug.Stack()
	if show, ok := ctx.Value(key{}).(func(any, []byte)); ok {
		show(p, stack)
	}
	cause, _, _ := strings.Cut(fmt.Sprint(p), "\n")
	if len(cause) > maxCause {
		cause = strings.ToValidUTF8(cause[:maxCause], "") + "…"
	}
	return fmt.Sprintf("%s (%s)", cause, site(string(stack)))
}

// site is the first line of a stack, below the runtime's, that names a source file.
func site(stack string) string {
	const unknown = "place unknown"
	_, below, ok := strings.Cut(stack, "\npanic(")
	if !ok {
		return unknown
	}
	lines := strings.Split(below, "\n")
	for _, line := range lines[min(2, len(lines)):] {
		file, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.Contains(file, ".go:") || strings.Contains(file, "/runtime/") {
			continue
		}
		parts := strings.Split(file, "/")
		return strings.Join(parts[max(0, len(parts)-2):], "/")
	}
	return unknown
}
