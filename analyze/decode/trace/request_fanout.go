package trace

// A goroutine that one makes while it serves a request belongs to that request, and so do those that it makes in
// turn. Who makes whom, and who wakes whom, is in the order of the goroutines concerned, so that what follows from
// it does not depend on the order in which a generation is worked through. Only which of two goroutines ends first
// does: the ends of a request's goroutines are kept until its own end is known.

const (
	// maxFanDepth bounds how far goroutines are followed that goroutines of a request make.
	maxFanDepth = 3
	// maxLives bounds the goroutines of unfinished requests that are known in one generation, ended ones included.
	maxLives = 1 << 17
	// onItsWay is for how long a goroutine may be there when its request is over without being left running: the end of
	// a request cancels its context, and who waits for that ends then. It is the time slice of Go's scheduler.
	onItsWay = 10_000_000
)

// fanOut is the goroutines that one request makes, and those of its waits that they end.
type fanOut struct {
	made    []life
	awaits  []await
	live    int     // children that a generation follows
	crossed int64   // of made, those that went on beyond the generation that made them
	into    *fanOut // that of the request's earlier part, once the stitching has joined them

	// Once the request is over:
	closed  bool
	dropped bool // its goroutines do not count: some of its time was not seen
	to      int64
	key     routeKey
	named   bool // in the terms of the window
}

// life is one goroutine of a request.
type life struct {
	born, ended int64  // ended is 0 as long as it has not
	site        uint64 // go statement<<32 | function in which it starts
	deeper      bool   // than is followed
}

// await is a wait of a request that one of its own goroutines ended, and what that one did meanwhile.
type await struct {
	spell         int    // its place among the spells of the request, negative where these are sums
	stack, reason uint32 // where the request waited
	creation      uint32 // the go statement of who ended it
	ns            int64
	timeLine
}

// maxAwaits bounds the waits of one request that are told apart; further ones count at the last of the same place.
const maxAwaits = 16

// child is a goroutine of a request, as long as it lives.
type child struct {
	rare  gRare // of the goroutine, where it has none of its own
	of    *fanOut
	life  int // its place in of.made, until the request is over
	born  int64
	depth int
	above [maxFanDepth - 1]uint64 // who made it, who made that one: those of them that are children
	did   history
}

// childMade looks at a goroutine that was just made by another one, and serves no requests.
func (r *replay) childMade(x, by *g, ts int64) {
	if by == nil || by.rare == nil {
		return
	}
	var f *fanOut
	parent := by.rare.child
	depth := 1
	switch t := by.rare.tracked; {
	case t != nil && t.phase == phaseServing && t.head.mode != headLog && t.head.mode != headLost:
		if t.cur.fan == nil {
			t.cur.fan = r.req.tally.newFan()
		}
		f = t.cur.fan
	case parent != nil:
		f, depth = parent.of, parent.depth+1
	default:
		return
	}
	q := &r.req
	switch {
	case f.closed && (f.dropped || ts > f.to): // what a request left running goes on on its own
		return
	case q.tally.lives >= maxLives:
		q.tally.unfollowed++
		return
	}
	site := x.startKey()
	if !f.closed {
		q.tally.lives++
		f.made = append(f.made, life{born: ts, site: site, deeper: depth > maxFanDepth})
	} else { // the request was over before this was met
		q.tally.route(f.key).begun(site, depth > maxFanDepth)
	}
	if depth > maxFanDepth {
		return
	}
	c := q.newChild(x)
	c.of, c.life, c.born, c.depth = f, len(f.made)-1, ts, depth
	c.did.from, c.did.at = ts, ts
	f.live++
	if parent != nil {
		c.above[0] = by.id
		copy(c.above[1:], parent.above[:])
	}
	x.annotate()
}

// startKey is where a goroutine was made, and where it starts.
func (x *g) startKey() uint64 { return uint64(x.creation)<<32 | uint64(x.root) }

// newChild begins to follow a goroutine.
func (q *requestReplay) newChild(x *g) *child {
	var c *child
	if n := len(q.children); n > 0 {
		c, q.children = q.children[n-1], q.children[:n-1]
		c.rare, c.above = gRare{}, [maxFanDepth - 1]uint64{}
		c.did.empty()
	} else {
		c = &child{}
	}
	if x.rare == nil {
		x.rare = &c.rare
	}
	x.rare.child = c
	return c
}

// childEnd takes the end of a goroutine of a request.
func (r *replay) childEnd(x *g, ts int64) {
	c := x.rare.child
	x.rare.child = nil
	switch f := c.of; {
	case !f.closed:
		f.made[c.life].ended = ts
	case f.leaves(c.born) && ts > f.to+onItsWay:
		r.req.tally.route(f.key).starts.get(x.startKey()).left++
	}
	c.of.live--
	r.req.tally.recycle(c.of)
	if x.rare == &c.rare {
		if len(c.rare.regions)+len(c.rare.tasks) > 0 {
			return // still to be counted
		}
		x.rare = nil
		x.marks &^= annotated
	} else {
		x.annotate()
	}
	r.req.children = append(r.req.children, c)
}

