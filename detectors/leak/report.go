package leak

import (
	"fmt"
	"strconv"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

func (s *survey) finding(c *candidate) analyze.Finding {
	f := analyze.Finding{
		Rule:       ruleOf(c.class),
		Confidence: c.sure,
		Location:   c.location(),
		CreatedBy:  c.creator,
		Wait:       c.class,
		Message:    s.message(c),
		Measures:   s.measures(c),
		Stacks:     []evidence.Stack{withoutWrappers(c.stack)},
		Cost:       float64(c.goroutines()),
		Next:       "go-debug explain " + ruleOf(c.class),
		Identity:   c.identity(),
		Code:       c.explained(),
	}
	begun := false
	// An iterator waits in the sequence, and ends with whoever pulls from it.
	if !own(f.Location) || c.class == evidence.WaitCoroutine {
		if by, how, ok := s.starter(c); ok {
			f.Location, begun = by, true
			f.Message += "; " + how
		} else if !own(f.Location) && c.code != nil && c.code.Culprit.Line > 0 {
			f.Location = c.code.Culprit
		}
	}
	for _, other := range c.companions[:min(len(c.companions), maxStacks-1)] {
		f.Stacks = append(f.Stacks, withoutWrappers(other.stack))
	}
	f.Remedy = c.remedy(begun)
	switch {
	case c.sure == analyze.Weak && c.grows():
		f.Next = tryLonger
	case c.sure == analyze.Weak, c.created != nil && c.sure == analyze.Possible:
		f.Next = tryCapture
	case c.sure == analyze.Possible:
		f.Next = tryLonger
	}
	return f
}

// maxStacks is how many stacks a finding shows.
const maxStacks = 3

// goroutines is the headline number: those blocked in the last snapshot, or as many as the
// runtime or a trace counted.
func (c *candidate) goroutines() int {
	n := max(c.leaked, c.forever)
	if n > 0 && !c.grows() {
		return n
	}
	switch {
	case c.count == 0 && c.created != nil:
		return int(c.created.parked)
	case c.moving:
		return max(n, c.cohort.history.tallies[c.cohort.dumps-1].count)
	case c.count == 0 && c.left != nil:
		return max(n, c.left.n)
	}
	return max(n, c.count)
}

// message is the cause in one line: how many, where, how fast and how it is known. What the source says
// stands beside it: the same capture has the same message with the source and without.
func (s *survey) message(c *candidate) string {
	var b strings.Builder
	b.WriteString(s.observation(c))
	if at := place(c.creator); at != "" && c.creator != c.location() && own(c.creator) {
		b.WriteString("; started at " + at)
	}
	for i, other := range c.companions {
		if i == maxStacks {
			fmt.Fprintf(&b, " and %d more", len(c.companions)-i)
			break
		}
		fmt.Fprintf(&b, "%s %s in %s at %s", [...]string{"; with", ","}[min(i, 1)], quantity(other.goroutines()), waitingIn(other), place(other.location()))
	}
	return b.String()
}

func quantity(n int) string {
	if n == 1 {
		return "1 goroutine"
	}
	return strconv.Itoa(n) + " goroutines"
}

func (s *survey) observation(c *candidate) string {
	who, doing := quantity(c.goroutines()), waitingIn(c)
	switch {
	case c.leaked > 0 && c.class != evidence.WaitNoCases:
		return who + " blocked for ever in " + doing + s.pace(c) + ": nothing that still runs can reach what they wait for"
	case c.sure == analyze.Proven:
		return who + " blocked for ever in " + doing + s.pace(c) + ": no event can end that wait"
	case c.forever > 0 || c.class == evidence.WaitNoCases:
		return who + " blocked for ever in " + doing + "; a helper that is meant to stay does no harm"
	case s.survived(c) > 0:
		return s.survivalSentence(c)
	case c.rising():
		return who + " in " + doing + " and more keep coming" + s.pace(c) + ": " + c.cohort.sentence() + s.doubt(c)
	case c.growth != nil:
		return fmt.Sprintf("goroutines in %s grow from %d to %d over %d snapshots%s%s", doing,
			c.growth.counts.first(), c.growth.counts.last(), len(c.growth.counts), s.pace(c), s.doubt(c))
	case c.created != nil:
		return fmt.Sprintf("%d goroutines started in a trace of %.3g s and %d ended; %d of them wait in %s",
			c.created.created, c.created.windowS, c.created.ended, c.created.parked, doing)
	case s.faded(c):
		return who + " in " + doing + ": " + c.cohort.sentence() + "; growing, unproven: ever fewer came"
	case c.minutes > 0:
		return fmt.Sprintf("%s in %s, for up to %d min; one snapshot cannot tell a leak from an idle pool", who, doing, c.minutes)
	}
	return who + " in " + doing + "; one snapshot cannot tell a leak from an idle pool"
}

// pace is the leak's rate in words.
func (s *survey) pace(c *candidate) string {
	rate, ok := s.rate(c)
	if !ok || rate.Unit != "per_s" || rate.Value <= 0 {
		return ""
	}
	text := fmt.Sprintf(", %.3g a second", rate.Value)
	if m, ok := s.perRequest(c); ok {
		about := ""
		if len(m.Warnings) > 0 {
			about = "about "
		}
		text += fmt.Sprintf(" and %s%.2g a request", about, m.Value)
	}
	return text
}

func (c *cohort) sentence() string {
	if c.dumps == 2 {
		return fmt.Sprintf("%d came and %d left between two dumps", c.arrived, c.left)
	}
	return fmt.Sprintf("%d stayed and %d left over %d dumps", c.joined, c.left, c.dumps)
}

// doubt names what keeps a finding from being surer.
func (s *survey) doubt(c *candidate) string {
	if c.sure >= analyze.Likely {
		return ""
	}
	if why := s.missing(c); why != "" {
		return "; growing, unproven: " + why
	}
	return "; growing, unproven"
}

func (s *survey) missing(c *candidate) string {
	co := c.cohort
	switch {
	case c.timed():
		return "by the source " + c.code.Timed + " ends the wait"
	case c.keyed():
		return "by the source one is started for each new key of " + c.code.Keyed
	case c.growth != nil && c.growth.verdict == stopped:
		return "ever fewer came"
	case servesRequests(c.stack):
		return "they are requests, which may yet be answered"
	case co == nil || co.dumps < trendDumps:
		return "too few dumps with goroutine ids for a trend"
	case c.session:
		return "they come with connections that peers have opened"
	case c.wakes():
		return "they wake now and then"
	case quietByNature(c.class):
		return "such waits are long in healthy programs too"
	case s.inStep(s.dumps, co.gained, int(co.old[0])):
		return "so do requests in flight or connections"
	case co.slows:
		return "fewer come than did at first"
	case co.few:
		return "too few came to tell a leak from a ramp"
	case s.trace == nil || c.watch.n < minWatched:
		return "no trace shows whether they move"
	}
	return ""
}

func waitingIn(c *candidate) string {
	switch c.class {
	case evidence.WaitChanSend:
		return "a channel send"
	case evidence.WaitChanRecv:
		return "a channel receive"
	case evidence.WaitChan:
		return "a channel operation"
	case evidence.WaitSelect:
		if c.stack.Contains(readLoop) {
			return "the read loop of an HTTP connection whose response body is open"
		}
		return "a select"
	case evidence.WaitNilChan:
		return "an operation on a nil channel"
	case evidence.WaitNoCases:
		return "select{}"
	case evidence.WaitMutex, evidence.WaitRWMutex:
		return "Lock"
	case evidence.WaitWaitGroup:
		return "WaitGroup.Wait"
	case evidence.WaitCond:
		return "Cond.Wait"
	case evidence.WaitIO:
		if c.stack.Contains(readLoop) {
			return "the read loop of an HTTP connection that no request uses"
		}
		return waitingForIO(c.stack)
	case evidence.WaitSyscall:
		return "a system call"
	case evidence.WaitSleep:
		return "a sleep"
	case evidence.WaitCoroutine:
		return "an iterator that was not stopped (iter.Pull)"
	}
	return "a wait of unknown kind"
}

// waitingForIO says what can arrive: connections, or bytes from the network, from a pipe or a terminal. Ordinary files are
// never waited for like that.
func waitingForIO(stack evidence.Stack) string {
	switch {
	case accepts(stack):
		return "Accept of a listener"
	case stack.Contains(fileRead):
		return "a read of a pipe or a device"
	}
	return "network I/O"
}

const fileRead = "os.(*File).Read"

// withoutWrappers drops compiler-made frames that some formats show and others hide,
// unless nothing else of the program is left.
func withoutWrappers(stack evidence.Stack) evidence.Stack {
	var out evidence.Stack
	for _, f := range stack {
		if !f.IsWrapper() {
			out = append(out, f)
		}
	}
	if _, ok := out.User(); !ok {
		return stack
	}
	return out
}

// place is a frame's file and line for people.
func place(f evidence.Frame) string {
	if f.Line == 0 {
		return f.ShortFile()
	}
	return f.ShortFile() + ":" + strconv.Itoa(f.Line)
}
