package recovered

import (
	"context"
	"strings"
	"testing"
)

func caught(ctx context.Context, f func()) (cause string) {
	defer func() { cause = Cause(ctx, recover()) }()
	f()
	return ""
}

func TestCause(t *testing.T) {
	var none []int
	for name, tt := range map[string]struct {
		panics     func()
		want, also string
	}{
		"an index":   {func() { none[3]++ }, "index out of range [3] with length 0", "recovered/recovered_test.go:"},
		"many lines": {func() { panic("first\nsecond") }, "first (", "recovered/recovered_test.go:"},
		"a long one": {func() { panic(strings.Repeat("世", 1000)) }, "世… (", ""},
	} {
		got := caught(t.Context(), tt.panics)
		if !strings.Contains(got, tt.want) || !strings.Contains(got, tt.also) || strings.Contains(got, "\n") || len(got) > 300 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWithTraceback(t *testing.T) {
	var panicked any
	var stack string
	ctx := WithTraceback(t.Context(), func(p any, s []byte) { panicked, stack = p, string(s) })
	caught(ctx, func() { panic("lost") })
	if panicked != "lost" || !strings.Contains(stack, "recovered_test.go") {
		t.Errorf("shown %v with the stack %q", panicked, stack)
	}
}
