package selectwait

import (
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/asleep"
	"go-debug/analyze/evidence"
)

// holder is the function that sends, and farther down receives: it takes a place in a channel, which is a semaphore,
// and gives it back, at line until. It is zero where there is none. from is the stack of one that waits to send, to that of one that receives. A caller of both, as
// the middleware of two handlers is, calls them at one line.
func holder(from, to evidence.Stack) (f evidence.Frame, until int) {
	for _, f = range from {
		if f.Std() {
			continue
		}
		if i := slices.IndexFunc(to, func(x evidence.Frame) bool { return sameFunction(x, f) }); i >= 0 && to[i].Line > f.Line {
			return f, to[i].Line
		}
	}
	return evidence.Frame{}, 0
}

// placesRemedy is that of a semaphore, to which no receiver can be added.
const placesRemedy = "Give the place back sooner (keep what is not limited out of it) or raise the number of places to what the resource behind them " +
	"can serve; where neither can be, let those who come fail early instead of queueing."

// nameHolders says who has the places of a semaphore, and what keeps them from giving them back.
func nameHolders(set *evidence.Set, f *analyze.Finding, waiting float64, r *receiver) {
	f.Remedy = placesRemedy
	f.Message = fmt.Sprintf("%.3g goroutines wait here on average for a place in a channel, which %s takes and gives back at %s", waiting, r.holder.Function, place(r.at))
	holding := asleep.Within(set, func(st evidence.Stack) bool {
		i := slices.IndexFunc(st, func(x evidence.Frame) bool { return sameFunction(x, r.holder) })
		return i >= 0 && r.holder.Line < st[i].Line && st[i].Line <= r.until
	})
	if words := holding.Words(); words != "" {
		f.Message += ", " + words
		f.Stacks = append(f.Stacks, holding.Places[0].Stack)
	}
}
