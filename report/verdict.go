package report

import (
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze"
)

// judge computes the verdict.
//
//   - fail: a finding of high severity that is likely or proven;
//   - warn: any other finding of low severity or more, or an input that was not wholly read, or a
//     detector that failed;
//   - inconclusive: no such finding, and no detector that judges the service ran (all were skipped,
//     inconclusive or failed) or no input could be read;
//   - ok: otherwise.
//
// Clean, not checked and not read never look alike: the summary counts what was not read
// and, when nothing was found, what was not checked.
func judge(r *Report) Verdict {
	status := OK
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f.breaks():
			status = Fail
		case f.Severity >= analyze.Low && status == OK:
			status = Warn
		}
	}
	if status == OK && (!r.answered() || !r.anyRead()) {
		status = Inconclusive
	}
	v := Verdict{Status: status, Summary: summary(r, status)}
	if status == OK && (len(r.Incomplete()) > 0 || r.states()[analyze.Failed] > 0) {
		v.Status = Warn // what was not looked at cannot be called fine
	}
	return v
}

// anyRead reports whether at least something of one input was read.
func (r *Report) anyRead() bool {
	for _, in := range r.Inputs {
		if in.Complete || in.Bytes != nil && *in.Bytes > 0 {
			return true
		}
	}
	return false
}

// answered reports whether some detector could say something of the service.
func (r *Report) answered() bool {
	return slices.ContainsFunc(r.Detectors, func(d Detector) bool { return d.State == analyze.Ran && !d.Supporting })
}

// states counts the detectors by state.
func (r *Report) states() map[analyze.State]int {
	n := map[analyze.State]int{}
	for _, d := range r.Detectors {
		n[d.State]++
	}
	return n
}

// Incomplete are the inputs that were not wholly read.
func (r *Report) Incomplete() []Input {
	var out []Input
	for _, in := range r.Inputs {
		if !in.Complete {
			out = append(out, in)
		}
	}
	return out
}

func summary(r *Report, status Status) string {
	parts := []string{found(r, status)}
	n := len(r.Incomplete())
	said := status == Inconclusive && n == len(r.Inputs)
	if n > 0 && !said {
		parts = append(parts, count(n, "input")+" not wholly read")
	}
	states := r.states()
	total := count(len(r.Detectors), "detector")
	if n := states[analyze.Skipped] + states[analyze.Inconclusive]; n > 0 && status == OK {
		parts = append(parts, fmt.Sprintf("%d of %s could not check", n, total))
	}
	if n := states[analyze.Failed]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s failed", n, total))
	}
	return strings.Join(parts, "; ")
}

// found says what was found by kind, in rank order: "2 likely leaks, 1 contention". Proven
// needs no word; remarks (severity info) come last and are not counted by kind.
func found(r *Report, status Status) string {
	var order []string
	tally := map[string]int{}
	remarks := 0
	for _, f := range r.Findings {
		if f.FoldedInto != "" {
			continue // it is no cause of its own
		}
		if f.Severity < analyze.Low {
			remarks++
			continue
		}
		noun := f.Noun
		switch f.Confidence {
		case analyze.Proven:
		case analyze.Weak:
			noun = "low-confidence " + noun
		default:
			noun = f.Confidence.String() + " " + noun
		}
		if tally[noun] == 0 {
			order = append(order, noun)
		}
		tally[noun]++
	}
	var parts []string
	for _, noun := range order {
		parts = append(parts, count(tally[noun], noun))
	}
	if len(order) == 0 {
		parts = append(parts, nothingFound(r, status))
	}
	if remarks > 0 {
		parts = append(parts, count(remarks, "remark"))
	}
	return strings.Join(parts, ", ")
}

func nothingFound(r *Report, status Status) string {
	switch {
	case status != Inconclusive:
		return "no findings"
	case len(r.Inputs) == 0:
		return "nothing was checked: there was no input"
	case len(r.Incomplete()) == len(r.Inputs) && !r.anyRead():
		return "nothing was checked: no input could be read"
	case len(r.Incomplete()) == len(r.Inputs):
		return "nothing was checked: no input was wholly read"
	default:
		return "nothing was checked: no detector could answer with this evidence"
	}
}

// count writes a number with its noun, in the plural where it is not one.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// detectorOf is the detector's name in a rule ID.
func detectorOf(rule string) string {
	name, _, _ := strings.Cut(rule, "/")
	return name
}
