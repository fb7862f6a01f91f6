package trace

import (
	"fmt"
	"maps"
	"math"
	"slices"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// stitcher joins the tallies of generations, in their order, into a window. It knows what
// goes on from one generation to the next: live goroutines, open ranges and tasks.
type stitcher struct {
	w       *window
	gaps    bool // events of a generation were passed over: what follows need not agree with it
	first   bool
	latest  int64 // the end of what was joined so far
	procsAt int64 // when GOMAXPROCS was stated last

	stacks  map[stackKey]int32 // of all generations so far
	local   []int32            // of this generation, by entry; id+1
	reasons map[uint64]string
	r       *replay

	mark    openRange
	marking bool
	sweeps  map[uint64]openRange
	assists map[uint64]openRange
	pauses  map[uint64]pause
}

type pause struct {
	since int64
	kind  string
}

func newStitcher(w *window) *stitcher {
	return &stitcher{w: w, first: true, procsAt: math.MinInt64, stacks: map[stackKey]int32{}, sweeps: map[uint64]openRange{},
		assists: map[uint64]openRange{}, pauses: map[uint64]pause{}}
}

// state is a wire status in the terms of the window.
var state = [...]xtrace.GoState{goNone: xtrace.GoNotExist, goRunnable: xtrace.GoRunnable, goRunning: xtrace.GoRunning,
	goSyscall: xtrace.GoSyscall, goWaiting: xtrace.GoWaiting}

// add joins what a generation yielded. An error means that it contradicts those before; then
// nothing of it counts.
func (s *stitcher) add(r *replay) error {
	if err := s.check(r); err != nil && !s.gaps && !r.crowded {
		return err
	}
	s.r, s.reasons = r, map[uint64]string{}
	s.local = make([]int32, len(r.tables.entries))
	w := s.w
	w.events += r.t.events
	w.sched.RunningNS += r.t.running
	w.assumed += r.t.assumed
	w.series.merge(r.t.series)
	s.addSites()
	s.requests()
	s.heads()
	s.loose()
	s.addBlocks()
	s.ranges()
	s.spans()
	s.tails()
	for id := range r.procs {
		w.procs[xtrace.ProcID(id)] = struct{}{}
	}
	for _, id := range slices.Sorted(maps.Keys(r.t.samples)) {
		w.samples[s.stack(id)] += r.t.samples[id]
	}
	s.latest = max(s.latest, r.latest())
	w.now = s.latest
	s.first, s.gaps = false, s.gaps || r.crowded
	if live := int64(len(w.goroutines)+len(w.tasks)+len(w.procs)) * liveCost; live > w.limits.Memory {
		return budget.OverMemory("memory for live goroutines and tasks", w.limits.Memory)
	}
	return nil
}

// stack gives a stack of the generation its id in the window.
func (s *stitcher) stack(id uint64) int32 {
	if id == 0 {
		return 0
	}
	i, ok := s.r.tables.stacks.get(id)
	if !ok {
		return 0 // a cut generation
	}
	if s.local[i] != 0 {
		return s.local[i] - 1
	}
	e := s.r.tables.entries[i]
	key := s.r.tables.key(e)
	global, ok := s.stacks[key]
	if !ok {
		global = s.w.stacks.add(trimParking(s.r.tables.frames(e)))
		if len(s.stacks) < s.w.limits.Stacks {
			s.stacks[key] = global
		}
	}
	s.local[i] = global + 1
	return global
}

func (s *stitcher) text(id uint64) string {
	t, ok := s.reasons[id]
	if !ok {
		t = s.r.tables.text(id)
		s.reasons[id] = t
	}
	return t
}

func (s *stitcher) addSites() {
	t := &s.r.t
	for i, key := range t.sites.keys {
		v := t.sites.at(i)
		site := s.w.creationSite(s.stack(key>>32), s.stack(key&0xffffffff))
		site.Created += v.created
		site.Ended += v.ended
		site.RunNS += v.runNS
		v.lifetime.into(&site.Lifetime, &site.LifetimeExemplars)
		s.w.addLatencies(site, &v.latency)
	}
	for i, key := range t.syscalls.keys {
		site := s.w.syscall(s.stack(key))
		t.syscalls.at(i).into(&site.Duration, &site.Exemplars)
	}
	for i, key := range t.assists.keys {
		s.w.addAssists(s.stack(key), t.assists.at(i))
	}
	if m := t.procs; m.n > 0 && m.at >= s.procsAt {
		s.procsAt, s.w.maxProcs = m.at, int(min(m.n, math.MaxInt32))
	}
}

// each calls f for every goroutine that a generation shows.
func (r *replay) each(f func(x *g)) {
	for _, p := range r.gs.used {
		for i := range p.gs {
			if x := &p.gs[i]; x.carried || x.created {
				f(x)
			}
		}
	}
}

// check compares what a generation says of its beginning with the end of the one before.
func (s *stitcher) check(r *replay) (err error) {
	r.each(func(x *g) {
		live, ok := s.w.goroutines[xtrace.GoID(x.id)]
		switch {
		case x.assumed:
		case x.created && ok:
			err = fmt.Errorf("goroutine %d is made, but exists", x.id)
		case x.carried && !ok && !s.first:
			err = fmt.Errorf("goroutine %d is stated to exist, but was never made", x.id)
		case x.carried && ok && live.state != state[x.headStart]:
			err = fmt.Errorf("goroutine %d is stated to be %v, but was %v", x.id, state[x.headStart], live.state)
		}
	})
	return err
}

// heads joins each goroutine that was there before with what it was doing then, and accounts
// for the time until its first change of state.
func (s *stitcher) heads() {
	s.r.each(func(x *g) {
		if !x.carried {
			return
		}
		live := s.carried(x)
		if x.firstSeen != 0 && live.site == nil {
			if root, ok := s.w.stacks.root(s.stack(uint64(x.firstSeen))); ok {
				s.w.assign(live, root)
			}
		}
		if x.marks&headUnmet == 0 && !x.assumed {
			s.w.now = max(x.headTime, live.since)
			s.w.leave(live, state[x.headTo], s.stack(uint64(x.headWaker)))
		}
		if live.site != nil {
			live.site.RunNS += x.runNS
		} else {
			live.runNS += x.runNS
		}
	})
}

// carried finds a goroutine that was there before, or makes it where this generation is the first.
func (s *stitcher) carried(x *g) *goroutine {
	w := s.w
	to, stack := state[x.headStart], s.stack(uint64(x.headStack))
	live, ok := w.goroutines[xtrace.GoID(x.id)]
	switch {
	case !ok:
		live = newGoroutine(x.id)
		live.state, live.since = to, w.first
		w.goroutines[xtrace.GoID(x.id)] = live
		if !x.assumed {
			w.placeAt(live, to, stack, "")
		}
	case live.state != to && s.gaps && !x.assumed:
		live.state, live.since, live.seen = to, s.latest, false
		live.stack, live.wait = 0, evidence.WaitNone
		w.placeAt(live, to, stack, "")
	case stack != 0 && !x.assumed:
		w.repeatAt(live, to, stack)
	}
	return live
}

// loose accounts for what could not be counted without knowing the goroutine.
func (s *stitcher) loose() {
	w, t := s.w, &s.r.t
	carried := make([]*goroutine, len(t.carried))
	for slot, id := range t.carried {
		carried[slot] = w.goroutines[xtrace.GoID(id)]
	}
	t.latencies.each(func(m latencyMark) {
		e := evidence.Exemplar{Goroutine: t.carried[m.slot], AtNS: m.at, DurationNS: m.ns}
		w.addLatency(carried[m.slot], e)
	})
	for i, slot := range t.own.keys {
		w.addLatencies(w.site(carried[slot]), &t.own.at(i).latency)
	}
	for _, m := range t.stackless {
		start := s.stack(uint64(m.root))
		if live := w.goroutines[xtrace.GoID(m.g)]; live != nil {
			start = live.start
		}
		x := goroutine{id: m.g, wait: waitOf(s.text(uint64(m.reason)), w.stacks.classes[start])}
		b := w.block(&x)
		b.Ended.Add(m.ns)
		b.Exemplars = evidence.AddExemplar(b.Exemplars, evidence.Exemplar{Goroutine: m.g, AtNS: m.since, DurationNS: m.ns})
		e := w.wake(s.stack(uint64(m.waker)), &x)
		e.Count++
		e.DelayNS += m.ns
	}
}

func (s *stitcher) addBlocks() {
	w, t := s.w, &s.r.t
	sites := make([]goroutine, len(t.blocks.keys)) // only stack and wait of each are used
	for i, key := range t.blocks.keys {
		v := t.blocks.at(i)
		x := &sites[i]
		x.stack = s.stack(key >> 32)
		x.wait = waitOf(s.text(key&0xffffffff), w.stacks.classes[x.stack])
		b := w.block(x)
		v.ended.into(&b.Ended, &b.Exemplars)
	}
	for i, key := range t.wakes.keys {
		e := w.wake(s.stack(key>>32), &sites[key&0xffffffff])
		e.Count += t.wakes.at(i).count
		e.DelayNS += t.wakes.at(i).delay
	}
}

// tails keeps what goroutines are doing at the end of the generation.
func (s *stitcher) tails() {
	w := s.w
	s.r.each(func(x *g) {
		if x.created && x.gone {
			return
		}
		live := w.goroutines[xtrace.GoID(x.id)]
		if x.created {
			if live != nil { // its end was passed over
				w.end(live)
			}
			live = newGoroutine(x.id)
			live.created, live.at, live.creation = true, x.at, s.stack(uint64(x.creation))
			w.goroutines[xtrace.GoID(x.id)] = live
			w.assign(live, s.stack(uint64(x.root)))
			live.site.RunNS += x.runNS
		}
		for _, m := range x.open() {
			live.regions = append(live.regions, openSpan{name: s.text(m.name), goroutine: x.id, since: m.since})
		}
		if x.gone {
			w.now = max(x.since, live.at)
			w.end(live)
			delete(w.goroutines, xtrace.GoID(x.id))
			return
		}
		if x.marks&headUnmet == 0 {
			live.state, live.since, live.seen = state[x.status], x.since, true
			live.stack, live.wait = 0, evidence.WaitNone
			w.placeAt(live, live.state, s.stack(uint64(x.stack)), s.text(uint64(x.reason)))
		}
	})
}

// ranges joins the collector's ranges.
func (s *stitcher) ranges() {
	gc, out := &s.r.t.gc, &s.w.gc
	if gc.carried && !s.marking {
		s.mark, s.marking = openRange{since: s.w.first}, true
		out.Cycles++
	}
	if gc.headEnd != math.MinInt64 {
		out.MarkNS += max(gc.headEnd-s.mark.since, 0)
		s.marking = false
	}
	if gc.mark == rangeOpen {
		s.mark, s.marking = openRange{since: gc.markSince, seen: true}, true
	}
	out.Cycles += gc.cycles
	out.MarkNS += gc.markNS
	out.SweepNS += gc.sweepNS
	out.MaxHeapBytes = max(out.MaxHeapBytes, gc.maxHeap)
	for _, m := range gc.sweepEnds {
		out.SweepNS += max(m.at-s.sweepSince(m.proc), 0)
		delete(s.sweeps, m.proc)
	}
	for id, p := range s.r.procs {
		switch p.sweep {
		case rangeOpen:
			s.sweeps[id] = openRange{since: p.sweepSince, seen: true}
		case rangeCarried:
			s.sweeps[id] = openRange{since: s.sweepSince(id)}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(gc.stw)) {
		s.w.stoppedAll(s.text(uint64(kind)), gc.stw[kind])
	}
	s.goroutineRanges(gc)
}

// sweepSince is when the sweep of a proc began that came from an earlier generation: since the window
// did, where none shows it.
func (s *stitcher) sweepSince(proc uint64) int64 {
	if open, ok := s.sweeps[proc]; ok {
		return open.since
	}
	return s.w.first
}

func (s *stitcher) goroutineRanges(gc *gcTally) {
	for _, m := range gc.assistEnds {
		if open, ok := s.assists[m.g]; ok && open.seen {
			d := &durations{}
			d.add(max(m.at-open.since, 0), m.g, open.since)
			s.w.addAssists(open.stack, d)
		}
		delete(s.assists, m.g)
	}
	for _, m := range gc.ends {
		if p, ok := s.pauses[m.g]; ok {
			d := &durations{}
			d.add(max(m.at-p.since, 0), m.g, p.since)
			s.w.stoppedAll(p.kind, d)
			delete(s.pauses, m.g)
		}
	}
	s.r.each(func(x *g) {
		if x.gone { // before its range ended, as events that were forced show it
			return
		}
		if x.assist == rangeOpen {
			s.assists[x.id] = openRange{since: x.assistSince, seen: true, stack: s.stack(uint64(x.rare.assistStack))}
		}
		if x.stw == rangeOpen {
			s.pauses[x.id] = pause{x.rare.stwSince, s.text(uint64(x.rare.stwKind))}
		}
	})
}

// close ends what is open when the window does.
func (s *stitcher) close() {
	if s.marking {
		s.w.gc.MarkNS += s.w.now - s.mark.since
	}
	for _, open := range s.sweeps {
		s.w.gc.SweepNS += s.w.now - open.since
	}
}
