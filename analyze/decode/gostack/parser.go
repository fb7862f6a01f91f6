package gostack

import (
	"bytes"
	"context"
	"hash/maphash"
	"io"
	"math/bits"
	"sync"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// buffers spares the decoding of many small dumps an allocation larger than they are.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, bufferBytes)
	return &b
}}

// parser is the state of one pass over one input.
type parser struct {
	src        source
	buf        []byte
	pos, end   int  // the unread part of buf
	skipping   bool // inside the rest of an over-long line
	unfinished bool // the line at hand is the last and has no line end
	seed       maphash.Seed

	at       evidence.Position
	budget   budget.Budget
	rec      record
	cur      *dump  // the dump that is being read; nil between dumps
	marker   marker // what announced the next dump
	foreign  bool   // log lines were met since the last dump ended
	quiet    bool   // no log line was met since the last goroutine
	blanks   int    // blank lines just before the line at hand
	raw      []byte // the line at hand with what stands around it
	trailing []byte // a last line without line end, outside of any goroutine
	abrupt   string // why the goroutine before the one at hand is not whole
	headless bool   // frames stand before the first goroutine
	midway   bool   // the first goroutine of a dump does not run

	prefix     int    // words that a log driver puts before each line
	key        string // the key of the JSON string that a collector puts each line into
	heard      marker // what may have announced a crash, behind heardWords words
	heardWords int

	states    map[string]*state
	lastState *state
	sites     []site // the first stands for none
	siteIndex map[uint64]int32
	shapes    map[uint64]*shape
	memory    int64 // estimate of what the evidence holds
	ids       int

	snapshots  []evidence.Snapshot
	singles    bool // the snapshots are traces of single goroutines, no whole dump yet
	goVersion  string
	fault      string // why an earlier dump is not whole
	longLines  int
	deep       int
	overBudget int
	surplus    int

	tracesDropped, dumpsDropped int

	crashes        []string // what the program died of, each cause once
	crashesDropped int
}

func newParser(ctx context.Context, r io.Reader, at evidence.Position, b budget.Budget) *parser {
	def := budget.Default()
	if b.Bytes <= 0 {
		b.Bytes = def.Bytes
	}
	if b.Memory <= 0 {
		b.Memory = def.Memory
	}
	if b.Stacks <= 0 {
		b.Stacks = def.Stacks
	}
	// A table that grows stands in memory twice while it is copied.
	b.Memory /= 2
	return &parser{
		src:       source{ctx: ctx, r: r, limit: b.Bytes},
		buf:       *buffers.Get().(*[]byte),
		seed:      maphash.MakeSeed(),
		at:        at,
		budget:    b,
		states:    map[string]*state{},
		sites:     make([]site, 1),
		siteIndex: map[uint64]int32{},
		shapes:    map[uint64]*shape{},
	}
}

// run reads the input to its end, line by line.
func (p *parser) run() {
	p.end = p.src.fill(p.buf)
	p.pos = len(byteOrderMark(p.buf[:p.end]))
	for {
		if p.rec.takesFrames() && p.prefix == 0 {
			p.knownFrames()
		}
		n := bytes.IndexByte(p.buf[p.pos:p.end], '\n')
		if n < 0 || n > maxLine {
			if n < 0 && p.refill() {
				continue
			}
			if !p.oddLine(n) {
				return
			}
			continue
		}
		line := p.buf[p.pos : p.pos+n]
		p.pos += n + 1
		if p.skipping {
			p.skipping = false
			continue
		}
		p.line(line)
	}
}

// byteOrderMark is the mark that some editors and shells put at the head of a text.
func byteOrderMark(head []byte) []byte {
	const mark = "\xef\xbb\xbf"
	if bytes.HasPrefix(head, []byte(mark)) {
		return head[:len(mark)]
	}
	return nil
}

// refill makes room and reads on, if the unread part is still short enough to be a line
// and there may be more to read.
func (p *parser) refill() bool {
	if p.end-p.pos > maxLine || p.src.err != nil {
		return false
	}
	kept := p.rec.compact(p.buf)
	p.end = kept + copy(p.buf[kept:], p.buf[p.pos:p.end])
	p.pos = kept
	p.end += p.src.fill(p.buf[p.end:])
	return true
}

// oddLine handles an over-long line (n is its length, or negative when its end is not in
// the buffer) and the end of the input. It reports whether to go on.
func (p *parser) oddLine(n int) bool {
	rest := p.buf[p.pos:p.end]
	switch {
	case n > maxLine || len(rest) > maxLine:
		if !p.skipping {
			p.longLines++
			p.longLine(rest[:maxLine])
		}
		p.skipping = n < 0
		if n < 0 {
			n = len(rest) - 1
		}
		p.pos += n + 1
		return true
	case len(rest) > 0 && !p.skipping:
		p.unfinished = true
		p.pos = p.end
		p.line(rest)
	}
	return false
}

// longLine takes what counts from the head of an over-long line: a goroutine whose labels
// are too large is still a goroutine.
func (p *parser) longLine(head []byte) {
	p.raw = head
	if h, ok := parseHeader(p.unprefixed(head), true); ok {
		p.open(h)
		return
	}
	p.blanks = 0
	p.rec.pending = pendingNone
	if !p.rec.open {
		p.logLine(head)
	}
}

// line handles one line without its line end.
func (p *parser) line(line []byte) {
	for len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	p.raw = line
	if p.prefix > 0 || p.key != "" {
		line = p.bare(line)
	}
	if len(line) == 0 {
		if p.unfinished {
			p.trailing = p.raw // a prefix, and no telling what was to follow
			return
		}
		p.blank()
		return
	}
	switch {
	case !p.rec.open:
		p.outside(line)
	case p.rec.profile:
		p.profileLine(line)
	case line[0] == '\t':
		p.positionLine(line)
	case line[0] == ' ' && p.rec.pending != pendingNone && isHex(line[len(line)-1]):
		// Copied from a terminal: spaces in the tab's place.
		p.positionLine(line[len(line)-len(bytes.TrimLeft(line, " "))-1:])
	case line[len(line)-1] == ')' && !announces[line[0]]:
		p.functionLine(line)
	default:
		p.otherLine(line)
	}
	p.blanks = 0
}

// blank ends a goroutine.
func (p *parser) blank() {
	p.closeRecord()
	p.blanks++
}

// announces marks the first bytes of the lines that announce a crash; functions that
// begin with them take the slower way.
var announces = [256]bool{'p': true, 'f': true, 'S': true}

// offset is where a part of the buffer lies in it.
func (p *parser) offset(b []byte) int32 { return int32(cap(p.buf) - cap(b)) }

func (p *parser) hash(b []byte) uint64 { return maphash.Bytes(p.seed, b) }

// mix folds the hash of one more part into h; the order of the parts counts.
func mix(h, part uint64) uint64 {
	hi, lo := bits.Mul64(h^0x9e3779b97f4a7c15, part|1)
	return hi ^ lo ^ bits.RotateLeft64(part, 23)
}
