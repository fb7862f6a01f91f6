package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
)

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
			if v, i = uvarintTail(data, i, v); i <= t.end && leaps(t.ts, v, r.freq) {
				return errTimeLeap
			}
		}
		ts := t.ts + int64(v)*whole
		if whole == 0 {
			ts = t.ts + int64(float64(v)*r.freq)
		}
		next, err := i, error(nil)
		if i <= t.end {
			switch data[t.pos] {
			case evGoStart:
				next, err = r.goStart(t, data, i, ts)
			case evGoUnblock:
				next, err = r.goUnblock(t, data, i, ts)
			case evGoBlock:
				next, err = r.goStop(t, data, i, ts, goWaiting)
			case evGoCreate:
				next, err = r.goCreate(t, data, i, ts, goRunnable)
			case evGoDestroy:
				next, err = i, r.goDestroy(t, ts)
			default:
				next, err = r.event(t, data, i, ts)
			}
			if t.state != runnable {
				return nil
			}
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

// leaps reports a step of time that leads beyond what a clock can show. Steps of less than 128 units
// do not: a batch holds too few of them.
func leaps(ts int64, v uint64, freq float64) bool {
	return v > maxStep || float64(ts)+float64(v)*freq > maxTime
}

// force applies the next event of a thread whether or not what it depends on has happened.
func (r *replay) force(t *thread) error {
	if t.pos >= t.end {
		r.forced = nil
		return nil
	}
	v, i := uvarint(t.data, t.pos+1)
	if i > t.end || leaps(t.ts, v, r.freq) {
		r.forced = nil
		return nil // follow meets it again
	}
	ts := t.ts + int64(float64(v)*r.freq)
	next, err := r.event(t, t.data, i, ts)
	r.forced = nil
	switch {
	case next > t.end:
		return r.cutEvent(t)
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
//
//go:noinline
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

// word is the eight bytes at a position, of which the first is the lowest. Events may so be read beyond
// the end of their batch, into the padding.
func word(data []byte, i int) uint64 { return binary.LittleEndian.Uint64(data[i:]) }

// short reads a number of up to three bytes from the low end of a word, which nearly all numbers have that
// events hold. It returns how many bits it took, 0 when the number is longer.
func short(w uint64) (v uint64, bits uint) {
	switch {
	case w&0x80 == 0:
		return w & 0x7f, 8
	case w&0x8000 == 0:
		return w&0x7f | w>>1&0x3f80, 16
	case w&0x800000 == 0:
		return w&0x7f | w>>1&0x3f80 | w>>2&0x1fc000, 24
	}
	return 0, 0
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

// ns turns units of the trace's clock into nanoseconds since the base. A batch that comes late may have begun
// a little before it.
func (r *replay) ns(units uint64) int64 {
	return min(max(int64(float64(units)*r.freq)-r.base, -maxLead), maxTime)
}

const (
	// maxTime is 146 years, half of what nanoseconds can count; maxStep units of the clock
	// between two events stay below it at any frequency that the runtime uses.
	maxTime = 1 << 62
	maxStep = 1 << 52
	// maxLead bounds how long before the base a batch can have begun: the runtime ends a generation,
	// and with it all batches, after about a second.
	maxLead = 60_000_000_000
)
