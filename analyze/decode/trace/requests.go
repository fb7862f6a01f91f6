package trace

import "slices"

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

// like reports spells in the same state at the same place.
func (s *spell) like(o spell) bool {
	return s.status == o.status && s.stack == o.stack && s.reason == o.reason
}

const (
	// goAssist is running for the collector.
	goAssist goStatus = goWaiting + 1
	// maxSpells bounds the spells of one request that are kept in order; then they become sums.
	maxSpells = 32
	// maxSums bounds the sums of one request; what is beyond counts as the last.
	maxSums = 64
)

// timeLine is spells in order, or as sums once there were too many.
type timeLine struct {
	spells []spell
	sums   bool
}

// request is one that is being served.
type request struct {
	goroutine uint64
	from      int64 // its arrival, or the latest time at which it can have arrived
	earliest  int64 // and the earliest
	soonest   int64 // the earliest also where it was seen to arrive, but maybe late
	start     int64 // of the handler
	end       int64 // so far, once the reply is being written; negative where that is not known
	handled   int64 // when the handler was seen to have returned
	left      int64 // when the client was seen to have gone, 0 when not
	known     bool  // the arrival was seen
	earlier   bool  // it arrived before the window
	excluded  bool
	broken    bool // some of its time is not known
	hijacked  bool
	rank      uint8
	protocol  uint8
	route     uint16
	fan       *fanOut // nil while it has made no goroutine
	timeLine
}

func (q *request) reset() {
	*q = request{goroutine: q.goroutine, timeLine: timeLine{spells: q.spells[:0]}}
}

func (l *timeLine) clone() timeLine { return timeLine{slices.Clone(l.spells), l.sums} }

// add counts a spell.
func (l *timeLine) add(s spell) {
	if s.ns == 0 {
		return
	}
	if l.sums {
		l.sum(s)
		return
	}
	if n := len(l.spells); n > 0 {
		last := &l.spells[n-1]
		if last.like(s) {
			last.ns += s.ns
			last.waker = s.waker
			return
		}
		if n == maxSpells {
			l.compact()
			l.sum(s)
			return
		}
	}
	l.spells = append(l.spells, s)
}

// compact turns spells into sums.
func (l *timeLine) compact() {
	all := l.spells
	l.spells = append(make([]spell, 0, maxSums/4), all[0])
	l.sums = true
	for _, s := range all[1:] {
		l.sum(s)
	}
}

func (l *timeLine) sum(s spell) {
	for i := range l.spells {
		if have := &l.spells[i]; have.like(s) || i == maxSums-1 {
			have.ns += s.ns
			return
		}
	}
	s.waker = 0
	l.spells = append(l.spells, s)
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

	flushed bool // the last of the reply was written, as it seems
	// another is not 0 where it seems to have been a second time, of another reply or because the first time was a part: the
	// number of spells in tail up to then, and when it began and ended.
	another              int
	anotherAt, anotherTo int64

	shown requestStack // the last sight, for as long as the goroutine is in the state that it entered there

	starting bool   // the last sight was the start of a handler
	serial   uint32 // of the request
	gone     bool
	before   clientWatch // of the request before

	watched *tracked // by a goroutine that watches a connection
	watches uint64   // that goroutine's id
	during  uint32   // the serial of the request during which it was made
	woken   int64    // when it last got something to read, or was told to stop

	// Of one that was there before the generation:
	head headState
	log  []requestEvent
}

// clientWatch is what decides, once a request is over, whether its client had gone: the watch over the
// connection had what ended it before the handler returned, and no other request followed.
type clientWatch struct {
	serial   uint32
	handled  int64
	left     bool
	served   bool // whether all of it was seen here; else the stitching decides
	protocol uint8
	route    uint16
}

// requestEvent is what happened to a goroutine: a spell that ended at a time, or a sight.
type requestEvent struct {
	spell
	at   int64
	see  requestStack
	how  sighting
	kind eventKind
	// atOnce is true for the end of a wait for the network that was seen at once: a processor had nothing else to do.
	atOnce bool
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
