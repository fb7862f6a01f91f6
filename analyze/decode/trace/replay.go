package trace

import (
	"errors"
	"fmt"
)

// replay works through one generation. Instead of putting all events into one order by time it
// follows one thread until an event depends on something that another thread has yet to do
// (a goroutine or proc whose sequence number is not reached), parks the thread there and goes
// on with another. That keeps the order of each goroutine, proc and thread, which is all that
// the evidence needs, and uses the times as they were recorded.
type replay struct {
	gen    *generation
	tables tables
	base   int64 // start of the window, in nanoseconds of the trace's clock
	whole  bool  // the generation is not cut: its tables must hold what events refer to

	gs      gTable
	procs   map[uint64]*proc
	threads map[uint64]*thread
	order   []*thread // in the order of their first batch
	ready   *thread

	// forced is the thread whose next event must not wait: what it waits for is not in the file.
	forced  *thread
	blocked []*thread // those that wait when nothing else can go on
	round   []*thread // those of them still to be forced, once each

	gcKnown   bool
	gcRunning bool
	gcSeq     uint64
	gcParked  *thread

	t tally
}

// run replays a generation. The tally then holds all that could be ordered; the error says
// why that is not everything.
func (r *replay) run(gen *generation, base int64) error {
	r.gen, r.base, r.whole = gen, base, gen.cut == nil
	r.gs.reset()
	r.procs, r.threads = map[uint64]*proc{}, map[uint64]*thread{}
	r.order, r.ready, r.gcParked = r.order[:0], nil, nil
	r.forced, r.blocked, r.round = nil, nil, nil
	r.gcKnown, r.gcRunning, r.gcSeq = false, false, 0
	r.t.reset()
	if err := r.tables.read(gen); err != nil {
		return err
	}
	for _, b := range gen.events {
		t := r.thread(b.thread)
		t.batches = append(t.batches, b)
	}
	for i := len(r.order) - 1; i >= 0; i-- {
		r.push(r.order[i])
	}
	err := r.drain()
	for _, t := range r.order {
		r.t.last = max(r.t.last, t.ts)
	}
	if err != nil {
		return err
	}
	if r.whole {
		return r.stuck()
	}
	return nil
}

func (r *replay) drain() error {
	for {
		for r.ready != nil {
			t := r.ready
			r.ready, t.next = t.next, nil
			if err := r.follow(t); err != nil {
				return err
			}
		}
		if !r.settleGC() && (r.whole || !r.forceNext()) {
			return r.readSamples()
		}
	}
}

func (r *replay) thread(id uint64) *thread {
	t, ok := r.threads[id]
	if !ok {
		t = &thread{id: id}
		r.threads[id] = t
		r.order = append(r.order, t)
	}
	return t
}

var errTimeLeap = errors.New("the time of an event is beyond what a clock can show")

var errCutEvent = errors.New("an event is cut at the end of its batch")

// follow runs a thread until it has to wait or has no more events. The position stays at
// an event that has to wait, which is read again later.
func (r *replay) follow(t *thread) error {
	data, freq := t.data, r.gen.freq
	// Nearly all clocks tick in whole nanoseconds, which need no floating point.
	whole := int64(freq)
	if float64(whole) != freq {
		whole = 0
	}
	var args [maxArgs]uint64
	for {
		if t.pos >= t.end {
			if !r.nextBatch(t) {
				return nil
			}
			data = t.data
			continue
		}
		typ := data[t.pos]
		n := argCount[typ]
		if n == 0xff {
			return fmt.Errorf("unknown event type %d", typ)
		}
		i := t.pos + 2
		v := uint64(data[i-1])
		if v >= 0x80 {
			v, i = uvarintTail(data, i, v)
		}
		if v > maxStep {
			return errTimeLeap
		}
		ts := t.ts + int64(v)*whole
		if whole == 0 {
			ts = t.ts + int64(float64(v)*freq)
		}
		for k := range args[:n] {
			v = uint64(data[i])
			i++
			if v >= 0x80 {
				if c := uint64(data[i]); c < 0x80 {
					v = v&0x7f | c<<7
					i++
				} else {
					v, i = uvarintTail(data, i, v)
				}
			}
			args[k] = v
		}
		if i > t.end {
			if err := r.cutEvent(t); err != nil {
				return err
			}
			continue
		}
		if ts < t.ts || ts > maxTime {
			return errTimeLeap
		}
		forced := r.forced == t
		err := r.event(t, typ, ts, &args)
		if t.state != runnable && !forced {
			return nil
		}
		switch {
		case t.state != runnable: // it would wait for a second thing that is missing: it is left out
			r.unpark(t)
			t.state = runnable
		case err == nil:
			r.t.events++
		case r.whole:
			return err
		default:
			r.t.assumed++ // it contradicts what had to be assumed, and is left out
		}
		r.forced = nil
		t.pos, t.ts = i, ts
	}
}

