package leak

import (
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

const (
	minStack   = 2048 // runtime.stackMin
	stackGuard = 928  // runtime.stackGuard: what a function may use beyond its frame
	frameBytes = 48   // of a call with no more than its return address, frame pointer and a few words
)

// stackBytes is the least stack that a goroutine with so deep a call stack has: the runtime starts
// at 2 KiB and doubles.
func stackBytes(stack evidence.Stack) float64 {
	size := minStack
	for size < len(stack)*frameBytes+stackGuard {
		size *= 2
	}
	return float64(size)
}

const gigabyte = 1e9

// cost is how long it takes until the leaked stacks alone fill a gigabyte.
func (c *candidate) cost(perS float64) stats.Measure {
	bytes := stackBytes(c.stack)
	for _, other := range c.companions {
		bytes += stackBytes(other.stack) * float64(other.goroutines()) / float64(max(c.goroutines(), 1))
	}
	m := stats.Measure{Name: "time_to_1gb", Value: gigabyte / (bytes * perS), Unit: "s", N: 1,
		Method: "1e9 bytes over growth times the stack of a goroutine: at least 2 KiB, doubled until 48 bytes a frame fit"}
	return m.Warn("at the latest: what the goroutines keep alive on the heap comes on top")
}
