package leak

import (
	"slices"

	"go-debug/analyze/evidence"
)

// A connection of net/http's client has two goroutines. The read loop tells its state: in I/O
// it is idle or waits for a response, in a select somebody has yet to finish the response's body. The write
// loop looks the same in both, so it says nothing that its read loop does not.
const (
	readLoop  = "net/http.(*persistConn).readLoop"
	writeLoop = "net/http.(*persistConn).writeLoop"
	getConn   = "net/http.(*Transport).getConn"
)

// callFunctions are on the stacks of goroutines that use a client connection: they wait for a
// connection, for the response, or read the body.
var callFunctions = []string{
	"net/http.(*Transport).roundTrip",
	"net/http.(*bodyEOFSignal).Read",
}

// callsOut reports a goroutine that uses a client connection.
func callsOut(stack evidence.Stack) bool { return slices.ContainsFunc(callFunctions, stack.Contains) }

// peakCalls is the most goroutines that used client connections in any snapshot.
func peakCalls(snaps []*evidence.Snapshot) int {
	most := 0
	for _, snap := range snaps {
		n := 0
		for i := range snap.Groups {
			g := &snap.Groups[i]
			if callsOut(g.Stack) {
				n += g.Count
			}
		}
		most = max(most, n)
	}
	return most
}

// pooled reports client connections that their use explains. A pool holds as many as were ever in use at
// once: it grows in steps, one for each burst above the last. A client that is made anew for
// each request leaves one connection behind each time: evenly, without callers, and never uses it again.
func (s *survey) pooled(c *candidate) bool {
	switch {
	case c.stack.Contains(writeLoop):
		return true
	case !c.stack.Contains(readLoop):
		return false
	case c.class == evidence.WaitSelect:
		return c.count <= s.calls+s.calls/4
	}
	reused := c.watch.n >= minWatched && 10*c.watch.silent < 9*c.watch.n
	return reused || c.count < 2*s.calls || !s.comesEvenly(c)
}

// comesEvenly reports newcomers at one rate over all intervals, as far as chance allows.
func (s *survey) comesEvenly(c *candidate) bool {
	var arrivals []int
	snaps := s.dumps
	switch {
	case c.cohort != nil:
		for _, t := range c.cohort.history.tallies[1:] {
			arrivals = append(arrivals, t.arrived)
		}
	case c.growth != nil:
		arrivals, snaps = c.growth.counts.steps(), s.snapshots
	}
	return total(arrivals) >= minEven && intervals(arrivals) == len(arrivals) &&
		evenly(arrivals, timelineOf(snaps, s.demand).exposure(arrivals))
}

// minEven is from how many newcomers on evenness is more than a few of them a few times.
const minEven = 10