// uvarintTail goes on with a number whose first byte says that there are more. A number that is
// too long moves the position behind everything, which the caller takes for a cut event.
func uvarintTail(data []byte, i int, v uint64) (uint64, int) {
	v &= 0x7f
	for shift := uint(7); shift < 64 && i < len(data); shift += 7 {
		c := data[i]
		i++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, i
		}
	}
	return 0, max(i, len(data)-padding+1)
}

func (r *replay) nextBatch(t *thread) bool {
	r.t.last = max(r.t.last, t.ts)
	if len(t.batches) == 0 {
		t.state = finished
		return false
	}
	b := t.batches[0]
	t.batches = t.batches[1:]
	t.data, t.pos, t.end = b.data, 0, b.n
	t.ts = r.ns(b.time)
	return true
}

// cutEvent ends a thread at the cut of a cut generation; elsewhere it is an error.
func (r *replay) cutEvent(t *thread) error {
	if r.whole || len(t.batches) > 0 {
		return errCutEvent
	}
	t.pos = t.end
	return nil
}

// ns turns units of the trace's clock into nanoseconds since the window's start. A batch cannot
// have begun before the window.
func (r *replay) ns(units uint64) int64 {
	return min(max(int64(float64(units)*r.gen.freq)-r.base, 0), maxTime)
}

const (
	// maxTime is 146 years, half of what nanoseconds can count; maxStep units of the clock
	// between two events stay below it at any frequency that the runtime uses.
	maxTime = 1 << 62
	maxStep = 1 << 52
)

// event applies one event. A thread that has to wait is parked, and nothing has changed then.
func (r *replay) event(t *thread, typ byte, ts int64, a *[maxArgs]uint64) error {
	switch typ {
	case evGoStart:
		return r.goStart(t, ts, a[0], a[1])
	case evGoUnblock:
		return r.goUnblock(t, ts, a[0], a[1], a[2])
	case evGoBlock:
		return r.goStop(t, ts, goWaiting, a[0], a[1])
	case evGoStop:
		return r.goStop(t, ts, goRunnable, a[0], a[1])
	case evGoCreate:
		return r.goCreate(t, ts, goRunnable, a[0], a[1], a[2])
	case evGoDestroy:
		return r.goDestroy(t, ts)
	case evGoSyscallBegin:
		return r.syscallBegin(t, ts, a[0], a[1])
	case evGoSyscallEnd:
		return r.syscallEnd(t, ts)
	case evGoSyscallEndBlocked:
		return r.syscallEndBlocked(t, ts)
	case evGoStatus, evGoStatusStack:
		stack := uint64(0)
		if typ == evGoStatusStack {
			stack = a[3]
		}
		return r.goStatus(t, a[0], a[1], a[2], stack)
	case evProcStart:
		return r.procStart(t, a[0], a[1])
	case evProcStop:
		return r.procStop(t)
	case evProcSteal:
		return r.procSteal(t, a[0], a[1], a[2])
	case evProcStatus:
		return r.procStatus(t, a[0], a[1])
	case evHeapAlloc:
		r.t.heap(ts, a[0])
		return r.needProc(t)
	case evHeapGoal:
		return r.needProc(t)
	}
	return r.rare(t, typ, ts, a)
}

