package trace

import (
	"fmt"
	"math"
)

func (r *replay) goStart(t *thread, w uint64, i int, ts int64) int {
	id, n := short(w)
	seq, m := short(w >> (n & 63))
	if n += m; n <= wordBits {
		i += int(n / 8)
	} else {
		id, seq, i = t.pair(i)
	}
	if i > t.end {
		return i
	}
	x := &r.gs.page(id / pageSize).gs[id%pageSize]
	if x.status != goRunnable || seq != x.seq+1 {
		if r.park(t, &x.parked) {
			return r.refuse(i, nil)
		}
		if t.g = nil; !r.assume(x, id, seq, goRunnable) {
			return i
		}
	}
	if t.g != nil {
		return r.refuse(i, fmt.Errorf("goroutine %d starts on thread %d, which runs goroutine %d", id, t.id, t.g.id))
	}
	if t.p == nil && r.whole {
		return r.refuse(i, r.needProc(t))
	}
	switch s := r.t.series; {
	case x.marks == 0 && x.site != nil && s.lastHas(x.since, ts): // started, for nearly all
		d := ts - x.since
		s.last.runnableNS += d
		if latency := &x.site.latency; !latency.count(d) {
			latency.addRare(d, id, x.since)
		}
	case x.marks&(headUnmet|unsure) != 0:
		r.leave(x, ts, goRunning, 0)
	default:
		r.started(x, ts)
	}
	x.seq = seq
	x.status, x.since = goRunning, ts
	t.g, t.idled = x, false
	return i
}

// goStop takes the goroutine off its thread: it yields, is preempted or blocks.
func (r *replay) goStop(t *thread, w uint64, i int, ts int64, to goStatus) int {
	reason, n := short(w)
	stack, m := short(w >> (n & 63))
	if n += m; n <= wordBits {
		i += int(n / 8)
	} else {
		reason, stack, i = t.pair(i)
	}
	if i > t.end {
		return i
	}
	x := t.g
	if x == nil || x.status != goRunning || t.p == nil {
		var err error
		if x, err = r.running(t); x == nil || err != nil {
			return r.settle(t, i, err)
		}
	}
	r.needStack(stack)
	r.needString(reason)
	switch s := r.t.series; {
	case x.marks == 0 && s.lastHas(x.since, ts): // ran, for nearly all
		d := ts - x.since
		x.runNS += d
		r.t.running += d
		s.last.runningNS += d
	case x.marks&(headUnmet|unsure) != 0:
		r.leave(x, ts, to, 0)
	default:
		r.ran(x, ts)
	}
	t.g = nil
	if x.carried || x.marks != 0 || x.parked != nil {
		r.enter(x, ts, to, stack, reason)
		return i
	}
	x.status, x.since = to, ts
	x.stack, x.reason = uint32(stack), uint32(reason)
	return i
}

// running returns the thread's goroutine, which must be running; nil when the thread has to
// wait for one.
func (r *replay) running(t *thread) (*g, error) {
	if t.g == nil || t.p == nil && r.whole {
		_, err := r.needG(t)
		return nil, err
	}
	if t.g.status != goRunning {
		if !r.whole {
			return nil, nil // it was taken off the thread by an event that was assumed
		}
		return nil, fmt.Errorf("an event of goroutine %d, which is not running", t.g.id)
	}
	return t.g, nil
}

// enter puts a goroutine into a state off the thread, and wakes who waited for that.
func (r *replay) enter(x *g, ts int64, to goStatus, stack, reason uint64) {
	if r.req.names != nil && (x.marks&annotated != 0 || x.undetermined()) {
		r.shows(x, ts, to, stack)
	}
	x.status, x.since = to, ts
	x.stack, x.reason = uint32(stack), uint32(reason)
	if x.carried && x.firstSeen == 0 {
		x.firstSeen = uint32(stack)
	}
	if x.parked != nil {
		r.wake(&x.parked)
	}
}

