package trace

import (
	"cmp"
	"slices"

	"go-debug/analyze/evidence"
)

// requestTally is the requests of a generation, or of the window.
type requestTally struct {
	routes   map[routeKey]*routeTally
	last     *routeTally
	lastKey  routeKey
	bins     *series // created: arrived, ended: ended, running: in flight, runnable: in flight at most
	records  chunked[requestRecord]
	excluded int64
	lost     int64

	fans       []*fanOut // of no use at the moment
	lives      int       // of goroutines of requests that are not over
	unfollowed int64     // goroutines beyond maxLives
}

// routeKey is a protocol and a route.
type routeKey struct {
	protocol uint8
	route    uint16
}

// requestRecord is when a request was in flight.
type requestRecord struct {
	goroutine      uint64
	key            routeKey
	open, earlier  bool
	from, earliest int64
	soonest        int64
	to             int64
}

// maxRecords bounds the requests of a window of which it is kept when they were in flight.
const maxRecords = 1 << 19

// routeTally is the requests of one route.
type routeTally struct {
	completed, earlier, open, openEarlier int64
	unseen, abandoned, hijacked           int64

	latency, upper, handler, censored evidence.Histogram
	inFlight, most                    int64

	own    [goWaiting + 2]stateTally // running, runnable and assisting, by status
	states keyed[*stateTally]        // of waits and system calls, by stack and reason: see spellOf
	slow   []slowRequest

	starters int64              // requests that made goroutines; of those that arrived and ended in the window
	starts   keyed[startTally]  // by go statement<<32 | start function
	awaited  keyed[*awaitTally] // by the place where the requests waited: see spellOf
	crossed  int64              // of starts, those that went on beyond their generation
	deeper   int64              // goroutines that go deeper than is followed, which are in none of starts
}

// stateTally is the time in one state over the window.
type stateTally struct {
	ns   int64
	bins timeBins
}

// slowRequest is one of the slowest of its route.
type slowRequest struct {
	evidence.Exemplar
	open bool
	timeLine
	awaits []await
}

// timeBins is time in bins whose width doubles when the window outgrows them.
type timeBins struct {
	shift uint8 // of the width over firstTimeBin
	ns    [numTimeBins]int64
}

const (
	numTimeBins  = 48
	firstTimeBin = 1 << 20
)

// add spreads the time between two moments.
func (b *timeBins) add(from, to int64) {
	b.fit(to)
	width := int64(firstTimeBin) << b.shift
	for from < to {
		i := from / width
		end := min((i+1)*width, to)
		b.ns[i] += end - from
		from = end
	}
}

// fit widens the bins until a moment is in them.
func (b *timeBins) fit(to int64) {
	for to > int64(numTimeBins*firstTimeBin)<<b.shift {
		for i := range numTimeBins / 2 {
			b.ns[i] = b.ns[2*i] + b.ns[2*i+1]
		}
		clear(b.ns[numTimeBins/2:])
		b.shift++
	}
}

func (b *timeBins) merge(o *timeBins) {
	for b.shift < o.shift {
		b.fit(int64(numTimeBins*firstTimeBin)<<b.shift + 1)
	}
	for o.shift < b.shift {
		o.fit(int64(numTimeBins*firstTimeBin)<<o.shift + 1)
	}
	for i, ns := range o.ns {
		b.ns[i] += ns
	}
}

// parts is the time in equal parts of a window. Time within a bin counts as spread evenly.
func (b *timeBins) parts(window int64) []int64 {
	out := make([]int64, evidence.RequestParts)
	if window <= 0 {
		return out
	}
	width := float64(int64(firstTimeBin) << b.shift)
	part := float64(window) / evidence.RequestParts
	for i, ns := range b.ns {
		if ns == 0 {
			continue
		}
		lo, hi := float64(i)*width, min(float64(i+1)*width, float64(window))
		left := ns
		for p := int(lo / part); p < len(out); p++ {
			end := min(float64(p+1)*part, hi)
			n := int64(float64(ns) * max(end-max(lo, float64(p)*part), 0) / (hi - lo))
			if end >= hi || p == len(out)-1 {
				n = left
			}
			out[p] += n
			left -= n
			if end >= hi {
				break
			}
		}
	}
	return out
}

func newRequestTally() *requestTally {
	return &requestTally{routes: map[routeKey]*routeTally{}, bins: newSeries()}
}

func (m *requestTally) reset() {
	clear(m.routes)
	m.last, m.bins, m.records.n, m.excluded, m.lost, m.lives, m.unfollowed = nil, newSeries(), 0, 0, 0, 0, 0
}

func (m *requestTally) route(k routeKey) *routeTally {
	if m.last != nil && m.lastKey == k {
		return m.last
	}
	r := m.routes[k]
	if r == nil {
		r = &routeTally{}
		m.routes[k] = r
	}
	m.last, m.lastKey = r, k
	return r
}

func (m *requestTally) abandoned(w clientWatch) { m.route(routeKey{w.protocol, w.route}).abandoned++ }

