package trace

import (
	"bufio"
	"fmt"
	"io"

	xtrace "golang.org/x/exp/trace"
)

// maxWorkers bounds the generations that are in memory at the same time.
const maxWorkers = 4

// job is a generation on its way: read, being replayed, then joined.
type job struct {
	gen  *generation
	rep  *replay
	err  error
	done chan struct{}
}

// pipeline reads generations, replays several at the same time and joins them in their order.
// What comes out does not depend on the number of workers.
type pipeline struct {
	w      *window
	reader *genReader
	join   *stitcher
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
		p := &pipeline{w: w, reader: newGenReader(in, minor, ahead), join: newStitcher(w)}
		for range min(max(workers, 1), maxWorkers) {
			p.idle = append(p.idle, &job{gen: &generation{}, rep: &replay{}})
		}
		err = p.run(in)
		p.join.close()
		return err
	}
}

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
		err := p.reader.next(j.gen)
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
		p.start(j)
		if j.gen.cut != nil {
			return p.settle(nil) // joining it says why
		}
	}
}

// start has a generation replayed.
func (p *pipeline) start(j *job) {
	w := p.w
	if !w.started {
		w.started, w.start = true, xtrace.Time(float64(j.gen.minTime)*j.gen.freq)
	}
	j.done = make(chan struct{})
	p.flight = append(p.flight, j)
	base := int64(w.start)
	go func() {
		defer close(j.done)
		defer func() {
			if v := recover(); v != nil {
				j.err = fmt.Errorf("corrupt trace: %s", firstLine(fmt.Sprint(v)))
			}
		}()
		j.err = j.rep.run(j.gen, base)
	}()
}

// joinOldest waits for the oldest generation and joins it.
func (p *pipeline) joinOldest() error {
	j := p.flight[0]
	p.flight = p.flight[1:]
	<-j.done
	w := p.w
	if c := j.gen.clock; w.wall.IsZero() && !c.wall.IsZero() {
		w.setWall(c.wall, xtrace.Time(float64(c.time)*j.gen.freq))
	}
	w.generations++
	err := j.err
	if joined := p.join.add(j.rep); err == nil {
		err = joined
	}
	if err != nil {
		return err
	}
	w.offset = j.gen.end
	if j.gen.cut != nil {
		return j.gen.cut
	}
	w.completed++
	p.reader.recycle(j.gen)
	p.idle = append(p.idle, j)
	return nil
}

// settle joins what is under way. The error is the first that joining meets, else err.
func (p *pipeline) settle(err error) error {
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
		<-j.done
	}
	return err
}
