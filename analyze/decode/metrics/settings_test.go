package metrics

import (
	"math"
	"strings"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func settingsOf(t *testing.T, text string) *evidence.Settings {
	t.Helper()
	set, err := Decode(t.Context(), strings.NewReader(text), evidence.Position{Source: "metrics.prom"}, budget.Default())
	if err != nil {
		t.Fatal(err)
	}
	return set.Inputs[0].Settings
}

func TestSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want *evidence.Settings
	}{
		"none": {"go_goroutines 7\n", nil},
		"client_golang": {`go_build_info{checksum="",path="example.com/shop",version="v1.2.3"} 1
go_gc_gomemlimit_bytes 6.7108864e+07
go_gc_gogc_percent 50
go_sched_gomaxprocs_threads 4
`, &evidence.Settings{Module: "example.com/shop", MemoryLimit: 64 << 20, GOGC: 50}},
		"no limit, and GOGC=off": {"go_gc_gomemlimit_bytes 9.223372036854775807e+18\ngo_gc_gogc_percent 1.8446744073709552e+19\n",
			&evidence.Settings{MemoryLimit: math.MaxInt64, GOGC: -1}},
		"OpenTelemetry":     {"go_memory_limit_bytes 1000\ngo_config_gogc_percent 100\ngo_processor_limit 2\n", &evidence.Settings{MemoryLimit: 1000, GOGC: 100}},
		"a container":       {"container_spec_cpu_quota 150000\ncontainer_spec_cpu_period 100000\n", &evidence.Settings{CPUQuota: 150_000, CPUPeriod: 100_000}},
		"of two containers": {"container_spec_cpu_quota{id=\"a\"} 150000\ncontainer_spec_cpu_quota{id=\"b\"} 50000\n", &evidence.Settings{}},
		"not a number":      {"go_gc_gogc_percent NaN\n", nil},
	} {
		got := settingsOf(t, tt.text)
		if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}
