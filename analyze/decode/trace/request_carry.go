package trace

import (
	"cmp"
	"strings"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

// carry goes on with a goroutine that was there before: the end of the state that it was in, what was kept
// of it until its state was known, and the request that was being served then.
func (t *translator) carry(x *g, have, local *tracked) *tracked {
	w := t.s.w
	known := have != nil
	live := w.goroutines[xtrace.GoID(x.id)]
	if !known {
		if local == nil || local.kind == watchesConn {
			return nil
		}
		have = t.found(x, local, live)
	}
	if end, ok := t.ends[x.id]; ok {
		have.clientLeft(t.w.tally, end.during, end.at)
	}
	switch {
	case local != nil && local.head.ended:
		e := t.headEvent(x, live, local.head.at)
		if x.headStack == 0 { // what goes on across generations need not show its stack again
			e.see = have.shown
		}
		if !known && t.handed(x, local) {
			e.see.role = roleTake
		}
		from := have.at
		have.apply(t.w.tally, &e)
		t.divide(have, x.id, &e, from)
	case local == nil && x.marks&headUnmet == 0 && !x.assumed:
		from, e := have.at, t.headEvent(x, live, x.headTime)
		if x.headStack == 0 {
			e.see = have.shown
		}
		have.apply(t.w.tally, &e)
		t.divide(have, x.id, &e, from)
		if x.headTo == goRunnable && x.status == goRunning {
			have.apply(t.w.tally, &requestEvent{kind: eventSpent, at: x.since, spell: spell{status: goRunnable}})
		}
	}
	if local == nil {
		if x.gone { // it showed no stack any more
			have.apply(t.w.tally, &requestEvent{kind: eventSpent, at: x.since, spell: spell{status: goRunning}})
			have.exit(t.w.tally)
		}
		return have
	}
	for _, e := range local.log {
		e = t.event(e)
		have.apply(t.w.tally, &e)
	}
	t.resume(have, local)
	if x.gone && local.head.mode != headNone {
		have.at = max(have.at, x.since)
		have.exit(t.w.tally)
	} else if x.gone && !local.before.served && have.before.left {
		t.w.tally.abandoned(have.before)
	}
	return have
}

// found begins with a goroutine that the window shows for the first time.
func (t *translator) found(x *g, local *tracked, live *goroutine) *tracked {
	have := &tracked{kind: local.kind, protocol: local.protocol, head: headState{ended: true}}
	have.cur.goroutine = x.id
	if live != nil {
		have.at = live.since
	}
	switch first := local.head.first; {
	case t.handed(x, local):
	case first.role == roleHandler:
		have.earlier(phaseServing)
		first.route = t.route(first.route)
		have.cur.label(first)
	case first.role == roleFlush:
		have.earlier(phaseFlushing)
	}
	return have
}

// handed reports a worker that got its request after the window began, though nothing shows where it waited until
// then: who woke it handed it the request.
func (t *translator) handed(x *g, local *tracked) bool {
	if local == nil || local.kind != servesWorker || x.headStart != goWaiting || x.headStack != 0 || x.marks&headUnmet != 0 {
		return false
	}
	for _, f := range t.s.w.stacks.stacks[t.s.stack(uint64(x.headWaker))] {
		if strings.HasPrefix(t.s.w.stacks.frames[f].Function, grpcServer+"serveStreams") {
			return true
		}
	}
	return false
}

// earlier is a request that was being served when the window began.
func (t *tracked) earlier(p phase) {
	t.begin(true)
	t.cur.known, t.cur.earlier = false, true
	t.cur.end = t.at
	t.phase = p
	t.before = clientWatch{served: true}
}

// headEvent is the end of the state that a generation found a goroutine in.
func (t *translator) headEvent(x *g, live *goroutine, at int64) requestEvent {
	e := requestEvent{kind: eventSpent, at: at, spell: spell{status: x.headStart}}
	if x.assist == rangeCarried && x.headStart == goRunning {
		e.status = goAssist
	}
	if x.headStart != goWaiting && x.headStart != goSyscall {
		return e
	}
	e.waker = uint32(t.s.stack(uint64(x.headWaker)))
	stack, wait := t.s.stack(uint64(x.headStack)), evidence.WaitNone
	if live != nil && live.stack != 0 {
		stack, wait = live.stack, live.wait
	}
	if stack != 0 && wait == evidence.WaitNone && x.headStart == goWaiting {
		wait = waitOf("", t.s.w.stacks.classes[stack])
	}
	if stack == 0 && wait == evidence.WaitNone {
		wait = t.woken(int32(e.waker))
	}
	if x.headStart == goWaiting {
		e.reason = t.w.wait(wait)
	}
	e.stack = uint32(stack)
	if t.names.stacks != nil {
		e.see = t.names.of(uint64(x.headStack))
		e.see.route = t.route(e.see.route)
	}
	return e
}

// woken says what a goroutine waited for, of which the trace does not show where, from what woke it.
func (t *translator) woken(waker int32) evidence.Wait {
	for _, f := range t.s.w.stacks.stacks[waker] {
		switch name := t.s.w.stacks.frames[f].Function; {
		case strings.HasPrefix(name, "sync.(*RWMutex)."):
			return evidence.WaitRWMutex
		case strings.HasPrefix(name, "sync.(*WaitGroup)."):
			return evidence.WaitWaitGroup
		case strings.HasPrefix(name, "sync.(*Cond)."):
			return evidence.WaitCond
		case strings.HasPrefix(name, "sync.(*Mutex)."):
			return evidence.WaitMutex
		case strings.HasPrefix(name, "runtime.chan"), name == "runtime.closechan":
			return evidence.WaitChan
		case !strings.HasPrefix(name, "sync.") && !strings.HasPrefix(name, "internal/sync.") && !strings.HasPrefix(name, "runtime."):
			return evidence.WaitNone
		}
	}
	return evidence.WaitNone
}

// resume adds what a generation saw of a request that began before it.
func (t *translator) resume(have, local *tracked) {
	var q request
	switch {
	case local.head.completed:
		q = local.head.done
	case local.head.mode == headOpen:
		q = local.cur
	case local.head.mode == headLost:
		t.w.tally.lost++
		have.phase, have.shown = phaseIdle, requestStack{}
		return
	default:
		return
	}
	if have.phase != phaseServing && have.phase != phaseFlushing { // nothing before showed it
		have.earlier(phaseServing)
	}
	q = t.request(q)
	if have.phase == phaseFlushing && q.end >= 0 {
		have.fold()
	}
	c := &have.cur
	places := make([]int, len(q.spells))
	for i, s := range q.spells {
		c.add(s)
		places[i] = len(c.spells) - 1
	}
	c.sums = c.sums || q.sums && len(q.spells) > 0
	c.fan = c.fan.join(q.fan, places)
	c.excluded, c.broken = c.excluded || q.excluded, c.broken || q.broken
	if q.rank > c.rank {
		c.rank, c.route = q.rank, q.route
	}
	c.left, c.handled = cmp.Or(q.left, c.left), cmp.Or(q.handled, c.handled)
	if q.end >= 0 {
		c.end = q.end
	}
	have.at = max(have.at, local.at)
	if local.head.completed {
		t.completed(have, q)
		return
	}
	have.phase, have.another, have.flushed, have.shown = local.phase, 0, local.flushed, local.shown
	if local.phase == phaseFlushing {
		for _, s := range local.tail {
			have.tail = append(have.tail, t.spell(s))
		}
	}
}

// completed ends a request that began before the generation.
func (t *translator) completed(have *tracked, q request) {
	c := &have.cur
	c.hijacked = q.hijacked
	c.end = max(c.end, c.from)
	have.before = clientWatch{serial: have.serial, handled: c.handled, left: c.left > 0 && c.left < c.handled, served: true, protocol: c.protocol, route: c.route}
	have.phase, have.freed, have.born = phaseIdle, c.end, true
	t.w.tally.complete(c)
}
