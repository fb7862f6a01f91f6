package trace

import (
	"cmp"
	"slices"

	"go-debug/analyze/evidence"
)

// durations counts durations as a histogram does, and keeps the slowest. It is what most events end in: one
// that is neither the shortest nor among the slowest so far costs two additions.
type durations struct {
	least   int64  // the shortest
	span    uint64 // from least to what the next one has to reach to be among the slowest; 0 while any is
	sum     int64
	counts  evidence.Counts
	slowest []evidence.Exemplar
}

// add counts a duration, which must not be negative, of a goroutine since a time.
func (d *durations) add(ns int64, g uint64, at int64) {
	if !d.count(ns) {
		d.addRare(ns, g, at)
	}
}

// count counts a duration unless it is a rare one, for which addRare has to be called. It is small enough
// for the compiler to inline it.
func (d *durations) count(ns int64) bool {
	b := evidence.BucketOf(ns)
	c := d.counts[b/evidence.CountColumns%uint(len(d.counts))]
	if c == nil || uint64(ns-d.least) >= d.span {
		return false
	}
	c[b%evidence.CountColumns]++
	d.sum += ns
	return true
}

func (d *durations) addRare(ns int64, g uint64, at int64) {
	d.counts.Add(evidence.BucketOf(ns))
	d.sum += ns
	if len(d.slowest) == 0 || ns < d.least {
		d.least = ns
	}
	if n := len(d.slowest); n < evidence.MaxExemplars || ns >= d.slowest[n-1].DurationNS {
		d.slowest = evidence.AddExemplar(d.slowest, evidence.Exemplar{Goroutine: g, AtNS: at, DurationNS: ns})
	}
	if n := len(d.slowest); n == evidence.MaxExemplars {
		d.span = uint64(d.slowest[n-1].DurationNS - d.least)
	}
}

// into adds the durations to where the evidence keeps them.
func (d *durations) into(h *evidence.Histogram, list *[]evidence.Exemplar) {
	d.intoHistogram(h)
	for _, e := range d.slowest {
		*list = evidence.AddExemplar(*list, e)
	}
}

func (d *durations) intoHistogram(h *evidence.Histogram) {
	if len(d.slowest) > 0 {
		h.AddCounts(&d.counts, d.sum, d.least, d.slowest[0].DurationNS)
	}
}

// parts gathers what a goroutine does while a region or task of it is open.
type parts struct {
	since                              int64
	running, runnable, syscall, assist int64
	waits                              []partWait
	unknown                            bool // some of it was not seen
}

// partWait is the waits for one reason at one stack, both the generation's.
type partWait struct {
	stack, reason uint32
	ns            int64
}

// maxPartWaits bounds the places where one region or task waits; what is beyond counts at the last.
const maxPartWaits = 16

// add takes the end of a state, which may have begun before the region did.
func (p *parts) add(status goStatus, from, to int64, stack, reason uint32) {
	d := max(to-max(from, p.since), 0)
	switch status {
	case goRunning:
		p.running += d
	case goRunnable:
		p.runnable += d
	case goSyscall:
		p.syscall += d
	case goWaiting:
		for i := range p.waits {
			if w := &p.waits[i]; w.stack == stack && w.reason == reason || i == maxPartWaits-1 {
				w.ns += d
				return
			}
		}
		p.waits = append(p.waits, partWait{stack, reason, d})
	}
}

// close adds what the goroutine has done since its last change of state.
func (p *parts) close(x *g, ts int64) {
	if x.ahead(ts) {
		p.unknown = true
		return
	}
	p.add(goRunning, x.since, ts, 0, 0)
}

// ahead reports that of a goroutine which runs now, as its thread says, more is known already: events that were forced,
// because what they depend on is lost, have shown what it did later.
func (x *g) ahead(ts int64) bool { return x.status != goRunning || x.since > ts }

// split adds the end of a state to all that is open on a goroutine.
func (r *replay) split(x *g, status goStatus, to int64, waker uint64) {
	if x.rare.tracked != nil {
		r.spent(x, status, to, waker)
	}
	if x.rare.child != nil {
		r.childSpent(x, status, to)
	}
	for i := range x.rare.regions {
		x.rare.regions[i].parts.add(status, x.since, to, x.stack, x.reason)
	}
	for i := range x.rare.tasks {
		x.rare.tasks[i].parts.add(status, x.since, to, x.stack, x.reason)
	}
}

// assisted adds an assist to all that is open on a goroutine.
func (x *g) assisted(to int64) {
	for i := range x.rare.regions {
		p := x.rare.regions[i].parts
		p.assist += max(to-max(x.assistSince, p.since), 0)
	}
	for i := range x.rare.tasks {
		p := x.rare.tasks[i].parts
		p.assist += max(to-max(x.assistSince, p.since), 0)
	}
}

// lost notes that what the goroutine did for some time up to now is not known.
func (x *g) lost(to int64) {
	if x.rare.tracked != nil {
		x.rare.tracked.lose()
	}
	if c := x.rare.child; c != nil && to > c.did.at {
		c.did.add(spell{ns: to - c.did.at})
	}
	for i := range x.rare.regions {
		x.rare.regions[i].parts.unknown = true
	}
	for i := range x.rare.tasks {
		x.rare.tasks[i].parts.unknown = true
	}
}

// annotate says whether what the goroutine does has to be split.
func (x *g) annotate() {
	x.marks &^= annotated | watching
	if t := x.rare.tracked; t != nil && t.kind == watchesConn {
		x.marks |= watching
	}
	if len(x.rare.regions)+len(x.rare.tasks) > 0 || x.rare.tracked != nil && x.rare.tracked.kind != watchesConn || x.rare.child != nil {
		x.marks |= annotated
	}
}

// slowSpan is an exemplar of a task or region.
type slowSpan struct {
	evidence.Exemplar
	parts *parts // nil when not known
}

// spanTally is the tasks or regions of one name.
type spanTally struct {
	duration, open evidence.Histogram
	slowest        []slowSpan
	bins           *series
}

func (s *spanTally) end(e evidence.Exemplar, p *parts) {
	s.duration.Add(e.DurationNS)
	s.bins.ended(e.AtNS + e.DurationNS)
	n := len(s.slowest)
	if n == evidence.MaxExemplars && e.DurationNS < s.slowest[n-1].DurationNS {
		return
	}
	s.slowest = append(s.slowest, slowSpan{e, p})
	slices.SortStableFunc(s.slowest, func(a, b slowSpan) int {
		return cmp.Or(cmp.Compare(b.DurationNS, a.DurationNS), cmp.Compare(a.AtNS, b.AtNS), cmp.Compare(a.Goroutine, b.Goroutine))
	})
	s.slowest = s.slowest[:min(len(s.slowest), evidence.MaxExemplars)]
}
