package leak

import (
	"cmp"
	"hash/fnv"
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
	age int32
	// since is the dump that shows it there first, before as well if it was away in between: a worker
	// that comes back to its queue is not born again.
	since   int32
	line    uint32 // hash of the blocking line
	awake   bool   // was seen running at least once since it arrived
	moved   bool   // was seen at several lines since it arrived
	visited [3]visit
}

// A visit is an earlier stay at a site, kept for the last few; the zero visit is none.
type visit struct {
	site  int32 // plus 1
	since int32
}

// comesFrom carries a goroutine over to where it is now.
func (m *member) comesFrom(was *member) {
	m.visited = was.visited
	if was.site >= 0 {
		copy(m.visited[1:], was.visited[:])
		m.visited[0] = visit{was.site + 1, was.since}
	}
	for _, v := range m.visited {
		if v.site == m.site+1 {
			m.since = v.since
		}
	}
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
	// born counts those of the last dump by the dump that shows them first.
	born    []int
	old     []settler // at the last dump, of age 1 or more, by id
	moved   int       // of old
	minutes int
}

// A settler is a goroutine that stayed, and the dump that shows it at its site first.
type settler struct {
	id    uint64
	since int32
}

// placer names the site of a group; it returns false for goroutines that belong to none.
type placer func(g *evidence.Group) (site, bool)

// placeByLine tells creators apart: of two pools that run the same code one may leak.
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
	key := "go\n" + evidence.NormalFunction(start.Function) + "\n" + place(g.CreatedBy)
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
		if m.site < 0 {
			continue
		}
		h := t.histories[m.site]
		h.born[m.since]++
		if m.age >= 1 {
			h.old = append(h.old, settler{m.id, m.since})
			if m.moved {
				h.moved++
			}
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
			more := max(0, t.dropped-h.tallies[i-1].dropped)
			t.arrived += more
			h.born[i] += more
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
		m := member{site: elsewhere, since: int32(dump)}
		if where, ok := t.where(g); ok {
			m.site, m.line = t.site(where), lineOf(g)
			h := t.histories[m.site]
			h.minutes = max(h.minutes, g.MaxMinutes)
			h.tallies[dump].dropped += g.IDsDropped
		} else if classOf(g.Wait, g.Stack) == evidence.WaitNone {
			m.site = running
		}
		for _, id := range g.IDs {
			m.id = id
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b member) int { return cmp.Compare(a.id, b.id) })
	return slices.CompactFunc(out, func(a, b member) bool { return a.id == b.id })
}

// lineOf is a hash of the blocking line, 0 for goroutines that do not block.
func lineOf(g *evidence.Group) uint32 {
	at, ok := placeByLine(g)
	if !ok {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(at.key))
	return h.Sum32()
}

func (t *tracker) site(where site) int32 {
	key := where.key + "\nby " + evidence.NormalFunction(where.creator.Function)
	if i, ok := t.index[key]; ok {
		h := t.histories[i]
		h.stack = where.stack // the latest: lines of outer frames may differ
		return i
	}
	i := int32(len(t.histories))
	t.index[key] = i
	t.histories = append(t.histories, &history{site: where, tallies: make([]tally, t.dumps), born: make([]int, t.dumps)})
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
			m.comesFrom(was)
			t.arrive(m, dump)
		case m.site == running:
			*m = *was
			m.awake = true
		case m.site == was.site:
			m.age, m.since = was.age+1, was.since
			m.awake = was.awake || m.line == 0
			if m.line == 0 {
				m.line = was.line
			}
			m.moved = was.moved || m.line != was.line && was.line != 0
		default:
			m.comesFrom(was)
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
