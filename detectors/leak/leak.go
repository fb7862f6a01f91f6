package leak

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

//go:embed doc.go
var doc string

const (
	tryCapture = "go-debug capture http://localhost:6060 --for 30s"
	tryLonger  = "go-debug capture http://localhost:6060 --for 2m"
	// tryForced is for programs with so many goroutines that a capture takes no full dumps by itself.
	tryForced    = tryCapture + " --force"
	manyForDumps = 20_000
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
		{Kind: evidence.Survivors, Captures: 1, Confidence: analyze.Proven, Try: "go-debug gate -- go test ./..."},
		{Kind: evidence.Execution, Captures: 1, Confidence: analyze.Possible, Try: tryCapture},
	},
	Params: []analyze.Param{
		{Name: "min-growth", Default: 4, Unit: "goroutines", Why: "three of the five intervals of a default capture must have births; fewer than one more are single long-lived goroutines more often than a leak"},
		{Name: "max-exits", Default: 0.05, Unit: "ratio", Why: "old goroutines that leave, per one that stays: a leak has none, sampling noise a few"},
		{Name: "max-p", Default: 0.05, Unit: "probability", Why: "the customary level of the trend test; five dumps reach it only when each is higher than the last"},
		{Name: "min-cluster", Default: 100, Unit: "goroutines", Why: "fewer at one line in a single snapshot are an ordinary pool"},
		{Name: "min-minutes", Default: 1, Unit: "minutes", Why: "a request that waits so long has been given up by its client"},
		{Name: "large-cluster", Default: 1000, Unit: "goroutines", Why: "what is worth a look in a snapshot without waiting times"},
	},
	ReadsCode: readsCode,
	Plantings: plantings(),
	Run:       run,
}

// A candidate is a site with all the evidence about it.
type candidate struct {
	site
	leaked  int // marked by the runtime
	forever int // waits that no event can end, in the last dump
	count   int // in the last snapshot
	minutes int // the longest wait, where dumps say it
	cohort  *cohort
	moving  bool // its goroutines move between lines: the cohort is of their go statement
	growth  *growth
	cluster bool
	left    *survival // who stayed when the load had stopped
	trace   *traceSite
	watch   watch
	created *creation
	code    *evidence.CodeSite

	sure       analyze.Confidence
	session    bool         // it comes with readers of connections, and nothing but its silence speaks against it
	companions []*candidate // of the same cause, folded into this one
}

// survey collects the candidates of one life.
type survey struct {
	*life
	p           *analyze.Pass
	candidates  map[string]*candidate
	traces      map[string]*traceSite
	beforeTrace int // index of the last dump before the trace
	demand      *demand
	end         *loadEnd
	abandoned   series // of those: without anybody who listens for the client, per snapshot
	calls       int    // most goroutines that used connections of an HTTP client in a snapshot
}

func run(_ context.Context, p *analyze.Pass) error {
	found := 0
	dead := deadlocked(p.Evidence)
	for i := range p.Evidence.Snapshots {
		if snap := &p.Evidence.Snapshots[i]; dead[snap] {
			if f, ok := deadlock(snap); ok {
				p.Report(f)
				found++
			}
		}
	}
	lives := livesOf(p.Evidence, dead)
	for _, l := range lives {
		found += newSurvey(p, l).run()
	}
	if len(lives) > 0 {
		remark(p, lives, found)
	}
	return nil
}

func newSurvey(p *analyze.Pass, l *life) *survey {
	s := &survey{life: l, p: p, candidates: map[string]*candidate{}}
	s.traces = traceSites(l.trace)
	s.beforeTrace = lastBefore(l.trace, l.dumps)
	s.demand = demandOf(l.loads)
	s.abandoned = abandonedSeries(l.snapshots)
	s.calls = peakCalls(l.snapshots)
	s.readLoadEnd()
	return s
}

