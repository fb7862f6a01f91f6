package main

import (
	"fmt"
	"slices"

	"go-debug/analyze/stats"
)

// confidences from the strongest.
var confidences = []string{"proven", "likely", "possible", "low"}

// rank of a confidence: 0 is the strongest; -1 is none of them.
func rank(confidence string) int { return slices.Index(confidences, confidence) }

// A share is k of n with its 95 % interval.
type share struct{ k, n int }

func (s share) String() string {
	if s.n == 0 {
		return "none"
	}
	lo, hi := stats.Wilson(int64(s.k), int64(s.n), 0.95)
	return fmt.Sprintf("%5.1f %% (%d/%d; %.1f to %.1f)", 100*float64(s.k)/float64(s.n), s.k, s.n, 100*lo, 100*hi)
}

// A score sums trials up at one confidence.
type score struct {
	recall    share // faulty runs with a true finding at this confidence or above
	precision share // true findings among those at this confidence or above
	alone     share // the same at exactly this confidence
	outside   int   // of the true ones at this confidence or above, those that name a line of a library
	alarmed   share // healthy runs with a finding at this confidence or above
}

func scoreAt(trials []*trial, confidence string) score {
	var s score
	limit := rank(confidence)
	for _, t := range trials {
		if t.Error != "" {
			continue
		}
		found, alarmed := false, false
		for i := range t.Findings {
			r := rank(t.Findings[i].Confidence)
			if r < 0 || r > limit {
				continue
			}
			j := t.judge(i)
			s.precision.add(j != falseAlarm)
			if r == limit {
				s.alone.add(j != falseAlarm)
			}
			if j == outsideOwn {
				s.outside++
			}
			found = found || j != falseAlarm
			alarmed = alarmed || j == falseAlarm
		}
		if len(t.marks) > 0 {
			s.recall.add(found)
		} else {
			s.alarmed.add(alarmed)
		}
	}
	return s
}

func (s *share) add(hit bool) {
	s.n++
	if hit {
		s.k++
	}
}

// missed reports a faulty run without a true finding at possible or above.
func (t *trial) missed() bool {
	if t.Error != "" || len(t.marks) == 0 {
		return false
	}
	for i := range t.Findings {
		if t.judge(i) != falseAlarm && rank(t.Findings[i].Confidence) <= rank("possible") {
			return false
		}
	}
	return true
}

// reason says why a faulty run may have been missed, as far as the evaluation can tell.
func (t *trial) reason() string {
	seen := fmt.Sprintf("goroutines %v, at the line %v", t.Census.Total, t.Census.AtMark)
	if !t.Census.made() {
		return "the run made no leak: " + seen
	}
	what := "nothing reported"
	for i := range t.Findings {
		f := &t.Findings[i]
		if t.judge(i) != falseAlarm {
			return "low only: " + f.Message
		}
		what = "another line is named, " + f.Location.String()
	}
	if t.Why != "" {
		what = t.Why
	}
	return what + "; " + seen
}
