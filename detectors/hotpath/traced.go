package hotpath

import (
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// calls are the system calls and calls into C that a trace saw at one line of the program, or in one function.
type calls struct {
	at       evidence.Frame
	duration evidence.Histogram
	perS     float64
}

// median is the median duration in nanoseconds.
func (c *calls) median() int64 { return c.duration.AtRank(stats.NearestRank(0.5, c.duration.Count)) }

func (c *calls) measure() stats.Measure { return stats.FromHistogram("call", "ns", &c.duration, 0.5) }

// readCalls adds up the calls of a trace by line.
func readCalls(t *evidence.Trace) []calls {
	if t == nil || t.DurationNS() <= 0 {
		return nil
	}
	index := map[evidence.Frame]int{}
	var out []calls
	for i := range t.Syscalls {
		s := &t.Syscalls[i]
		at, ok := t.StackOf(s.Stack).User()
		if !ok || s.Duration.Count == 0 {
			continue
		}
		j, ok := index[at]
		if !ok {
			j = len(out)
			index[at] = j
			out = append(out, calls{at: at})
		}
		out[j].duration.Merge(&s.Duration)
	}
	for i := range out {
		out[i].perS = float64(out[i].duration.Count) / (float64(t.DurationNS()) / 1e9)
	}
	return out
}

// fewCalls is too few to know how long they usually take.
const fewCalls = 100

// callsIn are the calls on all lines of a function, nil where no trace tells.
func (r *reading) callsIn(function evidence.Frame) *calls {
	all := calls{at: function}
	for i := range r.calls {
		if c := &r.calls[i]; c.at.Function == function.Function {
			all.duration.Merge(&c.duration)
			all.perS += c.perS
		}
	}
	if all.duration.Count < fewCalls {
		return nil
	}
	return &all
}