// run gathers the evidence, weighs it and reports. It returns the number of findings.
func (s *survey) run() int {
	s.readMarks()
	s.readForever()
	s.readCohorts()
	s.readCounts()
	s.readClusters()
	s.readTrace()
	s.readSurvivors()
	s.countLast()
	for key, c := range s.candidates {
		c.trace = s.traces[key]
		c.watch = s.watch(c.cohort)
		c.code = codeOf(s.p.Evidence.Code, &c.site)
		c.sure = s.confidence(c)
	}
	found := 0
	for _, c := range s.folded() {
		if c.opensPools() && c.left == nil {
			continue
		}
		s.p.Report(s.finding(c))
		found++
	}
	return found
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

func (s *survey) limits() limits {
	return limits{
		growth: int(s.p.Param("min-growth")),
		exits:  s.p.Param("max-exits"),
		p:      s.p.Param("max-p"),
	}
}

// readCohorts follows the goroutines of the dumps by line, and by go statement those whose
// growth no line explains.
func (s *survey) readCohorts() {
	if len(s.dumps) < 2 {
		return
	}
	t := timelineOf(s.dumps, s.demand)
	started := follow(s.dumps, placeByGo)
	births := birthsByCreator(started)
	explained := map[string]bool{}
	for _, h := range follow(s.dumps, placeByLine) {
		c := judge(h, t, s.limits())
		if c.verdict == growing && c.left > 0 {
			c.recheck(births[h.creator.Function], t.requests)
		}
		if c.verdict == steady && !c.scant && s.candidates[h.key] == nil && len(s.dumps) == len(s.snapshots) {
			continue
		}
		at := s.at(h.site)
		at.minutes = max(at.minutes, h.minutes)
		if c.beats(at.cohort) {
			at.cohort, at.creator = c, h.creator
		}
		if c.verdict != steady {
			explained[goStatement(h.creator)] = true
		}
	}
	for _, h := range started {
		c := judge(h, t, s.limits())
		// Two dumps cannot show movement.
		if c.verdict != growing || len(s.dumps) < 3 || explained[goStatement(h.creator)] {
			continue
		}
		for _, g := range s.biggest(placeByGo, h.key) {
			if where, ok := placeByLine(g); ok {
				at := s.at(where)
				at.cohort, at.moving = c, movingShare*h.moved > len(h.old)
				break
			}
		}
	}
}

// birthsByCreator adds up the births, by id, of all that one function starts.
func birthsByCreator(started []*history) map[string][]int {
	out := map[string][]int{}
	for _, h := range started {
		sum := out[h.creator.Function]
		if sum == nil {
			sum = make([]int, len(h.born))
			out[h.creator.Function] = sum
		}
		for i, n := range h.born {
			sum[i] += n
		}
	}
	return out
}

// recheck looks at a line that goroutines leave now and then: if no more of them are started, those who
// came to it last are workers on their rounds. born are the births of all that their creator starts, by dump.
func (c *cohort) recheck(born []int, requests []float64) {
	if len(born) > 1 && !keepsComing(born[1:], requests) {
		c.verdict = stopped
	}
}

// movingShare is one in how many goroutines may have been seen at two lines before the others count
// as moving too.
const movingShare = 10

// beats orders the cohorts of one site, which differ by creator: the worst one stands for it.
func (c *cohort) beats(other *cohort) bool {
	if other == nil {
		return true
	}
	return cmp.Or(cmp.Compare(c.verdict, other.verdict), cmp.Compare(c.gained, other.gained),
		cmp.Compare(other.history.creator.Function, c.history.creator.Function)) > 0
}

// goStatement identifies the line of a go statement.
func goStatement(creator evidence.Frame) string {
	return creator.Function + "@" + place(creator)
}

// remark says which questions the evidence leaves open.
func remark(p *analyze.Pass, lives []*life, found int) {
	var l life // the best of all: a question is open if none answers it
	for _, other := range lives {
		if len(other.snapshots) >= len(l.snapshots) {
			l.snapshots, l.dumps = other.snapshots, other.dumps
		}
		l.cut += other.cut
		l.restarted += other.restarted
	}
	leakProfile := p.Evidence.Has(evidence.GoroutineLeak, 1)
	settled := p.Evidence.Has(evidence.Survivors, 1)
	switch n := len(l.snapshots); {
	case l.cut > 0 && n < 2 && found == 0:
		p.Inconclusive("the goroutine dump was cut, the newest goroutines are missing", tryCapture)
	case n == 1 && found == 0 && !leakProfile && !settled && p.Evidence.Trace == nil:
		p.Inconclusive("one snapshot: growth cannot be seen", tryCapture)
	case n <= 1 && !settled:
		p.NotChecked("growth: it takes several snapshots", tryCapture)
	case n <= 1:
	case len(l.dumps) < 2 && l.snapshots[n-1].Total >= manyForDumps:
		p.NotChecked(fmt.Sprintf("which goroutines stay: the snapshots have no goroutine ids, for full dumps of %d goroutines stop the program", l.snapshots[n-1].Total), tryForced)
	case len(l.dumps) < 2:
		p.NotChecked("which goroutines stay: the snapshots have no goroutine ids", tryCapture)
	case len(l.dumps) < trendDumps:
		p.NotChecked("trend: fewer than five dumps give the test no power", tryCapture)
	}
	if l.cut > 0 && len(l.snapshots) >= 2 {
		p.NotChecked("goroutine dumps that were cut: left out", tryCapture)
	}
	if l.restarted > 0 {
		p.NotChecked("goroutine dumps from before or after a restart of the program: left out", tryCapture)
	}
}
