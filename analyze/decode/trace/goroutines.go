package trace

import (
	"cmp"
	"slices"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

// goroutine is the state of one live goroutine.
type goroutine struct {
	id    uint64
	state xtrace.GoState
	since int64 // when it entered the state, 0 when that was not seen
	seen  bool  // whether the trace shows it entering the state

	stack int32 // where it waits or made its system call
	wait  evidence.Wait

	created  bool // within the window
	at       int64
	creation int32 // stack of the go statement
	start    int32 // stack of the start function, once known
	site     *creationSite
	runNS    int64             // before the site was known
	latency  evidence.Exemplar // likewise; its duration is negative for none

	regions []openSpan
}

func newGoroutine(id uint64) *goroutine {
	return &goroutine{id: id, latency: evidence.Exemplar{DurationNS: -1}}
}

// transition takes a change of state of a goroutine. Those of procs only tell that the
// proc exists.
func (w *window) transition(ev *xtrace.Event) {
	st := ev.StateTransition()
	switch st.Resource.Kind {
	case xtrace.ResourceProc:
		w.procs[st.Resource.Proc()] = struct{}{}
	case xtrace.ResourceGoroutine:
		from, to := st.Goroutine()
		w.goroutineTransition(ev, &st, from, to)
	}
}

func (w *window) goroutineTransition(ev *xtrace.Event, st *xtrace.StateTransition, from, to xtrace.GoState) {
	id := st.Resource.Goroutine()
	g, known := w.goroutines[id]
	if !known {
		if to == xtrace.GoNotExist && from == xtrace.GoNotExist {
			return
		}
		g = newGoroutine(uint64(id))
		w.goroutines[id] = g
		switch {
		case from == xtrace.GoNotExist:
			w.create(g, ev, st)
			w.enter(g, to, st)
			return
		case from == xtrace.GoUndetermined || from == to:
			// A status: it has been in this state since the window began.
			g.state = to
			w.place(g, to, st)
			return
		}
		g.state = from // no status before the first transition: a trace of go1.21 or older
	}
	if from == to || from == xtrace.GoUndetermined {
		w.repeatStatus(g, to, st)
		return
	}
	waker := int32(0)
	if g.state == xtrace.GoWaiting {
		waker = w.stacks.intern(ev.Stack())
	}
	w.leave(g, to, waker)
	if to == xtrace.GoNotExist {
		w.end(g)
		delete(w.goroutines, id)
		return
	}
	w.enter(g, to, st)
}

// place sets where the goroutine waits, is in a system call, or was seen.
func (w *window) place(g *goroutine, to xtrace.GoState, st *xtrace.StateTransition) {
	w.placeAt(g, to, w.stacks.intern(st.Stack), st.Reason)
}

func (w *window) placeAt(g *goroutine, to xtrace.GoState, stack int32, reason string) {
	g.stack = stack
	if g.site == nil {
		if root, ok := w.stacks.root(stack); ok {
			w.assign(g, root)
		}
	}
	if to == xtrace.GoWaiting {
		class := w.stacks.classes[stack]
		if stack == 0 {
			class = w.stacks.classes[g.start] // the runtime's goroutines are known by their start
		}
		g.wait = waitOf(reason, class)
	}
}

// repeatStatus takes the status with which a later generation begins. It may show a stack
// that was not known before.
func (w *window) repeatStatus(g *goroutine, to xtrace.GoState, st *xtrace.StateTransition) {
	if st.Stack != xtrace.NoStack {
		w.repeatAt(g, to, w.stacks.intern(st.Stack))
	}
}

func (w *window) repeatAt(g *goroutine, to xtrace.GoState, stack int32) {
	if g.state != to || g.stack != 0 {
		return
	}
	wait := g.wait
	w.placeAt(g, to, stack, "")
	if wait != evidence.WaitNone && wait != evidence.WaitOther {
		g.wait = wait // the runtime's reason says more than the stack
	}
}

// create notes a goroutine made in the window. The transition's stack holds the start
// function, the event's the go statement.
func (w *window) create(g *goroutine, ev *xtrace.Event, st *xtrace.StateTransition) {
	g.created, g.at = true, w.now
	g.creation = w.stacks.intern(ev.Stack())
	w.assign(g, w.stacks.intern(st.Stack))
	g.site.Created++
	w.series.created(w.now)
}

func (w *window) enter(g *goroutine, to xtrace.GoState, st *xtrace.StateTransition) {
	g.state, g.since, g.seen = to, w.now, true
	g.stack, g.wait = 0, evidence.WaitNone
	w.place(g, to, st)
}

// leave accounts for the time in the state that ends now; waker is the stack of who ended a wait.
func (w *window) leave(g *goroutine, to xtrace.GoState, waker int32) {
	d := max(w.now-g.since, 0)
	switch g.state {
	case xtrace.GoRunning:
		w.ran(g, d)
	case xtrace.GoRunnable:
		w.series.runnable(g.since, w.now)
		if g.seen && to == xtrace.GoRunning {
			w.addLatency(g, evidence.Exemplar{Goroutine: g.id, AtNS: g.since, DurationNS: d})
		}
	case xtrace.GoWaiting:
		b := w.block(g)
		if g.seen {
			b.Ended.Add(d)
		} else {
			b.Unseen.Add(d)
		}
		b.Exemplars = evidence.AddExemplar(b.Exemplars, evidence.Exemplar{Goroutine: g.id, AtNS: g.since, DurationNS: d})
		e := w.wake(waker, g)
		e.Count++
		e.DelayNS += d
	case xtrace.GoSyscall:
		s := w.syscall(g.stack)
		if g.seen {
			s.Duration.Add(d)
			s.Exemplars = evidence.AddExemplar(s.Exemplars, evidence.Exemplar{Goroutine: g.id, AtNS: g.since, DurationNS: d})
		} else {
			s.Unseen.Add(d)
		}
	}
}

func (w *window) ran(g *goroutine, d int64) {
	w.sched.RunningNS += d
	w.series.running(g.since, w.now)
	if g.site != nil {
		g.site.RunNS += d
	} else {
		g.runNS += d
	}
}

func (w *window) addLatency(g *goroutine, e evidence.Exemplar) {
	w.sched.Latency.Add(e.DurationNS)
	w.sched.Exemplars = evidence.AddExemplar(w.sched.Exemplars, e)
	if g.site == nil && g.latency.DurationNS < 0 {
		g.latency = e // the next stack will show where the goroutine started
		return
	}
	w.site(g).addLatency(e)
}

// addLatencies counts latencies of a creation site.
func (w *window) addLatencies(site *creationSite, d *durations) {
	d.into(&w.sched.Latency, &w.sched.Exemplars)
	d.into(&site.Latency, &site.LatencyExemplars)
}

func (s *creationSite) addLatency(e evidence.Exemplar) {
	s.Latency.Add(e.DurationNS)
	s.LatencyExemplars = evidence.AddExemplar(s.LatencyExemplars, e)
}

// site is the goroutine's creation site, the unknown one if need be.
func (w *window) site(g *goroutine) *creationSite {
	if g.site == nil {
		w.assign(g, 0)
	}
	return g.site
}

// assign settles the goroutine's creation site and hands over what waited for it.
func (w *window) assign(g *goroutine, start int32) {
	g.start = start
	g.site = w.creationSite(g.creation, start)
	if !g.created {
		g.site.AtStart++
	}
	g.site.RunNS += g.runNS
	if g.latency.DurationNS >= 0 {
		g.site.addLatency(g.latency)
	}
}

// end accounts for a goroutine that is gone.
func (w *window) end(g *goroutine) {
	if g.site == nil {
		w.assign(g, 0)
	}
	g.site.Ended++
	if g.created {
		d := max(w.now-g.at, 0)
		g.site.Lifetime.Add(d)
		g.site.LifetimeExemplars = evidence.AddExemplar(g.site.LifetimeExemplars, evidence.Exemplar{Goroutine: g.id, AtNS: g.at, DurationNS: d})
	}
	w.series.ended(w.now)
	w.closeRegions(g)
}

// closeGoroutines accounts for what the live goroutines are doing when the window ends.
func (w *window) closeGoroutines() {
	live := make([]*goroutine, 0, len(w.goroutines))
	for _, g := range w.goroutines {
		live = append(live, g)
	}
	slices.SortFunc(live, func(a, b *goroutine) int { return cmp.Compare(a.id, b.id) })
	w.series.alive = int64(len(live))
	for _, g := range live {
		if g.site == nil {
			w.assign(g, 0)
		}
		g.site.AtEnd++
		age := w.now - g.since
		switch g.state {
		case xtrace.GoRunning:
			if !w.cut { // else what shows that it stopped may be lost
				w.ran(g, age)
			}
		case xtrace.GoRunnable:
			w.series.runnable(g.since, w.now)
		case xtrace.GoWaiting:
			w.closeWait(g, age)
		case xtrace.GoSyscall:
			g.site.park(g.stack, age)
			w.syscall(g.stack).Open.Add(age)
		}
		w.closeRegions(g)
	}
}

func (w *window) closeWait(g *goroutine, age int64) {
	g.site.park(g.stack, age)
	b := w.block(g)
	b.Open.Add(age)
	if !g.seen {
		b.Silent++
	}
	if len(b.OpenIDs) < evidence.MaxGroupIDs {
		b.OpenIDs = append(b.OpenIDs, g.id)
		if g.seen {
			b.MovedIDs = append(b.MovedIDs, g.id)
		}
	}
	b.Exemplars = evidence.AddExemplar(b.Exemplars, evidence.Exemplar{Goroutine: g.id, AtNS: g.since, DurationNS: age})
}
