package cli

import (
	"errors"
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/report"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "1048576": 1 << 20, "512MB": 512e6, "512MiB": 512 << 20, "512mib": 512 << 20, "1GiB": 1 << 30, "1 GiB": 1 << 30,
		"1.5GiB": 3 << 29, "2G": 2e9, "2Gi": 2 << 30, "64k": 64e3, "64KiB": 64 << 10, "7b": 7, "1TiB": 1 << 40, "8388607TiB": 8388607 << 40,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", " ", "MiB", "-1", "+1", "1e9", "0x10", "1..2", ".", "NaN", "inf", "1GiBs", "1 2", "12 parsecs", "1iB", "8388608TiB", "99999999999999999999999"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %d", text, got)
		}
	}
}

func TestMemoryOfFlagAndRuntime(t *testing.T) {
	old := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(old)
	const gomemlimit = 300 << 20 // as the runtime has read it
	for name, tt := range map[string]struct {
		flag, runtime     string
		memory, collector int64
	}{
		"default":                     {"", "", 1 << 30, 1 << 30},
		"flag":                        {"2GiB", "", 2 << 30, 2 << 30},
		"little":                      {"2MiB", "", 2 << 20, minCollectorMemory},
		"under GOMEMLIMIT":            {"", "300MiB", gomemlimit, gomemlimit},
		"the flag beats GOMEMLIMIT":   {"2GiB", "300MiB", 2 << 30, gomemlimit},
		"the collector keeps its own": {"2MiB", "300MiB", 2 << 20, gomemlimit},
	} {
		t.Run(name, func(t *testing.T) {
			debug.SetMemoryLimit(math.MaxInt64)
			if tt.runtime != "" {
				debug.SetMemoryLimit(gomemlimit)
			}
			in := &inputFlags{limits: limitFlags{memory: tt.flag}}
			b, err := in.budget(environment(map[string]string{"GOMEMLIMIT": tt.runtime}))
			if err != nil || b.Memory != tt.memory {
				t.Errorf("memory %d, %v; want %d", b.Memory, err, tt.memory)
			}
			if got := debug.SetMemoryLimit(-1); got != tt.collector {
				t.Errorf("the collector's limit is %d, want %d", got, tt.collector)
			}
			if b.Bytes != budget.DefaultBytes || b.Stacks != budget.StacksFor(tt.memory) {
				t.Errorf("other limits changed: %+v", b)
			}
		})
	}
}

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestMemoryRefused(t *testing.T) {
	for _, tt := range []struct{ flag, text, hint string }{
		{"much", `--max-memory: "much" is no size`, "--max-memory 1GiB"},
		{"100kB", `--max-memory: "100kB" is too little: give at least 1MiB`, "--max-memory 1GiB"},
	} {
		_, err := (&inputFlags{limits: limitFlags{memory: tt.flag}}).budget(environment(nil))
		var f *failure
		if !errors.As(err, &f) || f.code != report.ExitUsage || !strings.Contains(f.Error(), tt.text) || f.hint != tt.hint {
			t.Errorf("%q: %v", tt.flag, err)
		}
	}
}
