package report

import (
	"cmp"
	"fmt"
	"time"

	"go-debug/analyze"
)

// The exit codes of every command and format.
const (
	ExitOK           = 0
	ExitFindings     = 1   // findings at or above the threshold, or a regression
	ExitUsage        = 2   // the command line is wrong
	ExitIncomplete   = 3   // an input could not be read or wholly analysed, or a detector failed
	ExitInconclusive = 4   // the evidence that the question needs is absent
	ExitInterrupted  = 130 // stopped by a signal
)

// Policy says what a run is judged by.
type Policy struct {
	// FailOn is the severity from which findings fail; 0 means that none does.
	FailOn analyze.Severity
	// MinConfidence is the confidence from which findings count.
	MinConfidence analyze.Confidence
	// AllowPartial accepts inputs that were not wholly read. It does not accept a
	// detector that failed.
	AllowPartial bool
	// RequireConclusive demands an answer of every detector that found evidence of its kind, and
	// that findings of the baseline that would fail if they were new can be looked for again.
	RequireConclusive bool
	// Accept lists findings that do not fail.
	Accept []Acceptance
	// Across names differences of the programs over which a comparison may pass, with what is comparable:
	// AcrossGo, AcrossMaxProcs.
	Across []string
	// Require lists evidence without which nothing passes.
	Require []Requirement
	// Now settles which acceptances have expired where no input says when it was captured.
	Now time.Time
}

// AnalyzePolicy never fails on findings.
func AnalyzePolicy() Policy { return Policy{MinConfidence: analyze.Likely} }

// GatePolicy fails on findings of high severity that are likely or proven, and is not
// satisfied by detectors that could not tell.
func GatePolicy() Policy {
	return Policy{FailOn: analyze.High, MinConfidence: analyze.Likely, RequireConclusive: true}
}

// Judgement is the exit code with all reasons for it, also those of lesser rank.
type Judgement struct {
	ExitCode int
	Reasons  []Reason
}

// Reason is one cause of an exit code other than 0.
type Reason struct {
	ExitCode int    `json:"exit_code" jsonschema:"1: a finding; 3: something was not wholly read or a detector failed; 4: the evidence is missing"`
	Text     string `json:"text" jsonschema:"the cause in one line"`
}

// rank orders exit codes: what was not read cannot pass as judged (3), a fault that was
// found stands (1) even if another question stayed open (4).
var rank = map[int]int{ExitInconclusive: 1, ExitFindings: 2, ExitIncomplete: 3}

// Worse is the exit code of two runs together: the one of higher rank.
func Worse(a, b int) int {
	if rank[b] > rank[a] {
		return b
	}
	return a
}

func (j *Judgement) add(code int, format string, args ...any) {
	j.Reasons = append(j.Reasons, Reason{code, fmt.Sprintf(format, args...)})
	j.ExitCode = Worse(j.ExitCode, code)
}

// Judge applies the policy to a report by itself: every finding at or above the threshold
// fails.
func Judge(head *Report, p Policy) Judgement { return weigh(head, nil, changes(head, nil), p) }

// weigh applies the policy to changes.
func weigh(head *Report, c *Comparison, all []Change, p Policy) Judgement {
	var j Judgement
	j.unread(head, p)
	for _, ch := range all {
		if p.fails(ch) {
			j.add(ExitFindings, "%s", ch.reason(c != nil))
		}
	}
	j.unanswered(head, c, all, p)
	return j
}

func (j *Judgement) unread(head *Report, p Policy) {
	for _, in := range head.Incomplete() {
		if p.AllowPartial && in.read() {
			continue
		}
		j.add(ExitIncomplete, "%s", in.unread())
	}
	for _, d := range head.Detectors {
		if d.State == analyze.Failed {
			j.add(ExitIncomplete, "detector %s failed: %s", d.Name, d.Why)
		}
	}
}

// unread says that the input was not wholly read, and why.
func (in *Input) unread() string {
	return fmt.Sprintf("input %s was not wholly read: %s", in.Name, cmp.Or(in.Error, "it is incomplete"))
}