func (r *replay) goUnblock(t *thread, w uint64, i int, ts int64) int {
	id, n := short(w)
	seq, m := short(w >> (n & 63))
	n += m
	stack, m := short(w >> (n & 63))
	if n += m; n <= wordBits {
		i += int(n / 8)
	} else {
		id, seq, stack, i = t.triple(i)
	}
	if i > t.end {
		return i
	}
	x := &r.gs.page(id / pageSize).gs[id%pageSize]
	if x.status != goWaiting || seq != x.seq+1 {
		if r.park(t, &x.parked) {
			return r.refuse(i, nil)
		}
		if !r.assume(x, id, seq, goWaiting) {
			return i
		}
	}
	r.needStack(stack)
	if t.g != nil && r.req.names != nil {
		r.passes(t.g, ts, stack)
	}
	if x.marks&annotated != 0 {
		r.by, r.atOnce = t.g, t.idled
	}
	if x.marks&(headUnmet|unsure) != 0 {
		if by := t.g; by != nil && by.carried && x.marks&headUnmet != 0 && r.req.names != nil {
			r.req.wakings = append(r.req.wakings, waking{x.id, by.id, by.marks&headUnmet == 0, by.headTime, by.since})
		}
		r.leave(x, ts, goRunnable, stack)
	} else {
		r.waited(x, id, ts, stack)
	}
	x.seq, x.status, x.since = seq, goRunnable, ts
	x.stack, x.reason = 0, 0
	if x.parked != nil {
		r.wake(&x.parked)
	}
	return i
}

// goSwitch hands the thread from one goroutine to another, as coroutines do.
func (r *replay) goSwitch(t *thread, ts int64, destroy bool, id, seq uint64) error {
	x, err := r.running(t)
	if x == nil || err != nil {
		return err
	}
	next := r.gs.get(id)
	if next.status != goWaiting || seq != next.seq+1 {
		if r.park(t, &next.parked) {
			return nil
		}
		if !r.assume(next, id, seq, goWaiting) {
			return nil
		}
	}
	r.by, r.atOnce = nil, false
	r.leave(next, ts, goRunnable, 0)
	next.status, next.since, next.stack, next.reason = goRunnable, ts, 0, 0
	if destroy {
		t.g = nil
		r.end(x, ts)
	} else {
		r.leave(x, ts, goWaiting, 0)
		t.g = nil
		r.enter(x, ts, goWaiting, 0, 0)
	}
	r.leave(next, ts, goRunning, 0)
	next.status, next.since, next.seq = goRunning, ts, seq
	t.g = next
	return nil
}

func (r *replay) goCreate(t *thread, w uint64, i int, ts int64, to goStatus) int {
	id, n := short(w)
	root, m := short(w >> (n & 63))
	n += m
	stack, m := short(w >> (n & 63))
	if n += m; n <= wordBits {
		i += int(n / 8)
	} else {
		id, root, stack, i = t.triple(i)
	}
	if i > t.end {
		return i
	}
	if t.p == nil && r.whole {
		return r.refuse(i, r.needProc(t))
	}
	if t.g != nil && t.g.status != goRunning {
		return r.refuse(i, fmt.Errorf("goroutine %d is made by goroutine %d, which is not running", id, t.g.id))
	}
	r.needStack(root)
	r.needStack(stack)
	x, err := r.made(id, ts, root, stack)
	if err != nil {
		return r.refuse(i, err)
	}
	if r.req.names != nil {
		if t.g != nil {
			r.passes(t.g, ts, stack)
		}
		r.trackMade(x, t.g, ts, root)
	}
	// A goroutine that starts blocked waits at its own start.
	at := uint64(0)
	if to == goWaiting {
		at = root
	}
	r.enter(x, ts, to, at, 0)
	return i
}

func (r *replay) made(id uint64, ts int64, root, stack uint64) (*g, error) {
	x := r.gs.get(id)
	if x.status != goNone || x.gone {
		return nil, fmt.Errorf("goroutine %d is made, but exists", id)
	}
	x.id, x.created, x.at = id, true, ts
	x.root, x.creation = uint32(root), uint32(stack)
	x.site = r.t.sites.get(stack<<32 | root&math.MaxUint32)
	x.site.created++
	r.t.series.created(ts)
	return x, nil
}

