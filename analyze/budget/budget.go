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
}

// The defaults: a traced hour and a dump of a million goroutines fit, a bomb does not.
const (
	DefaultBytes  = 8 << 30
	DefaultMemory = 2 << 30
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

// Error says that an input went over a limit.
type Error struct {
	What  string // "decompressed bytes", "memory for profile messages"
	Limit int64
	Flag  string // the flag that raises the limit; empty when none does
}

func (e *Error) Error() string {
	return fmt.Sprintf("over budget: %s beyond the limit of %d", e.What, e.Limit)
}
