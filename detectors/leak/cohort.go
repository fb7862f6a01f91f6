package leak

import (
	"cmp"
	"slices"

	"go-debug/analyze/evidence"
)

// Places of a goroutine that are no site.
const (
	running   int32 = -1 // or runnable: it may be anywhere next
	elsewhere int32 = -2 // blocked where no leak is looked for
)

// A member is one goroutine in one dump.
type member struct {
	id uint64
	// site is where the goroutine is blocked; one that is seen running keeps its last site.
	site int32
	// age counts the dumps in a row that show it at the site, less one. The arrival of those in
	// the first dump is unknown; they start at 0 like everybody else.
	age   int32
	awake bool // was seen running at least once since it arrived
}

// A tally is what happened at one site between the previous dump and this one.
type tally struct {
	count   int
	arrived int
	dropped int // goroutines here whose ids were not kept: the newest of a huge group
	// stayed and left are by age: index 0 counts everybody, 1 those who had been there for
	// one interval before, 2 for two.
	stayed [3]int // of age at least the index, now
	left   [3]int // of age at least the index at the previous dump, no longer here
	awake  int
}

// A history is a site over all dumps.
type history struct {
	site
	tallies []tally
	old     []uint64 // at the last dump, of age 1 or more
	minutes int
}

// placer names the site of a group; it returns false for goroutines that belong to none.
type placer func(g *evidence.Group) (site, bool)

func placeByLine(g *evidence.Group) (site, bool) {
	if isMainGroup(g) {
		return site{}, false
	}
	return siteOf(g.Wait, g.Stack, g.CreatedBy)
}

// placeByGo places goroutines by what was started where, whatever they do at the moment.
func placeByGo(g *evidence.Group) (site, bool) {
	if g.CreatedBy.IsZero() || len(g.Stack) == 0 || isMainGroup(g) || servesRequests(g.Stack) {
		return site{}, false
	}
	class := classOf(g.Wait, g.Stack)
	if class != evidence.WaitNone && exempt(class, g.Stack, g.CreatedBy) {
		return site{}, false
	}
	start := g.Stack[len(g.Stack)-1]
	key := "go\n" + evidence.NormalFunction(start.Function) + "\n" + place(g.CreatedBy) + evidence.NormalFunction(g.CreatedBy.Function)
	return site{key: key, class: class, stack: g.Stack, creator: g.CreatedBy}, true
}

// follow reads the dumps in order and follows each goroutine by id. Two dumps' members
// are held at a time.
func follow(dumps []*evidence.Snapshot, where placer) []*history {
	t := &tracker{where: where, index: map[string]int32{}, dumps: len(dumps)}
	for i, snap := range dumps {
		now := t.read(snap, i)
		if i > 0 {
			t.step(now, i)
		}
		t.count(now, i)
		t.before = now
	}
	for _, m := range t.before {
		if m.site >= 0 && m.age >= 1 {
			h := t.histories[m.site]
			h.old = append(h.old, m.id)
		}
	}
	for _, h := range t.histories {
		h.addDropped()
	}
	return t.histories
}

// addDropped accounts for goroutines without ids by their number alone: as many as there
// were at each of the last dumps have stayed.
func (h *history) addDropped() {
	for i := range h.tallies {
		t := &h.tallies[i]
		t.count += t.dropped
		stayed := t.dropped
		for a := range t.stayed {
			if i-a < 0 {
				break
			}
			stayed = min(stayed, h.tallies[i-a].dropped)
			t.stayed[a] += stayed
		}
		if i > 0 {
			t.arrived += max(0, t.dropped-h.tallies[i-1].dropped)
		}
	}
}

type tracker struct {
	where     placer
	dumps     int
	index     map[string]int32
	histories []*history
	before    []member // of the previous dump, by id
}

