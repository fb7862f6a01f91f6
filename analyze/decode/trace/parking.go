package trace

import (
	"cmp"
	"fmt"
	"slices"
)

// gcMargin is by how much the clocks of two processors may differ at most, in nanoseconds: a thousand times of
// what they do. A cycle of the collector takes longer still.
const gcMargin = 1e6

// settleGCBefore is settleGC as soon as it is certain which event of the collector is the first: none comes
// before it, so nothing that it follows from waits for another, and all that began before now was delivered.
func (r *replay) settleGCBefore(now int64) bool {
	t := r.firstGC()
	return t != nil && t.gcAt < now-gcMargin && r.settleGC()
}

// settleGC lets the earliest event of the collector go first when nothing else can go on: where
// a generation has not shown the state of the collector, the order follows from the numbers alone.
func (r *replay) settleGC() bool {
	first := r.firstGC()
	if r.gcKnown || first == nil {
		return false
	}
	r.gcSeq = first.gcSeq - 1
	r.gcKnown = true
	r.wake(&r.gcParked)
	return true
}

// firstGC is the thread that is parked at the event of the collector with the lowest number, nil without any.
func (r *replay) firstGC() *thread {
	first := r.gcParked
	for t := first; t != nil; t = t.next {
		if t.gcSeq < first.gcSeq {
			first = t
		}
	}
	return first
}

// forceNext lets a thread go on without what it waits for, the threads in the order of their
// next events. In a cut generation that may stand behind the cut. What depends on it is left
// out, not guessed. Each round forces each thread once, so a hostile number of threads costs no more
// than their events.
func (r *replay) forceNext() bool {
	for {
		for len(r.round) > 0 {
			t := r.round[0]
			r.round = r.round[1:]
			if t.state == starved || t.state == runnable {
				continue
			}
			r.unpark(t)
			r.push(t)
			r.forced = t
			r.t.assumed++
			return true
		}
		if r.blocked == nil {
			r.blocked = slices.Clone(r.order)
		}
		r.blocked = slices.DeleteFunc(r.blocked, func(t *thread) bool { return t.state == starved || t.state == runnable })
		if len(r.blocked) == 0 {
			return false
		}
		r.round = slices.Clone(r.blocked)
		slices.SortStableFunc(r.round, func(a, b *thread) int { return cmp.Compare(a.ts, b.ts) })
	}
}

// unpark takes a thread off the list that it is parked on.
func (r *replay) unpark(t *thread) {
	if t.before == nil {
		return
	}
	*t.before = t.next
	if t.next != nil {
		t.next.before = t.before
	}
	t.before = nil
}

// stuck says why threads are left that could not go on: an order that cannot have happened.
func (r *replay) stuck() error {
	for _, t := range r.order {
		if t.state != starved && (t.pos < t.end || len(t.batches) > 0) {
			return fmt.Errorf("no order of events is possible: thread %d cannot go on at event type %d", t.id, t.data[t.pos])
		}
	}
	return nil
}

func (r *replay) push(t *thread) {
	t.state, t.before = runnable, nil
	t.next = r.ready
	r.ready = t
}

// wake makes the threads of a list runnable again.
func (r *replay) wake(list **thread) {
	for t := *list; t != nil; {
		next := t.next
		r.push(t)
		t = next
	}
	*list = nil
}

// park has a thread wait on a list. It is false when the thread is not to wait: then the event
// is applied as if all were as it says.
func (r *replay) park(t *thread, list **thread) bool {
	if r.forced == t {
		r.forced = nil
		return false
	}
	t.state, t.before = waiting, list
	if t.next = *list; t.next != nil {
		t.next.before = &t.next
	}
	*list = t
	return true
}

// awaitBinding parks a thread until it gets a goroutine. A forced one leaves the event out.
func (r *replay) awaitBinding(t *thread) {
	if r.forced == t {
		r.forced = nil
		return
	}
	t.state = unbound
}
