package evidence

import (
	"slices"
	"strings"
)

// Profile is one pprof profile (not of goroutines): values per distinct stack.
type Profile struct {
	Position
	Kind        Kind        `json:"kind"`
	SampleTypes []ValueType `json:"sample_types"`
	// Default indexes SampleTypes: the profile's default sample type, else the last.
	Default    int       `json:"default"`
	PeriodType ValueType `json:"period_type"`
	Period     int64     `json:"period"`
	DurationNS int64     `json:"duration_ns"` // 0 when the profile does not say
	Records    int64     `json:"records"`     // sample records in the file
	// Folded is the number of profiles that this is the sum of; 0 for one as it was taken. Of
	// a sum DurationNS is the sum of theirs, and Position the first one's.
	Folded int `json:"folded,omitempty"`
	// Stacks are distinct, ordered by their default value (descending), then by frames.
	Stacks []ValueStack `json:"stacks"`
	// Frames is the table that ValueStack.Frames indexes.
	Frames []Frame `json:"frames"`
	// Totals are the sums over all samples, per sample type.
	Totals []int64 `json:"totals"`
	// Dropped are the totals of stacks beyond the bound on distinct stacks; nil when none.
	Dropped []int64 `json:"dropped,omitempty"`
	// Coarsened is the number of stacks, among the dropped ones, and of labels that were left out to make room for
	// other profiles.
	Coarsened int64 `json:"coarsened,omitempty"`
	// Cut are the totals of those samples whose outermost frames were left out, for the same
	// bound: they stand among Stacks by their innermost frames. nil when none.
	Cut []int64 `json:"cut,omitempty"`
	// Build is the build id of the program, empty when the profile does not say. Profiles of
	// other builds have other stacks.
	Build    string   `json:"build,omitempty"`
	Comments []string `json:"comments,omitempty"`
	// Labels sums the first value of samples by "key=value", bounded, where those were asked for
	// (budget.Budget.Labels), else by key. nil where the profile has no labels.
	Labels map[string]int64 `json:"labels,omitempty"`
}

// ValueType names what a column of values counts, as in profile.proto: "delay", "nanoseconds".
type ValueType struct {
	Type string `json:"type"`
	Unit string `json:"unit"`
}

// ValueStack is one stack with a value per sample type. Frames are innermost first;
// inlined calls are separate frames.
type ValueStack struct {
	Frames []int32 `json:"frames"`
	Values []int64 `json:"values"`
	// Count is the number of sample records folded into the stack.
	Count int64 `json:"count"`
}

// Stack resolves a stack's frames.
func (p *Profile) Stack(s *ValueStack) Stack {
	out := make(Stack, len(s.Frames))
	for i, id := range s.Frames {
		out[i] = p.Frames[id]
	}
	return out
}

// Column is the index of a sample type such as "delay", or -1.
func (p *Profile) Column(sampleType string) int {
	for i, t := range p.SampleTypes {
		if t.Type == sampleType {
			return i
		}
	}
	return -1
}

// Total is the sum of a column, 0 for column -1.
func (p *Profile) Total(column int) int64 {
	if column < 0 || column >= len(p.Totals) {
		return 0
	}
	return p.Totals[column]
}

// MaskWhere marks the frames of the table that satisfy a predicate, so that a detector
// tests each distinct frame once and each stack by index.
func (p *Profile) MaskWhere(match func(Frame) bool) []bool {
	mask := make([]bool, len(p.Frames))
	for i, f := range p.Frames {
		mask[i] = match(f)
	}
	return mask
}

// Any reports whether a frame of the stack is marked.
func (s *ValueStack) Any(mask []bool) bool {
	for _, id := range s.Frames {
		if mask[id] {
			return true
		}
	}
	return false
}

// IsGo reports whether a profile is of a Go program: one of its functions is Go's. An empty profile may be.
func (p *Profile) IsGo() bool {
	for _, f := range p.Frames {
		if strings.HasSuffix(f.File, ".go") || strings.HasPrefix(f.Function, "runtime.") {
			return true
		}
	}
	return len(p.Frames) == 0
}

// IsZero reports whether all values of a profile add up to nothing.
func (p *Profile) IsZero() bool {
	return !slices.ContainsFunc(p.Totals, func(n int64) bool { return n != 0 })
}
