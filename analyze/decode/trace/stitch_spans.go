package trace

import (
	"cmp"
	"maps"
	"slices"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

// spans joins tasks and regions.
func (s *stitcher) spans() {
	w, t := s.w, &s.r.t
	w.foldedSpans += t.folded
	ids := slices.SortedFunc(maps.Keys(t.spans), func(a, b spanID) int {
		return cmp.Or(cmp.Compare(a.name, b.name), compareBool(a.task, b.task))
	})
	for _, id := range ids {
		s.addSpan(id, t.spans[id])
	}
	for _, m := range t.regions {
		live := w.goroutines[xtrace.GoID(m.g)]
		name := s.text(m.name)
		if live == nil || len(live.regions) == 0 || live.regions[len(live.regions)-1].name != name {
			w.unseen(spanKey{"region", name}, m.at)
			continue
		}
		open := live.regions[len(live.regions)-1]
		live.regions = live.regions[:len(live.regions)-1]
		w.now = max(m.at, open.since)
		w.endSpan(spanKey{"region", open.name}, open)
	}
	for id, m := range t.tasks {
		name := s.text(m.name)
		w.tasks[xtrace.TaskID(id)] = openSpan{name: name, goroutine: m.g, since: m.at}
		w.begun(spanKey{"task", name}, m.at)
	}
	for _, m := range t.taskEnds {
		open, ok := w.tasks[xtrace.TaskID(m.id)]
		if !ok {
			w.unseen(spanKey{"task", ""}, m.at)
			continue
		}
		delete(w.tasks, xtrace.TaskID(m.id))
		w.now = max(m.at, open.since)
		w.endSpan(spanKey{"task", open.name}, open)
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (s *stitcher) addSpan(id spanID, v *spanTally) {
	key := spanKey{"region", otherName}
	if id.task {
		key.kind = "task"
	}
	if id.name != otherSpan.name {
		key.name = s.text(id.name)
	}
	sp := s.w.span(key)
	sp.Duration.Merge(&v.duration)
	sp.Open.Merge(&v.open)
	sp.bins.merge(v.bins)
	for _, slow := range v.slowest {
		slow.Parts = s.parts(slow.parts)
		sp.Exemplars = evidence.AddExemplar(sp.Exemplars, slow.Exemplar)
	}
}

// parts names what a task or region waited for.
func (s *stitcher) parts(p *parts) *evidence.Parts {
	if p == nil || p.unknown {
		return nil
	}
	out := &evidence.Parts{RunningNS: p.running, RunnableNS: p.runnable, SyscallNS: p.syscall, AssistNS: p.assist}
	waits := map[evidence.Wait]int64{}
	for _, w := range p.waits {
		waits[waitOf(s.text(uint64(w.reason)), s.w.stacks.classes[s.stack(uint64(w.stack))])] += w.ns
	}
	for wait, ns := range waits {
		out.Blocked = append(out.Blocked, evidence.WaitTime{Wait: wait, NS: ns})
	}
	slices.SortFunc(out.Blocked, func(a, b evidence.WaitTime) int {
		return cmp.Or(cmp.Compare(b.NS, a.NS), cmp.Compare(a.Wait, b.Wait))
	})
	return out
}
