package trace

import (
	"context"
	"io"

	"go-debug/analyze/budget"
)

// input is the byte stream under the reader. It counts bytes, follows the structure of
// generations and fails once the budget is spent. The reader buffers a whole generation,
// so the budget on memory has to be kept here, before the bytes get there.
type input struct {
	ctx    context.Context
	r      io.Reader
	limits budget.Budget
	n      int64
	err    error // sticky: the first failure other than io.EOF
	gens   *generations
	whole  bool        // format without generations: all of it is held at once
	ahead  io.ReaderAt // what lies ahead, where that can be looked at
}

// v1Expansion is about how much larger a parsed event of the old formats is than its bytes.
const v1Expansion = 16

func (in *input) Read(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	if in.err = in.ctx.Err(); in.err != nil {
		return 0, in.err
	}
	n, err := in.r.Read(p)
	in.n += int64(n)
	if in.gens != nil {
		in.gens.feed(p[:n])
	}
	switch {
	case err != nil && err != io.EOF:
		in.err = err
	case in.n > in.limits.Bytes:
		in.err = &budget.Error{What: "bytes of trace", Limit: in.limits.Bytes, Flag: budget.BytesFlag}
	case in.gens != nil && in.gens.cost > in.limits.Memory:
		in.err = budget.OverMemory("memory for one generation of the trace", in.limits.Memory)
	case in.whole && in.n*v1Expansion > in.limits.Memory:
		in.err = budget.OverMemory("memory for a trace without generations (go1.21 and older)", in.limits.Memory)
	}
	if in.err != nil {
		return 0, in.err
	}
	return n, err
}

// drain counts the bytes that nobody will read, so that a report can say how many. It
// stops at the budget, and is false when that or another failure left more of them.
func (in *input) drain() (counted bool) {
	buf := make([]byte, 64<<10)
	for in.n <= in.limits.Bytes && in.ctx.Err() == nil {
		n, err := in.r.Read(buf)
		in.n += int64(n)
		if err != nil {
			return err == io.EOF
		}
	}
	return false
}

// generations follows the batches of a trace of go1.22 or later: where each generation
// ends, and what holding the current one costs.
//
// A batch is a type byte, for experimental ones the experiment, four varints (generation,
// thread, time, size) and size bytes; go1.26 ends a generation by a byte of its own.
type generations struct {
	endMarked bool
	// ends are the offsets behind each complete generation.
	ends []int64
	// cost estimates the memory that the reader needs for the generation being read.
	cost int64

	offset     int64
	batchStart int64
	current    uint64 // generation of the last batch
	broken     bool   // not batches at all: the reader will say so

	field  batchField
	varint uint64
	shift  uint
	left   uint64 // bytes of the batch's data still to come
}

type batchField uint8

const (
	batchType batchField = iota
	batchExperiment
	batchGeneration
	batchThread
	batchTime
	batchSize
	batchKind // the first byte of the data
	batchData
)

// The type bytes of the wire format that matter here.
const (
	eventBatch        = 1
	stacksBatch       = 2
	stringsBatch      = 4
	cpuSamplesBatch   = 6
	experimentalBatch = 49
	endOfGeneration   = 52
)

const (
	maxBatchSize   = 64 << 10 // the runtime's
	maxVarintBits  = 63
	tableExpansion = 32 // memory per byte of a table of stacks, strings or samples
)

// newGenerations expects the stream from the trace's header on.
func newGenerations(endMarked bool) *generations {
	return &generations{endMarked: endMarked, field: batchData, left: headerSize}
}

func (g *generations) feed(p []byte) {
	for i := 0; i < len(p) && !g.broken; {
		if g.field == batchData {
			n := min(uint64(len(p)-i), g.left)
			i += int(n)
			g.offset += int64(n)
			if g.left -= n; g.left == 0 {
				g.field = batchType
			}
			continue
		}
		g.step(p[i])
		i++
		g.offset++
	}
}

// step takes one byte of a batch's head.
func (g *generations) step(c byte) {
	switch g.field {
	case batchType:
		g.batchStart = g.offset
		switch {
		case c == eventBatch:
			g.field = batchGeneration
		case c == experimentalBatch:
			g.field = batchExperiment
		case c == endOfGeneration && g.endMarked:
			g.ends = append(g.ends, g.offset+1)
			g.cost = 0
		default:
			g.broken = true
		}
	case batchExperiment:
		g.field = batchGeneration
	case batchKind:
		cost := int64(g.left)
		if c == stacksBatch || c == stringsBatch || c == cpuSamplesBatch {
			cost *= tableExpansion
		}
		g.cost += cost
		g.left--
		g.field = batchData
		if g.left == 0 {
			g.field = batchType
		}
	default:
		if g.shift > maxVarintBits {
			g.broken = true
			return
		}
		g.varint |= uint64(c&0x7f) << g.shift
		g.shift += 7
		if c < 0x80 {
			g.endVarint()
		}
	}
}

func (g *generations) endVarint() {
	v := g.varint
	g.varint, g.shift = 0, 0
	switch g.field {
	case batchGeneration:
		if v != g.current && g.current != 0 && !g.endMarked {
			g.ends = append(g.ends, g.batchStart)
			g.cost = 0
		}
		g.current = v
	case batchSize:
		g.left = v
		g.broken = v > maxBatchSize
		if v == 0 {
			g.field = batchType
			return
		}
	}
	g.field++
}

// end is the offset behind the first n generations, given that the reader has read them:
// the last one before the end of the input may have no mark.
func (g *generations) end(n int) int64 {
	switch {
	case n <= 0:
		return headerSize
	case n <= len(g.ends):
		return g.ends[n-1]
	case g.field == batchType:
		return g.offset
	}
	return g.batchStart
}
