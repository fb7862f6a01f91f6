package inflight

import (
	"math"
	"slices"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/stats"
)

// maxBins bounds the series of the report.
const maxBins = 512

// series is the load in bins of one width, the median time between scrapes. Each takes the interval
// that holds its middle; bins without one are nil.
func (f *flow) series() *analyze.LoadSeries {
	if len(f.bins) == 0 {
		return nil
	}
	start, end := f.bins[0].start, f.bins[len(f.bins)-1].end
	total := end.Sub(start).Seconds()
	width := max(f.usualSeconds(), total/maxBins)
	n := min(max(int(math.Round(total/width)), 1), maxBins)
	s := &analyze.LoadSeries{BinS: width}
	for i := range n {
		middle := start.Add(time.Duration((float64(i) + 0.5) * width * float64(time.Second)))
		at := slices.IndexFunc(f.bins, func(b bin) bool { return !middle.Before(b.start) && middle.Before(b.end) })
		var b bin
		if at >= 0 {
			b = f.bins[at]
		}
		s.ArrivalsPerS = append(s.ArrivalsPerS, b.arrivals)
		s.QPS = append(s.QPS, b.qps)
		s.InFlight = append(s.InFlight, b.meanFlight)
		s.Goroutines = append(s.Goroutines, b.goroutines)
	}
	return s
}

// usualSeconds is the median length of the bins.
func (f *flow) usualSeconds() float64 {
	widths := make([]float64, len(f.bins))
	for i, b := range f.bins {
		widths[i] = b.seconds
	}
	return stats.Median(widths)
}
