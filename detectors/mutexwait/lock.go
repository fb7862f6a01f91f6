package mutexwait

import (
	"cmp"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// lockCall is the part of a stack that takes, waits for or releases a lock.
type lockCall struct {
	kind evidence.Wait // WaitMutex or WaitRWMutex
	// reads is set for RLock and RUnlock; releasesReaders for an Unlock that let readers in.
	reads, releasesReaders bool
	owner                  evidence.Frame // whose lock it is: the first frame outside of sync
	user                   evidence.Frame // the program's innermost frame, else the owner
}

// parseLock finds the lock call at the top of a stack. It is false for waits of other
// kinds, such as WaitGroup, Cond and channels.
func parseLock(s evidence.Stack) (lockCall, bool) {
	var c lockCall
	i := 0
	for ; i < len(s) && ofLocking(s[i]); i++ {
		fn := s[i].Function
		switch {
		case strings.Contains(fn, "sync.(*RWMutex)."):
			c.kind = evidence.WaitRWMutex
			if strings.HasSuffix(fn, ".RLock") || strings.HasSuffix(fn, ".RUnlock") || strings.HasSuffix(fn, ".rUnlockSlow") {
				c.reads = true
			}
			// The writer's own mutex is released from the same call; its frame is above then.
			c.releasesReaders = strings.HasSuffix(fn, ".Unlock") && !inWriterMutex(s[:i])
		case strings.Contains(fn, "sync.(*Mutex).") && c.kind == evidence.WaitNone:
			c.kind = evidence.WaitMutex
		}
	}
	if c.kind == evidence.WaitNone || i == len(s) {
		return c, false
	}
	for i+1 < len(s) && wrapsLock(s[i].Function) {
		i++ // a method of the program named Lock is no critical section
	}
	c.owner, c.user = deferrer(s, i), deferrer(s, i)
	for j, f := range s[i:] {
		if !f.Std() {
			c.user = deferrer(s, i+j)
			break
		}
	}
	return c, true
}

// deferrer is the frame at i, or, where that is the wrapper that the compiler puts around a
// deferred call, the function that deferred it.
func deferrer(s evidence.Stack, i int) evidence.Frame {
	f := s[i]
	at := strings.LastIndex(f.Function, ".deferwrap")
	if at < 0 {
		return f
	}
	f.Function = f.Function[:at]
	for _, outer := range s[i+1:] {
		if outer.Function == f.Function {
			return outer
		}
	}
	return f
}

// ofLocking reports frames of sync and of the runtime below it.
func ofLocking(f evidence.Frame) bool {
	pkg := f.Package()
	return pkg == "sync" || pkg == "internal/sync" || pkg == "runtime" || strings.HasPrefix(pkg, "internal/runtime/") ||
		pkg == "sync/atomic" || pkg == ""
}

func inWriterMutex(above evidence.Stack) bool {
	return slices.ContainsFunc(above, func(f evidence.Frame) bool { return strings.Contains(f.Function, "sync.(*Mutex).") })
}

func wrapsLock(function string) bool {
	switch function[strings.LastIndexByte(function, '.')+1:] {
	case "Lock", "Unlock", "RLock", "RUnlock", "TryLock", "TryRLock":
		return true
	}
	return false
}

// key stands for the lock: its kind and the type whose methods, or the function, take it.
func (c *lockCall) key() string { return string(c.kind) + " " + scope(c.owner.Function) }

// scope is the receiver type of a method, else the function, without closures.
func scope(function string) string {
	name := strings.ReplaceAll(evidence.NormalFunction(function), "[...]", "")
	slash := strings.LastIndexByte(name, '/')
	parts := strings.Split(name[slash+1:], ".")
	if len(parts) < 2 {
		return name
	}
	typ := strings.TrimSuffix(strings.TrimPrefix(parts[1], "(*"), ")")
	isMethod := typ != parts[1]
	if len(parts) > 2 && !slices.Contains([]string{"", "func", "gowrap", "deferwrap"}, parts[2]) {
		isMethod = true // a value receiver
	}
	if isMethod {
		typ = "(" + typ + ")"
	}
	return name[:slash+1] + parts[0] + "." + typ
}

// lock is all that is known of one lock.
type lock struct {
	key              string
	kind             evidence.Wait
	holders, waiters []place // sorted, the costliest first, once joined

	heldNS, heldN       int64 // mutex profile: delay of others, contentions
	waitedNS, waitedN   int64 // block profile
	readersHeldNS       int64 // of heldNS: readers that a writer let in
	readersWaitedNS     int64
	traced              evidence.Histogram // ended waits
	tracedOpen          evidence.Histogram
	tracedReadNS        int64
	asleep              map[int]int // by snapshot
	maxMinutes          int
	cpuSlow, cpuReaders int64 // samples
}

// place is one line of the program that holds or waits for a lock.
type place struct {
	frame evidence.Frame
	stack evidence.Stack // the costliest
	cost  int64
	top   int64
}

// comparePlaces puts the costliest first.
func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(b.cost, a.cost), cmp.Compare(a.frame.Function, b.frame.Function),
		cmp.Compare(a.frame.File, b.frame.File), cmp.Compare(a.frame.Line, b.frame.Line))
}

