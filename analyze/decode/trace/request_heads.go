package trace

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

// waking is who ended the wait that a generation found a goroutine in, and what that one had done in the generation: since
// a time it is running, and if it changed its state before, it first did at another.
type waking struct {
	woken, by    uint64
	changed      bool
	first, since int64
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

// shadow looks whether the state of a goroutine is known again: it waits for the next request, or a request is being served.
func (t *tracked) shadow(e *requestEvent) {
	t.at, t.shown = max(t.at, e.at), e.see
	if e.kind != eventSeen {
		t.shown = requestStack{}
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
		if !e.see.final { // else the one before may have been over, and this is the reply to another
			t.open(phaseFlushing)
		}
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
	t.shown = s
	switch {
	case s.kind == watchesConn:
	case s.role == rolePeek && waiting && s.network, s.role == roleTake && waiting:
		t.head.mode, t.phase = headNone, phaseIdle
	case s.role == roleHandler:
		t.open(phaseServing)
		t.cur.label(s)
	case s.role == roleFlush && !s.final: // as in shadow
		t.open(phaseFlushing)
	}
}
