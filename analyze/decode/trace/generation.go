package trace

import (
	"errors"
	"fmt"
	"io"

	"go-debug/analyze/budget"
)

// generation is one generation of a trace as it stands in the file: tables of strings and stacks
// that its events refer to, which mostly come last, and the clock. The batches of events are
// handed on as they come.
type generation struct {
	id      uint64
	minor   int     // of the wire format
	freq    float64 // nanoseconds per unit of time, 0 when the file has not said
	minTime uint64  // of the first event, in units
	clock   clockSnapshot
	kept    int64 // bytes of batches that stay to the end
	strings []batch
	stacks  []batch
	samples []batch
	end     int64 // offset behind what was read of the generation
	cut     error // why it is not whole; nil when it is

	// names is what its stacks say of requests; nil when they say nothing. blind is true when nobody could tell
	// before the events had to go on.
	names *requestNames
	blind bool
	held  int64 // bytes of events that wait for the tables
}

func (g *generation) reset(minor int) {
	*g = generation{minor: minor, strings: g.strings[:0], stacks: g.stacks[:0], samples: g.samples[:0]}
}

// genReader cuts the input into generations and batches. Each batch of events is a buffer of its
// own, which goes back to the pool as soon as its events are worked through: mostly long before the
// generation ends. Tables are kept in memory of the generation's.
type genReader struct {
	in     *input
	minor  int
	pool   *pool
	chunk  []byte // what was read of the input
	pos    int
	filled int
	err    error // of in, once met
	offset int64 // of chunk[pos] in the input

	early    []batch   // of events that came before the generation's clock
	lastTime uint64    // of a batch, in units: the latest that was read
	spill    batchHead // the head that was read beyond the end of the last generation
	spilled  bool
	started  bool
	previous float64 // frequency of the last generation: units do not change within a trace
	scout    scout
}

func newGenReader(in *input, minor int, ahead []byte, pool *pool) *genReader {
	r := &genReader{in: in, minor: minor, pool: pool, chunk: make([]byte, chunkSize), offset: headerSize}
	r.filled = copy(r.chunk, ahead)
	r.scout = scout{at: in.ahead, minor: minor, root: in.limits.RequestRoot}
	return r
}

// next reads one generation and hands its batches of events to a function, once the generation's
// clock is known. It returns io.EOF when there is none. A generation that is cut or broken has cut
// set; no other follows.
func (r *genReader) next(g *generation, deliver func(batch)) error {
	g.reset(r.minor)
	r.early = r.early[:0]
	for {
		h, err := r.head()
		if err == io.EOF {
			if !r.started {
				return errNoGeneration
			}
			if g.id == 0 {
				return io.EOF
			}
			if r.minor >= firstEndMarked {
				return r.finish(g, errCut, deliver)
			}
			return r.finish(g, nil, deliver)
		}
		if err != nil {
			if g.id == 0 {
				return err
			}
			return r.finish(g, err, deliver)
		}
		if h.kind == endOfGeneration {
			if g.id == 0 {
				return errors.New("a generation without batches")
			}
			g.end = r.offset
			return r.finish(g, nil, deliver)
		}
		r.started = true
		if g.id == 0 && r.scout.at != nil {
			names, known := r.scout.names(h.start, r.in.limits.Memory/keptShare)
			g.names, g.blind, g.minTime = names, !known, r.scout.minTime
		}
		done, err := r.admit(g, h)
		if err != nil {
			return r.finish(g, err, deliver)
		}
		if done {
			return r.finish(g, nil, deliver)
		}
		if err := r.take(g, h, deliver); err != nil {
			return r.finish(g, err, deliver)
		}
	}
}

// admit decides whether a batch belongs to the generation or begins the next one.
func (r *genReader) admit(g *generation, h batchHead) (next bool, err error) {
	switch {
	case h.generation == 0:
		return false, errors.New("a batch of generation 0, which does not exist")
	case g.id == 0:
		g.id = h.generation
		g.end = h.start
	case h.generation == g.id:
	case r.minor < firstEndMarked && h.generation == g.id+1:
		r.spill, r.spilled = h, true
		g.end = h.start
		return true, nil
	default:
		return false, fmt.Errorf("a batch of generation %d within generation %d", h.generation, g.id)
	}
	return false, nil
}

