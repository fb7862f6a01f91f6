// Package budget bounds what inputs may cost: bytes after decompression and how much larger
// decompression makes them, memory, files, time. Every decoder takes a budget.
package budget

import (
	"context"
	"fmt"
	"time"
)

// Budget is the limit on one input. The zero value of a field means its default.
type Budget struct {
	// Bytes bounds the decompressed bytes of one input; all of them together have TotalBytes.
	Bytes int64
	// Ratio bounds how many times more bytes decompression may make of an input, beyond the
	// first RatioFrom, which are nobody's bomb.
	Ratio int64
	// Files bounds the files of a directory and the members of an archive.
	Files int
	// Memory bounds what decoding may hold at once, as estimated before it is allocated.
	Memory int64
	// Stacks bounds the distinct stacks (or groups) kept as evidence; its default goes by Memory.
	Stacks int
	// Labels is how many distinct labels ("key=value") of a profile's samples are counted; 0,
	// the default, counts their keys only. Goroutines keep theirs in any case.
	Labels int
	// RequestRoot is a function that starts goroutines which serve one request each, for servers that the
	// decoder of traces does not know; empty for none.
	RequestRoot string
}

// The defaults: a traced hour and a dump of a million goroutines fit, a bomb does not.
const (
	DefaultBytes  = 8 << 30
	DefaultMemory = 1 << 30
	DefaultStacks = 100_000
	DefaultFiles  = 10_000
	// DefaultRatio is above what dumps of a million equal goroutines reach, about 100. Zeros reach
	// 1030 with gzip, and layers of compression multiply.
	DefaultRatio = 500
	RatioFrom    = 256 << 20
)

// inputsInFull is how many inputs of the full size a run may read.
const inputsInFull = 8

// TotalBytes bounds the decompressed bytes of all inputs together.
func (b Budget) TotalBytes() int64 { return min(b.Bytes, 1<<62/inputsInFull) * inputsInFull }

// Default is the budget used when the caller sets nothing.
func Default() Budget {
	return Budget{Bytes: DefaultBytes, Ratio: DefaultRatio, Files: DefaultFiles, Memory: DefaultMemory, Stacks: DefaultStacks}
}

// WithDefaults replaces fields that are not positive by their defaults.
func (b Budget) WithDefaults() Budget {
	if b.Bytes <= 0 {
		b.Bytes = DefaultBytes
	}
	if b.Ratio <= 0 {
		b.Ratio = DefaultRatio
	}
	if b.Files <= 0 {
		b.Files = DefaultFiles
	}
	if b.Memory <= 0 {
		b.Memory = DefaultMemory
	}
	if b.Stacks <= 0 {
		b.Stacks = StacksFor(b.Memory)
	}
	return b
}

// memoryPerStack is what DefaultMemory leaves each of DefaultStacks.
const memoryPerStack = DefaultMemory/DefaultStacks + 1

// StacksFor is how many distinct stacks an input may have where memory is what reading it may take: DefaultStacks,
// and more where there is more than DefaultMemory.
func StacksFor(memory int64) int { return int(min(max(memory/memoryPerStack, DefaultStacks), 1<<24)) }

// OverStacks is the error of an input with more distinct stacks than Budget.Stacks: "distinct stacks of a dump".
func OverStacks(what string, limit int) *Error {
	return &Error{What: what, Limit: int64(limit), Flag: MemoryFlag, Need: (2*int64(limit) + 1) * memoryPerStack}
}

// The flags that set a budget.
const (
	MemoryFlag  = "--max-memory" // Budget.Memory and Budget.Stacks
	BytesFlag   = "--max-bytes"  // Budget.Bytes
	RatioFlag   = "--max-ratio"  // Budget.Ratio
	FilesFlag   = "--max-files"  // Budget.Files
	TimeoutFlag = "--timeout"    // of a whole run
)

// Error says that an input went over a limit.
type Error struct {
	What  string // "decompressed bytes", "memory for profile messages"
	Limit int64
	Flag  string // the flag that raises the limit; empty when none does
	// Need is the value of the flag that would do; 0 when that is not known.
	Need int64

	timeout time.Duration
}

// OverTime is the error of a run that did not end within a timeout. It is a
// context.DeadlineExceeded.
func OverTime(timeout time.Duration) *Error {
	return &Error{What: "time", Limit: int64(timeout), Flag: TimeoutFlag, timeout: timeout}
}

// Is makes the error of a timeout one of a context.
func (e *Error) Is(target error) bool { return e.timeout > 0 && target == context.DeadlineExceeded }

// OverMemory is the error of an input that needs more memory than Budget.Memory for what is
// named: "memory for profile messages".
func OverMemory(what string, limit int64) *Error {
	return &Error{What: what, Limit: limit, Flag: MemoryFlag}
}

// Raise is a value for the flag that is worth trying after the error, given the memory that
// the flag allowed so far: "2GiB".
func (e *Error) Raise(memory int64) string {
	switch e.Flag {
	case TimeoutFlag:
		return (2 * e.timeout).String()
	case RatioFlag, FilesFlag:
		return fmt.Sprint(max(e.Need, 2*e.Limit))
	case BytesFlag:
		memory = e.Limit // the flag's own, in bytes as well
	}
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
	if e.timeout > 0 {
		return fmt.Sprintf("over budget: not done within %s (%s)", e.timeout, TimeoutFlag)
	}
	return fmt.Sprintf("over budget: %s beyond the limit of %d", e.What, e.Limit)
}
