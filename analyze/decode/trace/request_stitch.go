package trace

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

// requestWindow is the requests of a window so far. Its tally and machines refer to the window's stacks, to
// reasons by their place in waits, and to routes by their place in routes.
type requestWindow struct {
	tally   *requestTally
	tracked map[uint64]*tracked
	routes  []string
	byRoute map[string]uint16
	waits   []evidence.Wait
	byWait  map[evidence.Wait]uint32
	blindNS int64
}

func newRequestWindow() *requestWindow {
	return &requestWindow{tally: newRequestTally(), tracked: map[uint64]*tracked{}, routes: []string{""}, byRoute: map[string]uint16{"": 0}, byWait: map[evidence.Wait]uint32{}}
}

func (w *requestWindow) wait(name evidence.Wait) uint32 {
	id, ok := w.byWait[name]
	if !ok {
		id = uint32(len(w.waits))
		w.waits = append(w.waits, name)
		w.byWait[name] = id
	}
	return id
}

// watchEnd is the end of the watch over a connection, which began during a request.
type watchEnd struct {
	during uint32
	at     int64
}

// translator turns what a generation says of requests into the terms of the window.
type translator struct {
	s      *stitcher
	w      *requestWindow
	names  *requestNames
	routes []uint16
	ends   map[uint64]watchEnd // of watches over connections, by the goroutine that is watched
}

func (t *translator) route(local uint16) uint16 {
	if int(local) >= len(t.routes) {
		return 0
	}
	return t.routes[local]
}

// routeNames gives the routes that occur ids in the window, in the order of their names.
func (t *translator) routeNames() {
	t.routes = make([]uint16, len(t.names.routes))
	for _, name := range slices.Sorted(maps.Keys(t.names.byName)) {
		id, ok := t.w.byRoute[name]
		if !ok && len(t.w.routes) > evidence.MaxRoutes {
			name = evidence.OtherRoute
			id, ok = t.w.byRoute[name]
		}
		if !ok {
			id = uint16(len(t.w.routes))
			t.w.routes = append(t.w.routes, name)
			t.w.byRoute[name] = id
		}
		t.routes[t.names.byName[name]] = id
	}
}

func (t *translator) spell(s spell) spell {
	switch s.status {
	case goWaiting:
		stack := t.s.stack(uint64(s.stack))
		s.reason = t.w.wait(waitOf(t.s.text(uint64(s.reason)), t.s.w.stacks.classes[stack]))
		s.stack = uint32(stack)
		s.waker = uint32(t.s.stack(uint64(s.waker)))
	case goSyscall:
		s.stack, s.reason = uint32(t.s.stack(uint64(s.stack))), 0
	}
	return s
}

func (t *translator) event(e requestEvent) requestEvent {
	e.spell = t.spell(e.spell)
	e.see.route = t.route(e.see.route)
	return e
}

func (t *translator) request(q request) request {
	q.route = t.route(q.route)
	q.spells = slices.Clone(q.spells)
	for i := range q.spells {
		q.spells[i] = t.spell(q.spells[i])
	}
	return q
}

// requests joins what a generation says of requests. It comes before goroutines are joined, of which it
// needs to know what they were doing until then.
func (s *stitcher) requests() {
	req := &s.r.req
	w := s.w.requests
	if req.blind {
		w.blindNS += s.r.latest() - s.latest
	}
	t := &translator{s: s, w: w, names: req.names, ends: map[uint64]watchEnd{}}
	if req.names == nil {
		t.names = &requestNames{}
	}
	t.routeNames()
	t.tally(req.tally)
	var live []*g
	s.r.each(func(x *g) {
		if x.rare != nil && x.rare.tracked != nil || x.carried && w.tracked[x.id] != nil {
			live = append(live, x)
		}
		if have := w.tracked[x.id]; have != nil && have.kind == watchesConn && x.carried && x.gone {
			t.ends[have.watches] = watchEnd{have.during, x.since}
		}
	})
	for _, x := range live {
		t.goroutine(x)
	}
}

