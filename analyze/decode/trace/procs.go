package trace

import "fmt"

func (r *replay) proc(id uint64) *proc {
	p, ok := r.procs[id]
	if !ok {
		p = &proc{id: id}
		r.procs[id] = p
	}
	return p
}

func (r *replay) procStatus(t *thread, id, status uint64) error {
	to := procStatus(status)
	if status == 0 || status > uint64(procAbandoned) {
		return fmt.Errorf("proc %d has the unknown status %d", id, status)
	}
	p := r.proc(id)
	known := p.status != procNone
	if known && p.status != to && !(to == procAbandoned && p.status == procSyscall) {
		return fmt.Errorf("proc %d is stated to be in state %d, but is in %d", id, to, p.status)
	}
	p.seq = 0
	if !known {
		p.status = to
	}
	if to == procRunning || to == procSyscall {
		p.thread, t.p = t, p
	}
	r.wake(&p.parked)
	return nil
}

func (r *replay) procStart(t *thread, id, seq uint64) error {
	p := r.proc(id)
	if p.status != procIdle || seq != p.seq+1 {
		if r.park(t, &p.parked) {
			return nil
		}
		if p.thread != nil {
			p.thread.p = nil
		}
		t.p = nil
	}
	if t.p != nil && r.park(t, &t.p.parked) {
		return nil // until it is seen to be stolen
	}
	p.status, p.seq, p.thread, t.p = procRunning, seq, t, p
	t.idled = true
	if p.parked != nil {
		r.wake(&p.parked)
	}
	return nil
}

func (r *replay) procStop(t *thread) error {
	p := t.p
	if p == nil {
		return r.needProc(t)
	}
	if p.status != procRunning && p.status != procSyscall {
		return fmt.Errorf("proc %d stops, but does not run", p.id)
	}
	p.status, p.thread, t.p = procIdle, nil, nil
	if p.parked != nil {
		r.wake(&p.parked)
	}
	return nil
}

func (r *replay) procSteal(t *thread, id, seq, from uint64) error {
	p := r.proc(id)
	if p.status != procSyscall && p.status != procAbandoned || seq != p.seq+1 {
		if r.park(t, &p.parked) {
			return nil
		}
		if p.thread != nil {
			p.thread.p = nil
		}
		p.status = procAbandoned
	}
	if p.status == procSyscall {
		m, ok := r.threads[from]
		if !ok || m.p != p {
			return fmt.Errorf("proc %d is stolen from thread %d, which does not have it", id, from)
		}
		m.p = nil
	}
	p.status, p.seq, p.thread = procIdle, seq, nil
	r.wake(&p.parked)
	return nil
}
