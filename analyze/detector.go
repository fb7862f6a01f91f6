// Package analyze is the contract between evidence, detectors and reports, and the driver
// that runs detectors over a set of evidence.
package analyze

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"hash"

	"crypto/sha256"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// Detector finds one family of faults. It is a value in a list (detectors.All): adding
// one is a folder and a line.
type Detector struct {
	Name   string // lower case, one word: "leak"
	Noun   string // what summaries call one finding: "leak", "contention"; Name when empty
	Doc    string // the embedded doc.go; the first sentence is the title
	Rules  []Rule
	Needs  []Need // alternatives, best first; one met need is enough to run
	Params []Param
	// Supporting marks a detector that judges the evidence and not the service: that it found
	// nothing says nothing of the service.
	Supporting bool
	// ReadsCode reports whether Set.Code, what the program's source says where goroutines block, could
	// change what Run finds in the evidence: reading source costs more than most captures. It sees no more
	// than Run does; nil means never.
	ReadsCode func(p *Pass) bool
	// Plantings are regressions by which a gate proves that it would fail on what the detector finds.
	Plantings []Planting
	// Run reads p.Evidence and calls p.Report. It sees no file, network, clock or global.
	Run func(ctx context.Context, p *Pass) error
}

// Planting is a synthetic regression that a detector must find. Its size is what anybody would want to be told
// of, whatever the detector's parameters are set to.
type Planting struct {
	// Rules it stands for: the detector must report one of them. Those of one planting are decided alike.
	Rules []string
	// Most is the surest that a finding of these rules can be, with the best evidence.
	Most Confidence
	// Put plants in a set that package plant copied, at a line of the program, and says what it planted. The
	// error says which evidence is missing.
	Put func(set *evidence.Set, at evidence.Frame) (what string, err error)
}

// Rule is one fault that a detector knows.
type Rule struct {
	ID       string // "leak/chan-send": detector name, slash, fault
	Title    string // one line, no full stop
	Severity Severity
	Remedy   string // what to change, in a sentence or two
	Doc      string // what it means, how it is found, when it is wrong: for explain

	// Total marks a rule about a sum whose line is only where most of it comes from. Where another
	// detector says what is wrong with that line, the total is a measure of it: see fold.
	Total bool
	// Cause names what rules of several detectors see the effects of where no line tells: their findings are
	// folded into one.
	Cause string
	// Change is what source analysis may work out for the line that a finding names; empty: nothing.
	Change evidence.Change
}

// Causes that several detectors see.
const (
	CauseDeniedCPU = "denied CPU" // the kernel withholds it: other load, or a quota
	CauseSwitching = "switching"  // goroutines are switched all the time
)

// Need is one way to satisfy a detector.
type Need struct {
	Kind       evidence.Kind
	Captures   int        // at least so many; 2 = needs two snapshots
	Confidence Confidence // the ceiling when this is all there is
	Try        string     // the command that would supply it
}

// Param is a threshold with the reason for its default.
type Param struct {
	Name    string // "min-share"
	Default float64
	Unit    string
	Why     string
}

// Severity is how bad a rule's fault is for the service. It belongs to the rule.
type Severity uint8

// The severities, ascending.
const (
	Info Severity = iota + 1
	Low
	Medium
	High
)

var severityNames = []string{"", "info", "low", "medium", "high"}

func (s Severity) String() string { return nameOf(severityNames, int(s)) }

// MarshalText writes the severity's name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the severity's name.
func (s *Severity) UnmarshalText(b []byte) error {
	v, err := ParseSeverity(string(b))
	*s = v
	return err
}

// ParseSeverity reads "info", "low", "medium" or "high".
func ParseSeverity(name string) (Severity, error) {
	i, err := indexOf(severityNames, name, "severity")
	return Severity(i), err
}

// Confidence is how sure a finding is. It follows from the evidence.
type Confidence uint8

// The confidences, ascending.
const (
	Weak     Confidence = iota + 1 // "low": a hint from a single kind of weak evidence
	Possible                       // "possible": the evidence fits, and fits healthy programs too
	Likely                         // "likely": independent evidence agrees
	Proven                         // "proven": the fault itself was observed
)

