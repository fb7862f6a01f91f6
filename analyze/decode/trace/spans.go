package trace

import (
	"cmp"
	"maps"
	"slices"

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

// span is an evidence.Span with its beginnings and ends over time.
type span struct {
	evidence.Span
	bins *series
}

func (w *window) span(k spanKey) *span {
	s, ok := w.spans[k]
	if !ok && len(w.spans) >= maxSpans {
		w.foldedSpans++
		k.name = otherName
		s, ok = w.spans[k]
	}
	if !ok {
		s = &span{bins: newSeries()}
		w.spans[k] = s
	}
	return s
}

// begun notes that a task or region began.
func (w *window) begun(k spanKey, at int64) { w.span(k).bins.created(at) }

// unseen counts the end of one that began before the window.
func (w *window) unseen(k spanKey, at int64) {
	s := w.span(k)
	s.Unseen++
	s.bins.ended(at)
}

func (w *window) endSpan(k spanKey, o openSpan) {
	s := w.span(k)
	s.bins.ended(w.now)
	s.Duration.Add(max(w.now-o.since, 0))
	s.Exemplars = evidence.AddExemplar(s.Exemplars, o.exemplar(w.now))
}

func (w *window) openSpan(k spanKey, o openSpan) {
	s := w.span(k)
	s.Open.Add(w.now - o.since)
	s.Exemplars = evidence.AddExemplar(s.Exemplars, o.exemplar(w.now))
}

func (o openSpan) exemplar(now int64) evidence.Exemplar {
	return evidence.Exemplar{Goroutine: o.goroutine, AtNS: o.since, DurationNS: max(now-o.since, 0)}
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
		w.begun(spanKey{"task", t.Type}, w.now)
		return
	}
	open, ok := w.tasks[t.ID]
	if !ok {
		w.unseen(spanKey{"task", t.Type}, w.now)
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
		w.begun(spanKey{"region", r.Type}, w.now)
		return
	}
	last := len(g.regions) - 1
	if last < 0 || g.regions[last].name != r.Type {
		w.unseen(spanKey{"region", r.Type}, w.now)
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

// spanSeries is how many tasks and regions of the most frequent types began, ended and were open over
// time, in bins of the window's width.
func (w *window) spanSeries() []evidence.SpanSeries {
	keys := slices.SortedFunc(maps.Keys(w.spans), func(a, b spanKey) int {
		return cmp.Or(cmp.Compare(w.spans[b].seen(), w.spans[a].seen()), cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	var out []evidence.SpanSeries
	for _, k := range keys[:min(len(keys), evidence.MaxSpanSeries)] {
		s := w.spans[k]
		for s.bins.bin < w.series.bin {
			s.bins.fold()
		}
		one := evidence.SpanSeries{Kind: k.kind, Name: k.name}
		open := s.Unseen
		for i := range w.series.bins {
			var b seriesBin
			if i < len(s.bins.bins) {
				b = s.bins.bins[i]
			}
			open += b.created - b.ended
			one.Started = append(one.Started, b.created)
			one.Ended = append(one.Ended, b.ended)
			one.InFlight = append(one.InFlight, open)
		}
		out = append(out, one)
	}
	return out
}

func (s *span) seen() int64 { return s.Duration.Count + s.Open.Count + s.Unseen }
