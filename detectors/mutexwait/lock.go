package mutexwait

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// lock is all that is known of one lock, or of one function that takes it.
type lock struct {
	key, scope       string // of the function that comes first by name
	kind             evidence.Wait
	sections         []string // functions that take it, sorted
	holders, waiters []place  // sorted, the costliest first, once joined

	heldNS, heldN                   int64              // mutex profile: delay of others, contentions
	waitedNS, waitedN               int64              // block profile
	readersHeldNS, readersHeldN     int64              // of held: readers that a writer let in
	readersWaitedNS, readersWaitedN int64              // of waited
	writersWaitNS, writersWaitN     int64              // writers that a reader kept waiting
	traced                          evidence.Histogram // ended waits
	tracedOpen                      evidence.Histogram
	tracedReadNS, tracedReadN       int64
	wakes                           int64       // in the trace, as the side that woke
	asleep, readersAsleep           map[int]int // by snapshot
	maxMinutes                      int
	cpuSlow, cpuReaders             int64 // samples
	logs                            bool
	// apart is set where a trace has told it from other locks of its type.
	apart bool
}

func newLock(key, scope string, kind evidence.Wait) *lock {
	return &lock{key: key, scope: scope, kind: kind, asleep: map[int]int{}, readersAsleep: map[int]int{}}
}

// place is one line of the program that holds or waits for a lock.
type place struct {
	frame evidence.Frame // the program's own
	owner evidence.Frame // that of the section: the same, unless the lock is a library's
	stack evidence.Stack // the costliest
	reads bool
	// deferLine is that of the defer statement by which a holder releases the lock, 0 where it does not.
	deferLine int
	cost      int64
	top       int64
}

// comparePlaces puts the costliest first.
func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(b.cost, a.cost), cmp.Compare(a.frame.Function, b.frame.Function),
		cmp.Compare(a.frame.File, b.frame.File), cmp.Compare(a.frame.Line, b.frame.Line))
}

func addPlace(list []place, p place) []place {
	i := slices.IndexFunc(list, func(q place) bool { return q.frame == p.frame && q.reads == p.reads })
	if i < 0 {
		p.top = p.cost
		return append(list, p)
	}
	q := &list[i]
	q.cost += p.cost
	if p.cost > q.top || p.cost == q.top && stackKey(p.stack) < stackKey(q.stack) {
		q.stack, q.top = p.stack, p.cost
	}
	return list
}

// lockTable gathers what is known by function, and joins the functions that take one lock.
type lockTable struct {
	locks map[string]*lock // by kind and function
	trees *joins           // by wake-ups, which are sure
}

func newLockTable() *lockTable { return &lockTable{locks: map[string]*lock{}, trees: newJoins()} }

func (t *lockTable) lock(c *lockCall) *lock {
	k := c.key()
	l, ok := t.locks[k]
	if !ok {
		l = newLock(k, string(c.kind)+" "+scope(c.owner.Function), c.kind)
		l.sections = []string{c.section()}
		t.locks[k] = l
	}
	l.logs = l.logs || c.logs
	return l
}

// key stands for a function that takes a kind of lock.
func (c *lockCall) key() string { return string(c.kind) + " " + c.section() }

// joined returns the locks, in order of their key.
func (t *lockTable) joined() []*lock {
	t.joinByType()
	whole := map[string]*lock{}
	for _, k := range slices.Sorted(maps.Keys(t.locks)) {
		root := t.trees.root(k)
		into, ok := whole[root]
		if !ok {
			into = newLock(k, t.locks[k].scope, t.locks[k].kind)
			whole[root] = into
		}
		into.take(t.locks[k])
	}
	out := make([]*lock, 0, len(whole))
	for _, l := range whole {
		slices.SortFunc(l.holders, comparePlaces)
		slices.SortFunc(l.waiters, comparePlaces)
		slices.Sort(l.sections)
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *lock) int { return strings.Compare(a.key, b.key) })
	return out
}

// minWakes is the number of wake-ups by each of two groups of functions from which it tells that none of
// them crossed: were it one lock, about half would.
const minWakes = 10

// joinByType joins the functions of one type that take the same sort of lock, unless the trace shows
// that they take different ones: many wake-ups on either side, and none from one to the other.
func (t *lockTable) joinByType() {
	byType := map[string][]string{}
	for _, k := range slices.Sorted(maps.Keys(t.locks)) {
		byType[t.locks[k].scope] = append(byType[t.locks[k].scope], k)
	}
	for _, typ := range slices.Sorted(maps.Keys(byType)) {
		wakes := map[string]int64{}
		for _, k := range byType[typ] {
			wakes[t.trees.root(k)] += t.locks[k].wakes
		}
		maps.DeleteFunc(wakes, func(_ string, n int64) bool { return n < minWakes })
		keys := byType[typ]
		if len(wakes) < 2 {
			for _, k := range keys[1:] {
				t.trees.join(keys[0], k)
			}
			continue
		}
		for _, k := range keys {
			t.locks[k].apart = true
		}
	}
}

func (l *lock) take(o *lock) {
	for _, p := range o.holders {
		l.holders = addPlace(l.holders, p)
	}
	for _, p := range o.waiters {
		l.waiters = addPlace(l.waiters, p)
	}
	l.sections = append(l.sections, o.sections...)
	l.heldNS, l.heldN = l.heldNS+o.heldNS, l.heldN+o.heldN
	l.waitedNS, l.waitedN = l.waitedNS+o.waitedNS, l.waitedN+o.waitedN
	l.readersHeldNS, l.readersHeldN = l.readersHeldNS+o.readersHeldNS, l.readersHeldN+o.readersHeldN
	l.readersWaitedNS, l.readersWaitedN = l.readersWaitedNS+o.readersWaitedNS, l.readersWaitedN+o.readersWaitedN
	l.writersWaitNS, l.writersWaitN = l.writersWaitNS+o.writersWaitNS, l.writersWaitN+o.writersWaitN
	l.traced.Merge(&o.traced)
	l.tracedOpen.Merge(&o.tracedOpen)
	l.tracedReadNS, l.tracedReadN = l.tracedReadNS+o.tracedReadNS, l.tracedReadN+o.tracedReadN
	l.wakes += o.wakes
	for seq, n := range o.asleep {
		l.asleep[seq] += n
	}
	for seq, n := range o.readersAsleep {
		l.readersAsleep[seq] += n
	}
	l.maxMinutes = max(l.maxMinutes, o.maxMinutes)
	l.cpuSlow += o.cpuSlow
	l.cpuReaders += o.cpuReaders
	l.logs = l.logs || o.logs
	l.apart = l.apart || o.apart
}

// joins is a forest of names: those in one tree are one.
type joins struct{ parent map[string]string }

func newJoins() *joins { return &joins{parent: map[string]string{}} }

func (j *joins) root(k string) string {
	for j.parent[k] != "" {
		k = j.parent[k]
	}
	return k
}

// join makes two names one; the smaller stays the root.
func (j *joins) join(a, b string) {
	a, b = j.root(a), j.root(b)
	if a > b {
		a, b = b, a
	}
	if a != b {
		j.parent[b] = a
	}
}
