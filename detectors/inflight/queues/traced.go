package queues

import (
	"math"
	"math/rand/v2"

	"go-debug/analyze/evidence"
)

// tracedBins is the number of bins of a trace's series.
const tracedBins = 240

// traced runs the model once and returns what a trace of the window shows of its requests.
func (m Model) traced(rng *rand.Rand) *evidence.Trace {
	window := int64(m.window() * 1e9)
	q := &evidence.RequestWindow{}
	s := &q.Series
	s.BinNS = (window + tracedBins - 1) / tracedBins
	for _, list := range []*[]int64{&s.Arrived, &s.Ended, &s.InFlightNS, &s.UpperNS, &s.DurationNS} {
		*list = make([]int64, tracedBins)
	}
	r := evidence.Requests{Protocol: "http/1", Route: "main.work"}
	for _, one := range m.run(rng) {
		from, to := int64(one.arrival*1e9), int64(math.MaxInt64)
		if !math.IsInf(one.end, 1) {
			to = int64(one.end * 1e9)
		}
		if to < 0 || from >= window {
			continue
		}
		earlier, open := from < 0, to >= window
		from, to = max(from, 0), min(to, window)
		spread(s.InFlightNS, s.BinNS, from, to)
		r.InFlightNS += to - from
		if !earlier {
			s.Arrived[from/s.BinNS]++
		}
		if !open {
			s.Ended[to/s.BinNS]++
			s.DurationNS[to/s.BinNS] += to - from
		}
		switch {
		case open:
			r.Open++
			if !earlier {
				r.Ages.Add(to - from)
			}
			if earlier {
				r.OpenEarlier++
			}
			r.Censored.Add(to - from)
		case earlier:
			r.Earlier++
			r.Censored.Add(to - from)
		default:
			r.Completed++
			r.Latency.Add(to - from)
		}
	}
	r.Upper.Merge(&r.Latency)
	copy(s.UpperNS, s.InFlightNS)
	r.UpperNS = r.InFlightNS
	return &evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: window, Complete: true, Requests: q}}, Requests: []evidence.Requests{r}, Stacks: [][]int32{{}}}
}

// spread adds the time between two moments to the bins that it falls into.
func spread(bins []int64, width, from, to int64) {
	for from < to {
		end := min((from/width+1)*width, to)
		bins[from/width] += end - from
		from = end
	}
}
