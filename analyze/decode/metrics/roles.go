package metrics

import (
	"fmt"
	"slices"
	"strings"
)

// RoleNames are the roles that a metric can have.
func RoleNames() []string {
	return []string{roleNames[roleGoroutines], roleNames[roleInFlight], roleNames[roleRequests], roleNames[roleStarted], roleNames[roleLatency]}
}

// Roles are metric names by role, as the user gave them. They go before all conventions.
type Roles map[string]string

// Check refuses roles that there are not.
func (r Roles) Check() error {
	for role, name := range r {
		if !slices.Contains(RoleNames(), role) {
			return fmt.Errorf("unknown role %q (have %s)", role, strings.Join(RoleNames(), ", "))
		}
		if name == "" {
			return fmt.Errorf("the role %q is given no metric", role)
		}
	}
	return nil
}

// latencyUnits are seconds per unit, by the end of a metric's name. Seconds are Prometheus' base unit, and
// that of names which end otherwise.
var latencyUnits = []struct {
	suffix  string
	seconds float64
}{{"_milliseconds", 1e-3}, {"_millis", 1e-3}, {"_ms", 1e-3}, {"_microseconds", 1e-6}, {"_us", 1e-6}, {"_nanoseconds", 1e-9}, {"_ns", 1e-9}}

// table is the conventions after what the user says. Histograms may be named with or without a suffix.
func (r Roles) table() table {
	var out table
	for role := roleGoroutines; role <= roleLatency; role++ {
		name := r[roleNames[role]]
		if name == "" {
			continue
		}
		c := convention{role: role, family: familyGiven, pattern: name, why: "given by --metric"}
		if role == roleLatency {
			for _, s := range []string{"_bucket", "_sum", "_count"} {
				c.pattern = strings.TrimSuffix(c.pattern, s)
			}
			c.unit = 1
			for _, u := range latencyUnits {
				if strings.HasSuffix(c.pattern, u.suffix) {
					c.unit = u.seconds
					break
				}
			}
		}
		out = append(out, c)
	}
	return append(out, conventions...)
}

// given resolves names that the user gave a role. ok is false for all others.
func (t table) given(name string) (m metric, ok bool) {
	for i, c := range t {
		switch {
		case c.family != familyGiven:
			if c.family != familyRuntime {
				return metric{}, false
			}
		case c.role != roleLatency && name == c.pattern:
			return metric{base: name, part: partValue, rank: i}, true
		case c.role == roleLatency:
			for suffix, part := range map[string]part{"_bucket": partBucket, "_sum": partSum, "_count": partCount} {
				if name == c.pattern+suffix {
					return metric{base: c.pattern, part: part, rank: i}, true
				}
			}
		}
	}
	return metric{}, false
}
