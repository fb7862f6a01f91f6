package inflight

import (
	"errors"
	"fmt"
	"math"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
	"go-debug/analyze/stats"
)

var plantings = []analyze.Planting{
	// Which rule it is depends on whether there are metrics: queueing is what dumps show without.
	{Rules: []string{ruleDiverging, ruleQueueing, ruleUnexplained}, Most: analyze.Likely, Put: plantDivergence},
}

// plantedPerDump is how many more requests pile up from one goroutine dump to the next.
const plantedPerDump = 60

// plantDivergence has requests pile up, in the metrics of a load and in dumps, as far as there are any.
func plantDivergence(set *evidence.Set, at evidence.Frame) (string, error) {
	dumps := len(set.SnapshotsOf(evidence.Goroutine))
	queue := plant.Crowd{Wait: evidence.WaitChanRecv,
		Stack: append(append(plant.Runtime("runtime.gopark", "runtime.chanrecv", "runtime.chanrecv1"), at), plant.Runtime("net/http.HandlerFunc.ServeHTTP", "net/http.(*conn).serve")...)}
	queue.Grow(set, 1, plantedPerDump, evidence.Goroutine)
	for i := range set.Loads {
		if l := &set.Loads[i]; l.Route == "all" {
			if more := pileUp(l); more > 0 {
				return fmt.Sprintf("%.0f more requests in flight at the end of the window", more), nil
			}
		}
	}
	if dumps < 3 {
		return "", errors.New("no metrics of requests in flight and requests that completed, with times, and fewer than three goroutine dumps")
	}
	return fmt.Sprintf("%d more requests that wait at one line with each dump", plantedPerDump), nil
}

// pileUp lets what is in flight rise evenly, far beyond how a busy queue wanders. It returns by how much.
func pileUp(l *evidence.Load) float64 {
	var timed []*evidence.LoadPoint
	most := 0.0
	for k := range l.Points {
		if p := &l.Points[k]; finite(p.InFlight) && finite(p.Requests) && !p.At.IsZero() {
			timed = append(timed, p)
			most = max(most, *p.InFlight)
		}
	}
	if len(timed) < 2 {
		return 0
	}
	first, last := timed[0], timed[len(timed)-1]
	window, served := last.At.Sub(first.At).Seconds(), math.Abs(*last.Requests-*first.Requests)
	if window <= 0 {
		return 0
	}
	more := max(10*most, 5*math.Sqrt(served), 3*plantedPerDump)
	for _, p := range timed {
		extra := more * p.At.Sub(first.At).Seconds() / window
		p.InFlight = stats.Float(*p.InFlight + extra)
		if finite(p.MeanInFlight) {
			p.MeanInFlight = stats.Float(*p.MeanInFlight + extra)
		}
		if finite(p.Started) {
			p.Started = stats.Float(*p.Started + extra)
		}
	}
	return more
}
