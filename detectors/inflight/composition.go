package inflight

import (
	"cmp"
	"fmt"
	"go-debug/analyze/evidence"
	"math"
	"slices"
	"strings"
)

// shares is the share of in-flight time by state.
func (f *traffic) shares() map[string]float64 {
	if f.InFlightNS == 0 {
		return nil
	}
	out := map[string]float64{}
	for _, s := range f.States {
		out[s.State] += float64(s.NS) / float64(f.InFlightNS)
	}
	return out
}

// composition splits the mean number in flight by state. The parts add up to it as it is printed: what rounding
// leaves goes to the largest remainders.
func (f *traffic) composition() []string {
	total, unit := f.mean(), 1.0
	if total < 9.95 {
		unit = 10
	}
	whole := int(math.Round(total * unit))
	type part struct {
		state     string
		n         int
		remainder float64
	}
	var parts []part
	left := whole
	for state, share := range f.shares() {
		exact := share * total * unit
		n := int(exact)
		left -= n
		parts = append(parts, part{state, n, exact - float64(n)})
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(b.remainder, a.remainder), cmp.Compare(a.state, b.state))
	})
	for i := range parts {
		if left > 0 {
			parts[i].n++
			left--
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.state, b.state)) })
	var out []string
	shown := 0
	for _, p := range parts {
		if p.n == 0 || len(out) == 3 {
			break
		}
		shown += p.n
		out = append(out, grouped(float64(p.n)/unit)+" "+phrase(p.state)+f.meanwhile(p.state, unit))
	}
	if rest := whole - shown; rest > 0 {
		out = append(out, grouped(float64(rest)/unit)+" other")
	}
	return out
}

// phrase says what a request in a state does.
func phrase(state string) string {
	switch state {
	case evidence.StateRunnable:
		return "waiting for a processor"
	case evidence.StateAssist:
		return "assisting the collector"
	case evidence.StateDownstream:
		return "waiting for downstream"
	case evidence.StatePool:
		return "waiting for a pool"
	case evidence.StateLimiter:
		return "waiting for a rate limiter"
	case evidence.StateClientRead:
		return "reading the request"
	case evidence.StateClientWrite:
		return "writing the reply"
	case evidence.StateNetwork:
		return "waiting for the network"
	case evidence.StateSyscall:
		return "in system calls"
	case evidence.StateUnknown:
		return "unknown"
	case string(evidence.WaitSleep):
		return "sleeping"
	case string(evidence.WaitMutex), string(evidence.WaitRWMutex):
		return "waiting for a " + state
	case string(evidence.WaitChanSend), string(evidence.WaitChanRecv):
		return "in a channel " + strings.TrimPrefix(state, "chan-")
	case string(evidence.WaitSelect):
		return "in a select"
	case string(evidence.WaitChan):
		return "at a channel"
	case string(evidence.WaitNilChan):
		return "at a nil channel"
	case string(evidence.WaitNoCases):
		return "in a select without cases"
	case string(evidence.WaitCond):
		return "waiting for a condition"
	case string(evidence.WaitSemaphore):
		return "waiting for a lock or a group"
	case string(evidence.WaitWaitGroup):
		return "waiting for goroutines"
	case string(evidence.WaitGC):
		return "waiting for the collector"
	}
	return state
}

// tracedSite is where requests spend their time.
type tracedSite struct {
	state       string
	frame       evidence.Frame
	stacks      []int32
	ns          int64
	first, last int64 // in the first and the last third of the window
}

func (s *tracedSite) where() string {
	if s.frame.IsZero() {
		return ""
	}
	return " at " + s.place()
}

func (s *tracedSite) place() string {
	return fmt.Sprintf("%s:%d %s", s.frame.ShortFile(), s.frame.Line, s.frame.Function)
}

// sites are states by line of the program's own code, the longest first.
func (f *traffic) sites() []tracedSite {
	byKey := map[string]*tracedSite{}
	for _, s := range f.States {
		frame, _ := ownFrame(f.trace.StackOf(s.Stack))
		key := s.State + " " + lineKey(frame)
		have := byKey[key]
		if have == nil {
			have = &tracedSite{state: s.State, frame: frame}
			byKey[key] = have
		}
		have.stacks = append(have.stacks, s.Stack)
		have.ns += s.NS
		for i, ns := range s.Parts {
			switch {
			case i < len(s.Parts)/3:
				have.first += ns
			case i >= len(s.Parts)-len(s.Parts)/3:
				have.last += ns
			}
		}
	}
	out := make([]tracedSite, 0, len(byKey))
	for _, s := range byKey {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b tracedSite) int {
		return cmp.Or(cmp.Compare(b.ns, a.ns), cmp.Compare(a.state, b.state), cmp.Compare(lineKey(a.frame), lineKey(b.frame)))
	})
	return out
}
