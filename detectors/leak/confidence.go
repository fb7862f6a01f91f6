package leak

import (
	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// severalForever is from how many goroutines on a select{} is no helper that was meant to
// stay.
const severalForever = 10

// confidence weighs all that is known of a candidate; 0 means that it is no leak.
func (s *survey) confidence(c *candidate) analyze.Confidence {
	if s.pooled(c) {
		return 0
	}
	best := max(s.marked(c), s.endless(c), s.followed(c), s.counted(c))
	if best == 0 && c.created != nil {
		best = analyze.Possible
	}
	if best == 0 && c.cluster && !c.trace.wakes() {
		best = analyze.Weak
	}
	return best
}

// marked is the runtime's verdict. It says of a select{} no more than the select{} itself.
func (s *survey) marked(c *candidate) analyze.Confidence {
	switch {
	case c.leaked == 0:
		return 0
	case c.class == evidence.WaitNoCases:
		return s.helper(max(c.leaked, c.forever), c)
	}
	return analyze.Proven
}

// endless judges waits that nothing can end. That they never wake is certain; that it is a
// fault follows from their number or growth.
func (s *survey) endless(c *candidate) analyze.Confidence {
	if c.forever == 0 {
		return 0
	}
	if c.class == evidence.WaitNoCases {
		return s.helper(c.forever, c)
	}
	switch {
	case c.grows() || c.forever > 1:
		return analyze.Proven
	default:
		return analyze.Possible
	}
}

// helper judges goroutines that ended up in select{} on purpose or not.
func (s *survey) helper(n int, c *candidate) analyze.Confidence {
	if c.grows() || n >= severalForever && len(s.snapshots) < 2 {
		return analyze.Proven
	}
	return analyze.Possible
}

// grows reports growth that some evidence shows.
func (c *candidate) grows() bool {
	return c.cohort != nil && c.cohort.verdict == growing || c.growth != nil || c.created != nil
}

// followed judges a cohort. Alone it is possible: sessions that outlive the capture look the same.
func (s *survey) followed(c *candidate) analyze.Confidence {
	co := c.cohort
	if co == nil || co.verdict != growing {
		return 0
	}
	if servesRequests(c.stack) {
		if co.left > 0 {
			return 0 // a queue of requests: it moves
		}
		return analyze.Possible
	}
	massive := co.gained >= s.limits().massive && co.left == 0
	powerful := co.dumps >= trendDumps || massive && co.dumps >= 3
	if !powerful || c.moving || s.inStep(co.gained, int(co.old[0])) {
		return analyze.Possible
	}
	silent, n := c.trace.silence(co.history.old, s.newest)
	still := silent >= mostlySilent && n >= s.limits().growth
	if still && !quietByNature(c.class) || massive && co.dumps >= trendDumps && !waitsIdle(c.class) {
		return analyze.Likely
	}
	return analyze.Possible
}

// mostlySilent is the share of a cohort that must not move in a trace. Bounded id lists and
// the moments between dump and trace cost a little.
const mostlySilent = 0.9

// counted judges growth that was seen in numbers alone.
func (s *survey) counted(c *candidate) analyze.Confidence {
	g := c.growth
	switch {
	case g == nil, c.cohort != nil && c.cohort.verdict == steady && c.cohort.left > 0:
		return 0 // ids show that they leave
	case len(g.counts) == 2 || s.inStep(g.counts.gained(), g.counts.first()):
		return analyze.Weak
	case g.massive && !waitsIdle(c.class):
		return analyze.Likely
	}
	return analyze.Possible
}

// quietByNature are waits that last long in healthy programs, so that silence in a short
// trace says nothing.
func quietByNature(w evidence.Wait) bool {
	return w == evidence.WaitIO || w == evidence.WaitSleep || w == evidence.WaitSyscall
}

// waitsIdle are the waits in which healthy goroutines spend their idle time.
func waitsIdle(w evidence.Wait) bool {
	switch w {
	case evidence.WaitSelect, evidence.WaitChanRecv, evidence.WaitCond, evidence.WaitSemaphore, evidence.WaitOther:
		return true
	}
	return quietByNature(w)
}

// wakes reports a site that most goroutines leave within a trace.
func (ts *traceSite) wakes() bool {
	return ts != nil && ts.ended > 0 && 2*ts.silent < ts.open
}