// childSpent takes the end of a state of a goroutine of a request. A wait that one ended which it had made itself is
// what that one did meanwhile.
func (r *replay) childSpent(x *g, status goStatus, to int64) {
	c := x.rare.child
	from := c.did.at
	if to <= from {
		return
	}
	s := spell{status: status, ns: to - from}
	switch status {
	case goRunning:
		if x.assist != rangeClosed {
			s.status = goAssist
		}
	case goWaiting, goSyscall:
		s.stack, s.reason = x.stack, x.reason
	}
	if status == goWaiting {
		if by := r.waker(c.of); by != nil && (by.above[0] == x.id || by.above[1] == x.id) {
			r.req.pieces = by.did.during(from, to, r.req.pieces[:0])
			for _, p := range r.req.pieces {
				c.did.add(p)
			}
			return
		}
	}
	c.did.add(s)
}

// waker is the goroutine of a request that wakes the one at hand; nil when it is none of that request.
func (r *replay) waker(f *fanOut) *child {
	if r.by == nil || r.by.rare == nil || r.by.rare.child == nil || r.by.rare.child.of != f {
		return nil
	}
	return r.by.rare.child
}

// divide looks who ended a wait of a request that lasted from one moment to another, and was counted just now.
func (r *replay) divide(t *tracked, x *g, from, to int64) {
	by := r.waker(t.cur.fan)
	if by == nil || to <= from {
		return
	}
	a := await{spell: len(t.cur.spells) - 1, stack: x.stack, reason: x.reason, creation: r.by.creation, ns: to - from}
	if t.cur.sums {
		a.spell = -1
	}
	r.req.pieces = by.did.during(from, to, r.req.pieces[:0])
	t.cur.fan.await(a, r.req.pieces)
}

// await counts a wait.
func (f *fanOut) await(a await, pieces []spell) {
	at := len(f.awaits)
	switch {
	case at < cap(f.awaits):
		f.awaits = f.awaits[:at+1]
		a.spells = f.awaits[at].spells[:0]
		f.awaits[at] = a
	case at < maxAwaits:
		f.awaits = append(f.awaits, a)
	default:
		for at = maxAwaits - 1; at >= 0 && (f.awaits[at].stack != a.stack || f.awaits[at].reason != a.reason); at-- {
		}
		if at < 0 {
			return // it stays whole
		}
		f.awaits[at].ns += a.ns
	}
	for _, p := range pieces {
		f.awaits[at].add(p)
	}
}

// fannedOut counts the goroutines of a request.
func (r *routeTally) fannedOut(k routeKey, q *request) {
	f := q.fan
	f.to, f.key = q.end, k
	for i := range f.awaits {
		r.await(&f.awaits[i])
	}
	if f.dropped {
		return
	}
	r.starters++
	for _, l := range f.made {
		if l.born > f.to {
			continue
		}
		r.begun(l.site, l.deeper)
		if l.ended > f.to+onItsWay {
			r.starts.get(l.site).left++
		}
	}
	r.crossed += f.crossed
}

// over takes the goroutines from a request that has ended.
func (m *requestTally) over(q *request) {
	f := q.fan
	q.fan = nil
	f.closed = true
	m.lives -= len(f.made)
	m.recycle(f)
}

// newFan is for the goroutines of a request that makes its first.
func (m *requestTally) newFan() *fanOut {
	n := len(m.fans)
	if n == 0 {
		return &fanOut{}
	}
	f := m.fans[n-1]
	m.fans = m.fans[:n-1]
	*f = fanOut{made: f.made[:0], awaits: f.awaits[:0]}
	return f
}

// recycle keeps what is of no use any more: the request is over, and so are its goroutines.
func (m *requestTally) recycle(f *fanOut) {
	if f.closed && f.live == 0 && !f.named {
		m.fans = append(m.fans, f)
	}
}

// begun counts a goroutine that a request made.
func (r *routeTally) begun(site uint64, deeper bool) {
	if deeper {
		r.deeper++
		return
	}
	r.starts.get(site).started++
}

// startTally is the goroutines of requests that one go statement makes.
type startTally struct {
	started int64
	left    int64 // still there when their requests were over
}

// awaitTally is the waits of requests at one place that goroutines of their own ended.
type awaitTally struct {
	n, ns  int64
	own    [goWaiting + 2]int64 // what these did: running, runnable and assisting, by status; goNone is not known
	states keyed[int64]         // waits and system calls: see spellOf
}

func (r *routeTally) await(a *await) {
	t := r.awaitedAt(a.stack, a.reason)
	t.n++
	t.ns += a.ns
	for _, p := range a.spells {
		t.did(p)
	}
}

// awaitedAt is the tally of the waits at one place.
func (r *routeTally) awaitedAt(stack, reason uint32) *awaitTally {
	t := r.awaited.get(keyOf(spell{status: goWaiting, stack: stack, reason: reason}))
	if *t == nil {
		*t = &awaitTally{}
	}
	return *t
}

func (t *awaitTally) did(p spell) {
	if p.status != goWaiting && p.status != goSyscall {
		t.own[p.status] += p.ns
		return
	}
	*t.states.get(keyOf(p)) += p.ns
}