// goCreateSyscall is a thread of C that calls into Go: a goroutine appears in a system call.
func (r *replay) goCreateSyscall(t *thread, ts int64, id uint64) error {
	if t.g != nil {
		return fmt.Errorf("goroutine %d is made on thread %d, which runs goroutine %d", id, t.id, t.g.id)
	}
	x, err := r.made(id, ts, 0, 0)
	if err != nil {
		return err
	}
	r.enter(x, ts, goSyscall, 0, 0)
	t.g = x
	return nil
}

func (r *replay) goDestroy(t *thread, i int, ts int64) int {
	if i > t.end {
		return i
	}
	x := t.g
	if x == nil || x.status != goRunning || t.p == nil {
		var err error
		if x, err = r.running(t); x == nil || err != nil {
			return r.settle(t, i, err)
		}
	}
	t.g = nil
	r.end(x, ts)
	return i
}

func (r *replay) goDestroySyscall(t *thread, ts int64) error {
	if t.g == nil {
		r.awaitBinding(t)
		return nil
	}
	if t.g.status != goSyscall {
		return fmt.Errorf("goroutine %d ends in a system call that it is not in", t.g.id)
	}
	if p := t.p; p != nil {
		if p.status != procSyscall {
			return fmt.Errorf("proc %d is not in the system call that its goroutine ends in", p.id)
		}
		p.status, p.thread, t.p = procAbandoned, nil, nil
		r.wake(&p.parked)
	}
	x := t.g
	t.g = nil
	r.end(x, ts)
	return nil
}

const noThread = math.MaxUint64

// goStatus is what the runtime writes of each goroutine before its first event in a generation.
func (r *replay) goStatus(t *thread, id, on, status, stack uint64) error {
	to := goStatus(status)
	if status == 0 || status > uint64(goWaiting) {
		return fmt.Errorf("goroutine %d has the unknown status %d", id, status)
	}
	r.needStack(stack)
	x := r.gs.get(id)
	if x.gone || x.status != goNone && x.status != to {
		return fmt.Errorf("goroutine %d is stated to be in state %d, but is in %d", id, to, x.status)
	}
	if x.status == goNone {
		x.id, x.carried, x.marks, x.headStart = id, true, x.marks|headUnmet, to
		x.firstSeen, x.headStack = uint32(stack), uint32(stack)
		x.since = -maxLead // nobody knows yet since when; before any region or task of it
		x.slot = uint32(len(r.t.carried))
		r.t.carried = append(r.t.carried, id)
		if r.req.names != nil && stack != 0 {
			r.trackStated(x, stack)
		}
	}
	x.status, x.seq = to, 0
	switch to {
	case goRunning:
		t.g = x
	case goSyscall:
		if on == noThread {
			return fmt.Errorf("goroutine %d is in a system call without a thread", id)
		}
		m := t
		if on != t.id {
			m = r.thread(on)
		}
		if m.g != nil && m.g != x {
			return fmt.Errorf("goroutine %d is in a system call on thread %d, which runs goroutine %d", id, on, m.g.id)
		}
		m.g = x
		if m.state == unbound {
			r.push(m)
		}
	}
	if x.parked != nil {
		r.wake(&x.parked)
	}
	return nil
}

// assume puts a goroutine into the state that a forced event needs. How long it was in it, and
// in the one before, is not known and counts nowhere. It is false when the event comes too late:
// others that were forced before show more of the goroutine's life, and this one is left out.
func (r *replay) assume(x *g, id, seq uint64, to goStatus) bool {
	if x.gone || x.status != goNone && seq <= x.seq {
		return false
	}
	if x.status == goNone && !x.created {
		x.id, x.carried, x.assumed = id, true, true
		x.slot = uint32(len(r.t.carried))
		r.t.carried = append(r.t.carried, id)
	}
	if x.marks&headUnmet != 0 {
		x.marks, x.assumed = x.marks&^headUnmet, true
	}
	x.status, x.marks = to, x.marks|unsure
	return true
}
