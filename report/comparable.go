package report

import (
	"fmt"
	"go/version"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/score"
)

// What a comparison may go across, by [Policy.Across].
const (
	AcrossGo       = "go"
	AcrossMaxProcs = "gomaxprocs"
)

// Acrosses are the values of [Policy.Across].
var Acrosses = []string{AcrossGo, AcrossMaxProcs}

// An unlikeness is something of the program, other than its code, that differs between two reports.
type unlikeness struct {
	name  string // a value of Policy.Across
	text  string // "of go1.25.3 and now of go1.26.1"
	keeps []score.Family
}

// unlike lists how the programs of two reports differ. Releases of one Go version count as alike, and what
// nobody knows does, too. Goroutines that stay are compared across everything: they are counted, not measured.
// A Go version changes what work costs, and not whether a service is fast enough; GOMAXPROCS changes that and
// how much is waited, and not what is allocated.
func unlike(base, head *Report) []unlikeness {
	var out []unlikeness
	b, h := base.program(), head.program()
	if x, y := version.Lang(string(b.Go)), version.Lang(string(h.Go)); x != "" && y != "" && x != y {
		out = append(out, unlikeness{AcrossGo, fmt.Sprintf("the baseline is of a program of %s, and this is one of %s", b.Go, h.Go), []score.Family{score.Load}})
	}
	if b.MaxProcs != nil && h.MaxProcs != nil && *b.MaxProcs != *h.MaxProcs {
		out = append(out, unlikeness{AcrossMaxProcs, fmt.Sprintf("the baseline ran with GOMAXPROCS %d, and this with %d", *b.MaxProcs, *h.MaxProcs), []score.Family{score.Alloc}})
	}
	return out
}

// narrow leaves out of a comparison what the programs are too unlike for.
func (t *Trial) narrow(all []unlikeness) {
	if len(all) == 0 {
		return
	}
	texts := make([]string, len(all))
	t.Scores.Skip = map[string]bool{}
	for i, u := range all {
		texts[i] = u.text
		for _, f := range score.Families {
			if !slices.Contains(u.keeps, f) {
				t.Scores.Skip[string(f)] = true
			}
		}
	}
	t.Growth.Unlike = "not compared: " + strings.Join(texts, "; ")
}

// skipped says which scores are not compared.
func (rules *ScoreRules) skipped() string {
	var out []string
	for _, f := range score.Families {
		if rules.Skip[string(f)] {
			out = append(out, string(f))
		}
	}
	return strings.Join(out, ", ")
}

// comparability adds what makes the comparison with a baseline one that cannot be passed.
func (j *Judgement) comparability(base, head *Report, t *Trial) (notes []string) {
	for _, u := range unlike(base, head) {
		text := fmt.Sprintf("%s: scores (%s), and measures of findings other than leaks, were not compared", u.text, t.Scores.skipped())
		if slices.Contains(t.Policy.Across, u.name) {
			notes = append(notes, text)
			continue
		}
		j.add(ExitInconclusive, "%s; save a baseline of such a program, or accept it with --across %s", text, u.name)
	}
	for _, d := range head.Detectors {
		if d.State == analyze.Ran && base.detector(d.Name) == nil {
			j.add(ExitInconclusive, "detector %s is not in the baseline: save it again, or leave the detector out on both sides (--only)", d.Name)
		}
	}
	switch before, now := base.served(), head.served(); {
	case before == someRequests && (now == noRequests || now == unknownRequests && head.counts()):
		j.add(ExitInconclusive, "the baseline saw requests and this capture saw none: nothing is known of the program at work")
	case before == noRequests && now == someRequests:
		j.add(ExitInconclusive, "the baseline saw no request and this capture saw some: there is nothing to measure them by; save a baseline under load")
	}
	return notes
}

// requests is what a report knows of requests that the program answered.
type requests int

const (
	unknownRequests requests = iota
	noRequests
	someRequests
)

// counts reports whether a detector was to look at the load: the one that reads load tests.
func (r *Report) counts() bool {
	return slices.ContainsFunc(r.Detectors, func(d Detector) bool { return slices.Contains(d.Reads, evidence.LoadTest) })
}

func (r *Report) served() requests {
	out := unknownRequests
	for i := range r.Load {
		l := &r.Load[i]
		for _, n := range []*float64{l.Requests, l.QPS} {
			switch {
			case n != nil && *n > 0:
				return someRequests
			case n != nil:
				out = noRequests
			}
		}
	}
	return out
}
