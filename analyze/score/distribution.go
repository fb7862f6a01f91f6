package score

import (
	"cmp"
	"maps"
	"slices"

	"go-debug/analyze/evidence"
)

// Distribution is how long something took each time, in nanoseconds, as counts that merge with those of other runs.
type Distribution struct {
	Family    Family // Load, Runtime or Wait
	Name      string // "latency, trace main.serve", "chan send in main.(*pool).put"
	Histogram evidence.Histogram
}

// maxDistributions bounds those of one family, the ones with the most counts.
const maxDistributions = 50

// Distributions are those of a capture, by family and name.
func Distributions(set *evidence.Set) []Distribution {
	out := latencies(set)
	if t := set.Trace; t != nil {
		out = append(out, few(Runtime, "scheduler latency", t.Sched.Latency, minWaits)...)
		out = append(out, few(Runtime, "GC pause", stops(t), 1)...)
		out = append(out, most(waits(t))...)
	}
	return out
}

func few(family Family, name string, h evidence.Histogram, least int64) []Distribution {
	if h.Count < least {
		return nil
	}
	return []Distribution{{family, name, h}}
}

// latencies are those of the requests that were seen one by one.
func latencies(set *evidence.Set) []Distribution {
	var out []Distribution
	for i := range set.Loads {
		if l := &set.Loads[i]; l.Latencies != nil {
			out = append(out, few(Load, "latency, "+l.Source+" "+l.Route, *l.Latencies, 1)...)
		}
	}
	if set.Trace != nil {
		for i := range set.Trace.Requests {
			r := &set.Trace.Requests[i]
			out = append(out, few(Load, "latency, trace "+cmp.Or(r.Route, r.Protocol), r.Latency, 1)...)
		}
	}
	return most(out)
}

// most merges those of one name, keeps the largest, and orders them by name.
func most(all []Distribution) []Distribution {
	by := map[string]*Distribution{}
	var out []*Distribution
	for i := range all {
		d := &all[i]
		if have := by[d.Name]; have != nil {
			have.Histogram.Merge(&d.Histogram)
			continue
		}
		by[d.Name] = &Distribution{d.Family, d.Name, *d.Histogram.Clone()}
		out = append(out, by[d.Name])
	}
	slices.SortStableFunc(out, func(a, b *Distribution) int {
		return cmp.Or(cmp.Compare(b.Histogram.Count, a.Histogram.Count), cmp.Compare(a.Name, b.Name))
	})
	out = out[:min(len(out), maxDistributions)]
	slices.SortFunc(out, func(a, b *Distribution) int { return cmp.Compare(a.Name, b.Name) })
	kept := make([]Distribution, len(out))
	for i, d := range out {
		kept[i] = *d
	}
	return kept
}

// stops are the times for which the collector stopped the program.
func stops(t *evidence.Trace) evidence.Histogram {
	var pauses evidence.Histogram
	for _, kind := range slices.Sorted(maps.Keys(t.GC.STW)) {
		h := t.GC.STW[kind]
		pauses.Merge(&h)
	}
	return pauses
}

// waits are those of each function of the program for each reason, where there are enough. The
// runtime's own goroutines wait for work, and so do those that sleep: neither is a cost.
func waits(t *evidence.Trace) []Distribution {
	if t == nil {
		return nil
	}
	at := map[string]int{}
	var out []Distribution
	for i := range t.Blocks {
		b := &t.Blocks[i]
		f, ok := t.StackOf(b.Stack).User()
		if !ok || b.Wait == evidence.WaitSystem || b.Wait == evidence.WaitSleep {
			continue
		}
		name := string(b.Wait) + " in " + f.Function
		k, known := at[name]
		if !known {
			k = len(out)
			at[name] = k
			out = append(out, Distribution{Family: Wait, Name: name})
		}
		out[k].Histogram.Merge(&b.Ended)
	}
	return slices.DeleteFunc(out, func(d Distribution) bool { return d.Histogram.Count < minWaits })
}