// goroutine joins one that serves requests.
func (t *translator) goroutine(x *g) {
	var local *tracked
	if x.rare != nil {
		local = x.rare.tracked
	}
	have := t.w.tracked[x.id]
	if x.carried && (have == nil || have.kind == servesStream || have.kind == servesConn || have.kind == servesWorker) {
		have = t.carry(x, have, local)
	}
	switch {
	case x.gone:
		delete(t.w.tracked, x.id)
		return
	case local == nil:
	case !x.carried:
		have = t.export(local)
	case local.head.mode == headNone && local.kind != servesMultiple:
		next := t.export(local)
		if !local.before.served && have != nil {
			next.before, next.serial = have.before, have.serial
		}
		if local.kind == watchesConn && have != nil {
			next.watches, next.during = have.watches, have.during
		}
		have = next
	case local.kind == servesMultiple:
		have = nil
	}
	if have == nil {
		delete(t.w.tracked, x.id)
		return
	}
	t.w.tracked[x.id] = have
}

// export is a goroutine at the end of the generation, all of which is known.
func (t *translator) export(local *tracked) *tracked {
	out := *local
	out.head, out.log, out.watched = headState{ended: true}, nil, nil
	out.cur = t.request(local.cur)
	out.tail = slices.Clone(local.tail)
	for i := range out.tail {
		out.tail[i] = t.spell(out.tail[i])
	}
	out.before.route = t.route(local.before.route)
	return &out
}

// carry goes on with a goroutine that was there before: the end of the state that it was in, what was kept
// of it until its state was known, and the request that was being served then.
func (t *translator) carry(x *g, have, local *tracked) *tracked {
	w := t.s.w
	known := have != nil
	live := w.goroutines[xtrace.GoID(x.id)]
	if !known {
		if local == nil || local.kind == watchesConn {
			return nil
		}
		have = t.found(x, local, live)
	}
	if end, ok := t.ends[x.id]; ok {
		have.clientLeft(t.w.tally, end.during, end.at)
	}
	switch {
	case local != nil && local.head.ended:
		e := t.headEvent(x, live, local.head.at)
		if !known && t.handed(x, local) {
			e.see.role = roleTake
		}
		have.apply(t.w.tally, e)
	case local == nil && x.marks&headUnmet == 0 && !x.assumed:
		have.apply(t.w.tally, t.headEvent(x, live, x.headTime))
		if x.headTo == goRunnable && x.status == goRunning {
			have.apply(t.w.tally, requestEvent{kind: eventSpent, at: x.since, spell: spell{status: goRunnable}})
		}
	}
	if local == nil {
		if x.gone { // it showed no stack any more
			have.apply(t.w.tally, requestEvent{kind: eventSpent, at: x.since, spell: spell{status: goRunning}})
			have.exit(t.w.tally)
		}
		return have
	}
	for _, e := range local.log {
		have.apply(t.w.tally, t.event(e))
	}
	t.resume(have, local)
	if x.gone && local.head.mode != headNone {
		have.at = max(have.at, x.since)
		have.exit(t.w.tally)
	} else if x.gone && !local.before.served && have.before.left {
		t.w.tally.abandoned(have.before)
	}
	return have
}

// found begins with a goroutine that the window shows for the first time.
func (t *translator) found(x *g, local *tracked, live *goroutine) *tracked {
	have := &tracked{kind: local.kind, protocol: local.protocol, head: headState{ended: true}}
	have.cur.goroutine = x.id
	if live != nil {
		have.at = live.since
	}
	switch first := local.head.first; {
	case t.handed(x, local):
	case first.role == roleHandler:
		have.earlier(phaseServing)
		first.route = t.route(first.route)
		have.cur.label(first)
	case first.role == roleFlush:
		have.earlier(phaseFlushing)
	}
	return have
}

