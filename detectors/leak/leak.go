package leak

import (
	"cmp"
	"context"
	_ "embed"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

//go:embed doc.go
var doc string

const (
	ruleChanSend    = "leak/chan-send"
	ruleChanReceive = "leak/chan-receive"
	ruleSelect      = "leak/select"
	ruleNilChan     = "leak/nil-chan"
	ruleMutex       = "leak/mutex"
	ruleWaitGroup   = "leak/waitgroup"
	ruleCond        = "leak/cond"
	ruleIO          = "leak/io"
	ruleSleep       = "leak/sleep"
	ruleOther       = "leak/other"
)

const (
	tryCapture = "go-debug capture http://localhost:6060 --for 30s"
	tryLonger  = "go-debug capture http://localhost:6060 --for 2m"
)

// Detector finds goroutine leaks.
var Detector = &analyze.Detector{
	Name:  "leak",
	Doc:   doc,
	Rules: rules,
	Needs: []analyze.Need{
		{Kind: evidence.GoroutineLeak, Captures: 1, Confidence: analyze.Proven, Try: tryCapture},
		{Kind: evidence.Goroutine, Captures: 2, Confidence: analyze.Proven, Try: tryCapture},
		// One dump proves what it shows outright (a nil channel, a "(leaked)" mark). All else that
		// it shows is reported as low by the detector itself.
		{Kind: evidence.Goroutine, Captures: 1, Confidence: analyze.Proven, Try: tryCapture},
		{Kind: evidence.Execution, Captures: 1, Confidence: analyze.Possible, Try: tryCapture},
	},
	Params: []analyze.Param{
		{Name: "min-growth", Default: 5, Unit: "goroutines", Why: "fewer that stay are single long-lived goroutines more often than a leak"},
		{Name: "max-exits", Default: 0.05, Unit: "ratio", Why: "old goroutines that leave, per one that stays: a leak has none, sampling noise a few"},
		{Name: "max-p", Default: 0.05, Unit: "probability", Why: "the customary level of the trend test; five dumps reach it only when each is higher than the last"},
		{Name: "massive-growth", Default: 1000, Unit: "goroutines", Why: "growth that needs no trend test when nothing ever leaves"},
		{Name: "min-cluster", Default: 100, Unit: "goroutines", Why: "fewer at one line in a single snapshot are an ordinary pool"},
		{Name: "min-minutes", Default: 1, Unit: "minutes", Why: "a request that waits so long has been given up by its client; dumps count whole minutes from the first GC on"},
		{Name: "large-cluster", Default: 1000, Unit: "goroutines", Why: "what is worth a look in a snapshot without waiting times"},
	},
	Run: run,
}

// A candidate is a site with all the evidence about it.
type candidate struct {
	site
	leaked  int // marked by the runtime
	from    string
	forever int // waits that no event can end, in the last dump
	count   int // in the last snapshot
	minutes int // the longest wait, where dumps say it
	cohort  *cohort
	moving  bool // the cohort is by go statement: its goroutines move between lines
	growth  *growth
	cluster bool
	trace   *traceSite
	created *creation
}

// survey collects the candidates of one run.
type survey struct {
	p          *analyze.Pass
	candidates map[string]*candidate
	snapshots  []*evidence.Snapshot // whole ones, of kind Goroutine
	dumps      []*evidence.Snapshot // those of snapshots that have ids
	traces     map[string]*traceSite
	newest     uint64 // newest goroutine that was there before the trace
	served     series // goroutines that serve requests, per snapshot
	calls      int    // most goroutines that used connections of an HTTP client in a snapshot
}

func run(_ context.Context, p *analyze.Pass) error {
	s := &survey{p: p, candidates: map[string]*candidate{}, traces: traceSites(p.Evidence.Trace)}
	cut := 0
	for _, snap := range p.Evidence.SnapshotsOf(evidence.Goroutine) {
		if !snap.Complete {
			cut++
			continue // goroutines missing from a cut dump would count as gone
		}
		s.snapshots = append(s.snapshots, snap)
		if snap.HasIDs {
			s.dumps = append(s.dumps, snap)
		}
	}
	s.served = servedSeries(s.snapshots)
	s.calls = peakCalls(s.snapshots)
	s.newest = s.newestBefore()
	s.readMarks()
	s.readForever()
	s.readCohorts()
	s.readCounts()
	s.readClusters()
	s.readTrace()
	found := s.report()
	s.remark(found, cut)
	return nil
}

// at returns the candidate of a site. The first capture that shows the site names it; one
// that knows more (the creator, that the channel is nil) completes it.
func (s *survey) at(at site) *candidate {
	c, ok := s.candidates[at.key]
	if !ok {
		c = &candidate{site: at}
		s.candidates[at.key] = c
		return c
	}
	if c.creator.IsZero() {
		c.creator = at.creator
	}
	if at.class == evidence.WaitNilChan {
		c.class = at.class
	}
	return c
}

// sorted returns the candidates in an order that does not depend on the map.
func (s *survey) sorted() []*candidate {
	out := make([]*candidate, 0, len(s.candidates))
	for _, c := range s.candidates {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *candidate) int { return cmp.Compare(a.key, b.key) })
	return out
}

// remark says which questions the evidence leaves open.
func (s *survey) remark(found int, cut int) {
	p := s.p
	leakProfile := p.Evidence.Has(evidence.GoroutineLeak, 1)
	switch n := len(s.snapshots); {
	case cut > 0 && n < 2:
		p.Inconclusive("the goroutine dump was cut, the newest goroutines are missing", "go-debug capture http://localhost:6060 --for 30s")
	case n == 1 && found == 0 && !leakProfile && p.Evidence.Trace == nil:
		p.Inconclusive("one snapshot: growth cannot be seen", tryCapture)
	case n <= 1:
		p.NotChecked("growth: it takes several snapshots", tryCapture)
	case len(s.dumps) < 2:
		p.NotChecked("which goroutines stay: the snapshots have no goroutine ids", tryCapture)
	case len(s.dumps) < trendDumps:
		p.NotChecked("trend: fewer than five dumps give the test no power", tryCapture)
	}
	if cut > 0 && len(s.snapshots) >= 2 {
		p.NotChecked("goroutine dumps that were cut: left out", tryCapture)
	}
	for _, c := range s.sorted() {
		if c.cohort != nil && c.cohort.verdict == dyingDown {
			p.NotChecked("whether the growth at "+place(c.location())+" goes on: it slowed down", tryLonger)
		}
	}
}