// rare applies the events that come less often.
func (r *replay) rare(t *thread, typ byte, ts int64, a *[maxArgs]uint64) error {
	switch typ {
	case evGoSwitch, evGoSwitchDestroy:
		return r.goSwitch(t, ts, typ == evGoSwitchDestroy, a[0], a[1])
	case evGoCreateBlocked:
		return r.goCreate(t, ts, goWaiting, a[0], a[1], a[2])
	case evGoCreateSyscall:
		return r.goCreateSyscall(t, ts, a[0])
	case evGoDestroySyscall:
		return r.goDestroySyscall(t, ts)
	case evGCActive, evGCBegin, evGCEnd:
		return r.collector(t, typ, ts, a[0], a[1])
	case evGCSweepActive:
		return r.sweepActive(a[0])
	case evGCSweepBegin:
		return r.sweepBegin(t, ts, a[0])
	case evGCSweepEnd:
		return r.sweepEnd(t, ts)
	case evGCMarkAssistActive:
		return r.assistActive(a[0])
	}
	if typ >= evFirstExperimental {
		return nil // the experiments concern nothing that is counted here
	}
	// What is left happens on a running goroutine.
	if ok, err := r.needG(t); !ok || err != nil {
		return err
	}
	switch typ {
	case evGCMarkAssistBegin:
		return r.assistBegin(t.g, ts, a[0])
	case evGCMarkAssistEnd:
		return r.assistEnd(t.g, ts)
	case evSTWBegin:
		return r.stwBegin(t.g, ts, a[0], a[1])
	case evSTWEnd:
		return r.stwEnd(t.g, ts)
	case evUserTaskBegin:
		return r.taskBegin(t.g, ts, a[0], a[2], a[3])
	case evUserTaskEnd:
		r.t.taskEnds = append(r.t.taskEnds, taskMark{id: a[0], g: t.g.id, at: ts})
		return r.needStack(a[1])
	case evUserRegionBegin:
		return r.regionBegin(t.g, ts, a[0], a[1], a[2])
	case evUserRegionEnd:
		return r.regionEnd(t.g, ts, a[0], a[1], a[2])
	case evUserLog:
		return errors.Join(r.needString(a[1]), r.needString(a[2]), r.needStack(a[3]))
	case evGoLabel:
		return r.needString(a[0])
	case evProcsChange:
		return r.needStack(a[1])
	}
	return fmt.Errorf("event type %d where none is expected", typ)
}

// needProc demands a proc on the thread.
func (r *replay) needProc(t *thread) error {
	if t.p == nil && r.whole {
		return fmt.Errorf("an event that needs a proc, on thread %d, which has none", t.id)
	}
	return nil
}

// needG demands a proc and a goroutine on the thread. It is false when the goroutine may yet
// come: a status on another thread can bind one that is in a system call here.
func (r *replay) needG(t *thread) (bool, error) {
	if t.g == nil {
		r.awaitBinding(t)
		return false, nil
	}
	return true, r.needProc(t)
}

// hasStack is needStack for events that come often.
func (r *replay) hasStack(id uint64) bool {
	return id < uint64(len(r.tables.stacks.dense)) && r.tables.stacks.dense[id] != 0 || r.needStack(id) == nil
}

func (r *replay) needStack(id uint64) error {
	if id == 0 || !r.whole {
		return nil
	}
	if _, ok := r.tables.stacks.get(id); !ok {
		return fmt.Errorf("an event refers to stack %d, which is not there", id)
	}
	return nil
}

func (r *replay) needString(id uint64) error {
	if r.whole && !r.tables.hasString(id) {
		return fmt.Errorf("an event refers to string %d, which is not there", id)
	}
	return nil
}