// handed reports a worker that got its request after the window began, though nothing shows where it waited until
// then: who woke it handed it the request.
func (t *translator) handed(x *g, local *tracked) bool {
	if local == nil || local.kind != servesWorker || x.headStart != goWaiting || x.headStack != 0 || x.marks&headUnmet != 0 {
		return false
	}
	for _, f := range t.s.w.stacks.stacks[t.s.stack(uint64(x.headWaker))] {
		if strings.HasPrefix(t.s.w.stacks.frames[f].Function, grpcServer+"serveStreams") {
			return true
		}
	}
	return false
}

// earlier is a request that was being served when the window began.
func (t *tracked) earlier(p phase) {
	t.begin(true)
	t.cur.known, t.cur.earlier = false, true
	t.cur.end = t.at
	t.phase = p
	t.before = clientWatch{served: true}
}

// headEvent is the end of the state that a generation found a goroutine in.
func (t *translator) headEvent(x *g, live *goroutine, at int64) requestEvent {
	e := requestEvent{kind: eventSpent, at: at, spell: spell{status: x.headStart}}
	if x.assist == rangeCarried && x.headStart == goRunning {
		e.status = goAssist
	}
	if x.headStart != goWaiting && x.headStart != goSyscall {
		return e
	}
	e.waker = uint32(t.s.stack(uint64(x.headWaker)))
	stack, wait := t.s.stack(uint64(x.headStack)), evidence.WaitNone
	if live != nil && live.stack != 0 {
		stack, wait = live.stack, live.wait
	}
	if stack != 0 && wait == evidence.WaitNone && x.headStart == goWaiting {
		wait = waitOf("", t.s.w.stacks.classes[stack])
	}
	if stack == 0 && wait == evidence.WaitNone {
		wait = t.woken(int32(e.waker))
	}
	if x.headStart == goWaiting {
		e.reason = t.w.wait(wait)
	}
	e.stack = uint32(stack)
	if t.names.stacks != nil {
		e.see = t.names.of(uint64(x.headStack))
		e.see.route = t.route(e.see.route)
	}
	return e
}

// woken says what a goroutine waited for, of which the trace does not show where, from what woke it.
func (t *translator) woken(waker int32) evidence.Wait {
	for _, f := range t.s.w.stacks.stacks[waker] {
		switch name := t.s.w.stacks.frames[f].Function; {
		case strings.HasPrefix(name, "sync.(*RWMutex)."):
			return evidence.WaitRWMutex
		case strings.HasPrefix(name, "sync.(*WaitGroup)."):
			return evidence.WaitWaitGroup
		case strings.HasPrefix(name, "sync.(*Cond)."):
			return evidence.WaitCond
		case strings.HasPrefix(name, "sync.(*Mutex)."):
			return evidence.WaitMutex
		case strings.HasPrefix(name, "runtime.chan"), name == "runtime.closechan":
			return evidence.WaitChan
		case !strings.HasPrefix(name, "sync.") && !strings.HasPrefix(name, "internal/sync.") && !strings.HasPrefix(name, "runtime."):
			return evidence.WaitNone
		}
	}
	return evidence.WaitNone
}

// resume adds what a generation saw of a request that began before it.
func (t *translator) resume(have, local *tracked) {
	var q request
	switch {
	case local.head.completed:
		q = local.head.done
	case local.head.mode == headOpen:
		q = local.cur
	case local.head.mode == headLost:
		t.w.tally.lost++
		have.phase = phaseIdle
		return
	default:
		return
	}
	if have.phase != phaseServing && have.phase != phaseFlushing { // nothing before showed it
		have.earlier(phaseServing)
	}
	q = t.request(q)
	if have.phase == phaseFlushing && q.end >= 0 {
		have.fold()
	}
	c := &have.cur
	for _, s := range q.spells {
		c.add(s)
	}
	c.sums = c.sums || q.sums && len(q.spells) > 0
	c.excluded, c.broken = c.excluded || q.excluded, c.broken || q.broken
	if q.rank > c.rank {
		c.rank, c.route = q.rank, q.route
	}
	c.left, c.handled = cmp.Or(q.left, c.left), cmp.Or(q.handled, c.handled)
	if q.end >= 0 {
		c.end = q.end
	}
	have.at = max(have.at, local.at)
	if local.head.completed {
		t.completed(have, q)
		return
	}
	have.phase = local.phase
	if local.phase == phaseFlushing {
		for _, s := range local.tail {
			have.tail = append(have.tail, t.spell(s))
		}
	}
}

