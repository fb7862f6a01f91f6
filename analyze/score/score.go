// Package score reduces a capture to the numbers by which two runs of a program are compared: what a
// request costs, by function; how long goroutines wait, by line; latencies, pauses and throughput.
//
// Scores are divided by the work that was done, where the capture knows it, since the profile of a longer
// run is not a regression: by requests where metrics count them, else by the total of the profile or by
// the time. The unit says which, and scores of different units are never compared.
//
// What leaks is not among them: goroutines that stay are compared exactly, by site and rate (see package
// report).
package score

import (
	"cmp"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// Family is a group of scores that one test looks at together.
type Family string

// The families. Load and Runtime hold a few numbers; the others have one for each function or site.
const (
	Load    Family = "load"    // throughput, concurrency and latency
	Runtime Family = "runtime" // scheduler latency, GC pauses and assists, CPU in all
	CPU     Family = "cpu"     // CPU time by function, with what it calls
	Alloc   Family = "alloc"   // bytes allocated by the function of the program nearest to the allocation
	Delay   Family = "delay"   // mutex delay by the function of the program that unlocked
	Wait    Family = "wait"    // percentiles of waits by function and reason
)

// Families lists them in the order of reports.
var Families = []Family{Load, Runtime, CPU, Alloc, Delay, Wait}

// Many reports a family of many scores, one for each function or site.
func (f Family) Many() bool { return f != Load && f != Runtime }

// Score is one number of a run.
type Score struct {
	Family Family
	Name   string // "P99 latency", "main.(*cache).lookup"
	Unit   string // ns, bytes, ns_per_request, bytes_per_request, ratio (of the total), per_s, count
	Value  float64
	N      int64 // samples behind the value; 0 when not known
	Higher bool  // a higher value is better
}

const (
	// MaxFunctions bounds the scores of a family with one for each function, the largest.
	MaxFunctions = 100
	// minSlice leaves out functions with less of the total: below it a sampled profile of usual length
	// has no samples to speak of.
	minSlice = 0.002
	// minWaits is the least number of waits whose P95 says something.
	minWaits = 100
)

// Of are the scores of a capture, in a fixed order: families, then names. loads is what the detectors
// made of the capture's load.
func Of(set *evidence.Set, loads []analyze.LoadReport) []Score {
	perS := signature.RequestRate(set)
	out := slices.Concat(loadScores(loads), runtimeScores(set, perS), cpuScores(set, perS),
		columnScores(set, evidence.Allocs, "alloc_space", Alloc, "bytes", perS),
		columnScores(set, evidence.Mutex, "delay", Delay, "ns", perS), waitScores(set.Trace))
	slices.SortStableFunc(out, func(a, b Score) int {
		return cmp.Or(cmp.Compare(slices.Index(Families, a.Family), slices.Index(Families, b.Family)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Unit, b.Unit))
	})
	return slices.CompactFunc(out, func(a, b Score) bool { return a.Family == b.Family && a.Name == b.Name && a.Unit == b.Unit })
}

func loadScores(loads []analyze.LoadReport) []Score {
	var out []Score
	for i := range loads {
		l := &loads[i]
		add := func(name, unit string, v *float64, n int64, higher bool) {
			if v != nil {
				out = append(out, Score{Load, name + ", " + l.Source + " " + l.Route, unit, *v, n, higher})
			}
		}
		add("throughput", "per_s", l.QPS, 0, true)
		add("in flight", "count", l.InFlight.Mean, 0, false)
		if t := l.Latency; t != nil {
			add("P50 latency", "ns", t.P50, t.N, false)
			add("P95 latency", "ns", t.P95, t.N, false)
			add("P99 latency", "ns", t.P99, t.N, false)
		}
	}
	return out
}

func runtimeScores(set *evidence.Set, perS float64) []Score {
	var out []Score
	cpu := signature.Read(set)
	switch cores := cpu.Cores(); {
	case cores > 0 && perS > 0:
		out = append(out, Score{Runtime, "CPU", "ns_per_request", cores / perS * 1e9, cpu.Samples, false})
	case cores > 0:
		out = append(out, Score{Runtime, "CPU", "cores", cores, cpu.Samples, false})
	}
	t := set.Trace
	if t == nil || t.DurationNS() == 0 {
		return out
	}
	quantile := func(name string, h *evidence.Histogram, q float64) {
		if h.Count >= minWaits {
			out = append(out, Score{Runtime, name, "ns", float64(h.Quantile(q)), h.Count, false})
		}
	}
	quantile("P50 scheduler latency", &t.Sched.Latency, 0.5)
	quantile("P99 scheduler latency", &t.Sched.Latency, 0.99)
	if pauses := stops(t); pauses.Count > 0 {
		out = append(out, Score{Runtime, "longest GC pause", "ns", float64(pauses.Max), pauses.Count, false})
	}
	if t.Sched.RunningNS > 0 {
		out = append(out,
			Score{Runtime, "GC assist share of running", "ratio", float64(t.GC.Assist.Sum) / float64(t.Sched.RunningNS), t.GC.Assist.Count, false},
			Score{Runtime, "GC mark phase share of time", "ratio", float64(t.GC.MarkNS) / float64(t.DurationNS()), t.GC.Cycles, false})
	}
	return out
}

// waitScores are P50, P95 and P99 of the waits of each function of the program for each reason.
func waitScores(t *evidence.Trace) []Score {
	var out []Score
	for _, d := range waits(t) {
		for _, q := range []struct {
			name string
			q    float64
		}{{"P50", 0.5}, {"P95", 0.95}, {"P99", 0.99}} {
			out = append(out, Score{Wait, q.name + " " + d.Name, "ns", float64(d.Histogram.Quantile(q.q)), d.Histogram.Count, false})
		}
	}
	return out
}
