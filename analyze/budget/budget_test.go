package budget

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestWithDefaults(t *testing.T) {
	if got := (Budget{}).WithDefaults(); got != Default() {
		t.Errorf("zero budget becomes %+v, want %+v", got, Default())
	}
	own := Budget{Bytes: 1, Ratio: 5, Files: 4, Memory: 2, Stacks: 3}
	if got := own.WithDefaults(); got != own {
		t.Errorf("%+v becomes %+v", own, got)
	}
	if got := (Budget{Bytes: -1, Memory: 2}).WithDefaults(); got != (Budget{Bytes: DefaultBytes, Ratio: DefaultRatio, Files: DefaultFiles, Memory: 2, Stacks: DefaultStacks}) {
		t.Errorf("partial budget becomes %+v", got)
	}
}

func TestRaise(t *testing.T) {
	for _, tt := range []struct {
		need, memory int64
		want         string
	}{
		{0, DefaultMemory, "2GiB"}, {0, 512 << 20, "1GiB"}, {0, 500_000_000, "512MiB"}, {0, 0, "1MiB"},
		{5 << 30, DefaultMemory, "8GiB"}, {4 << 30, DefaultMemory, "4GiB"}, {0, 1<<62 + 1, "4294967296GiB"},
	} {
		e := OverMemory("memory for a test", tt.memory)
		e.Need = tt.need
		if got := e.Raise(tt.memory); got != tt.want || e.Flag != MemoryFlag {
			t.Errorf("need %d with %d: %s, want %s", tt.need, tt.memory, got, tt.want)
		}
	}
}

// Each limit names its flag and a value of it that is larger.
func TestRaiseOfOtherFlags(t *testing.T) {
	for _, tt := range []struct {
		err  *Error
		want string
	}{
		{&Error{Limit: 8 << 30, Flag: BytesFlag}, "16GiB"},
		{&Error{Limit: 500, Flag: RatioFlag}, "1000"},
		{&Error{Limit: 10, Need: 200_000, Flag: FilesFlag}, "200000"},
		{OverTime(3 * time.Second), "6s"},
	} {
		if got := tt.err.Raise(1 << 20); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}

// More memory has room for more stacks, and the value that is offered does raise the limit.
func TestStacksFor(t *testing.T) {
	for memory, want := range map[int64]int{1: DefaultStacks, DefaultMemory: DefaultStacks, 3 * DefaultMemory: 3 * DefaultStacks, 1 << 62: 1 << 24} {
		if got := StacksFor(memory); got < want-want/100 || got > want+want/100 {
			t.Errorf("%d stacks in %d bytes, want %d", got, memory, want)
		}
	}
	for _, memory := range []int64{256 << 20, DefaultMemory, 3 << 30} {
		err := OverStacks("distinct stacks", StacksFor(memory))
		if raised := err.Raise(memory); !strings.HasSuffix(raised, "GiB") || StacksFor(err.Need) < 2*StacksFor(memory) {
			t.Errorf("%d bytes: %v, raise to %s", memory, err, raised)
		}
	}
}

func TestOverTimeIsADeadline(t *testing.T) {
	err := OverTime(time.Minute)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1m0s (--timeout)") {
		t.Errorf("%v", err)
	}
	if errors.Is(OverMemory("memory", 1), context.DeadlineExceeded) {
		t.Error("a limit on memory is taken for a deadline")
	}
}
