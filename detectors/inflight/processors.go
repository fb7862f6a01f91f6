package inflight

import (
	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

const (
	// busyShare of GOMAXPROCS must be in use to call processors the cause: the rest goes to waking and stealing.
	busyShare = 0.9
	// scrapedShare of the processor time must be the collector's to call it the cause. Where metrics do not state it, it follows from
	// the collections and the heap: a lower bound, for no processor marks a byte in less than markSecondsPerByte. A heap without pointers
	// takes less, which is why a cause so found is said to be estimated.
	scrapedShare       = 0.25
	markSecondsPerByte = 1e-9
	// liveShare is the part of the heap's goal that is alive, and marked, with GOGC=100.
	liveShare = 0.5
)

// processorCause says whether, in the second half of the window, scrapes show the processors all in use, or the collector use much
// of what the process does. The measure is what it rests on.
func (f *flow) processorCause(procs int) (cause string, m stats.Measure) {
	first, last := f.processorScrapes()
	if first == nil {
		return "", m
	}
	seconds := last.At.Sub(first.At).Seconds()
	used := delta(first.CPUSeconds, last.CPUSeconds)
	if seconds <= 0 || value(used) <= 0 {
		return "", m
	}
	m = stats.Measure{Name: "collector_share", Unit: "ratio", N: int64(f.points), Method: "processor time of the collector over that of the process, second half"}
	if stated := delta(first.CollectorSeconds, last.CollectorSeconds); stated != nil {
		m.Value = *stated / *used
	} else if cycles := delta(first.GCCycles, last.GCCycles); cycles != nil && finite(last.HeapGoal) {
		m.Value = min(*cycles*liveShare**last.HeapGoal*markSecondsPerByte / *used, 1)
		m.Method += ", estimated from collections and heap: a nanosecond a byte"
	}
	if m.Value >= scrapedShare {
		return causeGC, m.Over(seconds)
	}
	if procs > 0 && *used >= busyShare*float64(procs)*seconds {
		return causeCPU, stats.Measure{Name: "processors_in_use", Value: *used / seconds, Unit: "count", N: int64(f.points),
			Method: "processor time over time, second half"}.Over(seconds)
	}
	return "", m
}

// processorScrapes are the first and the last answered scrape of the second half that state the processor time.
func (f *flow) processorScrapes() (first, last *evidence.LoadPoint) {
	points := f.load.Points
	for i := len(points) / 2; i < len(points); i++ {
		p := &points[i]
		if !finite(p.CPUSeconds) || p.At.IsZero() {
			continue
		}
		if first == nil {
			first = p
		}
		last = p
	}
	if first == last {
		return nil, nil
	}
	return first, last
}

// scrapedProcs is GOMAXPROCS as scrapes state it, 0 when they do not or differ.
func scrapedProcs(p *analyze.Pass) int {
	procs := 0
	for _, in := range p.Evidence.Inputs {
		if in.Kind != evidence.Metrics || in.MaxProcs == 0 {
			continue
		}
		if procs != 0 && procs != in.MaxProcs {
			return 0
		}
		procs = in.MaxProcs
	}
	return procs
}
