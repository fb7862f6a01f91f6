// Package asleep finds what goroutines wait for while they are inside of given lines of the program: with a
// lock in their hands, say, or with a queue that they ought to serve.
package asleep

import (
	"cmp"
	"fmt"
	"slices"

	"go-debug/analyze/evidence"
)

// Place is one thing that goroutines wait for there.
type Place struct {
	What  string         // the operation: "net/http.(*Client).Do", "a channel send"
	At    evidence.Frame // the program's line that it is called at
	Stack evidence.Stack
	NS, N int64 // time in the traces, in nanoseconds; waits of the traces and goroutines of the snapshots
}

// Time is all that goroutines waited there.
type Time struct {
	Places    []Place // the longest first
	NS, N     int64   // sums of those of Places
	Snapshots int     // in which a goroutine waited there
	of        int     // snapshots in all
	windowNS  int64   // of the traces
}

// Within looks in snapshots and traces for goroutines that wait, with a stack that is inside.
func Within(set *evidence.Set, inside func(evidence.Stack) bool) *Time {
	t := &Time{of: set.Count(evidence.Goroutine)}
	places := map[string]*Place{}
	add := func(s evidence.Stack, ns, n int64) bool {
		if n == 0 || len(s) == 0 || !inside(s) {
			return false
		}
		what, at := operation(s)
		k := fmt.Sprintf("%s\n%s\n%s:%d", what, at.Function, at.File, at.Line)
		if places[k] == nil {
			places[k] = &Place{What: what, At: at, Stack: s}
		}
		places[k].NS += ns
		places[k].N += n
		return true
	}
	for _, snap := range set.SnapshotsOf(evidence.Goroutine) {
		seen := false
		for i := range snap.Groups {
			if g := &snap.Groups[i]; g.Wait != evidence.WaitNone && g.Wait != evidence.WaitGC {
				seen = add(g.Stack, 0, int64(g.Count)) || seen
			}
		}
		if seen {
			t.Snapshots++
		}
	}
	if tr := set.Trace; tr != nil {
		t.windowNS = tr.DurationNS()
		for i := range tr.Blocks {
			b := &tr.Blocks[i]
			add(tr.StackOf(b.Stack), b.Ended.Sum+b.Unseen.Sum+b.Open.Sum, b.Ended.Count+b.Unseen.Count+b.Open.Count)
		}
		for i := range tr.Syscalls {
			c := &tr.Syscalls[i]
			add(tr.StackOf(c.Stack), c.Duration.Sum+c.Unseen.Sum+c.Open.Sum, c.Duration.Count+c.Unseen.Count+c.Open.Count)
		}
	}
	for _, p := range places {
		t.Places = append(t.Places, *p)
		t.NS += p.NS
		t.N += p.N
	}
	slices.SortFunc(t.Places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.NS, a.NS), cmp.Compare(b.N, a.N), cmp.Compare(a.What, b.What),
			cmp.Compare(a.At.Function, b.At.Function), cmp.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line))
	})
	return t
}

// operation names what a stack waits in: the function of the distribution that the program's innermost
// line calls, else that line's own function.
func operation(s evidence.Stack) (what string, at evidence.Frame) {
	i := slices.IndexFunc(s, func(f evidence.Frame) bool { return !f.Std() })
	switch {
	case i < 0:
		return s[len(s)-1].Function, s[len(s)-1]
	case i == 0: // the trace leaves the runtime's own frames out
		return "wait", s[0]
	}
	what = s[i-1].Function
	if s[i-1].Package() == "runtime" {
		switch evidence.WaitOf(s[:i]) {
		case evidence.WaitSelect:
			what = "a select"
		case evidence.WaitChanSend:
			what = "a channel send"
		case evidence.WaitChanRecv:
			what = "a channel receive"
		}
	}
	return what, s[i]
}

// minShare is the part of the traces' time from which waits are worth a word.
const minShare = 0.1

// Words say what they are asleep in: "asleep in time.Sleep at main.go:78 (77 % of the time)"; "" where they
// seldom are. Several that are asleep at once are counted.
func (t *Time) Words() string {
	if len(t.Places) == 0 {
		return ""
	}
	p := t.Places[0]
	text := fmt.Sprintf("asleep in %s at %s:%d", p.What, p.At.ShortFile(), p.At.Line)
	share := t.Rate()
	switch {
	case share >= 1.05:
		return text + fmt.Sprintf(" (%.2g of them at a time)", share)
	case share >= minShare:
		return text + fmt.Sprintf(" (%.0f %% of the time)", 100*min(share, 1))
	case t.Snapshots > 0 && 2*t.Snapshots >= t.of:
		return text
	}
	return ""
}

// Rate is how many goroutines wait there on average over the traces' time, in seconds per second; 0 without a
// trace.
func (t *Time) Rate() float64 {
	if t.windowNS <= 0 {
		return 0
	}
	return float64(t.NS) / float64(t.windowNS)
}
