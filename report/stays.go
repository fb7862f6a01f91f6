package report

import (
	"slices"

	"go-debug/analyze/evidence"
)

// minStays is the fewest dumps that tell who stays from who passes: the first, the last, and one between.
const minStays = 3

// survivorsBySite counts, by the ID of a site, the goroutines that came after the first dump and are at the
// site in the last, without those that the last but one does not know yet: they may be passing. It returns
// nil where the dumps cannot show that: too few with ids, of several programs, or across a restart. Of sites
// with more goroutines than ids are kept of the count is nil.
func survivorsBySite(set *evidence.Set) (stayed func(id string) *int, windowS *float64) {
	dumps := dumpsOfOne(set)
	n := len(dumps)
	if n < minStays {
		return nil, nil
	}
	first, before := idsOf(dumps[0]), idsOf(dumps[n-2])
	if last := idsOf(dumps[n-1]); len(first) == 0 || len(last) == 0 || last[len(last)-1] < first[len(first)-1] {
		return nil, nil
	}
	counts, unknown := map[string]int{}, map[string]bool{}
	for i, d := range dumps {
		for j := range d.Groups {
			g := &d.Groups[j]
			s, ok := siteOf(g.Wait, g.Stack)
			if !ok {
				continue
			}
			unknown[s.ID] = unknown[s.ID] || g.IDsDropped > 0
			if i < n-1 {
				continue
			}
			for _, id := range g.IDs {
				if _, old := slices.BinarySearch(first, id); old {
					continue
				}
				if _, known := slices.BinarySearch(before, id); known {
					counts[s.ID]++
				}
			}
		}
	}
	if from, to := dumps[0].At, dumps[n-1].At; !from.IsZero() && to.After(from) {
		s := to.Sub(from).Seconds()
		windowS = &s
	}
	return func(id string) *int {
		if unknown[id] {
			return nil
		}
		k := counts[id]
		return &k
	}, windowS
}

// dumpsOfOne are the whole dumps with ids that were taken under load; none when they are of several programs.
func dumpsOfOne(set *evidence.Set) []*evidence.Snapshot {
	target := map[string]string{}
	for _, in := range set.Inputs {
		target[in.Source] = in.Target
	}
	var out []*evidence.Snapshot
	for i := range set.Snapshots {
		d := &set.Snapshots[i]
		if d.Kind != evidence.Goroutine || !d.HasIDs || !d.Complete || d.Phase == evidence.Settled {
			continue
		}
		if len(out) > 0 && target[out[0].Source] != target[d.Source] {
			return nil
		}
		out = append(out, d)
	}
	return out
}

// idsOf are the goroutines of a dump, ascending.
func idsOf(d *evidence.Snapshot) []uint64 {
	var out []uint64
	for i := range d.Groups {
		out = append(out, d.Groups[i].IDs...)
	}
	slices.Sort(out)
	return out
}
