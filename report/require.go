package report

import (
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// Requirement is evidence without which a gate does not pass: a detector has to have answered, on each of the
// kinds of input that are named.
type Requirement struct {
	Detector string
	Kinds    []evidence.Kind // none: whatever the detector can use
	// Origin is where it stands: ".go-debug.yaml:7".
	Origin string
}

// Evidence says what is required, in words.
func (q *Requirement) Evidence() string {
	if len(q.Kinds) == 0 {
		return "any evidence"
	}
	return joined(q.Kinds)
}

// missing says why a report does not have what is required; empty when it does. An input that was not wholly
// read is not there, and nor is a profile without a sample: it looks the same whether nothing happened or
// nobody turned it on.
func (q *Requirement) missing(r *Report) string {
	if r.stateOf(q.Detector) != analyze.Ran {
		return fmt.Sprintf("%s: detector %s is required (%s) and %s", q.Origin, q.Detector, q.Evidence(), r.absence(q.Detector))
	}
	var lacking []evidence.Kind
	for _, k := range q.Kinds {
		if !r.has(k) {
			lacking = append(lacking, k)
		}
	}
	if len(lacking) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: detector %s requires %s, and there is no %s to answer by", q.Origin, q.Detector, q.Evidence(), joined(lacking))
}

// has reports whether an input of the kind was wholly read and has something in it.
func (r *Report) has(k evidence.Kind) bool {
	return slices.ContainsFunc(r.Inputs, func(in Input) bool {
		kind := in.Kind
		if in.Phase != "" && k == evidence.Survivors {
			kind = evidence.Survivors
		}
		return kind == k && in.Complete && !in.Empty
	})
}
