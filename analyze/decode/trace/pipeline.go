package trace

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/budget"
)

// maxWorkers bounds the generations that are worked on at the same time.
const maxWorkers = 4

// job is a generation on its way: read, being replayed, then joined.
type job struct {
	gen   *generation
	rep   *replay
	begun bool
	err   error

	// For a worker, guarded by the pool's lock: batches to come, and whether there will be more.
	queue  []batch
	closed bool
	asleep bool // waits for batches
	done   chan struct{}
}

// pipeline reads generations, replays several at the same time and joins them in their order. What
// comes out does not depend on the number of workers. One worker is the reader itself.
type pipeline struct {
	w      *window
	reader *genReader
	pool   *pool
	join   *stitcher
	alone  bool
	idle   []*job
	flight []*job // oldest first
}

// replayWith is the reader that replays generations on a number of workers.
func replayWith(workers int) reader {
	return func(w *window, in *input, br *bufio.Reader, minor int) error {
		if _, err := br.Discard(headerSize); err != nil {
			return err
		}
		ahead, err := br.Peek(br.Buffered())
		if err != nil {
			return err
		}
		pool := newPool()
		p := &pipeline{w: w, reader: newGenReader(in, minor, ahead, pool), pool: pool, join: newStitcher(w), alone: workers <= 1}
		for range inFlight(workers) {
			p.idle = append(p.idle, &job{gen: &generation{}, rep: &replay{free: pool.put, limit: cmp.Or(waitingLimit, w.limits.Memory/waitingShare)}})
		}
		err = p.run(in)
		if err != nil && !errors.Is(err, errCut) {
			p.missed()
		}
		p.join.close()
		return err
	}
}

// inFlight is how many generations are worked on at the same time: one more than there are workers, because
// generations end when they do. Else one worker has nothing to do until the older generation has ended and the
// next but one is read.
func inFlight(workers int) int {
	if workers <= 1 {
		return 1
	}
	return min(workers+1, maxWorkers)
}

// waitingShare is the part of the memory budget that the waiting events of one generation may take.
const waitingShare = 2 * maxWorkers

// waitingLimit replaces that share in tests.
var waitingLimit int64

// run goes on until the input ends or a generation fails. What could be ordered of a broken or
// cut one counts; no other follows it.
func (p *pipeline) run(in *input) error {
	for {
		if err := in.ctx.Err(); err != nil {
			return p.settle(err)
		}
		if len(p.idle) == 0 {
			if err := p.joinOldest(); err != nil {
				return p.abandon(err)
			}
		}
		j := p.idle[len(p.idle)-1]
		err := p.reader.next(j.gen, func(b batch) { p.deliver(j, b) })
		if err == io.EOF {
			return p.settle(nil)
		}
		if err != nil {
			return p.settle(err)
		}
		if j.gen.freq == 0 {
			return p.settle(j.gen.cut) // nothing in it has a time
		}
		p.idle = p.idle[:len(p.idle)-1]
		p.begin(j)
		p.close(j)
		if j.gen.cut != nil {
			return p.settle(nil) // joining it says why
		}
	}
}

// missed finds out how much time the rest of the input covers, which nobody will analyse. Where the
// input ends early, that is not in it.
func (p *pipeline) missed() {
	if !p.w.started || !p.reader.pass() {
		return
	}
	units := int64(float64(p.reader.lastTime)*p.reader.previous) - int64(p.w.start)
	if lost := units - p.w.now; lost > 0 && lost < maxTime {
		p.w.lostNS = lost
	}
}

// begin has a generation replayed, whose clock is known by now.
func (p *pipeline) begin(j *job) {
	if j.begun {
		return
	}
	w := p.w
	if !w.started {
		w.started, w.start = true, xtrace.Time(float64(j.gen.minTime)*j.gen.freq)
	}
	j.begun, j.err, j.closed, j.asleep = true, nil, false, false
	j.rep.begin(j.gen.freq, int64(w.start))
	j.rep.req.begin(j.gen.names, j.gen.blind)
	p.flight = append(p.flight, j)
	if p.alone {
		return
	}
	j.done = make(chan struct{})
	p.pool.working(1)
	go p.work(j)
}

// deliver hands a batch to the replay of its generation.
func (p *pipeline) deliver(j *job, b batch) {
	p.begin(j)
	if p.alone {
		j.feed(b, p.pool)
		return
	}
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	j.queue = append(j.queue, b)
	p.pool.rouse(j)
}

// close says that a generation has no more batches.
func (p *pipeline) close(j *job) {
	if p.alone {
		j.finish()
		return
	}
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	j.closed = true
	p.pool.rouse(j)
}

func (p *pipeline) work(j *job) {
	defer close(j.done)
	defer p.pool.working(-1)
	for {
		b, ok := p.pool.take(j)
		if !ok {
			j.finish()
			return
		}
		j.feed(b, p.pool)
	}
}

// feed replays a batch. After an error it only gives it back.
func (j *job) feed(b batch, p *pool) {
	if j.err != nil {
		p.put(b.data)
		return
	}
	defer j.caught()
	j.err = j.rep.feed(b)
}

func (j *job) finish() {
	if j.err == nil {
		defer j.caught()
		j.err = j.rep.finish(j.gen)
	}
}

func (j *job) caught() {
	if v := recover(); v != nil {
		j.err = fmt.Errorf("corrupt trace: %s", firstLine(fmt.Sprint(v)))
	}
}

// joinOldest waits for the oldest generation and joins it.
func (p *pipeline) joinOldest() error {
	j := p.flight[0]
	p.flight = p.flight[1:]
	if !p.alone {
		<-j.done
	}
	j.begun = false
	w := p.w
	if w.generations == 0 {
		w.first = min(j.rep.ns(j.gen.minTime), 0)
	}
	if c := j.gen.clock; w.wall.IsZero() && !c.wall.IsZero() {
		w.setWall(c.wall, xtrace.Time(float64(c.time)*j.gen.freq))
	}
	w.generations++
	if j.rep.crowded {
		w.crowded = budget.OverMemory("memory for events that wait for others", j.rep.limit)
	}
	err := j.err
	if joined := p.join.add(j.rep); err == nil {
		err = joined
	}
	if err != nil {
		return err
	}
	w.offset = j.gen.end
	if j.gen.cut != nil {
		w.cut = true
		return j.gen.cut
	}
	w.completed++
	p.reader.recycle(j.gen)
	p.idle = append(p.idle, j)
	return nil
}

// settle joins what is under way. The error is the first that joining meets, else err.
func (p *pipeline) settle(err error) error {
	for _, j := range p.flight {
		if !p.alone {
			p.close(j) // also the one that a failure of the input interrupts
		}
	}
	for len(p.flight) > 0 {
		if failed := p.joinOldest(); failed != nil {
			return p.abandon(failed)
		}
	}
	return err
}

// abandon waits for the replays that nobody will join.
func (p *pipeline) abandon(err error) error {
	for _, j := range p.flight {
		if !p.alone {
			p.close(j)
			<-j.done
		}
	}
	return err
}
