package trace

import "fmt"

// replay works through one generation. Instead of putting all events into one order by time it
// follows one thread until an event depends on something that another thread has yet to do
// (a goroutine or proc whose sequence number is not reached), parks the thread there and goes
// on with another. That keeps the order of each goroutine, proc and thread, which is all that
// the evidence needs, and uses the times as they were recorded.
type replay struct {
	freq   float64 // nanoseconds per unit of the trace's clock
	base   int64   // where times count from, in nanoseconds of the trace's clock
	free   func([]byte)
	tables tables
	// whole is false once it is known that events are missing, or had to be passed over: then
	// what follows may depend on them.
	whole bool
	held  int64 // bytes of the batches that wait
	limit int64 // of those
	// crowded is true when events were passed over because too many waited for them.
	crowded bool

	gs      gTable
	procs   map[uint64]*proc
	threads map[uint64]*thread
	order   []*thread // in the order of their first batch
	ready   *thread

	// forced is the thread whose next event must not wait: what it waits for is not in the file.
	forced  *thread
	blocked []*thread // those that wait when nothing else can go on
	round   []*thread // those of them still to be forced, once each

	// Of an event that was not applied: the position behind it, and why it cannot have happened. It is nil where
	// the thread waits.
	behind        int
	contradiction error

	gcKnown   bool
	gcRunning bool
	gcSeq     uint64
	gcParked  *thread

	// by is who wakes the goroutine at hand. atOnce is true where a thread that had nothing to do did, as soon as there was
	// a reason. Both are known where that goroutine is annotated.
	by     *g
	atOnce bool

	stackRefs, stringRefs refs
	req                   requestReplay
	t                     tally
}

// begin prepares for a generation, whose times count from base.
func (r *replay) begin(freq float64, base int64) {
	r.freq, r.base, r.whole = freq, base, true
	r.held, r.crowded = 0, false
	r.gs.reset()
	r.procs, r.threads = map[uint64]*proc{}, map[uint64]*thread{}
	r.order, r.ready, r.gcParked = r.order[:0], nil, nil
	r.forced, r.blocked, r.round, r.contradiction = nil, nil, nil, nil
	r.gcKnown, r.gcRunning, r.gcSeq, r.by = false, false, 0, nil
	r.stackRefs.reset()
	r.stringRefs.reset()
	r.t.reset()
}

// feed takes the next batch of events and works through all that can be ordered by now.
func (r *replay) feed(b batch) error {
	r.held += int64(b.n)
	t := r.thread(b.thread)
	t.batches = append(t.batches, b)
	if t.state == starved {
		r.push(t)
	}
	if err := r.drain(); err != nil {
		return err
	}
	if b.inTime && !r.gcKnown && r.settleGCBefore(r.ns(b.time)) {
		if err := r.drain(); err != nil {
			return err
		}
	}
	for r.held > r.limit && r.forceNext() {
		r.whole, r.crowded = false, true
		if err := r.drain(); err != nil {
			return err
		}
	}
	return nil
}

// finish works through what is left once the generation has been read. The tally then holds all
// that could be ordered; the error says why that is not everything.
func (r *replay) finish(gen *generation) error {
	if gen.cut != nil {
		r.whole = false
	}
	if err := r.tables.read(gen); err != nil {
		return err
	}
	for {
		if err := r.drain(); err != nil {
			return err
		}
		if !r.settleGC() && (r.whole || !r.forceNext()) {
			break
		}
	}
	if err := r.readSamples(gen); err != nil || !r.whole {
		return err
	}
	if err := r.dangling(); err != nil {
		return err
	}
	return r.stuck()
}

// latest is the time of the last event that was met.
func (r *replay) latest() int64 {
	at := r.t.last
	for _, t := range r.order {
		at = max(at, t.ts)
	}
	return at
}

// drain goes on with the threads that can.
func (r *replay) drain() error {
	for r.ready != nil {
		t := r.ready
		r.ready, t.next = t.next, nil
		if err := r.follow(t); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) thread(id uint64) *thread {
	t, ok := r.threads[id]
	if !ok {
		t = &thread{id: id, state: starved}
		r.threads[id] = t
		r.order = append(r.order, t)
	}
	return t
}

// rare applies the events that come less often.
func (r *replay) rare(t *thread, typ byte, ts int64, a *[maxArgs]uint64) error {
	switch typ {
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
		r.taskEnd(t.g, ts, a[0], a[1])
		return nil
	case evUserRegionBegin:
		r.regionBegin(t.g, ts, a[0], a[1], a[2])
		return nil
	case evUserRegionEnd:
		return r.regionEnd(t.g, ts, a[0], a[1], a[2])
	case evUserLog:
		r.needString(a[1])
		r.needString(a[2])
		r.needStack(a[3])
		return nil
	case evGoLabel:
		r.needString(a[0])
		return nil
	case evProcsChange:
		if m := (procsMark{ts, a[0]}); r.t.procs.n == 0 || m.at >= r.t.procs.at {
			r.t.procs = m
		}
		r.needStack(a[1])
		return nil
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
