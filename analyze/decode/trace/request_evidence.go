package trace

import (
	"cmp"
	"maps"
	"slices"

	"go-debug/analyze/evidence"
)

// evidence is the requests by route.
func (q *requestWindow) evidence(w *window, c *course) []evidence.Requests {
	namer := stateNamer{w: w, q: q, names: map[uint64]string{}}
	met := q.met(c)
	ages := q.ages()
	arrived := q.arrived(w.now)
	keys := slices.SortedFunc(maps.Keys(q.tally.routes), func(a, b routeKey) int {
		return cmp.Or(cmp.Compare(a.protocol, b.protocol), cmp.Compare(q.text(a.route), q.text(b.route)))
	})
	var out []evidence.Requests
	for _, k := range keys {
		r := q.tally.routes[k]
		e := evidence.Requests{
			Protocol: protocols[k.protocol], Route: q.text(k.route),
			Completed: r.completed, Earlier: r.earlier, Open: r.open, OpenEarlier: r.openEarlier,
			Unseen: r.unseen, Abandoned: r.abandoned, Hijacked: r.hijacked,
			Latency: r.latency, Upper: r.upper, Handler: r.handler, Censored: r.censored,
			InFlightNS: r.inFlight, UpperNS: r.most, Met: met[k], Arrived: arrived[k],
		}
		if h := ages[k]; h != nil {
			e.Ages = *h
		}
		e.States = namer.states(r)
		e.FanOut = namer.fanOut(r)
		for i := range r.slow {
			e.Exemplars = append(e.Exemplars, namer.exemplar(&r.slow[i]))
		}
		out = append(out, e)
	}
	return out
}

// stateNamer names states in the terms of the evidence.
type stateNamer struct {
	w     *window
	q     *requestWindow
	names map[uint64]string
}

func (n *stateNamer) states(r *routeTally) []evidence.RequestState {
	type key struct {
		state string
		stack int32
	}
	sums := map[key]*stateTally{}
	add := func(s spell, st *stateTally) {
		if st.ns == 0 {
			return
		}
		k := key{n.state(&s), 0}
		if s.status == goWaiting || s.status == goSyscall {
			k.stack = int32(s.stack)
		}
		if sums[k] == nil {
			sums[k] = &stateTally{}
		}
		sums[k].merge(st)
	}
	for status := range r.own {
		add(spell{status: goStatus(status)}, &r.own[status])
	}
	for i, at := range r.states.keys {
		add(spellOf(at), *r.states.at(i))
	}
	var out []evidence.RequestState
	for k, st := range sums {
		out = append(out, evidence.RequestState{State: k.state, Stack: k.stack, NS: st.ns, Parts: st.bins.parts(n.w.now)})
	}
	slices.SortFunc(out, func(a, b evidence.RequestState) int {
		return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Stack, b.Stack))
	})
	return out
}

func (n *stateNamer) exemplar(s *slowRequest) evidence.RequestExemplar {
	out := evidence.RequestExemplar{Exemplar: s.Exemplar, Open: s.open, Sums: s.sums, Line: n.line(s.spells)}
	for i := range out.Line {
		out.Line[i].Child = n.child(s, i, out.Line[i].State)
	}
	return out
}

// line names spells.
func (n *stateNamer) line(spells []spell) []evidence.RequestSegment {
	var out []evidence.RequestSegment
	for i := range spells {
		s := &spells[i]
		seg := evidence.RequestSegment{State: n.state(s), NS: s.ns}
		if s.status == goWaiting || s.status == goSyscall {
			seg.Stack, seg.Waker = int32(s.stack), int32(s.waker)
		}
		out = append(out, seg)
	}
	return out
}

func (n *stateNamer) state(s *spell) string {
	switch s.status {
	case goRunning:
		return evidence.StateRunning
	case goRunnable:
		return evidence.StateRunnable
	case goAssist:
		return evidence.StateAssist
	case goWaiting, goSyscall:
	default:
		return evidence.StateUnknown
	}
	key := uint64(s.stack)<<32 | uint64(s.reason)<<1
	if s.status == goSyscall {
		key |= 1
	}
	name, ok := n.names[key]
	if !ok {
		wait := evidence.WaitSyscall
		if s.status == goWaiting && int(s.reason) < len(n.q.waits) {
			wait = n.q.waits[s.reason]
		}
		name = evidence.RequestStateOf(wait, n.stack(int32(s.stack)))
		n.names[key] = name
	}
	return name
}

func (n *stateNamer) stack(id int32) evidence.Stack {
	var out evidence.Stack
	for _, f := range n.w.stacks.stacks[id] {
		out = append(out, n.w.stacks.frames[f])
	}
	return out
}

// course is when requests arrived and ended, each in order.
type course struct {
	arrived, soonest, ended []int64
	arrivals, ends          moments
}

func (q *requestWindow) course() *course {
	n := q.tally.records.n
	c := &course{arrived: make([]int64, 0, n), soonest: make([]int64, 0, n), ended: make([]int64, 0, n)}
	q.tally.records.each(func(r requestRecord) {
		c.arrived = append(c.arrived, r.from)
		c.soonest = append(c.soonest, r.soonest)
		if !r.open {
			c.ended = append(c.ended, r.to)
		}
	})
	spare := make([]int64, len(c.arrived))
	sortTimes(c.arrived, spare)
	sortTimes(c.soonest, spare)
	sortTimes(c.ended, spare)
	c.arrivals, c.ends = momentsOf(c.arrived), momentsOf(c.ended)
	return c
}

