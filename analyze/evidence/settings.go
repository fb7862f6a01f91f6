package evidence

import "math"

// Settings are what a program or its container says of how it runs: by its metrics, for profiles do not. Zero is
// not said.
type Settings struct {
	// Module is the path of the main module, from the build info.
	Module string `json:"module,omitempty"`
	// MemoryLimit is GOMEMLIMIT in bytes; math.MaxInt64 where there is none.
	MemoryLimit float64 `json:"memory_limit_bytes,omitempty"`
	// GOGC is in percent; -1 is off.
	GOGC float64 `json:"gogc_percent,omitempty"`
	// CPUQuota and CPUPeriod are those of the container in microseconds: it may use quota/period CPUs. A quota of
	// -1 is none.
	CPUQuota  float64 `json:"cpu_quota_us,omitempty"`
	CPUPeriod float64 `json:"cpu_period_us,omitempty"`
}

// Limited reports a memory limit that is known, and is one.
func (s Settings) Limited() bool { return s.MemoryLimit > 0 && s.MemoryLimit < math.MaxInt64 }

// Unlimited reports that there is no memory limit for sure.
func (s Settings) Unlimited() bool { return s.MemoryLimit >= math.MaxInt64 }

// CPUs is how many the container may use; 0 where that is not known or there is no quota.
func (s Settings) CPUs() float64 {
	if s.CPUQuota <= 0 || s.CPUPeriod <= 0 {
		return 0
	}
	return s.CPUQuota / s.CPUPeriod
}

// Settings are those on which all inputs agree that say anything: those of a fleet whose members differ are no
// one's.
func (s *Set) Settings() Settings {
	var out Settings
	var module string
	agreed := true
	numbers := [4]float64{}
	var differ [4]bool
	for i := range s.Inputs {
		in := s.Inputs[i].Settings
		if in == nil {
			continue
		}
		if in.Module != "" {
			agreed = agreed && (module == "" || module == in.Module)
			module = in.Module
		}
		for j, v := range [4]float64{in.MemoryLimit, in.GOGC, in.CPUQuota, in.CPUPeriod} {
			if v != 0 {
				differ[j] = differ[j] || numbers[j] != 0 && numbers[j] != v
				numbers[j] = v
			}
		}
	}
	if agreed {
		out.Module = module
	}
	for j, to := range []*float64{&out.MemoryLimit, &out.GOGC, &out.CPUQuota, &out.CPUPeriod} {
		if !differ[j] {
			*to = numbers[j]
		}
	}
	return out
}
