// Package signature measures what share of a program's CPU time goes into known functions, and
// which lines of the program cause it. Detectors describe a pathology by a Signature and ask a
// Profile, which holds all CPU profiles of a capture, for its Share.
//
// Shares are of samples, not of time: a CPU profile is a random sample, so every share has an
// interval, and that is what a threshold is held against.
package signature

import (
	"strings"

	"go-debug/analyze/evidence"
)

// Signature says which samples show a pathology.
type Signature struct {
	// Anywhere matches samples with one of these functions on the stack; Leaf those with one of
	// them innermost, frames that inlining made included. A sample has to match either.
	Anywhere, Leaf []string
	// Unless leaves out samples with one of these functions on the stack.
	Unless []string
	// Gone are names among the others that current toolchains do not have any more. They are kept
	// for profiles of older ones, from go1.20 on.
	Gone []string
}

// A name of a function is matched exactly, without type arguments and the numbers of closures; one
// that ends in "*" matches all that begin so. A function's closures are not the function.
func matcher(names []string) func(evidence.Frame) bool {
	exact, prefixes := map[string]bool{}, []string(nil)
	for _, name := range names {
		if p, ok := strings.CutSuffix(name, "*"); ok {
			prefixes = append(prefixes, p)
		} else {
			exact[name] = true
		}
	}
	return func(f evidence.Frame) bool {
		name := f.Function
		if exact[name] {
			return true
		}
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) {
				return true
			}
		}
		return strings.IndexByte(name, '[') >= 0 && exact[withoutArguments(name)]
	}
}

// withoutArguments cuts the type arguments of a generic function or type: "slices.Grow[...]".
func withoutArguments(name string) string {
	i, j := strings.IndexByte(name, '['), strings.LastIndexByte(name, ']')
	if i < 0 || j < i {
		return name
	}
	return name[:i] + name[j+1:]
}

// Names are all functions that a signature names and that the toolchain at hand must have, without
// patterns.
func (s Signature) Names() []string {
	var out []string
	gone := matcher(s.Gone)
	for _, list := range [][]string{s.Anywhere, s.Leaf, s.Unless} {
		for _, name := range list {
			if !strings.HasSuffix(name, "*") && !gone(evidence.Frame{Function: name}) {
				out = append(out, name)
			}
		}
	}
	return out
}
