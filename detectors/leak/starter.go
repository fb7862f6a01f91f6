package leak

import "go-debug/analyze/evidence"

// A ballot counts for lines of the program.
type ballot struct {
	all   int64
	votes map[evidence.Frame]int64
}

func (b *ballot) add(f evidence.Frame, n int64) {
	if b.votes == nil {
		b.votes = map[evidence.Frame]int64{}
	}
	b.votes[f] += n
	b.all += n
}

// majority is the line with more than half of the votes.
func (b *ballot) majority() (evidence.Frame, bool) {
	for f, n := range b.votes {
		if 2*n > b.all {
			return f, true
		}
	}
	return evidence.Frame{}, false
}

// starter is the line of the program on whose behalf a library starts the goroutines of a candidate, and how
// that is known. The program is on the stack of the go statement alone, which a trace shows if it sees
// one; else it is the line that calls the library most.
func (s *survey) starter(c *candidate) (at evidence.Frame, how string, ok bool) {
	if c.creator.IsZero() {
		return evidence.Frame{}, "", false
	}
	if at, ok = s.startedFor(c); ok {
		return at, "most are started for this line", true
	}
	if c.class == evidence.WaitCoroutine {
		return evidence.Frame{}, "", false // the sequence itself calls package iter
	}
	at, ok = s.caller(c)
	return at, "most calls are made here", ok
}

// startedFor looks at the go statements of a trace: at those whose goroutines are still there at its end, if it
// shows any.
func (s *survey) startedFor(c *candidate) (evidence.Frame, bool) {
	if s.trace == nil {
		return evidence.Frame{}, false
	}
	through := c.creator.Function
	if c.stack.Contains(readLoop) {
		through = getConn // the connection is dialled by a goroutine of its own
	}
	var staying, all ballot
	for i := range s.trace.Sites {
		made := &s.trace.Sites[i]
		stack := s.trace.StackOf(made.Stack)
		if !stack.Contains(through) {
			continue
		}
		if k := innermostOwn(stack); k >= 0 {
			staying.add(stack[k], made.AtEnd)
			all.add(stack[k], made.Created)
		} else {
			staying.all += made.AtEnd
			all.all += made.Created
		}
	}
	if staying.all > 0 && through == c.creator.Function { // who dials ends, and the connection stays
		return staying.majority()
	}
	return all.majority()
}

// caller looks at who waits for the library that started the goroutines, in dumps and the trace.
func (s *survey) caller(c *candidate) (evidence.Frame, bool) {
	var b ballot
	client := c.stack.Contains(readLoop)
	see := func(stack evidence.Stack, n int64) {
		if client && !callsOut(stack) {
			return
		}
		k := innermostOwn(stack)
		if k > 0 && stack[k-1].Package() == c.creator.Package() {
			b.add(stack[k], n)
		}
	}
	for _, snap := range s.snapshots {
		for i := range snap.Groups {
			see(snap.Groups[i].Stack, int64(snap.Groups[i].Count))
		}
	}
	if s.trace != nil {
		for i := range s.trace.Blocks {
			bl := &s.trace.Blocks[i]
			see(s.trace.StackOf(bl.Stack), bl.Ended.Count+bl.Unseen.Count+bl.Open.Count)
		}
	}
	return b.majority()
}

// innermostOwn is the index of the innermost frame of the program itself, -1 without one.
func innermostOwn(stack evidence.Stack) int {
	for i, f := range stack {
		if own(f) {
			return i
		}
	}
	return -1
}
