package inflight

import (
	"fmt"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// anatomy is what one of the slowest requests did, in order.
func (f *traffic) anatomy(e evidence.RequestExemplar) stats.Measure {
	m := stats.Measure{Name: "slowest_request", Value: float64(e.DurationNS), Unit: "ns", N: 1}
	order := "in order"
	if e.Sums {
		order = "in sum"
	}
	m.Method = fmt.Sprintf("goroutine %d from %s on, %s: %s", e.Goroutine, duration(float64(e.AtNS)/1e9), order, strings.Join(f.steps(e.Line, e.DurationNS), "; "))
	if e.Open {
		m = m.Warn("not over at the end of the window")
	}
	return m
}

// steps are the spells of a time line that are of some length: 2 % of it.
func (f *traffic) steps(line []evidence.RequestSegment, total int64) []string {
	var parts []string
	rest := int64(0)
	for _, s := range line {
		if s.NS*50 < total {
			rest += s.NS
			continue
		}
		frame, _ := ownFrame(f.trace.StackOf(s.Stack))
		site := tracedSite{state: s.State, frame: frame}
		text := duration(float64(s.NS)/1e9) + " " + phrase(s.State) + site.where()
		waker, ok := ownFrame(f.trace.StackOf(s.Waker))
		switch {
		case s.Child != nil:
			text += f.forChild(&s)
		case ok && s.Waker != 0:
			// Who unlocks a lock had it, last of all those that it waited for.
			by := ", ended by "
			if s.State == string(evidence.WaitMutex) || s.State == string(evidence.WaitRWMutex) {
				by = ", given up by "
			}
			text += by + (&tracedSite{frame: waker}).place()
		}
		parts = append(parts, text)
	}
	if rest > 0 {
		parts = append(parts, duration(float64(rest)/1e9)+" in short spells")
	}
	return parts
}

// forChild says what the goroutine of the request's own did that ended its wait.
func (f *traffic) forChild(s *evidence.RequestSegment) string {
	c := s.Child
	text := ", for the goroutine started at " + f.startPlace(c.Stack)
	if c.NS < s.NS {
		text = ", of which " + duration(float64(c.NS)/1e9) + " for the goroutine started at " + f.startPlace(c.Stack)
	}
	return text + " (" + strings.Join(f.steps(c.Line, c.NS), ", ") + ")"
}
