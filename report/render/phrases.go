package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/report"
)

// The phrases of a report that all formats for people share. They expect a clean report.

// Limits of what is shown without Verbose.
const (
	maxFindings = 10
	maxRemarks  = 5 // notes on inputs, sentences on the load
	maxRows     = 10
)

// limit is how many of n are shown.
func (o Options) limit(n, most int) int {
	if o.Verbose {
		return n
	}
	return min(n, most)
}

// inputsPhrase says what was read: "7 inputs: 6 × goroutine, trace (12.4 MB, go1.26.8)".
func inputsPhrase(r *report.Report) string {
	if len(r.Inputs) == 0 {
		return "no input"
	}
	tally := map[string]int{}
	versions := map[string]bool{}
	var kinds []string
	var details []string
	var bytes int64
	for _, in := range r.Inputs {
		kind := string(in.Kind)
		if in.Kind == evidence.Unknown {
			kind = "unknown kind"
		}
		if tally[kind]++; tally[kind] == 1 {
			kinds = append(kinds, kind)
		}
		if in.Bytes != nil {
			bytes += *in.Bytes
		}
		if in.Go != "" {
			versions[string(in.Go)] = true
		}
	}
	// The order of the captures follows from which request was sent first: no matter to a reader.
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(cmp.Compare(tally[b], tally[a]), cmp.Compare(a, b)) })
	for i, k := range kinds {
		if tally[k] > 1 {
			kinds[i] = fmt.Sprintf("%s × %s", integer(int64(tally[k])), k)
		}
	}
	phrase := plural(len(r.Inputs), "input") + ": " + strings.Join(kinds, ", ")
	if bytes > 0 {
		details = append(details, humanValue(float64(bytes), "bytes"))
	}
	details = append(details, slices.Sorted(maps.Keys(versions))...)
	if len(details) > 0 {
		phrase += " (" + strings.Join(details, ", ") + ")"
	}
	return phrase
}

// remark is a text about something named.
type remark struct{ name, text, try string }

// inputRemarks are errors first, then notes.
func inputRemarks(r *report.Report) []remark {
	var bad, notes []remark
	for _, in := range r.Inputs {
		if !in.Complete {
			text := "not wholly read: " + cmp.Or(in.Error, "incomplete")
			if lost := lossPhrase(in); lost != "" {
				text += " (" + lost + " lost)"
			}
			bad = append(bad, remark{in.Name, text, in.Hint})
		}
		for _, n := range in.Notes {
			notes = append(notes, remark{name: in.Name, text: n})
		}
	}
	return append(bad, notes...)
}

// lossPhrase is what is known to be missing of an input: "1.2 MB, 3.4 s"; empty when nothing is.
func lossPhrase(in report.Input) string {
	var parts []string
	if in.LostBytes != nil && *in.LostBytes > 0 {
		parts = append(parts, humanValue(float64(*in.LostBytes), "bytes"))
	}
	if in.LostS != nil && *in.LostS > 0 {
		parts = append(parts, humanValue(*in.LostS, "s"))
	}
	return strings.Join(parts, ", ")
}

// uncheckedRemarks are the detectors that gave no answer, and the questions that stayed
// open for those that did.
func uncheckedRemarks(r *report.Report) []remark {
	var out []remark
	for _, d := range r.Detectors {
		if d.State != analyze.Ran {
			out = append(out, remark{d.Name, strings.TrimSuffix(string(d.State)+": "+d.Why, ": "), d.Try})
		}
	}
	for _, d := range r.Detectors {
		for _, u := range d.Unchecked {
			out = append(out, remark{d.Name, u.What, u.Try})
		}
	}
	return out
}

// group is remarks that one command would settle.
type group struct {
	try     string
	remarks []remark
}

// grouped puts remarks of one command together, in the order of the first of them. Those
// without a command stand alone.
func grouped(remarks []remark) []group {
	var out []group
	for _, m := range remarks {
		i := slices.IndexFunc(out, func(g group) bool { return m.try != "" && g.try == m.try })
		if i < 0 {
			out = append(out, group{try: m.try})
			i = len(out) - 1
		}
		out[i].remarks = append(out[i].remarks, m)
	}
	return out
}

