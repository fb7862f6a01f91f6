package trace

import (
	"encoding/binary"
	"io"
	"math"
)

// scout looks ahead in the input for the tables of a generation, which the runtime writes behind its
// events: what the stacks are has to be known when the events come by. It reads the heads of the batches and
// skips their bodies, so that a generation costs one small read for each 64 KiB.
type scout struct {
	at    io.ReaderAt
	minor int
	root  string // the function that the user names as a request
	head  [maxBatchHead + 1]byte

	gen generation // only its tables
	// upcoming are the batches of events of the generation that it was last asked for.
	upcoming upcomings
	minTime  uint64 // of the batches that were looked at
	tables   tables
}

// aheadOf is what can be read of an input without using it up; nil for a stream. Offsets count from where the
// reader stands.
func aheadOf(r io.Reader) io.ReaderAt {
	if a, ok := r.(interface{ Ahead() io.ReaderAt }); ok {
		return a.Ahead()
	}
	at, ok := r.(io.ReaderAt)
	seeker, can := r.(io.Seeker)
	if !ok || !can {
		return nil
	}
	from, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil // a pipe
	}
	return io.NewSectionReader(at, from, math.MaxInt64-from)
}

// names reads the tables of the generation whose first batch stands at an offset. It is nil when they
// cannot be read, or show no requests.
func (s *scout) names(offset int64, limit int64) (names *requestNames, known bool) {
	s.gen.reset(s.minor)
	s.minTime = math.MaxUint64
	s.gen.strings, s.gen.stacks = s.gen.strings[:0], s.gen.stacks[:0]
	s.upcoming.reset()
	id, kept := uint64(0), int64(0)
	for {
		h, n, ok := s.batch(offset)
		if !ok {
			// Before go1.26 a generation may end where the input does; a cut one lacks its tables.
			if s.minor >= firstEndMarked || len(s.gen.stacks) == 0 {
				return nil, false
			}
			break
		}
		if h.kind == endOfGeneration || id != 0 && h.generation != id {
			break
		}
		id = h.generation
		s.minTime = min(s.minTime, h.time)
		body := offset + int64(n)
		offset = body + int64(h.size)
		if h.kind == experimentalBatch || h.size == 0 {
			continue
		}
		kind := s.head[n]
		if kind != stringsBatch && kind != stacksBatch {
			if kind != cpuSamplesBatch && kind != frequencyEvent && kind != syncBatch && len(s.upcoming.list) <= maxUpcoming {
				s.upcoming.list = append(s.upcoming.list, upcoming{body: body, size: h.size, thread: h.thread, time: h.time})
			}
			continue
		}
		if kept += int64(h.size); kept > limit {
			return nil, false
		}
		b := batch{data: make([]byte, h.size+padding), n: h.size}
		if _, err := s.at.ReadAt(b.data[:h.size], body); err != nil {
			return nil, false
		}
		if kind == stringsBatch {
			s.gen.strings = append(s.gen.strings, b)
		} else {
			s.gen.stacks = append(s.gen.stacks, b)
		}
	}
	s.upcoming.sort()
	return s.read(&s.gen)
}

// read reads the tables of a generation.
func (s *scout) read(g *generation) (names *requestNames, known bool) {
	if g.cut != nil || s.tables.read(g) != nil {
		return nil, false
	}
	return namesOf(&s.tables, s.root), true
}

// batch reads the head of a batch and the first byte of its body. n is the length of the head.
func (s *scout) batch(offset int64) (h batchHead, n int, ok bool) {
	have, err := s.at.ReadAt(s.head[:], offset)
	if have == 0 || err != nil && err != io.EOF {
		return h, 0, false
	}
	b := s.head[:have]
	h.kind = b[0]
	switch n = 1; {
	case h.kind == endOfGeneration && s.minor >= firstEndMarked:
		return h, n, true
	case h.kind == experimentalBatch && s.minor >= 23:
		n = 2
	case h.kind != eventBatch:
		return h, 0, false
	}
	var size uint64
	for _, v := range []*uint64{&h.generation, &h.thread, &h.time, &size} {
		x, k := binary.Uvarint(b[min(n, len(b)):])
		if k <= 0 {
			return h, 0, false
		}
		*v = x
		n += k
	}
	if size > maxBatchSize || size > 0 && n >= len(b) {
		return h, 0, false
	}
	h.size = int(size)
	return h, n, true
}