var confidenceNames = []string{"", "low", "possible", "likely", "proven"}

func (c Confidence) String() string { return nameOf(confidenceNames, int(c)) }

// MarshalText writes the confidence's name.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the confidence's name.
func (c *Confidence) UnmarshalText(b []byte) error {
	i, err := indexOf(confidenceNames, string(b), "confidence")
	*c = Confidence(i)
	return err
}

func nameOf(names []string, i int) string {
	if i > 0 && i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("invalid(%d)", i)
}

func indexOf(names []string, name, what string) (int, error) {
	for i, n := range names {
		if i > 0 && n == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q (want one of %v)", what, name, names[1:])
}

// Finding is one fault at one place.
type Finding struct {
	Rule       string // must be one of the detector's
	Message    string // one line of cause, without the location: it is printed beside it
	Confidence Confidence
	Location   evidence.Frame   // the line to look at; zero when no line can be named
	CreatedBy  evidence.Frame   // the go statement, where known
	Wait       evidence.Wait    // part of the fingerprint
	Measures   []stats.Measure  // the first is the headline number
	Stacks     []evidence.Stack // one to three, innermost first
	Next       string           // the next command to run; empty for none

	// Code is what the program's source says about the place; nil where nobody read it.
	Code *evidence.CodeSite
	// Identity is what the fingerprint is made of beside the rule, for findings whose location
	// or stack follows from evidence that another capture may lack: a wait and normal function
	// names. Empty means the wait, the location and the first stack.
	Identity []string
	// Family stands for the rule in the fingerprint. Rules that are degrees of one fault share one, so that a
	// fault which crosses from one degree to the next stays the same finding. Empty means Rule.
	Family string

	// Cost weighs findings beside severity and confidence: a share (0 to 1) where there is one. Any unit
	// will do, as long as one rule keeps to one; what is 1 and more counts in full.
	Cost float64

	// Noun is what summaries call the finding; Run fills in the detector's when it is empty.
	Noun string

	// Filled in by Run.
	Severity    Severity
	Remedy      string
	Fingerprint string
	// FoldedInto is the fingerprint of the finding before this one that has the same cause and is the one to
	// act on; empty for most.
	FoldedInto string
}

// State is how a detector ended. A detector that ran and found nothing is clean; that is
// not the same as one that was skipped or could not tell.
type State string

// The states.
const (
	Ran          State = "ran"
	Skipped      State = "skipped"      // no evidence of any kind it needs
	Inconclusive State = "inconclusive" // evidence is there but cannot answer
	Failed       State = "failed"       // a defect in the detector
)

// Outcome is a detector's state, and when it could not tell: why, and what to try.
type Outcome struct {
	Detector string
	State    State
	Why      string
	Try      string
	// Reads are the kinds that the detector can use, best first; Evidence are those of them
	// that the set has.
	Reads, Evidence []evidence.Kind
	Supporting      bool // it judged the evidence, not the service
	// Unchecked are questions that a detector which ran could not answer with this evidence.
	Unchecked []Unchecked
}

// Unchecked is a question that stayed open, and the command that would answer it.
type Unchecked struct{ What, Try string }

// fingerprint hashes rule (or family), wait reason and function names: no lines, addresses, ids or
// counts, so that it survives unrelated edits and other inputs.
func fingerprint(f *Finding) string {
	h := sha256.New()
	part := func(s string) { hashPart(h, s) }
	part(cmp.Or(f.Family, f.Rule))
	if len(f.Identity) > 0 {
		for _, s := range f.Identity {
			part(s)
		}
		return hex.EncodeToString(h.Sum(nil)[:8])
	}
	part(string(f.Wait))
	part(evidence.NormalFunction(f.Location.Function))
	if len(f.Stacks) > 0 {
		for _, fr := range f.Stacks[0] {
			if !fr.Std() {
				part(evidence.NormalFunction(fr.Function))
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func hashPart(h hash.Hash, s string) {
	h.Write([]byte(s))
	h.Write([]byte{0})
}