// complete counts a request that ended.
func (m *requestTally) complete(q *request) {
	if !m.counts(q) {
		return
	}
	k := routeKey{q.protocol, q.route}
	r := m.route(k)
	d := q.end - q.from
	if q.earlier {
		r.earlier++
		r.censored.Add(d)
	} else {
		r.completed++
		r.latency.Add(d)
		r.upper.Add(q.end - q.soonest)
		r.handler.Add(q.end - max(q.start, q.from))
	}
	if q.hijacked {
		r.hijacked++
	}
	m.bins.ended(q.end)
	m.passed(k, r, q, false)
}

// still counts a request that is not over at the end of the window.
func (m *requestTally) still(q *request) {
	if !m.counts(q) {
		return
	}
	k := routeKey{q.protocol, q.route}
	r := m.route(k)
	r.open++
	if q.earlier {
		r.openEarlier++
	}
	r.censored.Add(q.end - q.from)
	m.passed(k, r, q, true)
}

func (m *requestTally) counts(q *request) bool {
	switch {
	case q.excluded:
		m.excluded++
	case q.broken:
		m.lost++
	default:
		return true
	}
	if q.fan != nil {
		q.fan.dropped = true
		m.over(q)
	}
	return false
}

// passed counts the time of a request.
func (m *requestTally) passed(k routeKey, r *routeTally, q *request, open bool) {
	if !q.known && !q.earlier {
		r.unseen++
	}
	if !q.earlier {
		m.bins.created(q.from)
	}
	m.bins.running(q.from, q.end)
	m.bins.runnable(q.soonest, q.end)
	r.inFlight += q.end - q.from
	r.most += q.end - q.soonest
	at := q.from
	for i := range q.spells {
		s := &q.spells[i]
		st := r.state(s)
		st.ns += s.ns
		if q.sums { // nobody knows when it was: it counts as spread over the request
			at = q.from
			st.spread(s.ns, q.from, q.end)
			continue
		}
		st.bins.add(at, at+s.ns)
		at += s.ns
	}
	if m.records.n < maxRecords {
		m.records.add(requestRecord{goroutine: q.goroutine, key: k, open: open, earlier: q.earlier, from: q.from, earliest: q.earliest, soonest: q.soonest, to: q.end})
	}
	r.keep(q, open)
	if q.fan != nil {
		q.fan.dropped = q.earlier || open
		r.fannedOut(k, q)
		m.over(q)
	}
}

// spread adds a time evenly between two moments.
func (st *stateTally) spread(ns, from, to int64) {
	const steps = 16
	st.bins.fit(to)
	width := int64(firstTimeBin) << st.bins.shift
	n := min(int64(steps), (to-from)/width+1)
	for i := range n {
		at := min((from+(to-from)/(2*n)*(2*i+1))/width, numTimeBins-1)
		part := ns / (n - i)
		st.bins.ns[at] += part
		ns -= part
	}
}

// state is the tally of a spell's state.
func (r *routeTally) state(s *spell) *stateTally {
	if s.status != goWaiting && s.status != goSyscall {
		return &r.own[s.status]
	}
	st := r.states.get(keyOf(*s))
	if *st == nil {
		*st = &stateTally{}
	}
	return *st
}

// keyOf is the key of a wait or a system call.
func keyOf(s spell) uint64 {
	reason := uint64(s.reason) << 1
	if s.status == goSyscall {
		reason |= 1
	}
	return uint64(s.stack)<<32 | reason&0xffffffff
}

// spellOf undoes the key of a state.
func spellOf(key uint64) spell {
	s := spell{status: goWaiting, stack: uint32(key >> 32), reason: uint32(key) >> 1}
	if key&1 != 0 {
		s.status = goSyscall
	}
	return s
}

// keep keeps a request if it is among the slowest.
func (r *routeTally) keep(q *request, open bool) {
	d := q.end - q.from
	if n := len(r.slow); n == evidence.MaxExemplars && d < r.slow[n-1].DurationNS {
		return
	}
	e := evidence.Exemplar{Goroutine: q.goroutine, AtNS: q.from, DurationNS: d}
	s := slowRequest{Exemplar: e, open: open, timeLine: q.timeLine.clone()}
	if q.fan != nil {
		s.awaits = slices.Clone(q.fan.awaits)
		for i := range s.awaits {
			s.awaits[i].timeLine = s.awaits[i].clone()
		}
	}
	r.keepSlow(s)
}

func (r *routeTally) keepSlow(s slowRequest) {
	r.slow = append(r.slow, s)
	slices.SortStableFunc(r.slow, func(a, b slowRequest) int {
		return cmp.Or(cmp.Compare(b.DurationNS, a.DurationNS), cmp.Compare(a.AtNS, b.AtNS), cmp.Compare(a.Goroutine, b.Goroutine))
	})
	r.slow = r.slow[:min(len(r.slow), evidence.MaxExemplars)]
}
