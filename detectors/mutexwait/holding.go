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
	from, to int // from is 0 when it is not known
	reads    bool
	deferred bool
}

// spans are the sections of all holders, the costliest's first.
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

// contains reports a frame that is inside of the section, past its Lock.
func (s span) contains(f evidence.Frame) bool {
	return f.Line > s.from && f.Line <= s.to && f.File == s.file && evidence.NormalFunction(f.Function) == s.function
}

// holdersAsleep is the time for which goroutines wait for something else inside of the sections. Where the
// costliest holder's Lock call is not known, sure is false: all that its function waits for before it unlocks is in it.
func (l *lock) holdersAsleep(set *evidence.Set) (t *asleep.Time, sure bool) {
	holder, ok := l.holder()
	if !ok {
		return &asleep.Time{}, false
	}
	top, ok := l.spanOf(holder)
	if !ok {
		return &asleep.Time{}, false
	}
	spans := slices.DeleteFunc(l.spans(), func(s span) bool { return s.from == 0 && s != top })
	return asleep.Within(set, func(s evidence.Stack) bool {
		// Who waits for the lock itself does not have it, nor who has given it back in a Cond.
		if c, ok := parseLock(s); ok && slices.Contains(l.sections, c.section()) && top.from == 0 || s.Contains("sync.(*Cond).Wait") {
			return false
		}
		return slices.ContainsFunc(s, func(f evidence.Frame) bool {
			return slices.ContainsFunc(spans, func(sp span) bool { return sp.contains(f) })
		})
	}), top.from > 0
}