// cause is a finding with those of other detectors that have the same cause.
type cause struct {
	report.Finding
	also []report.Finding
}

// byCause puts findings that are folded beneath the one that they are folded into, which stands before them.
func byCause(all []report.Finding) []cause {
	var out []cause
	for _, f := range all {
		if n := len(out); f.FoldedInto != "" && n > 0 && out[n-1].Fingerprint == f.FoldedInto {
			out[n-1].also = append(out[n-1].also, f)
			continue
		}
		out = append(out, cause{Finding: f})
	}
	return out
}

// alsoPhrase is a folded finding beside the one that it is folded into, with its place where that is another.
func alsoPhrase(f, also report.Finding) string {
	phrase := also.Confidence.String() + ": "
	if at := place(also.Location); at != "" && at != place(f.Location) {
		phrase += at + ": "
	}
	return phrase + also.Message + " [" + also.Rule + "]"
}

// nextCommand is what to run next: of the first finding that names something, else what
// would enable a detector.
func nextCommand(r *report.Report) string {
	for _, f := range r.Findings {
		if f.Next != "" {
			return f.Next
		}
	}
	for _, u := range uncheckedRemarks(r) {
		if u.try != "" {
			return u.try
		}
	}
	return ""
}

// place is "main.go:29", or empty.
func place(f *report.Frame) string {
	switch {
	case f == nil || f.File == "":
		return ""
	case f.Line == nil:
		return string(f.File)
	}
	return fmt.Sprintf("%s:%d", f.File, *f.Line)
}

// evidencePhrases are the measures of a finding: the headline in full, the others short
// unless everything is asked for.
func evidencePhrases(f report.Finding, o Options) []string {
	if len(f.Measures) == 0 {
		return nil
	}
	if o.Verbose {
		var out []string
		for _, m := range f.Measures {
			out = append(out, measurePhrase(m, o))
		}
		return out
	}
	line := measurePhrase(f.Measures[0], o)
	for i, m := range f.Measures[1:] {
		if i == 2 {
			line += "; …"
			break
		}
		line += "; " + measureName(m.Name) + " " + human(m.Value, m.Unit)
	}
	return []string{line}
}

// measurePhrase is a number with what is needed to judge it: "goroutines 1,243 (95 % interval
// 1,200 to 1,290; over 30 s)". The method, and the sample size beside an interval that already
// says what it is good for, are for those who ask for everything.
func measurePhrase(m report.Measure, o Options) string {
	var details []string
	if m.Interval != nil {
		label := "95 % interval"
		if strings.Contains(m.Method, "%") {
			label = "interval"
		}
		details = append(details, fmt.Sprintf("%s %s to %s", label,
			humanValue(m.Interval[0], m.Unit), humanValue(m.Interval[1], m.Unit)))
	}
	for _, p := range []struct {
		name  string
		value *float64
	}{{"P50", m.P50}, {"P90", m.P90}, {"P95", m.P95}, {"P99", m.P99}, {"max", m.Max}} {
		if p.value != nil {
			details = append(details, p.name+" "+human(p.value, m.Unit))
		}
	}
	if m.N != nil && (o.Verbose || m.Interval == nil) {
		details = append(details, "n "+integer(*m.N))
	}
	if m.WindowS != nil {
		details = append(details, "over "+human(m.WindowS, "s"))
	}
	if m.Method != "" && o.Verbose {
		details = append(details, m.Method)
	}
	for _, w := range m.Warnings {
		details = append(details, "caution: "+w)
	}
	phrase := strings.TrimSpace(measureName(m.Name) + " " + human(m.Value, m.Unit))
	if len(details) > 0 {
		phrase += " (" + strings.Join(details, "; ") + ")"
	}
	return phrase
}

// stacksOf are the frames of a finding's stacks; a report may have their functions only.
func stacksOf(f report.Finding) [][]report.Frame {
	if len(f.StackFrames) > 0 {
		return f.StackFrames
	}
	out := make([][]report.Frame, len(f.Stacks))
	for i, stack := range f.Stacks {
		for _, function := range stack {
			out[i] = append(out[i], report.Frame{Function: function})
		}
	}
	return out
}

// measureName is the name of a measure as people read it: JSON keeps the underscores.
func measureName(name string) string { return strings.ReplaceAll(name, "_", " ") }
