package mutexwait

import (
	"go-debug/analyze/evidence"
)

// addDelays adds a mutex profile, of who unlocked and how long others had waited, or a block
// profile, of who waited. Which of the two a sample is of its stack says.
func (t *lockTable) addDelays(d *delays) {
	for _, s := range d.samples {
		c, ok := parseLock(s.stack)
		if !ok || isRuntimeUnlock(s.stack) {
			continue
		}
		l := t.lock(&c)
		at := place{frame: c.user, owner: c.owner, stack: s.stack, reads: c.reads, deferLine: c.deferLine, cost: s.delayNS}
		if c.releases {
			l.addHeld(&c, s)
			l.holders = addPlace(l.holders, at)
			continue
		}
		l.waitedNS += s.delayNS
		l.waitedN += s.n
		if c.reads {
			l.readersWaitedNS += s.delayNS
			l.readersWaitedN += s.n
		}
		l.waiters = addPlace(l.waiters, at)
	}
}

func (l *lock) addHeld(c *lockCall, s delaySample) {
	l.heldNS += s.delayNS
	l.heldN += s.n
	switch {
	case c.releasesReaders:
		l.readersHeldNS += s.delayNS
		l.readersHeldN += s.n
	case c.reads: // the last reader lets the writer in
		l.writersWaitNS += s.delayNS
		l.writersWaitN += s.n
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
			if c.reads {
				l.readersAsleep[i] += g.Count
			}
			l.maxMinutes = max(l.maxMinutes, g.MaxMinutes)
			// A snapshot knows no time: it orders the waiters where nothing else does.
			l.waiters = addPlace(l.waiters, place{frame: c.user, owner: c.owner, stack: g.Stack, reads: c.reads, cost: int64(g.Count)})
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
		stack := tr.StackOf(b.Stack)
		if !isLockWait(b.Wait, stack) {
			continue
		}
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
			l.tracedReadN += b.Ended.Count + b.Unseen.Count + b.Open.Count
		}
		l.waiters = addPlace(l.waiters, place{frame: c.user, owner: c.owner, stack: stack, reads: c.reads, cost: total})
	}
	for i := range tr.Wakes {
		t.addWake(tr, &tr.Wakes[i])
	}
}

func (t *lockTable) addWake(tr *evidence.Trace, e *evidence.WakeEdge) {
	waker, asleep := tr.StackOf(e.Waker), tr.StackOf(e.Woken)
	holder, ok := parseLock(waker)
	woken, ok2 := parseLock(asleep)
	if !ok || !ok2 || !isLockWait(e.Wait, asleep) {
		return
	}
	l := t.lock(&holder)
	l.wakes += e.Count
	if holder.reads {
		l.writersWaitNS += e.DelayNS
		l.writersWaitN += e.Count
	}
	l.holders = addPlace(l.holders, place{frame: holder.user, owner: holder.owner, stack: waker, reads: holder.reads, deferLine: holder.deferLine, cost: e.DelayNS})
	// A writer's RWMutex wakes through the mutex inside, so kinds may differ by name only.
	t.trees.join(holder.key(), woken.key())
}

// isLockWait reads the wait from the stack where the trace does not name it: goroutines that were asleep
// before it began have no reason.
func isLockWait(w evidence.Wait, s evidence.Stack) bool {
	if w == evidence.WaitNone || w == evidence.WaitSemaphore {
		w = evidence.WaitOf(s)
	}
	return w == evidence.WaitMutex || w == evidence.WaitRWMutex
}
