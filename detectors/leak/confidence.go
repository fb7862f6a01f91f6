package leak

import (
	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// confidence weighs all that is known of a candidate; 0 means that it is no leak.
func (s *survey) confidence(c *candidate) analyze.Confidence {
	if c.leaked > 0 && c.class != evidence.WaitNoCases {
		return analyze.Proven
	}
	sure := max(s.endless(c), s.survived(c))
	if s.pooled(c) || s.listens(c) || sure == 0 && s.gone(c) > endedShare {
		return 0
	}
	best := max(sure, s.followed(c), s.counted(c))
	if best == 0 && c.created != nil {
		best = analyze.Possible
	}
	if c.timed() && !s.testsOver() {
		best = min(best, analyze.Weak)
	}
	if best == 0 && (c.cluster && !c.trace.wakes() || s.faded(c) || c.cohort != nil && c.cohort.scant && c.certain()) {
		best = analyze.Weak
	}
	return best
}

// endless judges waits that nothing can end. On a nil channel they are a fault however many there
// are. A select without cases is written on purpose: helpers that several dumps show to be always
// the same ones are no leak, whatever the runtime makes of them.
func (s *survey) endless(c *candidate) analyze.Confidence {
	switch {
	case c.forever == 0 && c.leaked == 0:
		return 0
	case c.class == evidence.WaitNoCases && len(s.snapshots) >= 2 && !c.grows():
		return analyze.Possible
	}
	return analyze.Proven
}

// grows reports growth that some evidence shows.
func (c *candidate) grows() bool {
	return c.grew() || c.growth != nil || c.created != nil
}

// grew reports a cohort that grows or has grown.
func (c *candidate) grew() bool { return c.cohort != nil && (c.cohort.verdict != steady || c.scant()) }

// rising reports a cohort that grows.
func (c *candidate) rising() bool {
	return c.cohort != nil && (c.cohort.verdict == growing || c.scant())
}

// scant reports that two dumps with few goroutines are all that shows growth. They count only where the source shows
// how it comes about, and where counts show it better they do not.
func (c *candidate) scant() bool {
	return c.cohort != nil && c.cohort.scant && c.growth == nil && c.certain()
}

// followed judges a cohort. Alone it is possible: sessions that outlive the capture look the same.
func (s *survey) followed(c *candidate) analyze.Confidence {
	co := c.cohort
	if co == nil || co.verdict != growing {
		return 0
	}
	switch {
	case servesRequests(c.stack):
		return s.requests(c)
	case co.few && c.wakes():
		return analyze.Weak // few of anything, and they do something
	case co.dumps >= trendDumps && s.gone(c) <= s.limits().exits && (c.certain() || s.corroborated(c)):
		return analyze.Likely
	}
	return analyze.Possible
}

// certain reports that the source alone shows how the goroutines get stuck, and that nothing which
// was seen contradicts it: who is stuck for good does not wake.
func (c *candidate) certain() bool {
	if c.code == nil || !c.code.Certain {
		return false
	}
	return wakesByNature[c.code.Pattern] || !c.wakes()
}

// keyed reports goroutines of which the source starts one for each key of a map that is new: as many are
// meant as there are keys, and silence is what they do.
func (c *candidate) keyed() bool { return c.code != nil && c.code.Keyed != "" }

// timed reports a wait that ends by itself, as the source has it: until the first of them has lived so
// long, goroutines that end look like a leak.
func (c *candidate) timed() bool { return c.code != nil && c.code.Timed != "" }

// testsOver reports that the goroutines are those that tests have left behind.
func (s *survey) testsOver() bool { return s.end != nil && s.end.tests }

// wakesByNature are the patterns of leaks that go on working.
var wakesByNature = map[string]bool{
	evidence.PatternTickerOrphan: true, evidence.PatternForgottenCancel: true,
	evidence.PatternStartWithoutStop: true, evidence.PatternNoDeadline: true,
}

// wakes reports a cohort whose goroutines were seen to move.
func (c *candidate) wakes() bool {
	return c.moving || c.cohort != nil && awakeShare*c.cohort.awake > len(c.cohort.history.old) || c.watch.n >= minWatched && !c.watch.still()
}

// awakeShare is one in how many of a cohort may have been seen running: others may come by the same line.
const awakeShare = 50

// corroborated asks the trace: the same goroutines did nothing in it, and nothing speaks for a
// healthy reading.
func (s *survey) corroborated(c *candidate) bool {
	co := c.cohort
	return c.watch.still() && !c.wakes() && !quietByNature(c.class) && !co.slows && !co.few && !c.keyed() &&
		!s.inStep(s.dumps, co.gained, int(co.old[0]))
}

// requests judges goroutines in the middle of a server's request. Those whose client has gone are
// as good as others; those in a select or in I/O may be long polls and open sockets; the rest may be
// a queue, which moves.
func (s *survey) requests(c *candidate) analyze.Confidence {
	left := c.cohort.gained - c.cohort.gained/2
	abandoned := s.abandoned.gained() >= max(left, 1)
	switch {
	case c.cohort.left > 0:
		return 0
	case c.certain() && c.cohort.dumps >= trendDumps:
		return analyze.Likely
	case waitsForPeers(c.class) && !abandoned:
		return 0
	}
	return analyze.Possible
}

// waitsForPeers are the waits in which requests spend their time when they are meant to last.
func waitsForPeers(w evidence.Wait) bool {
	return w == evidence.WaitSelect || quietByNature(w)
}

// counted judges growth that was seen in numbers alone, which never shows who left: at most
// possible, however steep.
func (s *survey) counted(c *candidate) analyze.Confidence {
	g := c.growth
	switch {
	case g == nil, c.cohort != nil && c.cohort.verdict == steady && c.cohort.left > 0:
		return 0 // ids show that they leave
	case len(g.counts) == 2 || g.verdict == stopped || s.inStep(s.snapshots, g.counts.gained(), g.counts.first()):
		return analyze.Weak
	}
	return analyze.Possible
}

// faded judges growth that stopped: a ramp that came to its plateau, or a leak whose cause is over.
func (s *survey) faded(c *candidate) bool {
	co := c.cohort
	return co != nil && co.verdict == stopped && co.gained >= pairGrowth && co.dumps >= 3 && co.awake == 0 &&
		!servesRequests(c.stack) && (s.trace == nil || c.watch.still())
}

// quietByNature are waits that last long in healthy programs, so that silence in a short
// trace says nothing.
func quietByNature(w evidence.Wait) bool {
	return w == evidence.WaitIO || w == evidence.WaitSleep || w == evidence.WaitSyscall
}

// wakes reports a site that most goroutines leave within a trace.
func (ts *traceSite) wakes() bool {
	return ts != nil && ts.ended > 0 && 2*ts.silent < ts.open
}
