package trace

import "sync"

// pool lends buffers for batches, and holds the reader back while the workers have enough to do. Nearly
// all batches are full, so a few sizes do.
type pool struct {
	mu   sync.Mutex
	cond *sync.Cond
	free [len(bufferSizes)][][]byte
	lent int64 // bytes
	busy int   // workers that have something to do
}

// aheadBytes is how much the reader may read ahead of the workers: enough to reach the next
// generation of most traces while one is worked on.
const aheadBytes = 24 << 20

// bufferSizes are the sizes of buffers; the largest holds the largest batch.
var bufferSizes = [...]int{1<<10 + padding, 8<<10 + padding, maxBatchSize + padding}

func newPool() *pool {
	p := &pool{}
	p.cond = sync.NewCond(&p.mu)
	return p
}

func sizeClass(n int) int {
	c := 0
	for bufferSizes[c] < n {
		c++
	}
	return c
}

// get returns a buffer of at least n bytes; what it holds is left from before. It waits as long as
// more than aheadBytes are lent and someone is working on them.
func (p *pool) get(n int) []byte {
	c := sizeClass(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.lent >= aheadBytes && p.busy > 0 {
		p.cond.Wait()
	}
	p.lent += int64(bufferSizes[c])
	if k := len(p.free[c]); k > 0 {
		b := p.free[c][k-1]
		p.free[c] = p.free[c][:k-1]
		return b
	}
	return make([]byte, bufferSizes[c])
}

// put takes back what get has lent.
func (p *pool) put(b []byte) {
	c := sizeClass(len(b))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free[c] = append(p.free[c], b)
	p.lent -= int64(bufferSizes[c])
	if p.lent < aheadBytes {
		p.cond.Broadcast()
	}
}

// working counts workers that have something to do.
func (p *pool) working(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy += n
	p.cond.Broadcast()
}

// rouse has a job's worker look at its queue. The lock is held.
func (p *pool) rouse(j *job) {
	if j.asleep {
		j.asleep = false
		p.busy++
		p.cond.Broadcast()
	}
}

// take waits for the next batch of a job. It is false when there are no more.
func (p *pool) take(j *job) (batch, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(j.queue) == 0 {
		if j.closed {
			return batch{}, false
		}
		j.asleep = true
		p.busy--
		p.cond.Broadcast()
		for j.asleep {
			p.cond.Wait()
		}
	}
	b := j.queue[0]
	j.queue = j.queue[1:]
	return b, true
}
