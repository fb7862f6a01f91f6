package leak

import (
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// asleep is what the runtime writes when no goroutine can run again.
const asleep = "all goroutines are asleep - deadlock!"

// deadlocked are the dumps of programs that the runtime stopped because every goroutine waited: of each
// input the first after the message, which is the one that it speaks of.
func deadlocked(set *evidence.Set) map[*evidence.Snapshot]bool {
	inputs := map[string]bool{}
	for _, in := range set.Inputs {
		if slices.ContainsFunc(in.Notes, func(n string) bool { return strings.Contains(n, asleep) }) {
			inputs[in.Source] = true
		}
	}
	out := map[*evidence.Snapshot]bool{}
	for i := range set.Snapshots {
		if snap := &set.Snapshots[i]; inputs[snap.Source] && snap.Format == "crash" {
			out[snap] = true
			delete(inputs, snap.Source)
		}
	}
	return out
}

// deadlock is the finding about a dump in which nobody can run. Goroutine 1 is one of those that wait, and
// often the one to look at: it is no leak here.
func deadlock(snap *evidence.Snapshot) (analyze.Finding, bool) {
	var stuck []*evidence.Group
	n := 0
	for i := range snap.Groups {
		g := &snap.Groups[i]
		class := classOf(g.Wait, g.Stack)
		if class == evidence.WaitNone || class == evidence.WaitSystem || class == evidence.WaitGC {
			continue
		}
		if _, ok := g.Stack.User(); ok {
			stuck = append(stuck, g)
			n += g.Count
		}
	}
	if len(stuck) == 0 {
		return analyze.Finding{}, false
	}
	// Main first: it is why the program did not end. Then the most populous.
	slices.SortStableFunc(stuck, func(a, b *evidence.Group) int {
		switch x, y := isMainGroup(a), isMainGroup(b); {
		case x == y:
			return b.Count - a.Count
		case x:
			return -1
		}
		return 1
	})
	var parts []string
	f := analyze.Finding{Rule: ruleDeadlock, Noun: "deadlock", Confidence: analyze.Proven, Cost: float64(n),
		Next:     "go-debug explain " + ruleDeadlock,
		Measures: []stats.Measure{count("goroutines", n, 1, "blocked when the runtime found that none can run")}}
	for i, g := range stuck {
		at := site{class: classOf(g.Wait, g.Stack), stack: g.Stack, creator: g.CreatedBy}
		if i == 0 {
			f.Location, f.Wait, f.Identity, f.CreatedBy = at.location(), at.class, at.identity(), g.CreatedBy
		}
		if i < maxStacks {
			f.Stacks = append(f.Stacks, withoutWrappers(g.Stack))
			parts = append(parts, fmt.Sprintf("%s in %s at %s", quantity(g.Count), waitingIn(&candidate{site: at}), place(at.location())))
		}
	}
	f.Message = "the program stopped because every goroutine waits: " + strings.Join(parts, ", ")
	if more := len(stuck) - maxStacks; more > 0 {
		f.Message += fmt.Sprintf(" and at %d more places", more)
	}
	return f, true
}
