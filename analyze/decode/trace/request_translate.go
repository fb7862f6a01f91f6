package trace

import (
	"cmp"
	"maps"
	"slices"

	"go-debug/analyze/evidence"
)

// translator turns what a generation says of requests into the terms of the window.
type translator struct {
	s      *stitcher
	w      *requestWindow
	names  *requestNames
	routes []uint16
	ends   map[uint64]watchEnd // of watches over connections, by the goroutine that is watched
	// wakings are of goroutines that serve requests whose goroutines go on.
	wakings map[uint64]waking
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
	t.fan(q.fan)
	return q
}

// tally adds the requests that a generation saw from beginning to end.
func (t *translator) tally(m *requestTally) {
	out := t.w.tally
	out.bins.merge(m.bins)
	out.excluded += m.excluded
	out.lost += m.lost
	out.unfollowed += m.unfollowed
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
	t.fanOuts(out, in)
	for _, slow := range in.slow {
		for i := range slow.spells {
			slow.spells[i] = t.spell(slow.spells[i])
		}
		for i := range slow.awaits {
			t.await(&slow.awaits[i])
		}
		out.keepSlow(slow)
	}
}

func (st *stateTally) merge(o *stateTally) {
	st.ns += o.ns
	st.bins.merge(&o.bins)
}
