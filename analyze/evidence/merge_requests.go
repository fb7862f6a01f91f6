package evidence

import (
	"cmp"
	"slices"
)

type (
	requestKey struct{ protocol, route string }
	stateKey   struct {
		state string
		stack int32
	}
)

// requestFold adds the requests of traces up, under the provisional stack ids of a traceFold.
type requestFold map[requestKey]*requestSum

type requestSum struct {
	Requests
	states map[stateKey]*RequestState
}

func (f requestFold) add(t *Trace, id func(int32) int32) {
	for i := range t.Requests {
		r := &t.Requests[i]
		k := requestKey{r.Protocol, r.Route}
		have, ok := f[k]
		if !ok {
			have = &requestSum{states: map[stateKey]*RequestState{}}
			f[k] = have
		}
		have.add(r, id)
		if !ok {
			have.Arrived = slices.Clone(r.Arrived)
		}
	}
}

// AddCounts adds what other requests of the same or another window are in numbers: counts, times and
// distributions. States and exemplars stay, for they refer to stacks.
func (s *Requests) AddCounts(r *Requests) {
	s.Completed += r.Completed
	s.Earlier += r.Earlier
	s.Open += r.Open
	s.OpenEarlier += r.OpenEarlier
	s.Unseen += r.Unseen
	s.Abandoned += r.Abandoned
	s.Hijacked += r.Hijacked
	s.Latency.Merge(&r.Latency)
	s.Upper.Merge(&r.Upper)
	s.Handler.Merge(&r.Handler)
	s.Censored.Merge(&r.Censored)
	s.Ages.Merge(&r.Ages)
	s.InFlightNS += r.InFlightNS
	s.UpperNS += r.UpperNS
	s.Met = MergeMet(s.Met, r.Met)
}

// AddFanOut adds the goroutines that other requests started, if they did; their stacks are given by id.
func (s *Requests) AddFanOut(f *FanOut, id func(int32) int32) {
	if f == nil {
		return
	}
	if s.FanOut == nil {
		s.FanOut = &FanOut{}
	}
	s.FanOut.Add(f, id)
}

func (s *requestSum) add(r *Requests, id func(int32) int32) {
	s.AddCounts(r)
	for _, st := range r.States {
		k := stateKey{st.State, id(st.Stack)}
		have := entry(s.states, k)
		have.NS += st.NS
		if have.Parts == nil {
			have.Parts = slices.Clone(st.Parts)
			continue
		}
		for i := range min(len(have.Parts), len(st.Parts)) {
			have.Parts[i] += st.Parts[i]
		}
	}
	s.AddFanOut(r.FanOut, id)
	for _, e := range r.Exemplars {
		e.Line = relabelled(e.Line, id)
		s.Exemplars = append(s.Exemplars, e)
	}
	slices.SortStableFunc(s.Exemplars, func(a, b RequestExemplar) int { return compareExemplars(a.Exemplar, b.Exemplar) })
	s.Exemplars = s.Exemplars[:min(len(s.Exemplars), MaxExemplars)]
}

// relabelled is a line with other stack ids.
func relabelled(line []RequestSegment, id func(int32) int32) []RequestSegment {
	out := slices.Clone(line)
	for i := range out {
		s := &out[i]
		s.Stack, s.Waker = id(s.Stack), id(s.Waker)
		if s.Child != nil {
			c := *s.Child
			c.Stack, c.Line = id(c.Stack), relabelled(c.Line, id)
			s.Child = &c
		}
	}
	return out
}

// finish is the sums, with final stack ids. Of several windows it leaves out what is by parts of one, for they are of different
// lengths and times; that holds for a route of one of them too.
func (f requestFold) finish(id []int32, windows int) []Requests {
	var out []Requests
	for k, s := range f {
		r := s.Requests
		r.Protocol, r.Route = k.protocol, k.route
		if windows > 1 {
			r.Arrived = nil
		}
		for sk, st := range s.states {
			st.State, st.Stack = sk.state, id[sk.stack]
			if windows > 1 {
				st.Parts = nil
			}
			r.States = append(r.States, *st)
		}
		slices.SortFunc(r.States, func(a, b RequestState) int {
			return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Stack, b.Stack))
		})
		final := func(stack int32) int32 { return id[stack] }
		if f := r.FanOut; f != nil {
			r.FanOut = nil
			r.AddFanOut(f, final)
			r.FanOut.order()
		}
		for i := range r.Exemplars {
			r.Exemplars[i].Line = relabelled(r.Exemplars[i].Line, final)
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Requests) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Route, b.Route))
	})
	return out
}