// read lists the members of a dump by id.
func (t *tracker) read(snap *evidence.Snapshot, dump int) []member {
	var out []member
	for i := range snap.Groups {
		g := &snap.Groups[i]
		at := elsewhere
		if where, ok := t.where(g); ok {
			at = t.site(where)
			h := t.histories[at]
			h.minutes = max(h.minutes, g.MaxMinutes)
			h.tallies[dump].dropped += g.IDsDropped
		} else if classOf(g.Wait, g.Stack) == evidence.WaitNone {
			at = running
		}
		for _, id := range g.IDs {
			out = append(out, member{id: id, site: at})
		}
	}
	slices.SortFunc(out, func(a, b member) int { return cmp.Compare(a.id, b.id) })
	return slices.CompactFunc(out, func(a, b member) bool { return a.id == b.id })
}

func (t *tracker) site(where site) int32 {
	if i, ok := t.index[where.key]; ok {
		h := t.histories[i]
		h.stack = where.stack // the latest: lines of outer frames may differ
		return i
	}
	i := int32(len(t.histories))
	t.index[where.key] = i
	t.histories = append(t.histories, &history{site: where, tallies: make([]tally, t.dumps)})
	return i
}

// step carries sites and ages over from the previous dump and counts who arrived and left.
func (t *tracker) step(now []member, dump int) {
	i := 0
	for j := range now {
		m := &now[j]
		for i < len(t.before) && t.before[i].id < m.id {
			t.leave(&t.before[i], dump)
			i++
		}
		if i == len(t.before) || t.before[i].id != m.id {
			t.arrive(m, dump)
			continue
		}
		was := &t.before[i]
		i++
		switch {
		case was.site < 0:
			t.arrive(m, dump)
		case m.site == running:
			*m = member{id: m.id, site: was.site, age: was.age, awake: true}
		case m.site == was.site:
			m.age, m.awake = was.age+1, was.awake
		default:
			t.leave(was, dump)
			t.arrive(m, dump)
		}
	}
	for ; i < len(t.before); i++ {
		t.leave(&t.before[i], dump)
	}
}

func (t *tracker) arrive(m *member, dump int) {
	if m.site >= 0 {
		t.histories[m.site].tallies[dump].arrived++
	}
}

func (t *tracker) leave(m *member, dump int) {
	if m.site < 0 {
		return
	}
	left := &t.histories[m.site].tallies[dump].left
	for a := range left {
		if int(m.age) >= a {
			left[a]++
		}
	}
}

func (t *tracker) count(now []member, dump int) {
	for i := range now {
		m := &now[i]
		if m.site < 0 {
			continue
		}
		tl := &t.histories[m.site].tallies[dump]
		tl.count++
		for a := range tl.stayed {
			if int(m.age) >= a {
				tl.stayed[a]++
			}
		}
		if m.awake {
			tl.awake++
		}
	}
}

func (s *survey) limits() limits {
	return limits{
		growth:  int(s.p.Param("min-growth")),
		exits:   s.p.Param("max-exits"),
		p:       s.p.Param("max-p"),
		massive: int(s.p.Param("massive-growth")),
	}
}

// readCohorts follows the goroutines of the dumps by line, and by go statement those whose
// growth no line explains.
func (s *survey) readCohorts() {
	if len(s.dumps) < 2 {
		return
	}
	x, _ := times(s.dumps)
	explained := map[string]bool{}
	for _, h := range follow(s.dumps, placeByLine) {
		c := judge(h, x, s.limits())
		if c.verdict == steady && s.candidates[h.key] == nil && len(s.dumps) == len(s.snapshots) {
			continue
		}
		at := s.at(h.site)
		at.cohort = c
		at.minutes = max(at.minutes, h.minutes)
		if c.verdict != steady {
			explained[goStatement(h.creator)] = true
		}
	}
	for _, h := range follow(s.dumps, placeByGo) {
		c := judge(h, x, s.limits())
		// Two dumps cannot show movement.
		if c.verdict != growing || len(s.dumps) < 3 || explained[goStatement(h.creator)] {
			continue
		}
		for _, g := range s.biggest(placeByGo, h.key) {
			if where, ok := placeByLine(g); ok {
				at := s.at(where)
				at.cohort, at.moving = c, true
				break
			}
		}
	}
}

// goStatement identifies the line of a go statement.
func goStatement(creator evidence.Frame) string {
	return creator.Function + "@" + place(creator)
}
