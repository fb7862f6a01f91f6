package cli

import (
	"fmt"
	"math"
	"runtime/debug"
	"strconv"
	"strings"

	"go-debug/analyze/budget"
)

// The bounds of --max-memory. Under the collector's the process itself, apart from what it
// reads, leaves the garbage collector nothing to work with.
const (
	minMemory          = 1 << 20
	minCollectorMemory = 64 << 20
)

// budget is what one input may cost: by --max-memory, else the default, which is lowered to GOMEMLIMIT. It tells the garbage collector as well, unless
// somebody has told it already.
func (in *inputFlags) budget(getenv func(string) string) (budget.Budget, error) {
	b := budget.Default()
	b.RequestRoot = in.requestRoot
	limited := getenv("GOMEMLIMIT") != ""
	if limited {
		b.Memory = max(min(b.Memory, debug.SetMemoryLimit(-1)), minMemory)
	}
	if in.limits.memory != "" {
		n, err := parseMemory(in.limits.memory)
		if err != nil {
			return b, usage(budget.MemoryFlag+" 1GiB", "%s: %w", budget.MemoryFlag, err)
		}
		b.Memory = n
	}
	b.Stacks = budget.StacksFor(b.Memory)
	if in.labels < 0 {
		return b, usage("--labels 100", "--labels %d: want 0 or more", in.labels)
	}
	b.Labels = in.labels
	if !limited {
		debug.SetMemoryLimit(max(b.Memory, minCollectorMemory))
	}
	err := in.limits.apply(&b)
	return b, err
}

// parseMemory reads a size of at least minMemory.
func parseMemory(text string) (int64, error) {
	n, err := parseSize(text)
	if err == nil && n < minMemory {
		err = fmt.Errorf("%q is too little: give at least 1MiB", text)
	}
	return n, err
}

// sizeUnits are the units of sizes, without the B that may stand behind them. Those of
// Kubernetes and of GOMEMLIMIT are among them.
var sizeUnits = map[string]float64{
	"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
	"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
}

// parseSize reads a number of bytes: "512MiB", "512MB", "1.5GiB", "1073741824".
func parseSize(text string) (int64, error) {
	lower := strings.ToLower(strings.TrimSpace(text))
	digits := lower[:len(lower)-len(strings.TrimLeft(lower, "0123456789."))]
	unit, known := sizeUnits[strings.TrimSuffix(strings.TrimSpace(lower[len(digits):]), "b")]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !known {
		return 0, fmt.Errorf("%q is no size: give one such as 512MiB, 512MB or 1GiB", text)
	}
	if n *= unit; n >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is more than a machine can have", text)
	}
	return int64(n), nil
}
