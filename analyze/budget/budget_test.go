package budget

import "testing"

func TestWithDefaults(t *testing.T) {
	if got := (Budget{}).WithDefaults(); got != Default() {
		t.Errorf("zero budget becomes %+v, want %+v", got, Default())
	}
	own := Budget{Bytes: 1, Memory: 2, Stacks: 3}
	if got := own.WithDefaults(); got != own {
		t.Errorf("%+v becomes %+v", own, got)
	}
	if got := (Budget{Bytes: -1, Memory: 2}).WithDefaults(); got != (Budget{DefaultBytes, 2, DefaultStacks}) {
		t.Errorf("partial budget becomes %+v", got)
	}
}
