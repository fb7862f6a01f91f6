package mutexwait

import (
	"slices"

	"go-debug/analyze/asleep"
	"go-debug/analyze/evidence"
)

// A span is what a critical section guards: the lines of a function from the Lock call (or, where nobody was seen
// to wait at that, the defer statement after it) to the last line at which its Unlock was met, which for a deferred
// one is where the function returns.
type span struct {
	function string // normal name
	file     string
	from, to int
	reads    bool
	deferred bool
}

// spans are those sections of which both ends are known, the costliest holder's first.
func (l *lock) spans() []span {
	var out []span
	for _, h := range l.holders {
		from := 0
		for _, w := range l.waiters {
			if sameFunction(w.owner, h.owner) && w.reads == h.reads && w.owner.Line < h.owner.Line {
				from = max(from, w.owner.Line)
			}
		}
		if from == 0 && h.deferLine < h.owner.Line {
			from = h.deferLine
		}
		if from == 0 {
			continue
		}
		s := span{evidence.NormalFunction(h.owner.Function), h.owner.File, from, h.owner.Line, h.reads, h.deferLine > 0}
		i := slices.IndexFunc(out, func(o span) bool { return o.function == s.function && o.file == s.file && o.from == s.from })
		if i < 0 {
			out = append(out, s)
		} else {
			out[i].to = max(out[i].to, s.to)
		}
	}
	return out
}

func sameFunction(a, b evidence.Frame) bool {
	return a.File == b.File && evidence.NormalFunction(a.Function) == evidence.NormalFunction(b.Function)
}

// spanOf is the span that ends at a holder's line.
func (l *lock) spanOf(h place) (span, bool) {
	for _, s := range l.spans() {
		if s.function == evidence.NormalFunction(h.owner.Function) && s.file == h.owner.File && s.reads == h.reads && s.from < h.owner.Line && h.owner.Line <= s.to {
			return s, true
		}
	}
	return span{}, false
}

// holdersAsleep is the time for which goroutines wait for something else inside of the sections, past the Lock call.
func (l *lock) holdersAsleep(set *evidence.Set) *asleep.Time {
	spans := l.spans()
	if len(spans) == 0 {
		return &asleep.Time{}
	}
	return asleep.Within(set, func(s evidence.Stack) bool {
		return slices.ContainsFunc(s, func(f evidence.Frame) bool {
			return slices.ContainsFunc(spans, func(sp span) bool {
				return f.Line > sp.from && f.Line <= sp.to && f.File == sp.file && evidence.NormalFunction(f.Function) == sp.function
			})
		})
	})
}
