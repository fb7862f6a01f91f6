package trace

import (
	"fmt"

	"go-debug/analyze/evidence"
)

// maxOpenTasks bounds the tasks of one goroutine whose time is split; of others the parts are unknown.
const maxOpenTasks = 64

func (r *replay) taskBegin(x *g, ts int64, id, name, stack uint64) error {
	r.needString(name)
	r.needStack(stack)
	if r.t.tasks == nil {
		r.t.tasks = map[uint64]taskMark{}
	}
	if _, ok := r.t.tasks[id]; ok {
		return fmt.Errorf("task %d begins twice", id)
	}
	r.t.tasks[id] = taskMark{id: id, g: x.id, name: name, at: ts}
	if m := x.more(); len(m.tasks) < maxOpenTasks {
		m.tasks = append(m.tasks, openTask{id, &parts{since: ts, unknown: x.ahead(ts)}})
		x.annotate()
	}
	return nil
}

// taskEnd counts a task that began in the generation, as far as the replay has got; the others are left
// to the stitching. A task may end on another goroutine than it began on: then nobody knows which
// of their times belong to it.
func (r *replay) taskEnd(x *g, ts int64, id, stack uint64) {
	r.needStack(stack)
	var p *parts
	if x.rare != nil {
		for i, open := range x.rare.tasks {
			if open.id == id {
				p = open.parts
				p.close(x, ts)
				x.rare.tasks = append(x.rare.tasks[:i], x.rare.tasks[i+1:]...)
				x.annotate()
				break
			}
		}
	}
	if p == nil {
		r.t.taskEnds = append(r.t.taskEnds, taskMark{id: id, g: x.id, at: ts})
		return
	}
	m := r.t.tasks[id]
	delete(r.t.tasks, id)
	s := r.span(spanID{task: true, name: m.name})
	s.bins.created(m.at)
	s.end(evidence.Exemplar{Goroutine: m.g, AtNS: m.at, DurationNS: max(ts-m.at, 0)}, p)
}

func (r *replay) regionBegin(x *g, ts int64, task, name, stack uint64) {
	r.needString(name)
	r.needStack(stack)
	m := x.more()
	m.regions = append(m.regions, regionMark{name: name, task: task, since: ts, parts: &parts{since: ts, unknown: x.ahead(ts)}})
	x.annotate()
	r.span(spanID{name: name}).bins.created(ts)
}

func (r *replay) regionEnd(x *g, ts int64, task, name, stack uint64) error {
	r.needString(name)
	r.needStack(stack)
	if x.rare == nil || len(x.rare.regions) == 0 {
		r.t.regions = append(r.t.regions, regionEnd{g: x.id, name: name, at: ts})
		return nil
	}
	open := x.rare.regions
	m := open[len(open)-1]
	if m.name != name || m.task != task {
		return fmt.Errorf("goroutine %d ends a region that is not its innermost", x.id)
	}
	x.rare.regions = open[:len(open)-1]
	x.annotate()
	m.parts.close(x, ts)
	r.span(spanID{name: name}).end(evidence.Exemplar{Goroutine: x.id, AtNS: m.since, DurationNS: max(ts-m.since, 0)}, m.parts)
	return nil
}

// span is the tally of a kind of task or region. A program may put an id into each name.
func (r *replay) span(id spanID) *spanTally {
	if r.t.spans == nil {
		r.t.spans = map[spanID]*spanTally{}
	}
	s := r.t.spans[id]
	if s == nil && len(r.t.spans) > maxSpans {
		r.t.folded++
		id.name = otherSpan.name
		s = r.t.spans[id]
	}
	if s == nil {
		s = &spanTally{bins: newSeries()}
		r.t.spans[id] = s
	}
	return s
}
