package inflight

import (
	"slices"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// perRequest is how many goroutines a request in flight may account for at least: that of its
// connection, and the one that watches the connection while the handler runs. mostPerRequest bounds what
// the window itself may show of one that calls others: two for each client connection, and what it
// starts. Beyond that, or among fewRequests, they are a pool.
const (
	perRequest     = 2
	mostPerRequest = 10
	fewRequests    = 10
)

// unexplained is the goroutines that throughput and concurrency do not account for.
type unexplained struct {
	count      float64 // at the end
	goroutines float64 // at the end
	explained  float64 // requests: the larger of X·W and those in flight at the end
	growth     float64 // of goroutines since the smallest count, less what requests account for
	smallest   float64
	trend      stats.Trend
}

func (f *flow) unexplained() (unexplained, bool) {
	n := len(f.goroutines)
	littles := f.explained()
	if n < 3 || littles == nil && f.meanInFlight == nil {
		return unexplained{}, false
	}
	u := unexplained{goroutines: f.goroutines[n-1], smallest: slices.Min(f.goroutines), trend: stats.MannKendall(f.goroutines)}
	least, end, each := f.requestGoroutines()
	u.explained = max(value(littles), end)
	u.count = u.goroutines - u.explained
	u.growth = u.goroutines - u.smallest - each*(end-least)
	if f.maxInFlight == nil {
		u.growth = u.goroutines - u.smallest - perRequest*u.explained
	}
	return u, true
}

// requestGoroutines are the fewest requests in flight, those at the end, and how many goroutines each of
// those between may account for: as many as there were for each when they were fewest.
func (f *flow) requestGoroutines() (least, end, each float64) {
	first := true
	for _, p := range f.load.Points {
		if !finite(p.InFlight) {
			continue
		}
		end = *p.InFlight
		if !first && end >= least {
			continue
		}
		least, each, first = end, perRequest, false
		if finite(p.Goroutines) && end >= fewRequests {
			each = max(each, min(*p.Goroutines/end, mostPerRequest))
		}
	}
	return least, end, each
}

// grows holds for goroutines that rise to the end of the window by half of the smallest count, or by a
// tenth where there are so many that nothing else explains them.
func (u unexplained) grows(least float64) bool {
	if u.growth < least || u.goroutines < perRequest*u.explained+least {
		return false
	}
	// Where requests account for most of the growth, the rest is what they start and the scrape's
	// own skew.
	if u.growth < (u.goroutines-u.smallest)/2 {
		return false
	}
	share := u.growth / max(u.smallest, 1)
	vast := u.count >= 100*least && u.goroutines >= 50*max(u.explained, 1)
	if share < 0.5 && !(vast && share >= 0.1) {
		return false
	}
	if u.trend.N < minTrendBins {
		return u.trend.Tau >= 1 // too few for a test: a rise at every scrape
	}
	return u.trend.PUp < 0.01 && u.trend.Tau >= 0.7
}

// idleAdded is how many idle connections of the server were added from the first snapshot to the last. Clients keep them for the next
// request: as many as they once had in flight at a time, or one for each client.
func (w *waits) idleAdded() int {
	if len(w.snapshots) < 2 {
		return 0
	}
	idle := func(s *evidence.Snapshot) (n int) {
		for i := range s.Groups {
			if isIdleConnection(s.Groups[i].Stack) {
				n += s.Groups[i].Count
			}
		}
		return n
	}
	return idle(w.snapshots[len(w.snapshots)-1]) - idle(w.snapshots[0])
}

// isIdleConnection reports a connection of net/http's server that waits for a request, or for the rest of its head. One of
// HTTP/2 is below its serve too while it has requests, and so is a handshake of TLS.
func isIdleConnection(stack evidence.Stack) bool {
	serve := slices.IndexFunc(stack, func(f evidence.Frame) bool { return f.Function == "net/http.(*conn).serve" })
	if serve < 1 {
		return false
	}
	called := stack[serve-1].Function
	return called == "bufio.(*Reader).Peek" || called == "net/http.(*conn).readRequest"
}

// text contrasts the goroutines with what throughput explains.
func (u unexplained) text(f *flow) string {
	out := grouped(u.goroutines) + " goroutines, " + grouped(u.growth) + " more than at the least that requests do not account for"
	if q := f.qps(); q != nil && *q > 0 && f.meanLatencyS != nil {
		out = grouped(u.goroutines) + " goroutines at " + grouped(*q) + " QPS would mean " + duration(stats.Residence(u.goroutines, *q)) +
			" each; mean latency is " + duration(*f.meanLatencyS) + ": throughput explains " + grouped(u.explained) + ", " +
			grouped(u.count) + " are not serving requests, and they grow"
	}
	return out
}

func (u unexplained) measure(f *flow) stats.Measure {
	return stats.Measure{Name: "unexplained_goroutines", Value: u.count, Unit: "count", N: int64(len(f.goroutines)), Max: stats.Float(slices.Max(f.goroutines)),
		Method: "goroutines at the last scrape less " + stats.LittleMethod + " or the gauge of requests in flight; growth by " + stats.MannKendallMethod}.Over(f.window)
}

// notable holds for goroutines far beyond what requests explain, growing or not.
func (u unexplained) notable() bool {
	return u.count >= notableGoroutines && u.goroutines >= perRequest*u.explained+notableGoroutines
}

// notableGoroutines is as many as are worth a word. Fewer are connections and background work.
const notableGoroutines = 100

// goroutinesText says how many goroutines there are, and how many of them serve no request.
func (a *assessment) goroutinesText(w *waits) string {
	f := a.flow
	n := f.goroutines[len(f.goroutines)-1]
	text := grouped(n) + " goroutines"
	u, ok := f.unexplained()
	if !ok || !u.notable() || a.diverges {
		return text
	}
	if q := f.qps(); q != nil && *q > 0 && f.meanLatencyS != nil {
		text += " would mean " + duration(stats.Residence(n, *q)) + " each: throughput explains " + grouped(u.explained) + ", " +
			grouped(u.count) + " are not serving requests"
	} else {
		text += ", " + grouped(u.count) + " of them not serving requests"
	}
	if a.others != nil {
		text += ", and growing"
	}
	if s := w.largestOther(); s != nil && f.load.Origin == "" {
		text += "; most are parked at " + s.frame.Function
	}
	return text
}
