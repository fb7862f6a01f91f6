package trace

import "slices"

// apply hands an event to the machine.
func (t *tracked) apply(m *requestTally, e *requestEvent) {
	if !t.head.ended && e.kind == eventSpent {
		t.head.ended, t.head.at, t.at = true, e.at, e.at
		if t.head.mode == headNone {
			t.spend(m, e)
		}
		return // how long it was, the stitching knows
	}
	if t.head.mode == headLog {
		if len(t.log) >= maxLog {
			t.head.mode, t.log = headLost, nil
			return
		}
		t.log = append(t.log, *e)
		t.shadow(e)
		return
	}
	if t.head.mode == headLost {
		return
	}
	switch e.kind {
	case eventSpent:
		t.spend(m, e)
	case eventSeen:
		t.sight(m, e)
	case eventEnd:
		t.exit(m)
	}
}

// spend takes the end of a state.
func (t *tracked) spend(m *requestTally, e *requestEvent) {
	from := t.at
	t.at = max(t.at, e.at)
	e.ns = t.at - from
	t.shown = requestStack{}
	switch t.phase {
	case phaseIdle:
		t.arrive(e)
	case phaseReading, phaseServing:
		t.cur.add(e.spell)
	case phaseFlushing:
		t.tail = append(t.tail, e.spell)
		if e.status == goSyscall && e.see.final {
			if t.flushed { // whose reply that was, the next sight tells
				t.another, t.anotherAt, t.anotherTo = len(t.tail), from, t.at
				return
			}
			t.flushed = true
		}
		if e.status == goSyscall || e.status == goWaiting && e.see.network {
			t.fold()
			t.cur.end = t.at
		}
	}
}

// arrive looks whether a request has come: a read of an idle connection ends, or a worker is woken.
func (t *tracked) arrive(e *requestEvent) {
	reads := e.see.role == rolePeek || e.see.role == roleRead
	switch {
	case reads && e.status == goWaiting && e.see.network:
		t.begin(true)
		if !e.atOnce && t.born {
			t.cur.soonest = min(max(t.freed, t.at-maxUnpolled), t.at)
		}
		t.phase = phaseReading
	case reads && e.status == goSyscall:
		t.begin(false)
		t.phase = phaseReading
	case e.see.role == roleTake && e.status == goWaiting:
		t.begin(true)
		t.cur.start = t.at
		t.phase = phaseServing
	}
}

// maxUnpolled is for how long Go's scheduler may leave the network alone while all processors are busy. After 10 ms it has
// a thread look that may have been asleep for another 10 ms.
const maxUnpolled = 20_000_000

// begin opens a request that arrives now, or did at some time since the last one.
func (t *tracked) begin(known bool) {
	t.cur.reset()
	t.serial++
	t.cur.from, t.cur.earliest, t.cur.known = t.at, t.at, known
	t.cur.protocol = t.protocol
	if !known {
		t.cur.earliest = t.freed
		if !t.born {
			t.cur.earliest = t.at
		}
	}
	t.cur.soonest = t.cur.earliest
	t.tail = t.tail[:0]
	t.flushed, t.another = false, 0
}

// anotherReply takes what the goroutine shows after the last of a reply seems to have been written twice. If it waits for
// room now, the first time was a part; else there were two replies, and the other request had come with the one
// before and left no event in its handler.
func (t *tracked) anotherReply(m *requestTally, waits bool) {
	n, now := t.another, t.at
	t.another = 0
	if waits {
		t.fold()
		return
	}
	write, since := t.tail[n-1], slices.Clone(t.tail[n:])
	t.finish(m, t.cur.end, endReplied)
	t.at = t.anotherAt
	t.begin(false)
	t.at = now
	t.cur.add(write)
	t.cur.start, t.cur.handled, t.cur.end = t.anotherAt, t.anotherAt, t.anotherTo
	t.tail = append(t.tail, since...)
	t.phase, t.flushed = phaseFlushing, true
}

// fold counts what came after the last write after all.
func (t *tracked) fold() {
	for _, s := range t.tail {
		t.cur.add(s)
	}
	t.tail, t.another = t.tail[:0], 0
}

// serve passes from reading to the handler.
func (t *tracked) serve() {
	switch t.phase {
	case phaseIdle: // what it read before held this request too
		t.begin(false)
	case phaseReading:
	default:
		return
	}
	t.phase = phaseServing
	t.cur.start = t.at
	t.before = clientWatch{served: true}
}

