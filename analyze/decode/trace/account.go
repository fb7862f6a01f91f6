package trace

import (
	"fmt"
	"math"
)

// leave accounts for the time in the state that a goroutine leaves. waker is the stack of who
// made it runnable. What began before the generation is only noted: the stitching knows since when.
func (r *replay) leave(x *g, ts int64, to goStatus, waker uint64) {
	if x.marks&headUnmet != 0 {
		x.marks &^= headUnmet
		x.headTime, x.headTo, x.headWaker = ts, to, uint32(waker)
		if x.marks&annotated != 0 {
			r.split(x, x.status, ts, waker)
		}
		return
	}
	if x.marks&unsure != 0 {
		x.marks &^= unsure
		if x.marks&annotated != 0 {
			x.lost(ts)
		}
		return
	}
	switch x.status {
	case goRunning:
		r.ran(x, ts)
	case goRunnable:
		if to == goRunning {
			r.started(x, ts)
		} else {
			r.t.series.runnable(x.since, ts)
			if x.marks&annotated != 0 {
				r.split(x, goRunnable, ts, 0)
			}
		}
	case goWaiting:
		r.waited(x, x.id, ts, waker)
	case goSyscall:
		r.t.syscalls.get(uint64(x.stack)).add(max(ts-x.since, 0), x.id, x.since)
		if x.marks&annotated != 0 {
			r.split(x, goSyscall, ts, 0)
		}
	}
}

// ran counts time that a goroutine ran. Between threads whose clocks differ time may run backwards.
func (r *replay) ran(x *g, ts int64) {
	d := max(ts-x.since, 0)
	x.runNS += d
	r.t.running += d
	r.t.series.running(x.since, ts)
	if x.marks&annotated != 0 {
		r.split(x, goRunning, ts, 0)
	}
}

// ownSite is the number of starts after which a carried goroutine gets a tally of its own, instead
// of a mark for each start: its creation site is not known here.
const ownSite = 128

// started counts the scheduler's latency: the time from runnable to running.
func (r *replay) started(x *g, ts int64) {
	d := max(ts-x.since, 0)
	r.t.series.runnable(x.since, ts)
	if x.marks&annotated != 0 {
		r.split(x, goRunnable, ts, 0)
	}
	switch {
	case x.site != nil:
		x.site.latency.add(d, x.id, x.since)
	case x.starts == ownSite:
		x.site = r.t.own.get(uint64(x.slot))
		x.site.latency.add(d, x.id, x.since)
	default:
		x.starts++
		r.t.latencies.add(latencyMark{x.slot, x.since, d})
	}
}

// waited counts a wait that began and ended in the generation.
func (r *replay) waited(x *g, id uint64, ts int64, waker uint64) {
	d := max(ts-x.since, 0)
	if x.marks&annotated != 0 {
		r.split(x, goWaiting, ts, waker)
	}
	if x.marks&watching != 0 && r.req.names.of(uint64(x.stack)).network {
		x.rare.tracked.woken = ts
	}
	if x.stack == 0 {
		// Where the stack is unknown, what the goroutine is says why it waits.
		r.t.stackless = append(r.t.stackless, waitMark{g: id, root: x.root, since: x.since, ns: d, reason: x.reason, waker: uint32(waker)})
		return
	}
	var b *blockTally
	if known := r.t.byStack; int(x.stack) < len(known) {
		b = known[x.stack]
	}
	if b == nil || b.reason != x.reason {
		b = r.t.block(x.stack, x.reason)
	}
	if !b.ended.count(d) {
		b.ended.addRare(d, id, x.since)
	}
	w := b.wake
	if b.waker != waker || w == nil {
		w = r.t.wakes.get(waker<<32 | uint64(b.index))
		b.waker, b.wake = waker, w
	}
	w.count++
	w.delay += d
}

// block finds a blocking site, and notes it as the one of its stack: a stack mostly blocks for one reason.
func (t *tally) block(stack, reason uint32) *blockTally {
	i := t.blocks.index(uint64(stack)<<32 | uint64(reason))
	b := t.blocks.at(i)
	b.index, b.reason = uint32(i), reason
	if stack < denseSlack {
		for len(t.byStack) <= int(stack) {
			t.byStack = append(t.byStack, nil)
		}
		t.byStack[stack] = b
	}
	return b
}

