package gostack

import "bytes"

// record is one goroutine (or one group of a debug=1 dump) while its lines are read.
type record struct {
	open    bool
	profile bool // a debug=1 group
	id      uint64
	count   int
	state   *state
	minutes int

	hash    uint64 // of state, frames and creator
	labels  span
	frames  []int32 // sites, innermost first
	creator int32   // a site; 0 when there is none
	last    int32   // the site before the next one
	pending pendingKind
	name    span // the function line that waits for its position

	at addresses // of a debug=1 group

	noRoom      bool // a frame lies beyond the bound on memory
	deep        bool // frames beyond a bound were left out here
	unavailable bool // "goroutine running on other thread; stack unavailable"
	ancestors   bool // inside "[originating from goroutine N]:"
	ancestorEnd bool // the outermost frame of that ancestor was there
	locked      bool // to its thread
	system      bool // all frames are shown, the runtime's too
	logged      bool // log lines stand inside or just after it
	blankBefore bool
	start       int64 // offset in the input
}

// span is a part of the parser's buffer.
type span struct{ from, to int32 }

type pendingKind uint8

const (
	pendingNone pendingKind = iota
	pendingFunction
	pendingCreator
)

// reset readies the record for the next goroutine; the frames' memory is kept.
func (r *record) reset() {
	*r = record{frames: r.frames[:0]}
}

// compact moves what is kept of the record's text to the front of the buffer and returns
// how much that is. The parts lie in ascending order.
func (r *record) compact(buf []byte) int {
	if !r.open {
		return 0
	}
	w := 0
	for _, s := range []*span{&r.labels, &r.name} {
		n := copy(buf[w:], buf[s.from:s.to])
		*s = span{int32(w), int32(w + n)}
		w += n
	}
	return w
}

func (s span) of(buf []byte) []byte { return buf[s.from:s.to] }

func (p *parser) spanOf(b []byte) span {
	from := p.offset(b)
	return span{from, from + int32(len(b))}
}

// open begins a goroutine.
func (p *parser) open(h header) {
	state := p.stateOf(h.status)
	abrupt := ""
	if p.rec.open {
		if state.running { // another dump may begin right behind a cut one
			abrupt = p.recordCut()
		}
		p.commit(abrupt != "")
	}
	p.abrupt = abrupt
	r := &p.rec
	r.reset()
	r.open = true
	r.id, r.count, r.minutes = h.id, 1, h.minutes
	r.state, r.last = state, state.root
	r.hash = r.state.hash
	if len(h.labels) > 0 {
		r.labels = p.spanOf(h.labels)
	}
	r.locked, r.system = h.locked, h.system
	r.start = p.lineOffset()
	r.blankBefore = p.blanks > 0
	p.quiet = true
	p.blanks = 0
}

// functionLine keeps a line that may be the first of a frame: the position that must
// follow decides. Log lines between goroutines have none and fall away.
func (p *parser) functionLine(line []byte) {
	r := &p.rec
	if r.pending != pendingNone {
		r.logged = true
	}
	r.pending = pendingFunction
	r.name = p.spanOf(line)
}

// positionLine ends a frame or the creator.
func (p *parser) positionLine(line []byte) {
	r := &p.rec
	kind := r.pending
	r.pending = pendingNone
	if kind == pendingNone || r.creator != 0 || r.ancestors {
		switch {
		case bytes.HasPrefix(line, []byte("\tgoroutine running on other thread")):
			r.unavailable = true
		case p.openGlued(line):
		case r.ancestors && kind != pendingNone:
			r.ancestorEnd = kind == pendingCreator || isOutermost(string(functionName(r.name.of(p.buf))))
		}
		return
	}
	i, ok := p.frameSite(r.last, r.name.of(p.buf), line, kind == pendingCreator)
	switch {
	case !ok && p.openGlued(line):
	case !ok:
		r.logged = r.logged || kind == pendingFunction && !bytes.HasPrefix(line, []byte("\tpc=0x"))
	case i == noSite:
		r.noRoom = true
	case kind == pendingCreator:
		r.creator = i
		r.hash = mix(r.hash, p.sites[i].hash)
	default:
		r.addFrame(i, p.sites[i].hash)
	}
}

// takesFrames reports whether the next line may be a frame's first.
func (r *record) takesFrames() bool {
	return r.open && r.pending == pendingNone && r.creator == 0 && !r.ancestors && !r.profile
}

// addFrame takes a site into the stack.
func (r *record) addFrame(i int32, hash uint64) {
	r.last = i
	if len(r.frames) >= maxFrames {
		r.deep = true
		return
	}
	r.frames = append(r.frames, i)
	r.hash = mix(r.hash, hash)
}

// otherLine handles the lines of a goroutine that are no plain function line.
func (p *parser) otherLine(line []byte) {
	r := &p.rec
	switch {
	case line[0] == 'g' && (p.tryOpen(line) || p.beginProfile(line)), p.openGlued(line):
	case bytes.HasPrefix(line, []byte(createdBy)) && len(line) > len(createdBy):
		r.pending = pendingCreator
		r.name = p.spanOf(line)
	case bytes.HasPrefix(line, []byte("...")) && bytes.HasSuffix(line, []byte("frames elided...")):
		r.pending = pendingNone
		r.ancestorEnd = r.ancestors // goroutine 1 has no creator to follow
		if !r.ancestors {
			r.hash = mix(r.hash, 2)
		}
	case bytes.HasPrefix(line, []byte("[originating from goroutine ")):
		r.pending = pendingNone
		r.ancestors, r.ancestorEnd = true, false
	case bytes.HasPrefix(line, []byte("non-Go function")):
		r.pending = pendingNone
	case p.announced(line), p.openPrefixed(), p.openWrapped():
	default:
		// A C symbol, when a position follows; else a log line.
		p.functionLine(line)
		if bytes.IndexByte(line, ' ') >= 0 {
			r.logged = true
			p.noteVersion(line)
		}
	}
}

// tryOpen begins a goroutine if the line is its header.
func (p *parser) tryOpen(line []byte) bool {
	h, ok := parseHeader(line, false)
	if ok {
		p.open(h)
	}
	return ok
}