// lockTable gathers locks by key and joins those that turn out to be one.
type lockTable struct {
	locks  map[string]*lock
	parent map[string]string
}

func newLockTable() *lockTable {
	return &lockTable{locks: map[string]*lock{}, parent: map[string]string{}}
}

func (t *lockTable) lock(c *lockCall) *lock {
	k := c.key()
	l, ok := t.locks[k]
	if !ok {
		l = &lock{key: k, kind: c.kind, asleep: map[int]int{}}
		t.locks[k] = l
	}
	return l
}

func addPlace(list []place, frame evidence.Frame, stack evidence.Stack, cost int64) []place {
	i := slices.IndexFunc(list, func(p place) bool { return p.frame == frame })
	if i < 0 {
		i = len(list)
		list = append(list, place{frame: frame, stack: stack})
	}
	p := &list[i]
	p.cost += cost
	if cost > p.top || cost == p.top && stackKey(stack) < stackKey(p.stack) {
		p.stack, p.top = stack, cost
	}
	return list
}

func (t *lockTable) root(k string) string {
	for t.parent[k] != "" {
		k = t.parent[k]
	}
	return k
}

// join makes two keys one lock; the smaller name stays.
func (t *lockTable) join(a, b string) {
	a, b = t.root(a), t.root(b)
	if a == b {
		return
	}
	if b < a {
		a, b = b, a
	}
	t.parent[b] = a
}

// joined returns the locks in order of their key.
func (t *lockTable) joined() []*lock {
	keys := make([]string, 0, len(t.locks))
	for k := range t.locks {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if root := t.root(k); root != k {
			into, ok := t.locks[root]
			if !ok {
				into = &lock{key: root, kind: t.locks[k].kind, asleep: map[int]int{}}
				t.locks[root] = into
			}
			into.take(t.locks[k])
			delete(t.locks, k)
		}
	}
	out := make([]*lock, 0, len(t.locks))
	for _, l := range t.locks {
		for _, list := range [][]place{l.holders, l.waiters} {
			slices.SortFunc(list, comparePlaces)
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *lock) int { return strings.Compare(a.key, b.key) })
	return out
}

func (l *lock) take(o *lock) {
	for _, p := range o.holders {
		l.holders = addPlace(l.holders, p.frame, p.stack, p.cost)
	}
	for _, p := range o.waiters {
		l.waiters = addPlace(l.waiters, p.frame, p.stack, p.cost)
	}
	l.heldNS, l.heldN = l.heldNS+o.heldNS, l.heldN+o.heldN
	l.waitedNS, l.waitedN = l.waitedNS+o.waitedNS, l.waitedN+o.waitedN
	l.readersHeldNS += o.readersHeldNS
	l.readersWaitedNS += o.readersWaitedNS
	l.traced.Merge(&o.traced)
	l.tracedOpen.Merge(&o.tracedOpen)
	l.tracedReadNS += o.tracedReadNS
	for seq, n := range o.asleep {
		l.asleep[seq] += n
	}
	l.maxMinutes = max(l.maxMinutes, o.maxMinutes)
	l.cpuSlow += o.cpuSlow
	l.cpuReaders += o.cpuReaders
}
