package loadtest

import (
	"cmp"
	"math"
	"slices"
	"time"

	"go-debug/analyze/evidence"
)

const (
	// maxBins bounds the bins in memory: when more are needed they double in width.
	maxBins    = 4096
	firstWidth = int64(time.Millisecond)
	// What is kept has at most keptBins, and as many as hold fewRequests each, but not under leastBins: thirds
	// of a window want some bins, and bins some requests.
	keptBins    = 120
	leastBins   = 24
	fewRequests = 20
)

// tally is a bin of time: what began and ended in it, and the time that requests spent in it.
type tally struct {
	started, ended, failed int64
	spent                  int64 // ns, of requests that do not cover the bin
	took                   int64 // ns, durations of those that ended
	cover                  int64 // change of the number of requests that cover whole bins, from this one on
}

// requests turns single requests, in any order, into load over time. Memory does not depend on how many
// there are. Bins are numbered from the epoch in units of width.
type requests struct {
	width     int64 // ns
	first     int64 // number of bins[0]
	bins      []tally
	latencies evidence.Histogram
	n, failed int64
	start     int64 // first begin, ns since the epoch
	end       int64 // last end
	kept      []span
}

// span is a request, kept to see how many others it met.
type span struct{ start, end int64 }

// maxKept bounds the requests that are kept one by one: 16 MiB. Of longer tests the first are.
const maxKept = 1 << 20

func newRequests() *requests { return &requests{width: firstWidth} }

// add takes a request by its begin in nanoseconds since the epoch. Times beyond 1970 to 2262 and negative
// durations are refused.
func (r *requests) add(start, took int64, failed bool) bool {
	if start < 0 || took < 0 || start > math.MaxInt64/2 || took > math.MaxInt64/2 {
		return false
	}
	end := start + took
	if r.n == 0 || start < r.start {
		r.start = start
	}
	r.end = max(r.end, end)
	r.n++
	r.latencies.Add(took)
	if len(r.kept) < maxKept {
		r.kept = append(r.kept, span{start, end})
	}
	r.reach(start)
	r.reach(end)
	a, b := r.at(start), r.at(end)
	a.started++
	b.ended++
	b.took += took
	if failed {
		r.failed++
		b.failed++
	}
	first, last := start/r.width, end/r.width
	if first == last {
		a.spent += took
		return true
	}
	a.spent += (first+1)*r.width - start
	b.spent += end - last*r.width
	r.bins[first+1-r.first].cover++
	r.bins[last-r.first].cover--
	return true
}

func (r *requests) at(t int64) *tally { return &r.bins[t/r.width-r.first] }

// reach makes room for a moment, by wider bins if need be.
func (r *requests) reach(t int64) {
	if len(r.bins) == 0 {
		r.first, r.bins = t/r.width, make([]tally, 1, 256)
		return
	}
	for {
		i := t / r.width
		switch lo, hi := min(i, r.first), max(i, r.first+int64(len(r.bins))-1); {
		case hi-lo >= maxBins:
			r.widen()
			continue
		case i < r.first:
			r.bins = append(make([]tally, r.first-i, r.first-i+int64(len(r.bins))), r.bins...)
			r.first = i
		case i >= r.first+int64(len(r.bins)):
			r.bins = append(r.bins, make([]tally, i-r.first-int64(len(r.bins))+1)...)
		}
		return
	}
}

// settle turns covers into time spent.
func (r *requests) settle() {
	open := int64(0)
	for i := range r.bins {
		b := &r.bins[i]
		open += b.cover
		b.spent += open * r.width
		b.cover = 0
	}
}

// widen joins bins by two.
func (r *requests) widen() {
	r.settle()
	first := r.first / 2
	out := make([]tally, (r.first+int64(len(r.bins))-1)/2-first+1)
	for i, b := range r.bins {
		o := &out[(r.first+int64(i))/2-first]
		o.started += b.started
		o.ended += b.ended
		o.failed += b.failed
		o.spent += b.spent
		o.took += b.took
	}
	r.first, r.bins, r.width = first, out, r.width*2
}

// fill writes the points of a load: one at the first begin, and one at the end of each bin.
func (r *requests) fill(l *evidence.Load, pos evidence.Position) {
	if r.n == 0 {
		return
	}
	r.settle()
	peaks := map[int64]float64{}
	fine := r.width
	spent := make([]int64, len(r.bins))
	first := r.first
	for i, b := range r.bins {
		spent[i] = b.spent
	}
	for len(r.bins) > keptBins || len(r.bins) > leastBins && r.n/int64(len(r.bins)) < fewRequests {
		r.widen()
	}
	for i, s := range spent {
		bin := (first + int64(i)) * fine / r.width
		peaks[bin] = max(peaks[bin], float64(s)/float64(fine))
	}
	l.Latencies = &r.latencies
	r.meet(l)
	l.Points = r.points(pos, peaks)
}

// meet groups the kept requests by how many were in flight when each began. Where not all are kept, those
// that may have met some of the others are left out: tools list requests as they end.
func (r *requests) meet(l *evidence.Load) {
	horizon := int64(math.MaxInt64)
	if int64(len(r.kept)) < r.n {
		horizon = 0
		for _, s := range r.kept {
			horizon = max(horizon, s.end)
		}
		horizon -= r.latencies.Max
	}
	slices.SortFunc(r.kept, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	ends := make([]int64, len(r.kept))
	for i, s := range r.kept {
		ends[i] = s.end
	}
	slices.Sort(ends)
	ended := 0
	for i, s := range r.kept {
		for ended < i && ends[ended] <= s.start {
			ended++
		}
		if s.start < horizon {
			l.AddMet(i+1-ended, s.end-s.start)
		}
	}
	r.kept = nil
}

func (r *requests) points(pos evidence.Position, peaks map[int64]float64) []evidence.LoadPoint {
	var started, ended, failed, took int64
	at := r.start
	out := []evidence.LoadPoint{r.point(pos, 0, at, started, ended, failed, took)}
	var spent int64
	peak := 0.0
	for i, b := range r.bins {
		started, ended, failed, took = started+b.started, ended+b.ended, failed+b.failed, took+b.took
		spent += b.spent
		peak = max(peak, peaks[r.first+int64(i)])
		edge := min((r.first+int64(i)+1)*r.width, r.end)
		// A stub at either end of the test is too short to have a rate of its own.
		if i < len(r.bins)-1 && (edge-at < r.width/2 || i == len(r.bins)-2 && r.end-edge < r.width/2) {
			continue
		}
		p := r.point(pos, len(out), edge, started, ended, failed, took)
		if edge > at {
			p.MeanInFlight, p.MaxInFlight = ptr(float64(spent)/float64(edge-at)), ptr(max(peak, float64(spent)/float64(edge-at)))
		}
		out = append(out, p)
		at, spent, peak = edge, 0, 0
	}
	return slices.Clip(out)
}

func (r *requests) point(pos evidence.Position, i int, at, started, ended, failed, took int64) evidence.LoadPoint {
	const seqRoom = 1_000_000 // as the decoder of metrics leaves it
	return evidence.LoadPoint{
		At: time.Unix(0, at).UTC(), Seq: pos.Seq*seqRoom + i,
		InFlight: ptr(float64(started - ended)), Started: ptr(float64(started)),
		Requests: ptr(float64(ended)), Errors: ptr(float64(failed)),
		LatencyCount: ptr(float64(ended)), LatencySumS: ptr(float64(took) / 1e9),
	}
}

func ptr(v float64) *float64 { return &v }
