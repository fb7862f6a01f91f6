package mutexwait

import (
	"strings"

	"go-debug/analyze/evidence"
)

// addHolders adds the mutex profile: who unlocked, and how long others had waited.
func (t *lockTable) addHolders(d *delays) {
	for _, s := range d.samples {
		c, ok := parseLock(s.stack)
		if !ok || isRuntimeUnlock(s.stack) {
			continue
		}
		l := t.lock(&c)
		l.heldNS += s.delayNS
		l.heldN += s.n
		if c.releasesReaders {
			l.readersHeldNS += s.delayNS
		}
		l.holders = addPlace(l.holders, c.user, s.stack, s.delayNS)
	}
}

// addWaiters adds the block profile: who waited.
func (t *lockTable) addWaiters(d *delays) {
	for _, s := range d.samples {
		c, ok := parseLock(s.stack)
		if !ok {
			continue
		}
		l := t.lock(&c)
		l.waitedNS += s.delayNS
		l.waitedN += s.n
		if c.reads {
			l.readersWaitedNS += s.delayNS
		}
		l.waiters = addPlace(l.waiters, c.user, s.stack, s.delayNS)
	}
}

// addSnapshots adds the goroutines asleep at locks, per snapshot.
func (t *lockTable) addSnapshots(snapshots []*evidence.Snapshot) {
	for i, snap := range snapshots {
		for j := range snap.Groups {
			g := &snap.Groups[j]
			switch g.Wait {
			case evidence.WaitMutex, evidence.WaitRWMutex, evidence.WaitSemaphore:
			default:
				continue
			}
			c, ok := parseLock(g.Stack)
			if !ok {
				continue
			}
			l := t.lock(&c)
			l.asleep[i] += g.Count
			l.maxMinutes = max(l.maxMinutes, g.MaxMinutes)
			// A snapshot knows no time: it orders the waiters where nothing else does.
			l.waiters = addPlace(l.waiters, c.user, g.Stack, int64(g.Count))
		}
	}
}

// addTrace adds every wait for a lock, and joins those who unlock to those who wait.
func (t *lockTable) addTrace(tr *evidence.Trace) {
	if tr == nil {
		return
	}
	for i := range tr.Blocks {
		b := &tr.Blocks[i]
		if !isLockWait(b.Wait) {
			continue
		}
		stack := tr.StackOf(b.Stack)
		c, ok := parseLock(stack)
		if !ok {
			continue
		}
		l := t.lock(&c)
		l.traced.Merge(&b.Ended)
		l.traced.Merge(&b.Unseen)
		l.tracedOpen.Merge(&b.Open)
		total := b.Ended.Sum + b.Unseen.Sum + b.Open.Sum
		if c.reads {
			l.tracedReadNS += total
		}
		l.waiters = addPlace(l.waiters, c.user, stack, total)
	}
	for _, e := range tr.Wakes {
		if !isLockWait(e.Wait) {
			continue
		}
		waker := tr.StackOf(e.Waker)
		holder, ok := parseLock(waker)
		woken, ok2 := parseLock(tr.StackOf(e.Woken))
		if !ok || !ok2 {
			continue
		}
		l := t.lock(&holder)
		l.holders = addPlace(l.holders, holder.user, waker, e.DelayNS)
		// A writer's RWMutex wakes through the mutex inside, so kinds may differ by name only.
		t.join(holder.key(), woken.key())
	}
}

func isLockWait(w evidence.Wait) bool { return w == evidence.WaitMutex || w == evidence.WaitRWMutex }

// cpuSamples are the CPU profiles, as far as they concern locks.
type cpuSamples struct {
	total   int64
	samples []cpuSample
	// runtime counts samples anywhere inside the runtime's own locks.
	runtime      int64
	runtimeUsers []place
}

type cpuSample struct {
	call  lockCall
	stack evidence.Stack
	n     int64
	slow  bool // inside lockSlow or unlockSlow
}

func readCPU(profiles []*evidence.Profile) *cpuSamples {
	out := &cpuSamples{}
	for _, p := range profiles {
		column := max(p.Column("samples"), 0)
		out.total += p.Total(column)
		locking := p.MaskWhere(func(f evidence.Frame) bool {
			return strings.Contains(f.Function, "sync.(*Mutex).") || strings.Contains(f.Function, "sync.(*RWMutex).")
		})
		runtimeLock := p.MaskWhere(func(f evidence.Frame) bool { return runtimeLocks[f.Function] })
		// What select costs is detector selectwait's, locks and all.
		selecting := p.MaskWhere(func(f evidence.Frame) bool {
			return strings.HasPrefix(f.Function, "runtime.select") || f.Function == "runtime.closechan"
		})
		for i := range p.Stacks {
			s := &p.Stacks[i]
			if column >= len(s.Values) {
				continue
			}
			switch {
			case s.Any(locking):
				out.add(p.Stack(s), s.Values[column])
			case s.Any(runtimeLock) && !s.Any(selecting):
				stack := p.Stack(s)
				out.runtime += s.Values[column]
				if u, ok := stack.User(); ok {
					out.runtimeUsers = addPlace(out.runtimeUsers, u, stack, s.Values[column])
				}
			}
		}
	}
	return out
}

func (c *cpuSamples) add(stack evidence.Stack, n int64) {
	call, ok := parseLock(stack)
	if !ok {
		return // a user's function runs inside sync, as in Once.Do and Pool.Get
	}
	slow := false
	for _, f := range stack {
		if !ofLocking(f) {
			break
		}
		slow = slow || strings.HasSuffix(f.Function, "sync.(*Mutex).lockSlow") || strings.HasSuffix(f.Function, "sync.(*Mutex).unlockSlow")
	}
	c.samples = append(c.samples, cpuSample{call: call, stack: stack, n: n, slow: slow})
}

func (t *lockTable) addCPU(c *cpuSamples) {
	for _, s := range c.samples {
		l := t.lock(&s.call)
		switch {
		case s.slow:
			l.cpuSlow += s.n
		case s.call.reads:
			l.cpuReaders += s.n
		default:
			continue
		}
		l.waiters = addPlace(l.waiters, s.call.user, s.stack, s.n)
	}
}
