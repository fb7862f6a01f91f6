// Package budget bounds what one input may cost: bytes as read, bytes after
// decompression, messages, strings, depth. Every decoder takes one.
package budget

import "fmt"

// Budget is the limit on one input. The zero value of a field means its default.
type Budget struct {
	// Bytes bounds the decompressed bytes of one input.
	Bytes int64
	// Memory bounds what decoding may hold at once, as estimated before it is allocated.
	Memory int64
	// Stacks bounds the distinct stacks (or groups) kept as evidence.
	Stacks int
	// Labels is how many distinct labels ("key=value") of a profile's samples are counted; 0,
	// the default, counts their keys only. Goroutines keep theirs in any case.
	Labels int
	// RequestRoot is a function that serves one request, for servers that no decoder of traces knows; empty
	// for none.
	RequestRoot string
}

// The defaults: a traced hour and a dump of a million goroutines fit, a bomb does not.
const (
	DefaultBytes  = 8 << 30
	DefaultMemory = 1 << 30
	DefaultStacks = 100_000
)

// Default is the budget used when the caller sets nothing.
func Default() Budget {
	return Budget{Bytes: DefaultBytes, Memory: DefaultMemory, Stacks: DefaultStacks}
}

// WithDefaults replaces fields that are not positive by their defaults.
func (b Budget) WithDefaults() Budget {
	if b.Bytes <= 0 {
		b.Bytes = DefaultBytes
	}
	if b.Memory <= 0 {
		b.Memory = DefaultMemory
	}
	if b.Stacks <= 0 {
		b.Stacks = DefaultStacks
	}
	return b
}

// MemoryFlag is the flag that sets Budget.Memory.
const MemoryFlag = "--max-memory"

// Error says that an input went over a limit.
type Error struct {
	What  string // "decompressed bytes", "memory for profile messages"
	Limit int64
	Flag  string // the flag that raises the limit; empty when none does
	// Need is the value of the flag that would do; 0 when that is not known.
	Need int64
}

// OverMemory is the error of an input that needs more memory than Budget.Memory for what is
// named: "memory for profile messages".
func OverMemory(what string, limit int64) *Error {
	return &Error{What: what, Limit: limit, Flag: MemoryFlag}
}

// Raise is a value for the flag that is worth trying after the error, given the memory that
// the flag allowed so far: "2GiB".
func (e *Error) Raise(memory int64) string {
	const mib = 1 << 20
	next := int64(mib)
	for next < max(e.Need, memory+1) && next < 1<<62 {
		next *= 2
	}
	if next%(1<<30) == 0 {
		return fmt.Sprintf("%dGiB", next>>30)
	}
	return fmt.Sprintf("%dMiB", next>>20)
}

func (e *Error) Error() string {
	return fmt.Sprintf("over budget: %s beyond the limit of %d", e.What, e.Limit)
}