// take reads the data of a batch and files it by what it is.
func (r *genReader) take(g *generation, h batchHead, deliver func(batch)) error {
	ahead := r.scout.upcoming.passing(r.offset)
	if ahead != nil {
		if ahead.done {
			err := r.drop(h.size)
			if err == nil {
				g.end = r.offset
			}
			return err
		}
		ahead.done = true
	}
	b := batch{thread: h.thread, time: h.time, data: r.pool.get(h.size + padding)}
	if g.minTime == 0 || h.time < g.minTime {
		g.minTime = h.time
	}
	var err error
	b.n, err = r.body(b.data[:h.size])
	b.cut = err != nil
	if err == nil {
		g.end = r.offset
	}
	if h.kind == experimentalBatch || b.n == 0 {
		r.pool.put(b.data)
		return err
	}
	switch kind := b.data[0]; {
	case kind == stringsBatch:
		g.strings = append(g.strings, b)
		return errors.Join(err, r.keep(g, b))
	case kind == stacksBatch:
		g.stacks = append(g.stacks, b)
		return errors.Join(err, r.keep(g, b))
	case kind == cpuSamplesBatch:
		g.samples = append(g.samples, b)
		return errors.Join(err, r.keep(g, b))
	case kind == frequencyEvent && r.minor < firstSynced, kind == syncBatch && r.minor >= firstSynced:
		if err == nil {
			err = g.sync(b)
		}
		r.pool.put(b.data)
		if err == nil && !r.holds(g) {
			r.release(g, deliver)
		}
	case r.holds(g):
		r.early = append(r.early, b)
		if g.held += int64(len(b.data)); g.held > r.in.limits.Memory/heldShare {
			g.blind = true
			r.release(g, deliver)
		}
	case g.freq == 0:
		r.early = append(r.early, b)
		return errors.Join(err, r.keep(g, b))
	default:
		b.inTime = ahead != nil && err == nil && r.hasten(h.time, deliver)
		deliver(b)
	}
	return err
}

// keep counts a batch that stays in memory until its generation is joined.
func (r *genReader) keep(g *generation, b batch) error {
	g.kept += int64(len(b.data))
	if limit := r.in.limits.Memory / keptShare; g.kept > limit {
		return budget.OverMemory("memory for what one generation of the trace holds to its end", limit)
	}
	return nil
}

// recycle frees what a generation holds that nobody looks at any more.
func (r *genReader) recycle(g *generation) {
	for _, list := range [][]batch{g.strings, g.stacks, g.samples} {
		for _, b := range list {
			r.pool.put(b.data)
		}
	}
	g.reset(r.minor)
}

// release hands on what had to wait for the clock.
func (r *genReader) release(g *generation, deliver func(batch)) {
	if g.freq == 0 {
		return // nothing has a time yet
	}
	for _, b := range r.early {
		deliver(b)
	}
	r.early = r.early[:0]
}

// holds reports whether events have to wait for the tables, because nobody could look ahead for them.
func (r *genReader) holds(g *generation) bool { return r.scout.at == nil && !g.blind }

const (
	// heldShare is the part of the memory budget that the events of one generation may take while they wait
	// for its tables; where that does not do, its requests are not rebuilt.
	heldShare = 16
	// keptShare is the part of the memory budget that one generation may keep to its end: its
	// tables, and its events where the clock comes last.
	keptShare = 2
)

// finish checks what each generation must have.
func (r *genReader) finish(g *generation, cut error, deliver func(batch)) error {
	g.cut = cut
	if cut == nil && !r.spilled && r.minor < firstEndMarked {
		g.end = r.offset
	}
	switch {
	case g.freq == 0 && cut == nil:
		g.cut = errors.New("a generation does not state its frequency")
	case g.minor >= firstSynced && g.clock.wall.IsZero() && cut == nil:
		g.cut = errors.New("a generation has no clock snapshot")
	}
	if g.freq == 0 {
		g.freq = r.previous
	}
	r.previous = g.freq
	if r.holds(g) {
		names, known := r.scout.read(g)
		g.names, g.blind = names, !known
	}
	r.release(g, deliver)
	return nil
}
