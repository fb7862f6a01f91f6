package evidence

import (
	"cmp"
	"slices"
)

// Merge joins two sets into one. It is associative and commutative: everything is put
// into an order that depends on its content alone, never on which argument held it.
// Neither argument is changed; the result may share memory with both.
func Merge(a, b *Set) *Set {
	m := &Set{
		Inputs:    slices.Concat(a.Inputs, b.Inputs),
		Snapshots: slices.Concat(a.Snapshots, b.Snapshots),
		Loads:     mergeLoads(a.Loads, b.Loads),
		Trace:     MergeTraces(a.Trace, b.Trace),
		Code:      mergeCode(a.Code, b.Code),
	}
	slices.SortStableFunc(m.Inputs, func(x, y Input) int {
		return cmp.Or(comparePositions(x.Position, y.Position), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.SHA256, y.SHA256))
	})
	slices.SortStableFunc(m.Snapshots, func(x, y Snapshot) int {
		return cmp.Or(comparePositions(x.Position, y.Position), cmp.Compare(x.Part, y.Part), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Total, y.Total))
	})
	m.coarsen(max(a.Coarseness, b.Coarseness))
	m.Profiles, m.Sums = foldProfiles(a, b)
	return m
}

func comparePositions(p, q Position) int {
	return cmp.Or(cmp.Compare(p.Seq, q.Seq), cmp.Compare(p.Source, q.Source))
}

// mergeLoads joins loads of the same source and route: their points become one series.
func mergeLoads(a, b []Load) []Load {
	type key struct {
		kind                  Kind
		source, route, origin string
	}
	byKey := map[key]*Load{}
	var order []key
	for _, l := range slices.Concat(a, b) {
		k := key{l.Kind, l.Source, l.Route, l.Origin}
		have, ok := byKey[k]
		if !ok {
			c := l
			c.Points = slices.Clone(l.Points)
			byKey[k] = &c
			order = append(order, k)
			continue
		}
		have.Points = append(have.Points, l.Points...)
		have.Roles = mergeRoles(have.Roles, l.Roles)
		have.Met = MergeMet(have.Met, l.Met)
		have.Latencies = mergeLatencies(have.Latencies, l.Latencies)
		if have.Stated == nil {
			have.Stated = l.Stated
		}
		if have.Generator == nil {
			have.Generator = l.Generator
		}
	}
	slices.SortFunc(order, func(x, y key) int {
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.source, y.source), cmp.Compare(x.origin, y.origin), cmp.Compare(x.route, y.route))
	})
	var out []Load
	for _, k := range order {
		l := byKey[k]
		slices.SortStableFunc(l.Points, func(x, y LoadPoint) int {
			if c := x.At.Compare(y.At); c != 0 && !x.At.IsZero() && !y.At.IsZero() {
				return c
			}
			return cmp.Compare(x.Seq, y.Seq)
		})
		out = append(out, *l)
	}
	return out
}

func mergeLatencies(a, b *Histogram) *Histogram {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	out := &Histogram{}
	out.Merge(a)
	out.Merge(b)
	return out
}

// mergeRoles keeps the smaller name where two inputs disagree, for want of a better order.
func mergeRoles(a, b map[string]string) map[string]string {
	if len(a) == 0 {
		return b
	}
	out := make(map[string]string, len(a)+len(b))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		if old, ok := out[k]; !ok || v < old {
			out[k] = v
		}
	}
	return out
}
