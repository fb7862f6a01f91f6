// Package source turns what a user names (files, standard input, directories, bundles,
// URLs, running programs) into named byte streams in time order. It decodes nothing: of a
// file it looks at the first bytes, and what it must unpack or fetch to know its members is
// bounded and removed with the [Scratch].
package source

import (
	"context"
	"io"

	"go-debug/analyze/evidence"
)

// Item is one input: a name, its place among the others, and a way to read it.
type Item struct {
	// Position.Source is the name that reports and errors use.
	evidence.Position
	// Declared is the kind that capture.json states or the URL implies, else Unknown. The
	// content decides; this settles what content cannot (block against mutex).
	Declared evidence.Kind
	// Truncated carries capture.json's remark that the body was cut; empty when it was not.
	Truncated string
	// Go is the target's Go version where capture.json records it.
	Go string
	// Target is the program's URL as [TargetOf] gives it, where capture.json or the argument
	// names it.
	Target string
	// Open starts reading. The caller closes it. It is called once.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// Problem is an input that cannot be opened, or a part of a directory that was left out.
type Problem struct {
	Name string
	Err  error
	Hint string // something that can be run
	// Fatal is false for a file of a directory that is no capture (source code, a README):
	// it is mentioned, and changes no exit code.
	Fatal bool
}
