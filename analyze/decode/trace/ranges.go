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
	stack int32  // where an assist began
	by    uint64 // the goroutine
}

func (w *window) rangeEvent(ev *xtrace.Event) {
	r := ev.Range()
	k := rangeKey{r.Name, r.Scope}
	open, ok := w.ranges[k]
	switch ev.Kind() {
	case xtrace.EventRangeBegin:
		open = openRange{since: w.now, seen: true, by: goroutineID(ev.Goroutine())}
		if r.Name == assistRange {
			open.stack = w.stacks.intern(ev.Stack())
		}
		w.ranges[k] = open
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
	d := max(w.now-open.since, 0)
	switch {
	case name == markRange:
		w.gc.MarkNS += d
	case name == sweepRange:
		w.gc.SweepNS += d
	case !open.seen || !ended:
	case name == assistRange:
		one := &durations{}
		one.add(d, open.by, open.since)
		w.addAssists(open.stack, one)
	case strings.HasPrefix(name, stwPrefix):
		one := &durations{}
		one.add(d, open.by, open.since)
		w.stoppedAll(strings.TrimSuffix(name[len(stwPrefix):], ")"), one)
	}
}

// maxSTWKinds is far above the number of reasons that the runtime has.
const maxSTWKinds = 64

// stoppedAll counts pauses of a kind.
func (w *window) stoppedAll(kind string, pauses *durations) {
	if w.gc.STW == nil {
		w.gc.STW, w.gc.STWExemplars = map[string]evidence.Histogram{}, map[string][]evidence.Exemplar{}
	}
	if _, ok := w.gc.STW[kind]; !ok && len(w.gc.STW) >= maxSTWKinds {
		kind = otherName
	}
	h, slowest := w.gc.STW[kind], w.gc.STWExemplars[kind]
	pauses.into(&h, &slowest)
	w.gc.STW[kind], w.gc.STWExemplars[kind] = h, slowest
}

// addAssists counts mark assists that began at a stack.
func (w *window) addAssists(stack int32, d *durations) {
	d.intoHistogram(&w.gc.Assist)
	site := bounded(w, w.assists, stack, 0)
	d.into(&site.Duration, &site.Exemplars)
}

func (w *window) closeRanges() {
	for k, open := range w.ranges {
		w.endRange(k.name, open, false)
	}
}
