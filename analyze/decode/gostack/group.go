package gostack

import (
	"math"
	"slices"

	"go-debug/analyze/evidence"
)

// group is the goroutines of one dump with one hash.
type group struct {
	evidence.Group
	labelHash uint64 // of the last labels that were compared
	// stackHash and at are of debug=1 groups: the frames alone, and the hidden ones.
	stackHash uint64
	at        addresses
}

// shape is what the goroutines of one hash have in common, made into strings once for
// all dumps of the input.
type shape struct {
	state   string
	wait    evidence.Wait
	stack   evidence.Stack
	creator evidence.Frame
}

// What the evidence costs, for the bound on memory: a group with its index entry, a frame.
const (
	groupBytes = 400
	frameBytes = 40
)

// add counts a record and groups it, unless its stack is cut or a bound is reached.
func (d *dump) add(p *parser, r *record, cut bool) {
	if d.relay && !d.replaces(r) {
		return
	}
	d.total = addCapped(d.total, r.count)
	if cut {
		d.dropped = addCapped(d.dropped, r.count)
		return
	}
	stack := r.hash
	if r.profile {
		r.hash = r.at.mixedInto(stack)
	}
	g := d.index[r.hash]
	if g == nil {
		if g = p.newGroup(r); g == nil {
			d.dropped = addCapped(d.dropped, r.count)
			p.overBudget = addCapped(p.overBudget, r.count)
			return
		}
		if r.profile {
			g.stackHash, g.at = stack, r.at
		}
		d.index[r.hash] = g
		d.groups = append(d.groups, g)
	}
	g.add(p, r)
	if d.kind == evidence.GoroutineLeak {
		g.Leaked = g.Count // the runtime lists no others there
	}
	if r.deep {
		p.deep++
	}
	if r.unavailable && d.crash && len(d.unavailable) < maxUnavailable {
		if d.unavailable == nil {
			d.unavailable = map[uint64]*group{}
		}
		d.unavailable[r.id] = g
	}
}

// replaces takes back a goroutine that was listed without its stack, now that the thread
// it runs on lists it again. Nothing else in that part of a crash is new.
func (d *dump) replaces(r *record) bool {
	g, ok := d.unavailable[r.id]
	if !ok {
		return false
	}
	delete(d.unavailable, r.id)
	d.total--
	g.Count--
	if i := slices.Index(g.IDs, r.id); i >= 0 {
		g.IDs = slices.Delete(g.IDs, i, i+1)
	} else {
		g.IDsDropped--
	}
	return true
}

// add counts a record in its group.
func (g *group) add(p *parser, r *record) {
	first := g.Count == 0
	g.Count = addCapped(g.Count, r.count)
	if !r.profile {
		if r.state.leaked {
			g.Leaked++
		}
		if len(g.IDs) < evidence.MaxGroupIDs && p.ids < maxIDs {
			g.IDs = append(g.IDs, r.id)
			p.ids++
		} else {
			g.IDsDropped++
		}
		if first {
			g.MinMinutes, g.MaxMinutes = r.minutes, r.minutes
		} else {
			g.MinMinutes, g.MaxMinutes = min(g.MinMinutes, r.minutes), max(g.MaxMinutes, r.minutes)
		}
	}
	if !first && len(g.Labels) == 0 {
		return
	}
	labels := r.labels.of(p.buf)
	hash := uint64(0)
	if len(labels) > 0 {
		hash = p.hash(labels)
	}
	switch {
	case first:
		g.Labels = parseLabels(labels)
		p.memory += int64(len(labels))
	case hash != g.labelHash:
		g.Labels = sharedLabels(g.Labels, labels)
	}
	g.labelHash = hash
	if len(g.Labels) == 0 {
		g.Labels = nil
	}
}

// newGroup makes a group for a hash that the dump has not shown yet; nil when a bound is
// reached.
func (p *parser) newGroup(r *record) *group {
	if r.noRoom || p.memory > p.budget.Memory {
		return nil
	}
	s, ok := p.shapes[r.hash]
	if !ok {
		if len(p.shapes) >= p.budget.Stacks {
			return nil
		}
		s = p.newShape(r)
		p.shapes[r.hash] = s
	}
	p.memory += groupBytes
	return &group{Group: evidence.Group{Wait: s.wait, State: s.state, Stack: s.stack, CreatedBy: s.creator}}
}

func (p *parser) newShape(r *record) *shape {
	s := &shape{stack: make(evidence.Stack, 0, len(r.frames))}
	for _, i := range r.frames {
		s.stack = append(s.stack, p.sites[i].frame)
	}
	p.memory += int64(len(s.stack)) * frameBytes
	if r.creator != 0 {
		s.creator = p.sites[r.creator].frame
	}
	if r.state != nil {
		s.state, s.wait = r.state.name, r.state.wait
	}
	s.wait = settledWait(s.wait, s.stack, r.profile)
	return s
}

// settledWait is the wait of a state, or what the stack makes of it where the state is bare
// or missing: a "semacquire" may be any lock of before go1.20, and the lock inside an
// RWMutex is a Mutex.
func settledWait(w evidence.Wait, stack evidence.Stack, stateless bool) evidence.Wait {
	if !stateless && w != evidence.WaitSemaphore && w != evidence.WaitOther && w != evidence.WaitMutex {
		return w
	}
	of := evidence.WaitOf(stack)
	if of == evidence.WaitNone || w == evidence.WaitMutex && of != evidence.WaitRWMutex {
		return w
	}
	return of
}

// addCapped adds counts; a hostile dump can declare numbers that overflow.
func addCapped(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
