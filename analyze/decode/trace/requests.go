package trace

// The machine that rebuilds requests follows single goroutines: those that serve requests, as their
// stacks say. What such a goroutine does reaches it as times spent in a state and as sights of the stack it is
// at; both come in the order of the goroutine. A generation runs it for goroutines whose state it knows. Of one
// that was there before it cannot know, so it keeps what happens until the state no longer depends on the past,
// and the stitching runs the same machine over that.

// phase is where a goroutine is between two requests.
type phase uint8

const (
	phaseIdle phase = iota
	phaseReading
	phaseServing
	phaseFlushing
	phaseOff // hijacked: no requests any more
)

// spell is a time in one state at one stack: of a goroutine, or of a request.
type spell struct {
	status        goStatus
	stack, reason uint32
	waker         uint32
	ns            int64
}

const (
	// goAssist is running for the collector.
	goAssist goStatus = goWaiting + 1
	// maxSpells bounds the spells of one request that are kept in order; then they become sums.
	maxSpells = 32
	// maxSums bounds the sums of one request; what is beyond counts as the last.
	maxSums = 16
)

// request is one that is being served.
type request struct {
	goroutine uint64
	from      int64 // its arrival, or the latest time at which it can have arrived
	earliest  int64 // and the earliest
	start     int64 // of the handler
	end       int64 // so far, once the reply is being written; negative where that is not known
	handled   int64 // when the handler was seen to have returned
	left      int64 // when the client was seen to have gone, 0 when not
	known     bool  // the arrival was seen
	earlier   bool  // it arrived before the window
	excluded  bool
	broken    bool // some of its time is not known
	hijacked  bool
	sums      bool // spells are sums and not in order
	rank      uint8
	protocol  uint8
	route     uint16
	spells    []spell
}

func (q *request) reset() { *q = request{goroutine: q.goroutine, spells: q.spells[:0]} }

// add counts a spell.
func (q *request) add(s spell) {
	if s.ns == 0 {
		return
	}
	if q.sums {
		q.sum(s)
		return
	}
	if n := len(q.spells); n > 0 {
		last := &q.spells[n-1]
		if last.status == s.status && last.stack == s.stack && last.reason == s.reason {
			last.ns += s.ns
			last.waker = s.waker
			return
		}
		if n == maxSpells {
			q.compact()
			q.sum(s)
			return
		}
	}
	q.spells = append(q.spells, s)
}

// compact turns spells into sums.
func (q *request) compact() {
	all := q.spells
	q.spells = append(make([]spell, 0, maxSums), all[0])
	q.sums = true
	for _, s := range all[1:] {
		q.sum(s)
	}
}

func (q *request) sum(s spell) {
	for i := range q.spells {
		if have := &q.spells[i]; have.status == s.status && have.stack == s.stack && have.reason == s.reason || i == maxSums-1 {
			have.ns += s.ns
			return
		}
	}
	s.waker = 0
	q.spells = append(q.spells, s)
}

// label notes what a stack says of the request.
func (q *request) label(s requestStack) {
	q.excluded = q.excluded || s.excluded
	if s.rank > q.rank {
		q.rank, q.route = s.rank, s.route
	}
}

// sighting is how a goroutine came to show its stack.
type sighting uint8

const (
	sightPassing sighting = iota
	sightBlocked
)

// tracked is a goroutine that serves requests.
type tracked struct {
	rare     gRare // of the goroutine, where it has none of its own
	kind     requestKind
	protocol uint8
	phase    phase
	at       int64 // up to when its time is accounted for
	freed    int64 // the end of the request before, or when it was made
	born     bool  // freed is known
	cur      request
	// tail is what it did after the last write of the reply; it counts only if another write follows.
	tail []spell

	starting bool   // the last sight was the start of a handler
	serial   uint32 // of the request
	gone     bool
	before   clientWatch // of the request before

	watched *tracked // by a goroutine that watches a connection
	watches uint64   // that goroutine's id
	during  uint32   // the serial of the request during which it was made

	// Of one that was there before the generation:
	head headState
	log  []requestEvent
}

// clientWatch is what decides, once a request is over, whether its client had gone: the watch over the
// connection ended before the handler did, and no other request followed.
type clientWatch struct {
	serial   uint32
	handled  int64
	left     bool
	served   bool // whether all of it was seen here; else the stitching decides
	protocol uint8
	route    uint16
}

