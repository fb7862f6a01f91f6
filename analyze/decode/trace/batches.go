package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// batch is a run of data of one thread. Behind its n bytes of data there is padding to read
// into.
type batch struct {
	thread uint64
	time   uint64
	data   []byte
	n      int
	cut    bool // the input ends within it
	inTime bool // all batches of its generation that begin before it were delivered
}

// padding lets an event be read without looking at the end of the data for each byte: the
// longest has a type and six varints.
const padding = 1 + 6*binary.MaxVarintLen64

// chunkSize holds a few batches, the longest of which has 64 KiB.
const chunkSize = 128 << 10

// batchHead is the head of a batch.
type batchHead struct {
	kind       byte // eventBatch, experimentalBatch or endOfGeneration
	generation uint64
	thread     uint64
	time       uint64
	size       int
	start      int64 // offset of the head
}

// maxBatchHead is the type, an experiment and four varints.
const maxBatchHead = 2 + 4*binary.MaxVarintLen64

// fill has at least n bytes in the chunk if the input has them.
func (r *genReader) fill(n int) bool {
	if r.filled-r.pos >= n {
		return true
	}
	r.filled = copy(r.chunk, r.chunk[r.pos:r.filled])
	r.pos = 0
	for r.filled < n {
		if r.err != nil {
			return false
		}
		k, err := r.in.Read(r.chunk[r.filled:])
		r.filled += k
		r.err = err
	}
	return true
}

var (
	errVarint = errors.New("a number is longer than 64 bits or is cut")
	errCut    = errors.New("the trace ends inside a generation")
)

// head reads the head of a batch. It returns io.EOF at the end of the input.
func (r *genReader) head() (h batchHead, err error) {
	if r.spilled {
		r.spilled = false
		return r.spill, nil
	}
	if !r.fill(maxBatchHead) && r.filled == r.pos {
		return h, r.err
	}
	h.start = r.offset
	b := r.chunk[r.pos:r.filled]
	h.kind = b[0]
	at := 1
	switch {
	case h.kind == endOfGeneration && r.minor >= firstEndMarked:
		r.skip(1)
		return h, nil
	case h.kind == experimentalBatch && r.minor >= 23:
		at = 2
	case h.kind != eventBatch:
		return h, fmt.Errorf("a batch begins with the unknown type %d", h.kind)
	}
	var size uint64
	for _, v := range []*uint64{&h.generation, &h.thread, &h.time, &size} {
		if at >= len(b) {
			return h, r.short()
		}
		x, n := binary.Uvarint(b[at:])
		switch {
		case n == 0:
			return h, r.short()
		case n < 0:
			return h, errVarint
		}
		*v = x
		at += n
	}
	if size > maxBatchSize {
		return h, fmt.Errorf("a batch of %d bytes, the format allows %d", size, maxBatchSize)
	}
	h.size = int(size)
	r.lastTime = max(r.lastTime, h.time)
	r.skip(at)
	return h, nil
}

// pass reads the heads of the batches that are left, for the time that they cover. It ends where the
// input does, or where it does not hold batches any more, which is false.
func (r *genReader) pass() bool {
	for {
		h, err := r.head()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		if r.drop(h.size) != nil {
			return false
		}
	}
}

func (r *genReader) skip(n int) {
	r.pos += n
	r.offset += int64(n)
}

// drop passes over the body of a batch.
func (r *genReader) drop(size int) error {
	for size > 0 {
		if r.pos == r.filled && !r.fill(1) {
			return r.short()
		}
		n := min(size, r.filled-r.pos)
		r.skip(n)
		size -= n
	}
	return nil
}

// short is the error of an input that ended too early.
func (r *genReader) short() error {
	if r.err != nil && r.err != io.EOF {
		return r.err
	}
	return errCut
}

// body fills data with that of a batch. Of a cut one it returns how much there is, and an error.
func (r *genReader) body(data []byte) (have int, err error) {
	for have < len(data) {
		if r.pos == r.filled {
			if r.err != nil {
				return have, r.short()
			}
			r.fill(1)
		}
		n := copy(data[have:], r.chunk[r.pos:r.filled])
		r.skip(n)
		have += n
	}
	return have, nil
}
