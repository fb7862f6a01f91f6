package trace

import (
	"maps"
	"slices"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

// requestWindow is the requests of a window so far. Its tally and machines refer to the window's stacks, to
// reasons by their place in waits, and to routes by their place in routes.
type requestWindow struct {
	tally    *requestTally
	tracked  map[uint64]*tracked
	children map[uint64]runningChild // by goroutine: those of requests that are not over
	routes   []string
	byRoute  map[string]uint16
	waits    []evidence.Wait
	byWait   map[evidence.Wait]uint32
	blindNS  int64
}

func newRequestWindow() *requestWindow {
	return &requestWindow{tally: newRequestTally(), tracked: map[uint64]*tracked{}, children: map[uint64]runningChild{}, routes: []string{""}, byRoute: map[string]uint16{"": 0}, byWait: map[evidence.Wait]uint32{}}
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

// wokenIn is when a watch from before the generation was last woken, if that was in this one.
func (t *tracked) wokenIn(x *g) int64 {
	woken := t.woken
	if x.headStart == goWaiting && x.marks&headUnmet == 0 {
		woken = x.headTime
	}
	if x.rare != nil && x.rare.tracked != nil {
		woken = max(woken, x.rare.tracked.woken)
	}
	return woken
}

// requests joins what a generation says of requests. It comes before goroutines are joined, of which it
// needs to know what they were doing until then.
func (s *stitcher) requests() {
	req := &s.r.req
	w := s.w.requests
	if req.blind {
		w.blindNS += s.r.latest() - s.latest
	}
	t := &translator{s: s, w: w, names: req.names, ends: map[uint64]watchEnd{}, wakings: map[uint64]waking{}}
	if req.names == nil {
		t.names = &requestNames{}
	}
	t.routeNames()
	for _, wake := range req.wakings {
		if _, ok := w.children[wake.by]; ok {
			t.wakings[wake.woken] = wake
		}
	}
	var live, made, carried []*g
	s.r.each(func(x *g) {
		if x.rare != nil && x.rare.tracked != nil || x.carried && w.tracked[x.id] != nil {
			live = append(live, x)
		}
		if have := w.tracked[x.id]; have != nil && have.kind == watchesConn && x.carried && x.gone {
			have.woken = have.wokenIn(x)
			t.ends[have.watches] = watchEnd{have.during, have.watchEnd(x.since)}
		}
		if x.rare != nil && x.rare.child != nil {
			made = append(made, x)
		}
		if x.carried && len(w.children) > 0 {
			if _, ok := w.children[x.id]; ok {
				carried = append(carried, x)
			}
		}
	})
	t.tally(req.tally)
	for _, x := range live {
		t.goroutine(x)
	}
	t.children(made, carried)
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
		if have != nil && have.kind == watchesConn {
			have.woken = have.wokenIn(x)
		}
	case !x.carried:
		have = t.export(local)
	case local.head.mode == headNone && local.kind != servesMultiple:
		next := t.export(local)
		if !local.before.served && have != nil {
			next.before, next.serial = have.before, have.serial
		}
		if !local.born && have != nil {
			next.freed, next.born = have.freed, have.born
		}
		if local.kind == watchesConn && have != nil {
			next.watches, next.during, next.woken = have.watches, have.during, have.wokenIn(x)
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
	out.shown.route = 0 // which is the generation's
	return &out
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
		e.see = t.shown
		switch {
		case t.phase != phaseFlushing:
			t.apply(req.tally, &e)
			t.cur.end = t.at
		case e.status == goWaiting || e.status == goSyscall: // if that is part of the reply; else it may be over
			t.apply(req.tally, &e)
		}
		if t.another > 0 {
			t.anotherReply(req.tally, false)
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
