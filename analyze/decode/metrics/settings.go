package metrics

import (
	"math"
	"strings"

	"go-debug/analyze/evidence"
)

// settings are what metrics say of how a program runs. What one input says in several ways, being of several programs
// or of a program that was changed, is taken for not said.
type settings struct {
	evidence.Settings
	said   bool
	differ map[any]bool // by the address of the setting
}

// maxModule bounds the path of a module that is believed.
const maxModule = 256

// take keeps a sample of roleSetting.
func (s *settings) take(name string, labels map[string]string, value float64) {
	if math.IsNaN(value) {
		return
	}
	s.said = true
	switch strings.ReplaceAll(name, ".", "_") {
	case "go_build_info":
		if path := labels["path"]; path != "unknown" && len(path) <= maxModule {
			keep(s, &s.Module, path)
		}
	case "go_gc_gomemlimit_bytes", "go_memory_limit", "go_memory_limit_bytes":
		keep(s, &s.MemoryLimit, min(value, math.MaxInt64))
	case "go_gc_gogc_percent", "go_config_gogc", "go_config_gogc_percent":
		if value > math.MaxInt32 { // the runtime's metric of GOGC=off is the largest integer
			value = -1
		}
		keep(s, &s.GOGC, value)
	case "container_spec_cpu_quota":
		keep(s, &s.CPUQuota, value)
	case "container_spec_cpu_period":
		keep(s, &s.CPUPeriod, value)
	}
}

func keep[T comparable](s *settings, to *T, value T) {
	var none T
	switch {
	case s.differ[to]:
	case *to == none:
		*to = value
	case *to != value:
		*to = none
		if s.differ == nil {
			s.differ = map[any]bool{}
		}
		s.differ[to] = true
	}
}

// known are the settings, nil where nothing was said.
func (s *settings) known() *evidence.Settings {
	if !s.said {
		return nil
	}
	out := s.Settings
	return &out
}