// moments are times in order. They are about as many as the equal parts that their range is cut into: first is the place of
// the first in each part, so that hardly anything is left to search.
type moments struct {
	times         []int64
	lowest, width int64
	first         []int32
}

func momentsOf(times []int64) moments {
	n := len(times)
	if n == 0 {
		return moments{}
	}
	m := moments{times: times, lowest: times[0], width: (times[n-1]-times[0])/int64(n) + 1, first: make([]int32, 1, n+1)}
	for i, t := range times {
		for part := (t - m.lowest) / m.width; int64(len(m.first)) <= part; {
			m.first = append(m.first, int32(i))
		}
	}
	m.first = append(m.first, int32(n))
	return m
}

// upTo is how many times are not later than one.
func (m *moments) upTo(t int64) int {
	if len(m.times) == 0 || t < m.lowest {
		return 0
	}
	part := (t - m.lowest) / m.width
	if part >= int64(len(m.first)-1) {
		return len(m.times)
	}
	from, to := m.first[part], m.first[part+1]
	i, _ := slices.BinarySearch(m.times[from:to], t+1)
	return int(from) + i
}

// sortTimes sorts times by their digits, from the lowest on, which takes a pass for each 11 bits of the range
// that they span instead of a comparison for each level of a tree: a window has few digits and may have half a
// million requests. The spare list has to be as long.
func sortTimes(times, spare []int64) {
	if len(times) == 0 {
		return
	}
	const bits = 11
	lowest := slices.Min(times)
	span := uint64(slices.Max(times) - lowest)
	from, to := times, spare[:len(times)]
	for shift := 0; shift < 64 && span>>shift > 0; shift += bits {
		var starts [1 << bits]int
		for _, t := range from {
			starts[uint64(t-lowest)>>shift&(1<<bits-1)]++
		}
		sum := 0
		for digit, n := range starts {
			starts[digit] = sum
			sum += n
		}
		for _, t := range from {
			at := &starts[uint64(t-lowest)>>shift&(1<<bits-1)]
			to[*at] = t
			*at++
		}
		from, to = to, from
	}
	if &from[0] != &times[0] {
		copy(times, from)
	}
}

// at is how many were in flight at a moment, those included that arrived then.
func (c *course) at(t int64) int64 {
	return int64(c.arrivals.upTo(t) - c.ends.upTo(t))
}

// most is the highest number in flight. At one moment ends come first.
func (c *course) most(arrived []int64) (highest int64) {
	ended := 0
	for i, at := range arrived {
		for ended < len(c.ended) && c.ended[ended] <= at {
			ended++
		}
		highest = max(highest, int64(i+1-ended))
	}
	return highest
}

// met are the latencies of each route by how many requests were in flight on arrival.
func (q *requestWindow) met(c *course) map[routeKey][]evidence.Met {
	out := map[routeKey][]evidence.Met{}
	q.tally.records.each(func(r requestRecord) {
		if r.open || r.earlier {
			return
		}
		out[r.key] = evidence.AddMet(out[r.key], int(max(c.at(r.from), 1)), r.to-r.from)
	})
	return out
}

// ages are those of the requests that arrived in the window and were not over at its end.
func (q *requestWindow) ages() map[routeKey]*evidence.Histogram {
	out := map[routeKey]*evidence.Histogram{}
	q.tally.records.each(func(r requestRecord) {
		if !r.open || r.earlier {
			return
		}
		if out[r.key] == nil {
			out[r.key] = &evidence.Histogram{}
		}
		out[r.key].Add(r.to - r.from)
	})
	return out
}

// arrived counts the requests of each route by the part of the window in which they came; nil where not all of them were kept.
func (q *requestWindow) arrived(window int64) map[routeKey][]int64 {
	if q.tally.records.n >= maxRecords || window <= 0 {
		return nil
	}
	out := map[routeKey][]int64{}
	q.tally.records.each(func(r requestRecord) {
		if r.earlier {
			return
		}
		if out[r.key] == nil {
			out[r.key] = make([]int64, evidence.RequestParts)
		}
		part := int(float64(max(r.from, 0)) / float64(window) * evidence.RequestParts)
		out[r.key][min(part, evidence.RequestParts-1)]++
	})
	return out
}

// window is what is known of all requests together; nil when there were none.
func (q *requestWindow) window(w *window, c *course) *evidence.RequestWindow {
	t := q.tally
	if len(t.routes) == 0 && t.excluded == 0 && t.lost == 0 && q.blindNS == 0 {
		return nil
	}
	out := &evidence.RequestWindow{Max: c.most(c.arrived), MaxUpper: c.most(c.soonest),
		Excluded: t.excluded, Lost: t.lost, BlindNS: q.blindNS, Unfollowed: t.unfollowed}
	t.bins.at(w.now)
	out.Series.BinNS = t.bins.bin
	for _, b := range t.bins.bins {
		out.Series.Arrived = append(out.Series.Arrived, b.created)
		out.Series.Ended = append(out.Series.Ended, b.ended)
		out.Series.InFlightNS = append(out.Series.InFlightNS, b.runningNS)
		out.Series.UpperNS = append(out.Series.UpperNS, b.runnableNS)
	}
	out.Series.DurationNS = q.durations(out.Series.BinNS, len(out.Series.Ended))
	return out
}

// durations sums how long requests took by the bin in which they ended; nil where not all of them were kept.
func (q *requestWindow) durations(bin int64, n int) []int64 {
	if q.tally.records.n >= maxRecords {
		return nil
	}
	out := make([]int64, n)
	q.tally.records.each(func(r requestRecord) {
		if !r.open {
			out[min(max(r.to, 0)/bin, int64(n-1))] += r.to - r.from
		}
	})
	return out
}
