package hotpath

import (
	"context"
	_ "embed"
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

//go:embed doc.go
var doc string

const tryCapture = "go-debug capture http://localhost:6060 --for 30s"

// Detector finds CPU that a small change at one line saves.
var Detector = &analyze.Detector{
	Name:  "hotpath",
	Noun:  "hot line",
	Doc:   doc,
	Rules: rules,
	Needs: []analyze.Need{
		{Kind: evidence.CPU, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Allocs, Captures: 1, Confidence: analyze.Possible, Try: tryCapture},
	},
	Params:    params,
	Plantings: plantings(),
	Run:       run,
}

// reading is the evidence as the rules want it.
type reading struct {
	pass      *analyze.Pass
	cpu       *signature.Profile
	taken     bool // there was a CPU profile, maybe an empty one
	usable    bool // its shares tell something
	doubts    []signature.Doubt
	requestsS float64
	shares    []signature.Share // of the CPU, for each of costs
	bytes     []signature.Share // of what was allocated, for each of costs
	calls     []calls           // in traces
	told      bool              // by allocs profiles alone
}

func run(_ context.Context, p *analyze.Pass) error {
	r := read(p)
	if r.usable {
		reportCosts(r)
		reportStackGrowth(r)
		reportTimerHeap(r)
	} else if !r.taken {
		reportBytes(r)
	}
	remark(r)
	return nil
}

func read(p *analyze.Pass) *reading {
	profiles := p.Evidence.ProfilesOf(evidence.CPU)
	r := &reading{pass: p, cpu: signature.Read(p.Evidence), taken: len(profiles) > 0, requestsS: signature.RequestRate(p.Evidence)}
	r.doubts = r.cpu.Doubts()
	calls := make([]signature.Call, len(costs))
	for i := range costs {
		calls[i] = costs[i].call
	}
	r.usable = r.cpu.Enough() && !r.cpu.Idle(p.Param("min-cores")) && isGo(profiles) && !r.isDifference()
	if r.usable {
		r.shares = r.cpu.Beneath(calls)
		r.calls = readCalls(p.Evidence.Trace)
	}
	r.bytes = signature.Beneath(p.Evidence.ProfilesOf(evidence.Allocs), "alloc_space", calls)
	return r
}

// isGo reports whether there is a profile of a Go program; others are left out beside one.
func isGo(profiles []*evidence.Profile) bool {
	return len(profiles) == 0 || slices.ContainsFunc(profiles, signature.IsGo)
}

func (r *reading) isDifference() bool {
	return slices.ContainsFunc(r.doubts, func(d signature.Doubt) bool { return d.Kind == signature.Difference })
}

// lowered is a confidence less one where the profile's shares are to be distrusted.
func (r *reading) lowered(c analyze.Confidence) analyze.Confidence {
	if c > analyze.Weak && slices.ContainsFunc(r.doubts, func(d signature.Doubt) bool { return d.Shares }) {
		return c - 1
	}
	return c
}

// remark says which questions stay open.
func remark(r *reading) {
	p := r.pass
	switch {
	case !r.taken && r.told:
		p.NotChecked("what else takes the CPU at single lines: no CPU profile", tryCapture)
	case !r.taken:
		p.Inconclusive("an allocs profile shows what is allocated, not what takes the CPU", tryCapture)
	case !isGo(p.Evidence.ProfilesOf(evidence.CPU)):
		p.Inconclusive("not a Go profile: its shares stand, but no function of Go's is in it", tryCapture)
	case r.isDifference():
		p.Inconclusive("the CPU profile is the difference of two, which has no shares", tryCapture)
	case r.cpu.Idle(p.Param("min-cores")):
		// What an idle program spends its little CPU on says nothing of what it will do under load.
		p.NotChecked(fmt.Sprintf("what takes the CPU: only %.2g cores were in use; capture it under load", r.cpu.Cores()), tryCapture)
	case !r.cpu.Enough():
		p.Inconclusive("the CPU profile has too few samples for a share", tryCapture)
	}
}
