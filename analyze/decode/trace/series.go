package trace

import (
	"math"

	"go-debug/analyze/evidence"
)

// series counts in bins whose width doubles when the window outgrows them.
type series struct {
	bin   int64
	bins  []seriesBin
	alive int64 // goroutines at the end of the window

	// last is the bin used last, which covers [from, to): threads are followed for a while, so it
	// mostly is the one that is used next.
	last     *seriesBin
	from, to int64
}

type seriesBin struct {
	created, ended, runningNS, runnableNS int64
	heap, heapAt                          int64 // heap is negative when none was seen
}

// firstBin is 1 ms: half a second in evidence.MaxBins.
const firstBin = 1_000_000

func newSeries() *series { return &series{bin: firstBin} }

// at returns the bin of a time.
func (s *series) at(t int64) *seriesBin {
	if t >= s.from && t < s.to {
		return s.last
	}
	return s.find(t)
}

func (s *series) find(t int64) *seriesBin {
	t = max(t, 0) // what comes before the base is in the first bin
	for t/s.bin >= evidence.MaxBins {
		s.fold()
	}
	n := t / s.bin
	for int64(len(s.bins)) <= n {
		s.bins = append(s.bins, seriesBin{heap: -1})
	}
	b := &s.bins[n]
	s.last, s.from, s.to = nil, 0, 0
	if n < math.MaxInt64/s.bin-1 { // else its end lies beyond what can be counted
		s.last, s.from, s.to = b, n*s.bin, (n+1)*s.bin
	}
	return b
}

// fold halves the number of bins.
func (s *series) fold() {
	half := s.bins[:0]
	for i := 0; i < len(s.bins); i += 2 {
		b := s.bins[i]
		if i+1 < len(s.bins) {
			next := s.bins[i+1]
			b.created += next.created
			b.ended += next.ended
			b.runningNS += next.runningNS
			b.runnableNS += next.runnableNS
			b.setHeap(next.heap, next.heapAt)
		}
		half = append(half, b)
	}
	s.bins = half
	s.bin *= 2
	s.last, s.from, s.to = nil, 0, 0
}

// setHeap keeps the latest value.
func (b *seriesBin) setHeap(bytes, at int64) {
	if bytes >= 0 && (b.heap < 0 || at >= b.heapAt) {
		b.heap, b.heapAt = bytes, at
	}
}

// merge adds another series of the same window.
func (s *series) merge(o *series) {
	if len(o.bins) == 0 {
		return
	}
	for s.bin < o.bin {
		s.fold()
	}
	for o.bin < s.bin {
		o.fold()
	}
	s.at(int64(len(o.bins)-1) * o.bin)
	for i, b := range o.bins {
		have := &s.bins[i]
		have.created += b.created
		have.ended += b.ended
		have.runningNS += b.runningNS
		have.runnableNS += b.runnableNS
		have.setHeap(b.heap, b.heapAt)
	}
}

func (s *series) created(t int64)        { s.at(t).created++ }
func (s *series) ended(t int64)          { s.at(t).ended++ }
func (s *series) setHeap(t, bytes int64) { s.at(t).setHeap(bytes, t) }
func (s *series) running(from, to int64) {
	if s.lastHas(from, to) {
		s.last.runningNS += to - from
		return
	}
	s.spread(from, to, func(b *seriesBin, d int64) { b.runningNS += d })
}
func (s *series) runnable(from, to int64) {
	if s.lastHas(from, to) {
		s.last.runnableNS += to - from
		return
	}
	s.spread(from, to, func(b *seriesBin, d int64) { b.runnableNS += d })
}

// lastHas reports that a span of time, which may be empty but not run backwards, lies in the last bin.
func (s *series) lastHas(from, to int64) bool { return from >= s.from && to < s.to && from <= to }

// spread adds the time between two moments to the bins it falls into.
func (s *series) spread(from, to int64, add func(b *seriesBin, d int64)) {
	s.at(to) // settles the width before the bins are walked
	for from < to {
		b := s.at(from)
		// The end of the last bin may lie beyond the largest int64.
		d := min(s.bin-from%s.bin, to-from)
		add(b, d)
		from += d
	}
}

// evidence returns the series of a window that ends at a time.
func (s *series) evidence(end int64) evidence.Series {
	s.at(end)
	out := evidence.Series{BinNS: s.bin}
	var created, ended int64
	for _, b := range s.bins {
		created += b.created
		ended += b.ended
	}
	alive, heap := s.alive-created+ended, int64(0)
	for _, b := range s.bins {
		alive += b.created - b.ended
		if b.heap >= 0 {
			heap = b.heap
		}
		out.Created = append(out.Created, b.created)
		out.Ended = append(out.Ended, b.ended)
		out.Goroutines = append(out.Goroutines, alive)
		out.RunningNS = append(out.RunningNS, b.runningNS)
		out.RunnableNS = append(out.RunnableNS, b.runnableNS)
		out.HeapBytes = append(out.HeapBytes, heap)
	}
	return out
}