// completed ends a request that began before the generation.
func (t *translator) completed(have *tracked, q request) {
	c := &have.cur
	c.hijacked = q.hijacked
	c.end = max(c.end, c.from)
	have.before = clientWatch{serial: have.serial, handled: c.handled, left: c.left > 0 && c.left < c.handled, served: true, protocol: c.protocol, route: c.route}
	have.phase, have.freed, have.born = phaseIdle, c.end, true
	t.w.tally.complete(c)
}

// tally adds the requests that a generation saw from beginning to end.
func (t *translator) tally(m *requestTally) {
	out := t.w.tally
	out.bins.merge(m.bins)
	out.excluded += m.excluded
	out.lost += m.lost
	m.records.each(func(r requestRecord) {
		if out.records.n < maxRecords {
			r.key.route = t.route(r.key.route)
			out.records.add(r)
		}
	})
	keys := slices.SortedFunc(maps.Keys(m.routes), func(a, b routeKey) int {
		return cmp.Or(cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.route, b.route))
	})
	for _, k := range keys {
		t.routeTally(out.route(routeKey{k.protocol, t.route(k.route)}), m.routes[k])
	}
}

func (t *translator) routeTally(out, in *routeTally) {
	out.completed += in.completed
	out.earlier += in.earlier
	out.unseen += in.unseen
	out.abandoned += in.abandoned
	out.hijacked += in.hijacked
	out.latency.Merge(&in.latency)
	out.upper.Merge(&in.upper)
	out.handler.Merge(&in.handler)
	out.censored.Merge(&in.censored)
	out.inFlight += in.inFlight
	out.most += in.most
	for i := range in.own {
		out.own[i].merge(&in.own[i])
	}
	for i, key := range in.states.keys {
		s := t.spell(spellOf(key))
		out.state(&s).merge(*in.states.at(i))
	}
	for _, slow := range in.slow {
		for i := range slow.spells {
			slow.spells[i] = t.spell(slow.spells[i])
		}
		out.keepSlow(slow)
	}
}

func (st *stateTally) merge(o *stateTally) {
	st.ns += o.ns
	st.bins.merge(&o.bins)
}

// closeRequests counts those that are not over at the end of the window.
func (w *window) closeRequests() {
	req := w.requests
	for _, id := range slices.Sorted(maps.Keys(req.tracked)) {
		t, live := req.tracked[id], w.goroutines[xtrace.GoID(id)]
		if t.phase == phaseIdle || t.phase == phaseOff || live == nil || t.kind == watchesConn {
			continue
		}
		if t.phase == phaseReading && !t.cur.known {
			continue // nobody knows whether it read anything
		}
		e := requestEvent{kind: eventSpent, at: w.now, spell: spell{stack: uint32(live.stack)}}
		switch live.state {
		case xtrace.GoRunning:
			e.status = goRunning
		case xtrace.GoRunnable:
			e.status = goRunnable
		case xtrace.GoSyscall:
			e.status = goSyscall
		default:
			e.status, e.reason = goWaiting, req.wait(live.wait)
		}
		if t.phase != phaseFlushing || e.status == goWaiting || e.status == goSyscall { // else it may be over
			t.apply(req.tally, e)
			t.cur.end = t.at
		}
		req.tally.still(&t.cur)
	}
}

// text names a route.
func (w *requestWindow) text(id uint16) string {
	if int(id) < len(w.routes) {
		return w.routes[id]
	}
	return ""
}
