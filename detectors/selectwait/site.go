package selectwait

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// siteOf identifies a select statement: the program's own innermost line. Selects inside the
// standard library have none and are not judged by line.
func siteOf(stack evidence.Stack) (key string, at evidence.Frame, ok bool) {
	f, ok := signature.Own(stack)
	if !ok {
		return "", evidence.Frame{}, false
	}
	return lineKey(f), f, true
}

func lineKey(f evidence.Frame) string {
	return evidence.NormalFunction(f.Function) + "@" + f.File + ":" + strconv.Itoa(f.Line)
}

func place(f evidence.Frame) string { return f.ShortFile() + ":" + strconv.Itoa(f.Line) }

// A crowd is many goroutines parked at one select of the program.
type crowd struct {
	key      string
	location evidence.Frame
	creator  evidence.Frame
	stack    evidence.Stack
	parked   int            // most of any snapshot, or open at the end of the trace
	of       int            // all goroutines of that snapshot
	growth   *stats.Measure // nil where fewer than two snapshots have a time
}

// readCrowds lists the selects at which at least atLeast goroutines are parked, the largest first.
func readCrowds(set *evidence.Set, atLeast int) []crowd {
	best := map[string]crowd{}
	keep := func(now map[string]crowd) {
		for k, c := range now {
			if old, ok := best[k]; !ok || c.parked > old.parked {
				if ok && c.creator.IsZero() {
					c.creator = old.creator
				}
				best[k] = c
			}
		}
	}
	for _, snap := range set.SnapshotsOf(evidence.Goroutine) {
		keep(crowdsOf(snap))
	}
	keep(tracedCrowds(set.Trace))
	var out []crowd
	for _, c := range best {
		if c.parked >= atLeast {
			c.growth = growthOf(set.SnapshotsOf(evidence.Goroutine), c.key)
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b crowd) int {
		return cmp.Or(cmp.Compare(b.parked, a.parked), cmp.Compare(a.key, b.key))
	})
	return out
}

func crowdsOf(snap *evidence.Snapshot) map[string]crowd {
	now := map[string]crowd{}
	for i := range snap.Groups {
		g := &snap.Groups[i]
		if g.Wait != evidence.WaitSelect {
			continue
		}
		key, at, ok := siteOf(g.Stack)
		if !ok {
			continue
		}
		c, seen := now[key]
		if !seen {
			c = crowd{key: key, location: at, creator: g.CreatedBy, stack: g.Stack, of: snap.Total}
		}
		c.parked += g.Count
		now[key] = c
	}
	return now
}

func tracedCrowds(t *evidence.Trace) map[string]crowd {
	now := map[string]crowd{}
	if t == nil {
		return now
	}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		stack := t.StackOf(b.Stack)
		if !isSelect(b.Wait, stack) {
			continue
		}
		key, at, ok := siteOf(stack)
		if !ok {
			continue
		}
		c, seen := now[key]
		if !seen {
			c = crowd{key: key, location: at, stack: stack}
		}
		c.parked += int(b.Open.Count)
		now[key] = c
	}
	return now
}

// isSelect reads the wait from the stack where the trace does not name it: goroutines that
// were parked before it began have no reason.
func isSelect(w evidence.Wait, stack evidence.Stack) bool {
	return w == evidence.WaitSelect || w == evidence.WaitNone && evidence.WaitOf(stack) == evidence.WaitSelect
}

// broadcasts reports a waker that closed a channel. The runtime leaves its own closechan
// out of the stack, so the innermost frame is the one that closes (the program's, or
// context's cancel), while a send shows as runtime.chansend1 and timers show nothing.
func broadcasts(waker evidence.Stack) bool {
	if len(waker) == 0 {
		return false
	}
	f := waker[0]
	if f.Function == "runtime.closechan" {
		return true
	}
	p := f.Package()
	switch {
	case p == "", p == "runtime", p == "sync", p == "reflect", p == "time":
		return false
	}
	return !strings.HasPrefix(p, "internal/")
}
