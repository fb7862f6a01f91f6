package trace

import "fmt"

func (r *replay) syscallBegin(t *thread, data []byte, i int, ts int64) (int, error) {
	seq, i := uvarint(data, i)
	stack, i := uvarint(data, i)
	if i > t.end {
		return i, nil
	}
	x, err := r.running(t)
	if x == nil || err != nil {
		return i, err
	}
	r.needStack(stack)
	p := t.p
	if p == nil {
		p = &proc{} // unknown in a cut generation
	} else if seq != p.seq+1 && r.whole {
		return i, fmt.Errorf("a system call on proc %d has sequence number %d after %d", p.id, seq, p.seq)
	}
	r.leave(x, ts, goSyscall, 0)
	p.seq, p.status = seq, procSyscall
	r.enter(x, ts, goSyscall, stack, 0)
	r.wake(&p.parked)
	return i, nil
}

func (r *replay) syscallEnd(t *thread, ts int64) error {
	if ok, err := r.needG(t); !ok || err != nil {
		return err
	}
	x := t.g
	if x.status != goSyscall || t.p != nil && t.p.status != procSyscall {
		if !r.whole {
			return nil
		}
		return fmt.Errorf("goroutine %d leaves a system call that it or its proc is not in", x.id)
	}
	r.leave(x, ts, goRunning, 0)
	if t.p != nil {
		t.p.status = procRunning
	}
	x.status, x.since = goRunning, ts
	return nil
}

// syscallEndBlocked is the end of a system call that lost its proc, which has to be seen first.
func (r *replay) syscallEndBlocked(t *thread, ts int64) error {
	if t.p != nil && t.p.status == procSyscall {
		if r.park(t, &t.p.parked) {
			return nil
		}
		t.p.thread, t.p = nil, nil
	}
	if t.g == nil {
		r.awaitBinding(t)
		return nil
	}
	x := t.g
	if x.status != goSyscall {
		if !r.whole {
			return nil
		}
		return fmt.Errorf("goroutine %d leaves a system call that it is not in", x.id)
	}
	r.leave(x, ts, goRunnable, 0)
	t.g = nil
	r.enter(x, ts, goRunnable, 0, 0)
	return nil
}
