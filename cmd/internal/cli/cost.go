package cli

import (
	"fmt"
	"strings"

	"go-debug/analyze/source"
)

// estimated says before a capture what its full dumps will cost the target: the rest of a
// capture hurts nobody.
func (t *terminal) estimated(c source.Cost) {
	e := c.Expected
	switch {
	case c.Goroutines == nil:
		t.note("cost to the target: unknown, the number of its goroutines could not be read")
	case e.Dumps == 0:
		t.note("cost to the target: no full dumps of its %d goroutines", *c.Goroutines)
	default:
		t.note("cost to the target, estimated: %d full dumps of %d goroutines, about %s each; each stops the program for up to %s",
			e.Dumps, *c.Goroutines, byteSize(e.Bytes/int64(e.Dumps)), duration(e.LongestStallS))
	}
}

// cost says after a capture what it did cost, in all and by request.
func (t *terminal) cost(m *source.Manifest) {
	if m.Cost == nil {
		return
	}
	c := m.Cost.Measured
	t.note("cost to the target: %d requests, %s, %s of answering beside what it was asked to collect; %s", c.Requests, byteSize(c.Bytes),
		duration(c.RequestS), stalls(c))
	width := 0
	for _, f := range m.Files {
		width = max(width, len(f.Name))
	}
	for _, f := range m.Files {
		line := fmt.Sprintf("  %-*s  %9s  %8s", width, f.Name, byteSize(f.Bytes), duration(f.RequestS))
		if f.StallS > 0 {
			line += "  stopped for up to " + duration(f.StallS)
		}
		fmt.Fprintln(t.stderr, strings.TrimRight(safe(line), " "))
	}
}

func stalls(e source.Expense) string {
	if e.Dumps == 0 {
		return "no full dump, so nothing stopped it for long"
	}
	return fmt.Sprintf("%d full dumps stopped it for up to %s, %s at most at once (estimated from their number of goroutines)",
		e.Dumps, duration(e.StallS), duration(e.LongestStallS))
}

func byteSize(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

func duration(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.1f ms", s*1e3)
	}
	return fmt.Sprintf("%.2f s", s)
}