// sight takes a stack that the goroutine shows. All time before it is accounted for.
func (t *tracked) sight(m *requestTally, e *requestEvent) {
	t.at = max(t.at, e.at)
	if t.phase == phaseOff {
		return
	}
	if t.phase == phaseFlushing {
		waits := e.see.role == roleFlush && e.how == sightBlocked && e.see.network
		if t.another > 0 {
			t.anotherReply(m, waits)
		}
		t.flushed = t.flushed && !waits
	}
	t.shown = e.see
	if e.see.kind == servesMultiple {
		t.kind, t.phase = servesMultiple, phaseOff
		t.cur.reset()
		return
	}
	again := t.starting && e.see.role == roleStart // it may be seen there several times
	t.starting = e.see.role == roleStart
	switch e.see.role {
	case roleRead, rolePeek:
		t.seenReading(m, e)
	case roleStart:
		// The next request had come before the reply was out, and was read with the one before.
		t.seenAfter(m, t.phase != phaseReading && !again)
		t.serve()
	case roleHandler:
		t.seenAfter(m, t.phase == phaseFlushing)
		t.serve()
		if t.phase == phaseServing {
			t.cur.label(e.see)
		}
	case roleHijack:
		t.serve()
		t.cur.label(e.see)
		t.finish(m, t.at, endHijacked)
		t.phase = phaseOff
	case roleFlush, roleFinish:
		if t.phase == phaseFlushing || e.see.role == roleFinish && t.phase == phaseIdle {
			return // else the request that was served last is being put away
		}
		t.serve()
		t.phase = phaseFlushing
		t.cur.end, t.cur.handled = t.at, t.at
	case roleAfter:
		t.seenAfter(m, true)
	case roleTake:
		if e.how == sightBlocked && t.phase == phaseServing {
			t.finish(m, t.at, endReplied)
		}
	}
}

func (t *tracked) seenReading(m *requestTally, e *requestEvent) {
	if t.phase != phaseReading {
		t.seenAfter(m, true)
		return
	}
	// To wait again after a read that yielded something is a slow head; else there was nothing to read.
	if e.how == sightBlocked && e.see.network && !(e.see.role == roleRead && t.cur.known) {
		t.phase = phaseIdle
	}
}

// seenAfter is a sight that no request can show that is being served, if so.
func (t *tracked) seenAfter(m *requestTally, so bool) {
	if !so {
		return
	}
	switch t.phase {
	case phaseReading: // a request that no handler gets, or none at all
		t.phase = phaseIdle
	case phaseServing:
		t.finish(m, t.at, endReplied)
	case phaseFlushing:
		t.finish(m, t.cur.end, endReplied)
	}
}

// finish ends the request that is being served.
func (t *tracked) finish(m *requestTally, at int64, by endCause) {
	q := &t.cur
	if t.phase == phaseServing {
		q.handled = t.at
	}
	t.phase = phaseIdle
	t.freed, t.born = at, true
	if at < 0 { // before the generation
		t.freed = t.head.at
	}
	q.end, q.hijacked = at, by == endHijacked
	t.before = clientWatch{serial: t.serial, handled: q.handled, left: q.left > 0 && q.left < q.handled, served: t.head.mode != headOpen, protocol: q.protocol, route: q.route}
	if t.head.mode == headOpen {
		t.head.mode = headNone
		t.head.completed, t.head.done = true, t.cur
		t.cur = request{goroutine: t.cur.goroutine}
		return
	}
	m.complete(q)
}

// watchEnd is when the watch over a connection had what ended it. Its goroutine may go on for longer than the handler,
// which it tells that the client left before it is done itself. One that had not to wait shows it only in that.
func (t *tracked) watchEnd(gone int64) int64 {
	if t.woken != 0 {
		return t.woken
	}
	return gone
}

// clientLeft takes the end of the watch over a connection.
func (t *tracked) clientLeft(m *requestTally, during uint32, at int64) {
	switch {
	case (t.phase == phaseServing || t.phase == phaseFlushing) && t.serial == during:
		t.cur.left = at
	case t.before.serial == during && at < t.before.handled:
		t.before.left = true
		if t.gone {
			m.abandoned(t.before)
		}
	}
}

// exit takes the end of the goroutine, which one from before the generation may tell twice: itself and who finds it gone.
func (t *tracked) exit(m *requestTally) {
	if t.gone {
		return
	}
	switch t.phase {
	case phaseServing:
		t.finish(m, t.at, endReplied)
	case phaseFlushing:
		t.finish(m, t.cur.end, endReplied)
	}
	t.phase, t.gone = phaseOff, true
	if t.before.left && t.before.served {
		m.abandoned(t.before)
	}
}
