package selectwait

import (
	"cmp"
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// reportParked reports the selects in which a share of all goroutines waits, if anybody asks for it.
func reportParked(p *analyze.Pass, told map[string]bool) {
	least := p.Param("min-parked-share")
	if least <= 0 {
		return
	}
	for _, c := range readCrowds(p.Evidence, 1) {
		if told[c.key] || c.of == 0 || float64(c.parked) < least*float64(c.of) {
			continue
		}
		f := analyze.Finding{
			Rule: ruleParked, Confidence: analyze.Possible, Location: c.location, CreatedBy: c.creator, Wait: evidence.WaitSelect,
			Message:  fmt.Sprintf("%d of %d goroutines wait in this select", c.parked, c.of),
			Measures: []stats.Measure{shareOfGoroutines(&c), parkedMeasure(&c)}, Stacks: []evidence.Stack{c.stack}, Cost: float64(c.parked),
			Next: "go-debug explain " + ruleParked,
		}
		if c.growth != nil {
			f.Measures = append(f.Measures, *c.growth)
		}
		p.Report(f)
	}
}

func parkedMeasure(c *crowd) stats.Measure {
	return stats.Measure{Name: "parked", Value: float64(c.parked), Unit: "count", N: 1, Method: "most in any snapshot, or at the end of the trace"}
}

func shareOfGoroutines(c *crowd) stats.Measure {
	return stats.Measure{Name: "share_of_goroutines", Value: float64(c.parked) / float64(c.of), Unit: "ratio", N: int64(c.of),
		Method: "of all goroutines in that snapshot"}
}

// growthOf is how the number of goroutines in a select changed from the first to the last snapshot with a time.
func growthOf(snapshots []*evidence.Snapshot, key string) *stats.Measure {
	timed := slices.DeleteFunc(slices.Clone(snapshots), func(s *evidence.Snapshot) bool { return s.At.IsZero() })
	if len(timed) < 2 {
		return nil
	}
	slices.SortStableFunc(timed, func(a, b *evidence.Snapshot) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Seq, b.Seq)) })
	first, last := timed[0], timed[len(timed)-1]
	seconds := last.At.Sub(first.At).Seconds()
	if seconds <= 0 {
		return nil
	}
	change := crowdsOf(last)[key].parked - crowdsOf(first)[key].parked
	m := stats.Measure{Name: "parked_growth", Value: float64(change) / seconds, Unit: "per_s", N: int64(len(timed)),
		Method: "goroutines in this select in the last snapshot less those in the first, over the time between"}.Over(seconds)
	return &m
}
