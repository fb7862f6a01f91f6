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

// peakCalls is the most goroutines that used client connections in any snapshot.
func peakCalls(snaps []*evidence.Snapshot) int {
	most := 0
	for _, snap := range snaps {
		n := 0
		for i := range snap.Groups {
			g := &snap.Groups[i]
			if slices.ContainsFunc(callFunctions, g.Stack.Contains) {
				n += g.Count
			}
		}
		most = max(most, n)
	}
	return most
}

// pooled reports client connections that their use explains. A pool holds as many as were ever in use at
// once: it grows in steps, one for each burst above the last. A client that is made anew for
// each request leaves one connection behind each time: evenly, and without callers.
func (s *survey) pooled(c *candidate) bool {
	switch {
	case c.stack.Contains(writeLoop):
		return true
	case !c.stack.Contains(readLoop):
		return false
	case c.class == evidence.WaitSelect:
		return c.count <= s.calls+s.calls/4
	}
	return c.count < 2*s.calls || !even(c.arrivals())
}

// dialler is the line of the program whose requests dialled most of the connections that a trace saw
// being made. The goroutines of a connection are started by the library: only the go statement of
// the dial has the program on its stack.
func dialler(t *evidence.Trace) (evidence.Frame, bool) {
	if t == nil {
		return evidence.Frame{}, false
	}
	var all, most int64
	var best evidence.Frame
	dials := map[evidence.Frame]int64{}
	for i := range t.Sites {
		stack := t.StackOf(t.Sites[i].Stack)
		if !stack.Contains(getConn) {
			continue
		}
		all += t.Sites[i].Created
		if f, ok := stack.User(); ok {
			dials[f] += t.Sites[i].Created
			if dials[f] > most {
				most, best = dials[f], f
			}
		}
	}
	return best, 2*most > all
}

// arrivals are the newcomers per interval, by id where there are ids.
func (c *candidate) arrivals() []int {
	if c.cohort != nil {
		var out []int
		for _, t := range c.cohort.history.tallies[1:] {
			out = append(out, t.arrived)
		}
		return out
	}
	if c.growth != nil {
		return c.growth.counts.steps()
	}
	return nil
}

// even reports arrivals of which every interval has at least half of the mean.
func even(arrivals []int) bool {
	sum := 0
	for _, n := range arrivals {
		sum += n
	}
	return len(arrivals) > 0 && 2*len(arrivals)*slices.Min(arrivals) >= sum
}
