package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
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
	whole := uint64(r.freq)
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
		w, i := word(t.data, t.pos), t.pos+2
		typ, v := byte(w), w>>8&0xff
		w >>= 16 // what follows the time
		if v >= 0x80 {
			if v, i = uvarintTail(t.data, i, v); i > t.end {
				if err := r.cutEvent(t); err != nil {
					return err
				}
				continue
			}
			if leaps(t.ts, v, r.freq) {
				return errTimeLeap
			}
			w = word(t.data, i) & (1<<wordBits - 1)
		}
		ts := t.ts + int64(v*whole)
		if whole == 0 {
			ts = t.ts + int64(float64(v)*r.freq)
		}
		var next int
		switch typ {
		case evGoStart:
			next = r.goStart(t, w, i, ts)
		case evGoUnblock:
			next = r.goUnblock(t, w, i, ts)
		case evGoBlock:
			next = r.goStop(t, w, i, ts, goWaiting)
		case evGoCreate:
			next = r.goCreate(t, w, i, ts, goRunnable)
		case evGoDestroy:
			next = r.goDestroy(t, i, ts)
		default:
			next = r.event(t, w, i, ts)
		}
		if next <= t.end {
			r.t.events++
			t.pos, t.ts = next, ts
			continue
		}
		if t.state != runnable {
			return nil
		}
		if err := r.refused(t, ts); err != nil {
			return err
		}
	}
}

// beyond is the position that the handler of an event returns if it has not applied it.
const beyond = math.MaxInt

// refuse says that an event was not applied: the thread has to wait, or the event cannot have happened.
func (r *replay) refuse(i int, err error) int {
	r.behind, r.contradiction = i, err
	return beyond
}

// settle is refuse for handlers that may also have applied the event.
func (r *replay) settle(t *thread, i int, err error) int {
	if err != nil || t.state != runnable {
		return r.refuse(i, err)
	}
	return i
}

// refused passes over an event that was not applied, and for which the thread does not wait.
func (r *replay) refused(t *thread, ts int64) error {
	err := r.contradiction
	if err == nil {
		return r.cutEvent(t)
	}
	r.contradiction = nil
	if r.whole {
		return err
	}
	r.t.assumed++ // it contradicts what had to be assumed, and is left out
	t.pos, t.ts = r.behind, ts
	return nil
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
	if i > t.end || v >= 0x80 && leaps(t.ts, v, r.freq) {
		r.forced = nil
		return nil // follow meets it again, and what it does then ends the thread
	}
	ts := t.ts + int64(float64(v)*r.freq)
	next := r.event(t, word(t.data, i)&(1<<wordBits-1), i, ts)
	r.forced = nil
	switch {
	case next <= t.end:
		r.t.events++
	case t.state != runnable: // it would wait for a second thing that is missing: it is left out
		r.unpark(t)
		t.state, next = runnable, r.behind
	default:
		return r.refused(t, ts)
	}
	t.pos, t.ts = next, ts
	return nil
}

// event applies the event at t.pos, whose numbers stand from i on and, as far as they fit, in w. It returns
// the position behind them. That is beyond the end of the batch if they are cut, or if the event was not
// applied: see refuse. Nothing has changed then.
func (r *replay) event(t *thread, w uint64, i int, ts int64) int {
	switch t.data[t.pos] {
	case evGoStart:
		return r.goStart(t, w, i, ts)
	case evGoUnblock:
		return r.goUnblock(t, w, i, ts)
	case evGoBlock:
		return r.goStop(t, w, i, ts, goWaiting)
	case evGoStop:
		return r.goStop(t, w, i, ts, goRunnable)
	case evGoCreate:
		return r.goCreate(t, w, i, ts, goRunnable)
	case evGoCreateBlocked:
		return r.goCreate(t, w, i, ts, goWaiting)
	case evGoDestroy:
		return r.goDestroy(t, i, ts)
	}
	if i > t.end {
		return i
	}
	next, err := r.lessOften(t, t.data, i, ts)
	return r.settle(t, next, err)
}

// lessOften is event for those that come less often.
func (r *replay) lessOften(t *thread, data []byte, i int, ts int64) (int, error) {
	switch data[t.pos] {
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

// seldom is event for those that come seldom.
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
func word(data []byte, i int) uint64 { return binary.LittleEndian.Uint64(data[i : i+8]) }

// wordBits is how many bits of numbers reach the handlers in a word: what is left of one behind an event's
// type and a time of one byte.
const wordBits = 48

// short reads a number of up to three bytes from the low end of a word, which nearly all numbers have that
// events hold. It returns how many bits it took, 64 when the number is longer.
func short(w uint64) (v uint64, bits uint) {
	switch {
	case w&0x80 == 0:
		return w & 0x7f, 8
	case w&0x8000 == 0:
		return w&0x7f | w>>1&0x3f80, 16
	case w&0x800000 == 0:
		return w&0x7f | w>>1&0x3f80 | w>>2&0x1fc000, 24
	}
	return 0, 64
}

// pair reads two numbers, of which the word may hold only a part.
func (t *thread) pair(i int) (a, b uint64, next int) {
	a, i = uvarint(t.data, i)
	b, i = uvarint(t.data, i)
	return a, b, i
}

// triple is pair for three numbers.
func (t *thread) triple(i int) (a, b, c uint64, next int) {
	a, b, i = t.pair(i)
	c, i = uvarint(t.data, i)
	return a, b, c, i
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