// end accounts for a goroutine that is gone.
func (r *replay) end(x *g, ts int64) {
	r.leave(x, ts, goNone, 0)
	r.t.series.ended(ts)
	if x.rare != nil {
		if x.rare.tracked != nil {
			r.trackEnd(x, ts)
		} else if x.rare.child != nil {
			r.childEnd(x, ts)
		}
	}
	if x.created {
		x.site.ended++
		x.site.runNS += x.runNS
		x.site.lifetime.add(max(ts-x.at, 0), x.id, x.at)
		for _, m := range x.open() {
			r.span(spanID{name: m.name}).open.Add(max(ts-m.since, 0))
		}
	}
	x.since = ts
	x.status, x.gone = goNone, true
	if x.created && x.parked == nil && r.whole {
		r.gs.finished(x.id)
	}
}

func (r *replay) collector(t *thread, typ byte, ts int64, seq, stack uint64) error {
	if !r.gcKnown && typ == evGCActive {
		r.gcKnown, r.gcSeq = true, seq-1
	}
	if !r.gcKnown || seq != r.gcSeq+1 {
		t.gcSeq, t.gcAt = seq, ts
		if r.park(t, &r.gcParked) {
			return nil
		}
		r.gcKnown, r.gcSeq = true, seq-1
	}
	if typ != evGCActive {
		if ok, err := r.needG(t); !ok || err != nil {
			return err
		}
	}
	gc := &r.t.gc
	switch typ {
	case evGCActive:
		if gc.cycles > 0 || r.gcRunning {
			return fmt.Errorf("the collector is stated to be active after its first event")
		}
		r.gcRunning, gc.carried, gc.mark = true, true, rangeCarried
	case evGCBegin:
		if r.gcRunning && r.whole {
			return fmt.Errorf("a collection begins within another")
		}
		r.needStack(stack)
		r.gcRunning, gc.mark, gc.markSince = true, rangeOpen, ts
		gc.cycles++
	case evGCEnd:
		switch {
		case !r.gcRunning && r.whole:
			return fmt.Errorf("a collection ends that has not begun")
		case !r.gcRunning: // its beginning is behind the cut
		case gc.mark == rangeCarried:
			gc.headEnd = ts
		default:
			gc.markNS += max(ts-gc.markSince, 0)
		}
		r.gcRunning, gc.mark = false, rangeClosed
	}
	r.gcSeq = seq
	r.wake(&r.gcParked)
	return nil
}

func (r *replay) sweepActive(id uint64) error {
	p := r.proc(id)
	if p.status == procNone || p.sweep != rangeClosed {
		return fmt.Errorf("proc %d is stated to sweep, but is not known or sweeps already", id)
	}
	p.sweep = rangeCarried
	return nil
}

func (r *replay) sweepBegin(t *thread, ts int64, stack uint64) error {
	if t.p == nil {
		return r.needProc(t)
	}
	if t.p.sweep != rangeClosed && r.whole {
		return fmt.Errorf("proc %d begins to sweep, but sweeps already", t.p.id)
	}
	t.p.sweep, t.p.sweepSince = rangeOpen, ts
	r.needStack(stack)
	return nil
}

func (r *replay) sweepEnd(t *thread, ts int64) error {
	if t.p == nil {
		return r.needProc(t)
	}
	switch t.p.sweep {
	case rangeClosed:
		if !r.whole {
			return nil
		}
		return fmt.Errorf("proc %d ends a sweep that it has not begun", t.p.id)
	case rangeOpen:
		r.t.gc.sweepNS += max(ts-t.p.sweepSince, 0)
	case rangeCarried:
		r.t.gc.sweepEnds = append(r.t.gc.sweepEnds, sweepMark{t.p.id, ts})
	}
	t.p.sweep = rangeClosed
	return nil
}

func (r *replay) assistActive(id uint64) error {
	x := r.gs.get(id)
	if x.status == goNone || x.assist != rangeClosed {
		return fmt.Errorf("goroutine %d is stated to assist, but is not known or assists already", id)
	}
	x.assist = rangeCarried
	return nil
}

func (r *replay) assistBegin(x *g, ts int64, stack uint64) error {
	if x.assist != rangeClosed {
		return fmt.Errorf("goroutine %d begins to assist, but assists already", x.id)
	}
	r.ranSoFar(x, ts)
	x.assist, x.assistSince = rangeOpen, ts
	x.more().assistStack = uint32(stack)
	r.needStack(stack)
	return nil
}

