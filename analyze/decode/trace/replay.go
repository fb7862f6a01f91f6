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
	freq   float64 // nanoseconds per unit of the trace's clock
	base   int64   // start of the window, in nanoseconds of the trace's clock
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

	gcKnown   bool
	gcRunning bool
	gcSeq     uint64
	gcParked  *thread

	stackRefs, stringRefs refs
	t                     tally
}

// begin prepares for a generation, whose times count from base.
func (r *replay) begin(freq float64, base int64) {
	r.freq, r.base, r.whole = freq, base, true
	r.held, r.crowded = 0, false
	r.gs.reset()
	r.procs, r.threads = map[uint64]*proc{}, map[uint64]*thread{}
	r.order, r.ready, r.gcParked = r.order[:0], nil, nil
	r.forced, r.blocked, r.round = nil, nil, nil
	r.gcKnown, r.gcRunning, r.gcSeq = false, false, 0
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

var errTimeLeap = errors.New("the time of an event is beyond what a clock can show")

var errCutEvent = errors.New("an event is cut at the end of its batch")

// follow runs a thread until it has to wait or has no more events. The position stays at
// an event that has to wait, which is read again later.
func (r *replay) follow(t *thread) error {
	if r.forced == t {
		if err := r.force(t); err != nil || t.state != runnable {
			return err
		}
	}
	// Nearly all clocks tick in whole nanoseconds, which need no floating point.
	whole := int64(r.freq)
	if float64(whole) != r.freq {
		whole = 0
	}
	for {
		if t.pos >= t.end {
			if !r.nextBatch(t) {
				return nil
			}
			continue
		}
		data := t.data
		i := t.pos + 2
		v := uint64(data[i-1])
		if v >= 0x80 {
			if c := uint64(data[i]); c < 0x80 {
				v = v&0x7f | c<<7
				i++
			} else {
				v, i = uvarintTail(data, i, v)
			}
		}
		ts := t.ts + int64(v)*whole
		if whole == 0 {
			ts = t.ts + int64(float64(v)*r.freq)
		}
		if v > maxStep || ts > maxTime || ts < t.ts {
			if i > t.end {
				if err := r.cutEvent(t); err != nil {
					return err
				}
				continue
			}
			return errTimeLeap
		}
		next, err := r.event(t, data, i, ts)
		if t.state != runnable {
			return nil
		}
		if next > t.end {
			if err := r.cutEvent(t); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			if r.whole {
				return err
			}
			r.t.assumed++ // it contradicts what had to be assumed, and is left out
		} else {
			r.t.events++
		}
		t.pos, t.ts = next, ts
	}
}

// force applies the next event of a thread whether or not what it depends on has happened.
func (r *replay) force(t *thread) error {
	if t.pos >= t.end {
		r.forced = nil
		return nil
	}
	v, i := uvarint(t.data, t.pos+1)
	ts := t.ts + int64(float64(v)*r.freq)
	if v > maxStep || ts > maxTime || ts < t.ts {
		r.forced = nil
		return nil // follow meets it again
	}
	next, err := r.event(t, t.data, i, ts)
	r.forced = nil
	switch {
	case next > t.end:
		return nil
	case t.state != runnable: // it would wait for a second thing that is missing: it is left out
		r.unpark(t)
		t.state = runnable
	case err == nil:
		r.t.events++
	default:
		r.t.assumed++ // it contradicts what had to be assumed, and is left out
	}
	t.pos, t.ts = next, ts
	return nil
}

// event reads the numbers of the event at t.pos from i on and applies it, unless they are cut:
// then the position that it returns lies behind the batch. A thread that has to wait is parked, and
// nothing has changed then.
func (r *replay) event(t *thread, data []byte, i int, ts int64) (int, error) {
	switch data[t.pos] {
	case evGoStart:
		return r.goStart(t, data, i, ts)
	case evGoUnblock:
		return r.goUnblock(t, data, i, ts)
	case evGoBlock:
		return r.goStop(t, data, i, ts, goWaiting)
	case evGoStop:
		return r.goStop(t, data, i, ts, goRunnable)
	case evGoCreate:
		return r.goCreate(t, data, i, ts, goRunnable)
	case evGoCreateBlocked:
		return r.goCreate(t, data, i, ts, goWaiting)
	case evGoDestroy:
		return i, r.goDestroy(t, ts)
	case evGoSyscallBegin:
		return r.syscallBegin(t, data, i, ts)
	case evGoSyscallEnd:
		return i, r.syscallEnd(t, ts)
	case evGoSyscallEndBlocked:
		return i, r.syscallEndBlocked(t, ts)
	case evProcStop:
		return i, r.procStop(t)
	case evHeapAlloc:
		v, i := uvarint(data, i)
		if i > t.end {
			return i, nil
		}
		r.t.heap(ts, v)
		return i, r.needProc(t)
	}
	return r.seldom(t, data, i, ts)
}

// seldom is event for those that come less often.
func (r *replay) seldom(t *thread, data []byte, i int, ts int64) (int, error) {
	typ := data[t.pos]
	n := argCount[typ]
	if n == 0xff {
		return i, fmt.Errorf("unknown event type %d", typ)
	}
	var a [maxArgs]uint64
	for k := range a[:n] {
		a[k], i = uvarint(data, i)
	}
	if i > t.end {
		return i, nil
	}
	switch typ {
	case evGoStatus, evGoStatusStack:
		return i, r.goStatus(t, a[0], a[1], a[2], a[3])
	case evProcStart:
		return i, r.procStart(t, a[0], a[1])
	case evProcSteal:
		return i, r.procSteal(t, a[0], a[1], a[2])
	case evProcStatus:
		return i, r.procStatus(t, a[0], a[1])
	case evHeapGoal:
		return i, r.needProc(t)
	case evGoSwitch, evGoSwitchDestroy:
		return i, r.goSwitch(t, ts, typ == evGoSwitchDestroy, a[0], a[1])
	case evGoCreateSyscall:
		return i, r.goCreateSyscall(t, ts, a[0])
	case evGoDestroySyscall:
		return i, r.goDestroySyscall(t, ts)
	}
	return i, r.rare(t, typ, ts, &a)
}

// uvarint reads a number and returns the position behind it.
func uvarint(data []byte, i int) (uint64, int) {
	v := uint64(data[i])
	if v < 0x80 {
		return v, i + 1
	}
	return uvarintTail(data, i+1, v)
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
	if t.data != nil {
		r.free(t.data)
		r.held -= int64(t.end)
		t.data, t.pos, t.end = nil, 0, 0
	}
	if len(t.batches) == 0 {
		t.state = starved
		return false
	}
	b := t.batches[0]
	t.batches = t.batches[1:]
	t.data, t.pos, t.end, t.cut = b.data, 0, b.n, b.cut
	t.ts = r.ns(b.time)
	return true
}

// cutEvent ends a thread where the input is cut; elsewhere it is an error.
func (r *replay) cutEvent(t *thread) error {
	if !t.cut {
		return errCutEvent
	}
	t.pos = t.end
	return nil
}

// ns turns units of the trace's clock into nanoseconds since the window's start. A batch cannot
// have begun before the window.
func (r *replay) ns(units uint64) int64 {
	return min(max(int64(float64(units)*r.freq)-r.base, 0), maxTime)
}

const (
	// maxTime is 146 years, half of what nanoseconds can count; maxStep units of the clock
	// between two events stay below it at any frequency that the runtime uses.
	maxTime = 1 << 62
	maxStep = 1 << 52
)

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
		r.t.taskEnds = append(r.t.taskEnds, taskMark{id: a[0], g: t.g.id, at: ts})
		r.needStack(a[1])
		return nil
	case evUserRegionBegin:
		return r.regionBegin(t.g, ts, a[0], a[1], a[2])
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

// needStack notes that an event refers to a stack: the table comes last.
func (r *replay) needStack(id uint64) { r.stackRefs.add(id) }

// needString is needStack for strings.
func (r *replay) needString(id uint64) { r.stringRefs.add(id) }

// dangling says which of the stacks and strings that events refer to are not there.
func (r *replay) dangling() error {
	if id, ok := r.stackRefs.missing(&r.tables.stacks); ok {
		return fmt.Errorf("an event refers to stack %d, which is not there", id)
	}
	if id, ok := r.stringRefs.missing(&r.tables.strings); ok {
		return fmt.Errorf("an event refers to string %d, which is not there", id)
	}
	return nil
}

// refs is a set of ids of a table. The runtime counts them from 1 upwards, so nearly all are small.
type refs struct {
	dense  []uint8
	sparse map[uint64]struct{}
}

func (s *refs) reset() {
	clear(s.dense)
	s.sparse = nil
}

func (s *refs) add(id uint64) {
	if id < uint64(len(s.dense)) {
		s.dense[id] = 1
		return
	}
	s.grow(id)
}

func (s *refs) grow(id uint64) {
	if id < denseSlack {
		s.dense = append(s.dense, make([]uint8, max(id+1, 2*uint64(len(s.dense)))-uint64(len(s.dense)))...)
		s.dense[id] = 1
		return
	}
	if s.sparse == nil {
		s.sparse = map[uint64]struct{}{}
	}
	s.sparse[id] = struct{}{}
}

// missing finds the lowest id that a table lacks. 0 stands for none and is never missing.
func (s *refs) missing(t *idTable) (uint64, bool) {
	for id, used := range s.dense {
		if _, ok := t.get(uint64(id)); used != 0 && !ok && id != 0 {
			return uint64(id), true
		}
	}
	lowest, found := uint64(0), false
	for id := range s.sparse {
		if _, ok := t.get(id); !ok && (!found || id < lowest) {
			lowest, found = id, true
		}
	}
	return lowest, found
}