// unanswered adds what the evidence could not answer.
func (j *Judgement) unanswered(head *Report, c *Comparison, all []Change, p Policy) {
	if head.Verdict.Status == Inconclusive {
		j.add(ExitInconclusive, "%s", head.Verdict.Summary)
	}
	named := map[string]bool{}
	if c != nil {
		for _, name := range c.Lost {
			named[name] = true
			j.add(ExitInconclusive, "detector %s ran for the baseline and now %s", name, head.absence(name))
		}
	}
	for _, ch := range all {
		// A known finding that grew would fail the gate; one that is out of sight may have grown.
		if ch.Class == ClassUnchecked && p.counts(ch) && ch.Accepted == "" && p.RequireConclusive && !named[detectorOf(ch.Rule)] {
			j.add(ExitInconclusive, "%s could not be checked: %s", ch.reason(true), ch.Why)
		}
	}
	for i := range p.Require {
		if why := p.Require[i].missing(head); why != "" {
			j.add(ExitInconclusive, "%s", why)
		}
	}
	for _, d := range head.Detectors {
		if p.RequireConclusive && d.State == analyze.Inconclusive && !named[d.Name] {
			j.add(ExitInconclusive, "detector %s could not tell: %s", d.Name, d.Why)
		}
	}
}

// fails reports whether a change breaks the policy: new and grown findings that count, and new
// ones that are merely possible at a place where the baseline has nobody waiting, or where far fewer stay.
func (p Policy) fails(ch Change) bool {
	switch {
	case ch.Accepted != "" || ch.Unconfirmed:
		return false
	case ch.Class == ClassGrown:
		return p.counts(ch) || ch.Pooled && p.doubts(ch)
	}
	return ch.Class == ClassNew && (p.counts(ch) || (ch.NewSite || ch.Outgrown || ch.Pooled) && p.doubts(ch))
}

// counts reports whether a finding is severe and sure enough for the policy.
func (p Policy) counts(ch Change) bool {
	return p.FailOn > 0 && ch.Severity >= p.FailOn && ch.Confidence >= p.MinConfidence
}

// doubts reports whether a finding is severe enough, and possible where the policy asks for
// likely.
func (p Policy) doubts(ch Change) bool {
	return p.FailOn > 0 && ch.Severity >= p.FailOn && ch.Confidence == analyze.Possible && p.MinConfidence == analyze.Likely
}

func (ch *Change) reason(compared bool) string {
	at := ""
	if ch.Location != nil {
		at = " at " + ch.Location.place()
	}
	kind := "finding"
	if compared {
		kind = string(ch.Class) + " finding"
	}
	text := fmt.Sprintf("%s %s%s (%s, %s)", kind, ch.Rule, at, ch.Severity, ch.Confidence)
	switch {
	case ch.Class == ClassGrown && ch.Why != "":
		text += ": " + ch.Why
	case ch.Pooled:
		text += ": " + ch.Why
	case ch.Class == ClassNew && ch.Outgrown && ch.Confidence == analyze.Possible:
		text += ": " + ch.Why
	case ch.Class == ClassNew && ch.NewSite && ch.Confidence == analyze.Possible:
		text += ": the baseline has nobody waiting there"
	}
	return text
}

// place is file and line, or the function where the file is not known.
func (f *Frame) place() string {
	switch {
	case f.File == "":
		return f.Function
	case f.Line == nil:
		return string(f.File)
	}
	return fmt.Sprintf("%s:%d", f.File, *f.Line)
}

// changes are the comparison's, or all findings as new ones.
func changes(head *Report, c *Comparison) []Change {
	if c != nil {
		return c.Changes
	}
	out := make([]Change, 0, len(head.Findings))
	for i := range head.Findings {
		ch := newChange(ClassNew, &head.Findings[i])
		ch.headline(nil, head.Findings[i].headline())
		ch.Why = "there is no baseline"
		out = append(out, ch)
	}
	return out
}
