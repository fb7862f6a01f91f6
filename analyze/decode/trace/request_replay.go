package trace

// requestReplay is the part of a replay that rebuilds requests. Without names, which is where no stack of
// the generation serves requests, it costs a test of a flag where goroutines show their stacks.
type requestReplay struct {
	names *requestNames
	blind bool // what the stacks are could not be known in time
	tally *requestTally
	free  []*tracked

	wakings  []waking // of goroutines that were there before
	children []*child // of no use at the moment
	pieces   []spell  // for the time of one event
}

func (q *requestReplay) begin(names *requestNames, blind bool) {
	q.names, q.blind, q.wakings = names, blind, q.wakings[:0]
	if q.tally == nil {
		q.tally = newRequestTally()
	}
	q.tally.reset()
}

// track begins to follow a goroutine.
func (q *requestReplay) track(x *g) *tracked {
	var t *tracked
	if n := len(q.free); n > 0 {
		t, q.free = q.free[n-1], q.free[:n-1]
		t.reuse()
	} else {
		t = &tracked{}
	}
	t.cur.goroutine = x.id
	if x.rare == nil {
		x.rare = &t.rare
	}
	x.rare.tracked = t
	return t
}

// reuse clears what served another goroutine.
func (t *tracked) reuse() {
	*t = tracked{cur: request{timeLine: timeLine{spells: t.cur.spells[:0]}}, tail: t.tail[:0]}
}

// untrack stops to.
func (x *g) untrack() {
	x.rare.tracked = nil
	x.annotate()
}

// trackMade looks at a goroutine that was just made by another one.
func (r *replay) trackMade(x, by *g, ts int64, root uint64) {
	s := r.req.names.of(root)
	if !s.serves() {
		if !s.system {
			r.childMade(x, by, ts)
		}
		return
	}
	t := r.req.track(x)
	t.kind, t.protocol = s.kind, s.protocol
	t.at, t.freed, t.born, t.head.ended = ts, ts, true, true
	x.annotate()
	switch s.kind {
	case servesStream:
		t.begin(true)
		t.phase, t.cur.start = phaseServing, ts
	case watchesConn:
		t.phase = phaseOff
		if by != nil && by.rare != nil && by.rare.tracked != nil {
			t.watched = by.rare.tracked
			t.watches, t.during = by.id, t.watched.serial
		}
	}
}

// undetermined is a goroutine that was there before and has not shown its stack yet.
func (x *g) undetermined() bool { return x.carried && x.firstSeen == 0 }

// shows takes a stack that a goroutine shows as it enters a state, before it does.
func (r *replay) shows(x *g, ts int64, to goStatus, stack uint64) {
	if stack == 0 {
		return
	}
	s := r.req.names.of(stack)
	if x.undetermined() && s.serves() {
		r.trackFound(x, ts, s)
	}
	if x.rare == nil || x.rare.tracked == nil {
		return
	}
	if x.rare.tracked.labelled(s) {
		return
	}
	how := sightPassing
	if to == goWaiting {
		how = sightBlocked
	}
	r.seen(x, &requestEvent{kind: eventSeen, at: ts, see: s, how: how})
}

// passes takes a stack that a goroutine shows while it goes on running.
func (r *replay) passes(x *g, ts int64, stack uint64) {
	if stack == 0 || x.marks&(annotated|watching) == 0 && !x.undetermined() {
		return
	}
	s := r.req.names.of(stack)
	if x.undetermined() {
		x.firstSeen = uint32(stack)
		if s.serves() {
			r.trackFound(x, ts, s)
		}
	}
	if x.rare == nil || x.rare.tracked == nil {
		return
	}
	if t := x.rare.tracked; t.kind == watchesConn {
		if s.role == roleLeft && t.woken == 0 {
			t.woken = ts
		}
		return
	} else if t.labelled(s) {
		return // it goes on running
	}
	r.spent(x, goRunning, ts, 0)
	r.seen(x, &requestEvent{kind: eventSeen, at: ts, see: s})
}

