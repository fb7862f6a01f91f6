package inflight

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
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
	m.Method = fmt.Sprintf("goroutine %d from %s on, %s: %s", e.Goroutine, duration(float64(e.AtNS)/1e9), order, f.tell(e.Line, e.DurationNS))
	if e.Open {
		m = m.Warn("not over at the end of the window")
	}
	return m
}

// step is a spell of a time line in words, or several that were the same again.
type step struct {
	ns    int64
	times int
	text  string // what it was, without for how long
}

const (
	// shortShare is the share of a time line from which on a spell of it is told.
	shortShare = 0.02
	// maxSteps bounds the spells that are told, the longest of a time line; maxChildSteps those of a goroutine that a
	// request waits for.
	maxSteps      = 6
	maxChildSteps = 2
	// wholeShare of a wait is what a goroutine did all the time.
	wholeShare = 0.95
)

// tell puts a time line in words, in order: its longest spells, and the sum of the others.
func (f *traffic) tell(line []evidence.RequestSegment, total int64) string {
	steps, rest := f.steps(line, total, maxSteps)
	var parts []string
	for _, s := range steps {
		long := duration(float64(s.ns) / 1e9)
		if s.times > 1 {
			long += " (" + strconv.Itoa(s.times) + " times)"
		}
		parts = append(parts, long+" "+s.text)
	}
	if rest > 0 {
		parts = append(parts, duration(float64(rest)/1e9)+" in short spells")
	}
	return strings.Join(parts, "; ")
}

// steps are the longest spells of a time line, in order. rest is the time of the others.
func (f *traffic) steps(line []evidence.RequestSegment, total int64, most int) (out []step, rest int64) {
	longest := make([]int, len(line)) // their places
	for i := range longest {
		longest[i] = i
	}
	slices.SortStableFunc(longest, func(a, b int) int { return cmp.Compare(line[b].NS, line[a].NS) })
	longest = longest[:min(len(longest), most)]
	for i := range line {
		s := &line[i]
		if !slices.Contains(longest, i) || float64(s.NS) < shortShare*float64(total) {
			rest += s.NS
			continue
		}
		frame, _ := ownFrame(f.trace.StackOf(s.Stack))
		site := tracedSite{state: s.State, frame: frame}
		text := phrase(s.State) + site.where() + f.endedBy(s)
		if n := len(out); n > 0 && out[n-1].text == text {
			out[n-1].ns += s.NS
			out[n-1].times++
			continue
		}
		out = append(out, step{s.NS, 1, text})
	}
	return out, rest
}

// endedBy says who ended a wait, and what that one did meanwhile if it was a goroutine of the request's own.
func (f *traffic) endedBy(s *evidence.RequestSegment) string {
	if s.Child != nil {
		return f.forChild(s)
	}
	waker, ok := ownFrame(f.trace.StackOf(s.Waker))
	switch {
	case !ok || s.Waker == 0:
		return ""
	case s.State == string(evidence.WaitMutex) || s.State == string(evidence.WaitRWMutex):
		// Who unlocks a lock had it, last of all those that it waited for.
		return ", given up by " + (&tracedSite{frame: waker}).place()
	}
	return ", ended by " + (&tracedSite{frame: waker}).place()
}

// forChild says what the goroutine of the request's own did that ended its wait.
func (f *traffic) forChild(s *evidence.RequestSegment) string {
	c := s.Child
	text := ", for a goroutine"
	if c.NS < s.NS {
		text = ", of which " + duration(float64(c.NS)/1e9) + " for a goroutine"
	}
	text += " started at " + f.startPlace(c.Stack) + ", which was "
	steps, rest := f.steps(c.Line, c.NS, maxChildSteps)
	if len(steps) == 1 && float64(steps[0].ns) >= wholeShare*float64(c.NS) {
		return text + steps[0].text
	}
	var parts []string
	for _, s := range steps {
		parts = append(parts, s.text+" for "+duration(float64(s.ns)/1e9))
	}
	if float64(rest) > (1-wholeShare)*float64(c.NS) {
		parts = append(parts, "in other states for "+duration(float64(rest)/1e9))
	}
	return text + strings.Join(parts, ", ")
}
