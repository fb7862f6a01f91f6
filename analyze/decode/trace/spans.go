package trace

import (
	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

type spanKey struct{ kind, name string }

// openSpan is a task or region that has begun.
type openSpan struct {
	name      string
	goroutine uint64
	since     int64
}

const (
	// maxSpans bounds the distinct names of tasks and regions: a program may put an id
	// into each.
	maxSpans  = 1000
	otherName = "(other)"
)

func (w *window) span(k spanKey) *evidence.Span {
	s, ok := w.spans[k]
	if !ok && len(w.spans) >= maxSpans {
		w.foldedSpans++
		k.name = otherName
		s, ok = w.spans[k]
	}
	if !ok {
		s = &evidence.Span{}
		w.spans[k] = s
	}
	return s
}

func (w *window) endSpan(k spanKey, o openSpan) {
	s := w.span(k)
	s.Duration.Add(w.now - o.since)
	s.Exemplars = evidence.AddExemplar(s.Exemplars, o.exemplar(w.now))
}

func (w *window) openSpan(k spanKey, o openSpan) {
	s := w.span(k)
	s.Open.Add(w.now - o.since)
	s.Exemplars = evidence.AddExemplar(s.Exemplars, o.exemplar(w.now))
}

func (o openSpan) exemplar(now int64) evidence.Exemplar {
	return evidence.Exemplar{Goroutine: o.goroutine, AtNS: o.since, DurationNS: now - o.since}
}

// goroutineID is 0 for an event outside of any goroutine.
func goroutineID(id xtrace.GoID) uint64 {
	if id == xtrace.NoGoroutine {
		return 0
	}
	return uint64(id)
}

func (w *window) task(ev *xtrace.Event) {
	t := ev.Task()
	if ev.Kind() == xtrace.EventTaskBegin {
		w.tasks[t.ID] = openSpan{name: t.Type, goroutine: goroutineID(ev.Goroutine()), since: w.now}
		return
	}
	open, ok := w.tasks[t.ID]
	if !ok {
		w.span(spanKey{"task", t.Type}).Unseen++
		return
	}
	delete(w.tasks, t.ID)
	w.endSpan(spanKey{"task", open.name}, open)
}

func (w *window) closeTasks() {
	for _, open := range w.tasks {
		w.openSpan(spanKey{"task", open.name}, open)
	}
}

// region pairs the begin and end of a region, which nest within a goroutine.
func (w *window) region(ev *xtrace.Event) {
	r := ev.Region()
	g, ok := w.goroutines[ev.Goroutine()]
	if !ok {
		return // regions belong to goroutines; without one there is nothing to pair
	}
	if ev.Kind() == xtrace.EventRegionBegin {
		g.regions = append(g.regions, openSpan{name: r.Type, goroutine: g.id, since: w.now})
		w.openRegions++
		return
	}
	last := len(g.regions) - 1
	if last < 0 || g.regions[last].name != r.Type {
		w.span(spanKey{"region", r.Type}).Unseen++
		return
	}
	open := g.regions[last]
	g.regions = g.regions[:last]
	w.openRegions--
	w.endSpan(spanKey{"region", open.name}, open)
}

// closeRegions counts the regions that a goroutine left open.
func (w *window) closeRegions(g *goroutine) {
	for _, open := range g.regions {
		w.openSpan(spanKey{"region", open.name}, open)
	}
	w.openRegions -= len(g.regions)
}
