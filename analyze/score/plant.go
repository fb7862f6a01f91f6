package score

import (
	"errors"
	"fmt"
	"slices"

	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
	"go-debug/analyze/stats"
)

// Planting is a synthetic regression of scores of one family. All families may be planted in one set: no score
// of a family is hidden by what is planted for another.
type Planting struct {
	Family Family
	// What it is, beside the family: "scheduler latency".
	What string
	// Scores tells the scores that must get worse.
	Scores func(name string) bool
	// Put plants in a set that package plant copied, and says what. The error says which evidence is missing.
	Put func(set *evidence.Set, at evidence.Frame) (string, error)
}

// Plantings has one for each sort of score that a gate compares.
var Plantings = []Planting{
	{Load, "latency and concurrency", named("P95 latency", "in flight"), plantLoad},
	{Runtime, "scheduler latency", named("P99 scheduler latency"), plantScheduler},
	{Runtime, "GC pauses", named("longest GC pause"), plantPause},
	{CPU, "CPU time by function", named(), plantCPU},
	{Alloc, "bytes allocated by function", named(), plantAllocs},
	{Delay, "lock delay by function", named(), plantDelay},
	{Wait, "percentiles of waits", named(), plantWaits},
}

// named matches scores whose name begins with one of the given, or of the planted function.
func named(names ...string) func(string) bool {
	return func(score string) bool {
		if len(names) == 0 {
			return len(score) >= len(plant.Name) && score[len(score)-len(plant.Name):] == plant.Name
		}
		return slices.ContainsFunc(names, func(n string) bool { return len(score) > len(n) && score[:len(n)] == n || score == n })
	}
}

const (
	plantedShare = 0.3   // of the CPU
	plantedBytes = 100e6 // a second
	plantedDelay = 5e9   // ns a second: five goroutines wait all the time
	plantedNS    = 200e6 // of a wait, a pause or the latency for a P
	plantedTimes = 10    // the latency of requests
)

var (
	errNoTrace   = errors.New("no trace")
	errNoProfile = errors.New("no profile of it")
)

func plantCPU(set *evidence.Set, at evidence.Frame) (string, error) {
	if !plant.CPU(set, plantedShare, evidence.Stack{at}) {
		return "", errNoProfile
	}
	return fmt.Sprintf("%.0f %% of the CPU in one more function", 100*plantedShare), nil
}

func plantAllocs(set *evidence.Set, at evidence.Frame) (string, error) {
	if !plant.Rate(set, evidence.Allocs, evidence.Stack{at}, map[string]float64{"alloc_space": plantedBytes, "alloc_objects": plantedBytes / 1e3}) {
		return "", errNoProfile
	}
	return fmt.Sprintf("%d MB a second allocated in one more function", int64(plantedBytes/1e6)), nil
}

func plantDelay(set *evidence.Set, at evidence.Frame) (string, error) {
	stack := append(plant.Runtime("sync.(*Mutex).Unlock"), at)
	if !plant.Rate(set, evidence.Mutex, stack, map[string]float64{"delay": plantedDelay, "contentions": 1000}) {
		return "", errNoProfile
	}
	return fmt.Sprintf("%d s of lock delay a second in one more function", int64(plantedDelay/1e9)), nil
}

func plantWaits(set *evidence.Set, at evidence.Frame) (string, error) {
	if set.Trace == nil || set.Trace.DurationNS() == 0 {
		return "", errNoTrace
	}
	plant.Waits(set.Trace, evidence.WaitChanRecv, append(plant.Runtime("runtime.chanrecv1"), at), 2*minWaits, plantedNS)
	return fmt.Sprintf("%d waits of %d ms in one more function", 2*minWaits, int64(plantedNS/1e6)), nil
}

func plantScheduler(set *evidence.Set, _ evidence.Frame) (string, error) {
	t := set.Trace
	if t == nil || t.DurationNS() == 0 {
		return "", errNoTrace
	}
	t.Sched.Latency.AddN(plantedNS, max(t.Sched.Latency.Count/10, minWaits))
	return fmt.Sprintf("one goroutine in ten waits %d ms for a P", int64(plantedNS/1e6)), nil
}

func plantPause(set *evidence.Set, _ evidence.Frame) (string, error) {
	t := set.Trace
	if t == nil || t.DurationNS() == 0 {
		return "", errNoTrace
	}
	const kind = "GC mark termination"
	h := t.GC.STW[kind]
	stops := *h.Clone()
	stops.AddN(plantedNS, 1)
	if t.GC.STW == nil {
		t.GC.STW = map[string]evidence.Histogram{}
	}
	t.GC.STW[kind] = stops
	return fmt.Sprintf("a pause of %d ms", int64(plantedNS/1e6)), nil
}

// plantLoad has requests take ten times as long, in all that counts them.
func plantLoad(set *evidence.Set, _ evidence.Frame) (string, error) {
	planted := false
	for i := range set.Loads {
		planted = slower(&set.Loads[i]) || planted
	}
	if t := set.Trace; t != nil {
		for i := range t.Requests {
			r := &t.Requests[i]
			if r.Latency.Count > 0 {
				r.Latency, r.Upper = *stretched(&r.Latency), *stretched(&r.Upper)
				planted = true
			}
			r.InFlightNS, r.UpperNS = plantedTimes*r.InFlightNS, plantedTimes*r.UpperNS
		}
	}
	if !planted {
		return "", errors.New("no metrics, load test or trace that counts requests")
	}
	return fmt.Sprintf("requests that take %d times as long", plantedTimes), nil
}

// slower stretches what a load says of latency and concurrency; false where it says nothing.
func slower(l *evidence.Load) bool {
	planted := false
	if l.Latencies != nil && l.Latencies.Count > 0 {
		l.Latencies, planted = stretched(l.Latencies), true
	}
	if s := l.Stated; s != nil {
		c := *s
		c.Quantiles, c.Buckets = slices.Clone(s.Quantiles), slices.Clone(s.Buckets)
		for i := range c.Quantiles {
			c.Quantiles[i].Seconds *= plantedTimes
		}
		for i := range c.Buckets {
			c.Buckets[i].LE *= plantedTimes
		}
		l.Stated, planted = &c, planted || len(c.Quantiles)+len(c.Buckets) > 0
	}
	for i := range l.Points {
		p := &l.Points[i]
		for _, v := range []**float64{&p.InFlight, &p.MeanInFlight, &p.MaxInFlight, &p.LatencySumS} {
			if *v != nil {
				*v, planted = stats.Float(plantedTimes*(**v)), true
			}
		}
		p.LatencyBuckets = slices.Clone(p.LatencyBuckets)
		for k := range p.LatencyBuckets {
			if b := &p.LatencyBuckets[k]; b.LE < unbounded {
				b.LE *= plantedTimes
			}
		}
	}
	return planted
}

// unbounded is less than the bound of a histogram's last bucket, and more than any other's.
const unbounded = 1e100

// stretched is a histogram of durations all of which took ten times as long.
func stretched(h *evidence.Histogram) *evidence.Histogram {
	out := &evidence.Histogram{}
	const steps = 100
	for k := range int64(steps) {
		from, to := h.Count*k/steps, h.Count*(k+1)/steps
		if to > from {
			out.AddN(plantedTimes*h.AtRank((from+to)/2+1), to-from)
		}
	}
	return out
}
