package trace

import (
	"slices"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

// runningChild is a goroutine of a request that goes on beyond a generation, in the terms of the window. Of the
// generations to come none knows that it is one: each shows only its first change of state and its last.
type runningChild struct {
	of   *fanOut
	born int64
	site uint64
	did  *history // up to its last change of state
}

// joined is the fan-out that holds what one part of a request did.
func (f *fanOut) joined() *fanOut {
	for f.into != nil {
		f = f.into
	}
	return f
}

// leaves reports a request that is over and counts, and a goroutine of it that was made before.
func (f *fanOut) leaves(born int64) bool { return f.closed && !f.dropped && born <= f.to }

// children joins the goroutines of requests that are there at the end of the generation which made them, and those
// that were at the end of an earlier one.
func (t *translator) children(made, carried []*g) {
	for _, x := range carried {
		t.child(x, t.w.children[x.id])
	}
	for _, x := range made {
		c := x.rare.child
		f := c.of.joined()
		if !f.named && f.closed { // within the generation
			f.named, f.key.route = true, t.route(f.key.route)
		}
		if !f.closed {
			f.crossed++
		}
		t.child(x, runningChild{f, c.born, t.site(x.startKey()), c.did.translated(t.spell)})
	}
}

// child counts a goroutine that is left running, as soon as that is known.
func (t *translator) child(x *g, c runningChild) {
	f := c.of.joined()
	until := t.s.r.latest()
	if x.gone {
		until = x.since
	}
	left := f.leaves(c.born) && until > f.to+onItsWay
	if left {
		t.w.tally.route(f.key).starts.get(c.site).left++
	}
	if left || x.gone || f.closed && !f.leaves(c.born) {
		delete(t.w.children, x.id)
		return
	}
	if x.carried && x.marks&headUnmet == 0 {
		t.changed(x, c.did, x.headTime, x.since)
	}
	t.w.children[x.id] = c
}

// changed goes on with what a goroutine did: the state that the generation found it in ended, and another one began. What
// came in between is not known.
func (t *translator) changed(x *g, did *history, first, last int64) {
	e := t.headEvent(x, t.s.w.goroutines[xtrace.GoID(x.id)], first)
	if e.ns = first - did.at; e.ns > 0 {
		did.add(e.spell)
	}
	if last > did.at {
		did.add(spell{ns: last - did.at})
	}
}

// divide looks whether a wait that came from an earlier generation was ended by a goroutine of the request that did, too.
func (t *translator) divide(have *tracked, id uint64, e *requestEvent, from int64) {
	if e.status != goWaiting || have.phase != phaseServing || have.at <= from || have.cur.fan == nil {
		return
	}
	woken := t.wakings[id]
	c, ok := t.w.children[woken.by]
	if !ok || c.of.joined() != have.cur.fan {
		return
	}
	x, did := t.s.r.gs.get(woken.by), c.did.translated(func(s spell) spell { return s })
	if woken.changed {
		t.changed(x, did, woken.first, woken.since)
	}
	a := await{spell: len(have.cur.spells) - 1, stack: e.stack, reason: e.reason, creation: uint32(c.site >> 32), ns: have.at - from}
	have.cur.fan.await(a, did.during(from, have.at, nil))
}

// site translates where goroutines are made.
func (t *translator) site(key uint64) uint64 {
	return uint64(t.s.stack(key>>32))<<32 | uint64(t.s.stack(key&0xffffffff))
}

// fan translates the goroutines of a request that is not over.
func (t *translator) fan(f *fanOut) {
	if f == nil || f.named {
		return
	}
	f.named = true
	for i := range f.made {
		f.made[i].site = t.site(f.made[i].site)
	}
	for i := range f.awaits {
		t.await(&f.awaits[i])
	}
}

func (t *translator) await(a *await) {
	s := t.spell(spell{status: goWaiting, stack: a.stack, reason: a.reason})
	a.stack, a.reason, a.creation = s.stack, s.reason, uint32(t.s.stack(uint64(a.creation)))
	for i := range a.spells {
		a.spells[i] = t.spell(a.spells[i])
	}
}

// join goes on with the goroutines of a request that came from an earlier generation. places says where its spells
// stand now.
func (f *fanOut) join(next *fanOut, places []int) *fanOut {
	if next == nil {
		return f
	}
	for i := range next.awaits {
		if a := &next.awaits[i]; a.spell >= 0 && a.spell < len(places) {
			a.spell = places[a.spell]
		}
	}
	if f == nil {
		return next
	}
	next.into = f
	f.made = append(f.made, next.made...)
	for _, a := range next.awaits {
		pieces := a.spells
		a.timeLine = timeLine{}
		f.await(a, pieces)
	}
	return f
}

// fanOuts joins the goroutines of the requests of a route.
func (t *translator) fanOuts(out, in *routeTally) {
	out.starters += in.starters
	out.crossed += in.crossed
	out.deeper += in.deeper
	for i, key := range in.starts.keys {
		have := out.starts.get(t.site(key))
		have.started += in.starts.at(i).started
		have.left += in.starts.at(i).left
	}
	for i, key := range in.awaited.keys {
		s := t.spell(spellOf(key))
		out.awaitedAt(s.stack, s.reason).merge(*in.awaited.at(i), t.spell)
	}
}

func (t *awaitTally) merge(o *awaitTally, translate func(spell) spell) {
	t.n += o.n
	t.ns += o.ns
	for i, ns := range o.own {
		t.own[i] += ns
	}
	for i, key := range o.states.keys {
		*t.states.get(keyOf(translate(spellOf(key)))) += *o.states.at(i)
	}
}

// fanOut is the goroutines of a route's requests; nil where they made none.
func (n *stateNamer) fanOut(r *routeTally) *evidence.FanOut {
	if len(r.starts.keys) == 0 && len(r.awaited.keys) == 0 {
		return nil
	}
	out := &evidence.FanOut{Requests: r.starters, Crossed: r.crossed, Deeper: r.deeper}
	for i, key := range r.starts.keys {
		v := r.starts.at(i)
		out.Starts = append(out.Starts, evidence.FanOutStart{Stack: int32(key >> 32), Start: int32(key & 0xffffffff), Started: v.started, Left: v.left})
	}
	for i, key := range r.awaited.keys {
		s := spellOf(key)
		if state := n.state(&s); evidence.AwaitsGoroutines(state) {
			out.Awaited = append(out.Awaited, n.awaited(state, int32(s.stack), *r.awaited.at(i)))
		}
	}
	return out
}

// awaited is the waits at one place, by what the goroutines did that ended them.
func (n *stateNamer) awaited(state string, stack int32, v *awaitTally) evidence.Awaited {
	out := evidence.Awaited{State: state, Stack: stack, Count: v.n, NS: v.ns}
	sums := map[evidence.AwaitedState]int64{}
	for status, ns := range v.own {
		sums[evidence.AwaitedState{State: n.state(&spell{status: goStatus(status)})}] += ns
	}
	for i, key := range v.states.keys {
		s := spellOf(key)
		sums[evidence.AwaitedState{State: n.state(&s), Stack: int32(s.stack)}] += *v.states.at(i)
	}
	for k, ns := range sums {
		if k.NS = ns; ns > 0 {
			out.For = append(out.For, k)
		}
	}
	slices.SortFunc(out.For, evidence.CompareAwaitedStates)
	return out
}

// child is what a goroutine did that ended a wait of one of the slowest requests: the longest of those that the spell
// stands for. It is nil when no goroutine of its own ended it.
func (n *stateNamer) child(q *slowRequest, i int, state string) *evidence.RequestChild {
	if !evidence.AwaitsGoroutines(state) {
		return nil
	}
	var longest *await
	for k := range q.awaits {
		a := &q.awaits[k]
		here := a.spell == i
		if q.sums {
			here = a.stack == q.spells[i].stack && a.reason == q.spells[i].reason
		}
		if here && (longest == nil || a.ns > longest.ns) {
			longest = a
		}
	}
	if longest == nil {
		return nil
	}
	return &evidence.RequestChild{Stack: int32(longest.creation), NS: longest.ns, Sums: longest.sums, Line: n.line(longest.spells)}
}