// ranSoFar takes the time that a goroutine has run as it begins or ends to assist.
func (r *replay) ranSoFar(x *g, ts int64) {
	switch {
	case x.marks&annotated == 0:
	case x.rare.tracked != nil:
		r.spent(x, goRunning, ts, 0)
	case x.rare.child != nil:
		r.childSpent(x, goRunning, ts)
	}
}

func (r *replay) assistEnd(x *g, ts int64) error {
	r.ranSoFar(x, ts)
	switch x.assist {
	case rangeClosed:
		return fmt.Errorf("goroutine %d ends an assist that it has not begun", x.id)
	case rangeOpen:
		r.t.assists.get(uint64(x.rare.assistStack)).add(max(ts-x.assistSince, 0), x.id, x.assistSince)
		if x.marks&annotated != 0 {
			x.assisted(ts)
		}
	case rangeCarried:
		r.t.gc.assistEnds = append(r.t.gc.assistEnds, gMark{x.id, ts})
	}
	x.assist = rangeClosed
	return nil
}

func (r *replay) stwBegin(x *g, ts int64, kind, stack uint64) error {
	if x.stw != rangeClosed {
		return fmt.Errorf("goroutine %d stops the world, but has stopped it already", x.id)
	}
	r.needString(kind)
	m := x.more()
	x.stw, m.stwSince, m.stwKind = rangeOpen, ts, uint32(kind)
	r.needStack(stack)
	return nil
}

// stwEnd counts a pause. Pauses are not restated by a generation, so one that began before can
// only be known by its end.
func (r *replay) stwEnd(x *g, ts int64) error {
	switch {
	case x.stw == rangeOpen:
		r.t.stopped(x.rare.stwKind, max(ts-x.rare.stwSince, 0), x.id, x.rare.stwSince)
	case x.carried:
		r.t.gc.ends = append(r.t.gc.ends, gMark{x.id, ts})
	default:
		return fmt.Errorf("goroutine %d starts a world that it has not stopped", x.id)
	}
	x.stw = rangeClosed
	return nil
}

func (t *tally) stopped(kind uint32, d int64, g uint64, at int64) {
	if t.gc.stw == nil {
		t.gc.stw = map[uint32]*durations{}
	}
	h := t.gc.stw[kind]
	if h == nil {
		h = &durations{}
		t.gc.stw[kind] = h
	}
	h.add(d, g, at)
}

func (t *tally) heap(ts int64, bytes uint64) {
	b := int64(min(bytes, 1<<62))
	t.gc.maxHeap = max(t.gc.maxHeap, b)
	t.series.setHeap(ts, b)
}

// readSamples counts the CPU samples by stack.
func (r *replay) readSamples(gen *generation) error {
	if r.t.samples == nil {
		r.t.samples = map[uint64]int64{}
	}
	for _, b := range gen.samples {
		c := cursor{b: b.data[:b.n], i: 1}
		for c.more() {
			if kind := c.byte(); kind != cpuSampleEvent {
				return fmt.Errorf("a batch of CPU samples holds an event of type %d", kind)
			}
			at := c.uvarint()
			for range 3 { // thread, proc, goroutine
				c.uvarint()
			}
			stack := c.uvarint()
			if c.err != nil {
				break
			}
			r.needStack(stack)
			r.t.samples[stack]++
			r.t.events++
			r.t.last = max(r.t.last, r.ns(at))
		}
		if c.err != nil && r.whole {
			return c.err
		}
	}
	return nil
}

// reset empties the tally for the next generation.
func (t *tally) reset() {
	keep := *t
	*t = tally{series: newSeries()}
	t.blocks, t.wakes, t.syscalls, t.sites, t.own, t.assists = keep.blocks, keep.wakes, keep.syscalls, keep.sites, keep.own, keep.assists
	t.blocks.reset()
	t.wakes.reset()
	t.syscalls.reset()
	t.sites.reset()
	t.own.reset()
	t.assists.reset()
	t.latencies, t.latencies.n = keep.latencies, 0
	t.carried, t.stackless = keep.carried[:0], keep.stackless[:0]
	clear(keep.byStack)
	t.byStack = keep.byStack[:0]
	t.gc.headEnd = math.MinInt64
}