// headState is what a generation knows of a goroutine that was there before.
type headState struct {
	carried   bool
	first     requestStack // the first stack that was seen
	mode      headMode
	ended     bool  // the state it was found in ended
	at        int64 // when
	completed bool  // the request that was being served ended; done is what is known of it
	done      request
}

// headMode says how much of a goroutine's state a generation knows.
type headMode uint8

const (
	headNone headMode = iota // all
	headLog                  // nothing: what happens is kept
	headOpen                 // that a request is being served
	headLost                 // too much happened while nothing was known
)

// maxLog bounds what is kept of a goroutine until its state is known: reading the head of a request.
const maxLog = 256

// requestEvent is what happened to a goroutine: a spell that ended at a time, or a sight.
type requestEvent struct {
	spell
	at   int64
	see  requestStack
	how  sighting
	kind eventKind
}

type eventKind uint8

const (
	eventSpent eventKind = iota
	eventSeen
	eventEnd
)

// endCause says how a request ended.
type endCause uint8

const (
	endReplied endCause = iota
	endHijacked
)

// apply hands an event to the machine.
func (t *tracked) apply(m *requestTally, e requestEvent) {
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
		t.log = append(t.log, e)
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

// shadow looks whether the state of a goroutine is known again: it waits for the next request, or a request is being served.
func (t *tracked) shadow(e requestEvent) {
	t.at = max(t.at, e.at)
	if e.kind != eventSeen {
		return
	}
	if e.see.kind == servesMultiple {
		t.kind, t.phase, t.head.mode = servesMultiple, phaseOff, headNone
		return
	}
	switch e.see.role {
	case rolePeek:
		if e.how == sightBlocked && e.see.network {
			t.head.mode, t.phase = headNone, phaseIdle
		}
	case roleTake:
		if e.how == sightBlocked {
			t.head.mode, t.phase = headNone, phaseIdle
		}
	case roleStart, roleHandler:
		t.starting = e.see.role == roleStart
		t.open(phaseServing)
		t.cur.label(e.see)
	case roleFlush:
		t.open(phaseFlushing)
	}
}

// open goes on with a request of which the beginning is not known here.
func (t *tracked) open(p phase) {
	t.head.mode, t.phase = headOpen, p
	t.cur.reset()
	t.cur.end, t.cur.protocol = -1, t.protocol
}

// carried begins with a goroutine that was there before, at the first stack that it shows.
func (t *tracked) carried(s requestStack) {
	t.kind, t.protocol = s.kind, s.protocol
	t.head.carried, t.head.first, t.head.mode = true, s, headLog
	if s.kind == watchesConn {
		t.head.mode, t.phase = headNone, phaseOff
	}
}

// stated is carried for one whose status shows the stack: then nothing happened before.
func (t *tracked) stated(s requestStack, waiting bool) {
	t.carried(s)
	switch {
	case s.kind == watchesConn:
	case s.role == rolePeek && waiting && s.network, s.role == roleTake && waiting:
		t.head.mode, t.phase = headNone, phaseIdle
	case s.role == roleHandler:
		t.open(phaseServing)
		t.cur.label(s)
	case s.role == roleFlush:
		t.open(phaseFlushing)
	}
}

// spend takes the end of a state.
func (t *tracked) spend(m *requestTally, e requestEvent) {
	from := t.at
	t.at = max(t.at, e.at)
	e.ns = t.at - from
	switch t.phase {
	case phaseIdle:
		t.arrive(&e)
	case phaseReading, phaseServing:
		t.cur.add(e.spell)
	case phaseFlushing:
		t.tail = append(t.tail, e.spell)
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
	t.tail = t.tail[:0]
}

// fold counts what came after the last write after all.
func (t *tracked) fold() {
	for _, s := range t.tail {
		t.cur.add(s)
	}
	t.tail = t.tail[:0]
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
func (t *tracked) sight(m *requestTally, e requestEvent) {
	t.at = max(t.at, e.at)
	if t.phase == phaseOff {
		return
	}
	if e.see.kind == servesMultiple {
		t.kind, t.phase = servesMultiple, phaseOff
		t.cur.reset()
		return
	}
	again := t.starting && e.see.role == roleStart // it may be seen there several times
	t.starting = e.see.role == roleStart
	switch e.see.role {
	case roleRead, rolePeek:
		t.seenReading(m, &e)
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

// exit takes the end of the goroutine.
func (t *tracked) exit(m *requestTally) {
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
