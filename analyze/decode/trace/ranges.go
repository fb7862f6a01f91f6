package trace

import (
	"strings"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

// The names that x/exp/trace gives to the runtime's ranges.
const (
	markRange   = "GC concurrent mark phase"
	sweepRange  = "GC incremental sweep"
	assistRange = "GC mark assist"
	stwPrefix   = "stop-the-world ("
)

// rangeKey names an open range: at most one of a name is open per goroutine or proc.
type rangeKey struct {
	name  string
	scope xtrace.ResourceID
}

type openRange struct {
	since int64
	seen  bool
}

func (w *window) rangeEvent(ev *xtrace.Event) {
	r := ev.Range()
	k := rangeKey{r.Name, r.Scope}
	open, ok := w.ranges[k]
	switch ev.Kind() {
	case xtrace.EventRangeBegin:
		w.ranges[k] = openRange{since: w.now, seen: true}
		if r.Name == markRange {
			w.gc.Cycles++
		}
	case xtrace.EventRangeActive:
		// Repeated in each generation; news only when the beginning was before the window.
		if !ok {
			w.ranges[k] = openRange{}
			if r.Name == markRange {
				w.gc.Cycles++
			}
		}
	case xtrace.EventRangeEnd:
		if ok {
			delete(w.ranges, k)
			w.endRange(r.Name, open, true)
		}
	}
}

func (w *window) endRange(name string, open openRange, ended bool) {
	d := w.now - open.since
	switch {
	case name == markRange:
		w.gc.MarkNS += d
	case name == sweepRange:
		w.gc.SweepNS += d
	case !open.seen || !ended:
	case name == assistRange:
		w.gc.Assist.Add(d)
	case strings.HasPrefix(name, stwPrefix):
		w.stopped(strings.TrimSuffix(name[len(stwPrefix):], ")"), d)
	}
}

// maxSTWKinds is far above the number of reasons that the runtime has.
const maxSTWKinds = 64

func (w *window) stopped(kind string, d int64) {
	h := &evidence.Histogram{}
	h.Add(d)
	w.stoppedAll(kind, h)
}

func (w *window) stoppedAll(kind string, pauses *evidence.Histogram) {
	if w.gc.STW == nil {
		w.gc.STW = map[string]evidence.Histogram{}
	}
	if _, ok := w.gc.STW[kind]; !ok && len(w.gc.STW) >= maxSTWKinds {
		kind = otherName
	}
	h := w.gc.STW[kind]
	h.Merge(pauses)
	w.gc.STW[kind] = h
}

func (w *window) closeRanges() {
	for k, open := range w.ranges {
		w.endRange(k.name, open, false)
	}
}
