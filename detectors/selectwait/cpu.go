package selectwait

import (
	"cmp"
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// A cpuSite is the samples of one kind at one line of the program.
type cpuSite struct {
	key      string
	location evidence.Frame
	stack    evidence.Stack // the one with most samples
	samples  int64
	top      int64
}

// cpuShares are the samples of all CPU profiles together.
type cpuShares struct {
	taken     bool    // there was a CPU profile, maybe an empty one
	total     int64   // samples
	cores     float64 // CPU time over wall time; 0 when unknown
	windowS   float64
	selecting []cpuSite // runtime.selectgo, most samples first
	polling   []cpuSite // runtime.selectnbrecv and selectnbsend
	closing   int64     // runtime.closechan
}

func readCPU(profiles []*evidence.Profile) *cpuShares {
	c := &cpuShares{taken: len(profiles) > 0}
	selecting, polling := map[string]*cpuSite{}, map[string]*cpuSite{}
	var cpuNS int64
	for _, p := range profiles {
		col := p.Column("samples")
		if col < 0 {
			continue
		}
		c.total += p.Total(col)
		c.windowS += float64(p.DurationNS) / 1e9
		cpuNS += p.Total(p.Column("cpu"))
		isSelect := p.MaskWhere(named("runtime.selectgo"))
		isPoll := p.MaskWhere(named("runtime.selectnbrecv", "runtime.selectnbsend"))
		isClose := p.MaskWhere(named("runtime.closechan"))
		for i := range p.Stacks {
			s := &p.Stacks[i]
			n := s.Values[col]
			switch {
			case s.Any(isSelect):
				addSite(selecting, p.Stack(s), n)
			case s.Any(isPoll):
				addSite(polling, p.Stack(s), n)
			case s.Any(isClose):
				c.closing += n
			}
		}
	}
	if c.windowS > 0 {
		c.cores = float64(cpuNS) / 1e9 / c.windowS
	}
	c.selecting, c.polling = bySamples(selecting), bySamples(polling)
	return c
}

func named(functions ...string) func(evidence.Frame) bool {
	return func(f evidence.Frame) bool { return slices.Contains(functions, f.Function) }
}

// addSite files a sample under the line of the program below the runtime's frames; what
// the standard library selects by itself is kept under an empty key.
func addSite(m map[string]*cpuSite, stack evidence.Stack, n int64) {
	key, at, _ := siteOf(stack)
	s := m[key]
	if s == nil {
		s = &cpuSite{key: key, location: at}
		m[key] = s
	}
	s.samples += n
	if n > s.top {
		s.top, s.stack = n, stack
	}
}

func bySamples(m map[string]*cpuSite) []cpuSite {
	out := make([]cpuSite, 0, len(m))
	for _, s := range m {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b cpuSite) int {
		return cmp.Or(cmp.Compare(b.samples, a.samples), cmp.Compare(a.key, b.key))
	})
	return out
}

func sum(sites []cpuSite) int64 {
	var n int64
	for i := range sites {
		n += sites[i].samples
	}
	return n
}

// share is a measure of k of the CPU samples.
func (c *cpuShares) share(name string, k int64) stats.Measure {
	lo, hi := stats.Wilson(k, c.total, 0.95)
	m := stats.Measure{Name: name, Unit: "ratio", N: c.total, Interval: &[2]float64{lo, hi}, Method: stats.WilsonMethod}
	if c.total > 0 {
		m.Value = float64(k) / float64(c.total)
	}
	return m.Over(c.windowS)
}

// above reports a share that is above a threshold for sure.
func (c *cpuShares) above(k int64, threshold float64) bool {
	lo, _ := stats.Wilson(k, c.total, 0.95)
	return c.total > 0 && lo > threshold
}

// reportSelectCPU reports each select that alone takes a notable share, else the largest when
// all together do.
func reportSelectCPU(p *analyze.Pass, c *cpuShares, told map[string]bool) {
	threshold, reported := p.Param("min-cpu-share"), false
	for i := range c.selecting {
		s := &c.selecting[i]
		if told[s.key] {
			reported = true // as a herd
		} else if s.key != "" && c.above(s.samples, threshold) {
			reported = true
			p.Report(cpuFinding(c, s, ruleSelectCPU, analyze.Likely, "CPU inside this select"))
		}
	}
	all := sum(c.selecting)
	if reported || !c.above(all, threshold) {
		return
	}
	f := cpuFinding(c, &c.selecting[0], ruleSelectCPU, analyze.Possible,
		fmt.Sprintf("CPU inside %d selects, of which this is the largest", len(c.selecting)))
	f.Measures = append([]stats.Measure{c.share("cpu_share_of_all_selects", all)}, f.Measures...)
	p.Report(f)
}

// certainPoll is the share above which nothing but a spinning loop explains it; below, a
// check in a loop that also works does.
const certainPoll = 0.5

func reportBusyPoll(p *analyze.Pass, c *cpuShares) {
	for i := range c.polling {
		s := &c.polling[i]
		if s.key == "" || !c.above(s.samples, p.Param("min-cpu-share")) {
			continue
		}
		sure := analyze.Possible
		if c.above(s.samples, certainPoll) {
			sure = analyze.Likely
		}
		p.Report(cpuFinding(c, s, ruleBusyPoll, sure, "CPU polling a channel in a select with a default"))
	}
}

func cpuFinding(c *cpuShares, s *cpuSite, rule string, sure analyze.Confidence, what string) analyze.Finding {
	m := c.share("cpu_share", s.samples)
	return analyze.Finding{
		Rule: rule, Confidence: sure, Location: s.location, Wait: evidence.WaitSelect,
		Message:  fmt.Sprintf("%.0f %% of the %s", 100*float64(max(s.samples, 0))/float64(max(c.total, 1)), what),
		Measures: []stats.Measure{m}, Stacks: []evidence.Stack{s.stack}, Cost: m.Value,
		Next: "go-debug explain " + rule,
	}
}