func (r *replay) seen(x *g, e *requestEvent) {
	t := x.rare.tracked
	t.apply(r.req.tally, e)
	if t.kind == servesMultiple && !t.head.carried {
		x.untrack()
	}
}

// trackStated looks at a goroutine that was there before and whose status shows its stack.
func (r *replay) trackStated(x *g, stack uint64) {
	s := r.req.names.of(stack)
	if !s.serves() {
		return
	}
	r.req.track(x).stated(s, x.headStart == goWaiting)
	x.annotate()
}

// trackFound looks at a goroutine that was there before and now shows its stack. What it did until then
// follows from its first change of state: it was woken, or it started to run.
func (r *replay) trackFound(x *g, ts int64, s requestStack) {
	t := r.req.track(x)
	t.carried(s)
	x.annotate()
	t.head.ended = true
	if x.marks&headUnmet != 0 {
		t.at, t.head.at = ts, ts
		return
	}
	t.at, t.head.at = x.headTime, x.headTime
	if x.headTo == goRunnable {
		t.apply(r.req.tally, &requestEvent{kind: eventSpent, at: x.since, spell: spell{status: goRunnable}})
	}
	if x.headTime < ts {
		t.apply(r.req.tally, &requestEvent{kind: eventSpent, at: ts, spell: spell{status: goRunning}})
	}
}

// spent takes the end of a state of a goroutine that is tracked.
func (r *replay) spent(x *g, status goStatus, to int64, waker uint64) {
	t := x.rare.tracked
	if t.phase == phaseServing && t.head.mode == headNone && x.assist == rangeClosed {
		if to > t.at {
			s := spell{status: status, ns: to - t.at}
			if status == goWaiting || status == goSyscall {
				s.stack, s.reason, s.waker = x.stack, x.reason, uint32(waker)
			}
			from := t.at
			t.at = to
			t.cur.add(s)
			if status == goWaiting && t.cur.fan != nil {
				r.divide(t, x, from, to)
			}
		}
		return
	}
	e := requestEvent{kind: eventSpent, at: to, spell: spell{status: status}}
	switch status {
	case goRunning:
		if x.assist != rangeClosed {
			e.status = goAssist
		}
	case goWaiting, goSyscall:
		e.stack, e.reason, e.waker = x.stack, x.reason, uint32(waker)
		stack := x.stack
		if stack == 0 && x.carried {
			stack = x.headStack
		}
		e.see = r.req.names.of(uint64(stack))
		e.atOnce = r.atOnce && r.by == nil
	}
	from, known := t.at, t.head.ended
	t.apply(r.req.tally, &e)
	if status == goWaiting && known && t.phase == phaseServing && t.cur.fan != nil {
		r.divide(t, x, from, t.at)
	}
}

// labelled is all that a sight in the handler means while a request is being served. It is false for others.
func (t *tracked) labelled(s requestStack) bool {
	if s.role != roleHandler || t.phase != phaseServing || t.head.mode != headNone {
		return false
	}
	t.starting = false
	if s.rank > t.cur.rank || s.excluded {
		t.cur.label(s)
	}
	return true
}

// trackEnd takes the end of a goroutine.
func (r *replay) trackEnd(x *g, ts int64) {
	t := x.rare.tracked
	t.apply(r.req.tally, &requestEvent{kind: eventEnd, at: ts})
	if t.watched != nil {
		t.watched.clientLeft(r.req.tally, t.during, t.watchEnd(ts))
	}
	if !t.head.carried && t.kind != servesConn {
		x.rare.tracked = nil
		x.marks &^= watching
		if x.rare != &t.rare {
			r.req.free = append(r.req.free, t)
		} else if len(t.rare.regions)+len(t.rare.tasks) == 0 {
			x.rare = nil
			x.marks &^= annotated
			r.req.free = append(r.req.free, t)
		}
	}
}

// lose notes that what a goroutine did for some time is not known.
func (t *tracked) lose() { t.cur.broken = true }

// serves reports a goroutine that is to be followed.
func (s requestStack) serves() bool { return s.kind != servesNothing && s.kind != servesMultiple }
