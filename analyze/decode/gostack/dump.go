package gostack

import (
	"bytes"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

const (
	// maxDumps bounds the snapshots of one input.
	maxDumps = 1024
	// maxIDs bounds the goroutine ids kept for one input, 16 MB of them.
	maxIDs = 2_000_000
	// maxUnavailable bounds the goroutines of a crash that are remembered as running on
	// another thread; there are no more of them than threads.
	maxUnavailable = 10_000
	// silentLimit is where runtime/pprof's debug=2 stops (writeGoroutineStacks).
	silentLimit = 64 << 20
)

// dump is one dump while it is read.
type dump struct {
	marker
	format   string
	kind     evidence.Kind
	start    int64 // offset in the input
	declared int
	total    int
	dropped  int

	groups []*group
	index  map[uint64]*group

	headless  bool // frames stand before its first goroutine
	ancestors bool // its goroutines show theirs (GODEBUG=tracebackancestors=N)
	spaced    bool // blank lines stand before its goroutines: the log kept them
	registers bool
	// relay is set by the "-----" line after which a crash (GOTRACEBACK=crash) lists what
	// runs on the other threads, goroutines that it has listed before without a stack.
	relay       bool
	unavailable map[uint64]*group
}

// profile reports a debug=1 dump.
func (d *dump) profile() bool { return d.format == formatDebug1 }

func (p *parser) newDump(format string) *dump {
	d := &dump{marker: p.marker, format: format, kind: evidence.Goroutine, start: p.lineOffset(), index: map[uint64]*group{}}
	if format == formatDebug2 && (p.foreign || p.prefix > 0 || p.marker.crash) {
		d.format = formatCrash
	}
	p.keepCrash(p.marker.reason)
	p.marker, p.heard, p.foreign = marker{}, marker{}, false
	p.cur = d
	return d
}

// beginStacks begins a dump of stacks with its first goroutine.
func (p *parser) beginStacks(r *record) {
	first, announced := len(p.snapshots) == 0, p.marker.crash
	d := p.newDump(formatDebug2)
	d.start = r.start
	d.headless = first && p.headless && !announced
	p.headless = false
	// The goroutine that takes a dump runs and comes first; a crash is announced.
	p.midway = p.midway || first && !announced && !d.headless && !r.state.running
}

// lineOffset is where the line at hand begins in the input.
func (p *parser) lineOffset() int64 {
	return p.src.read - int64(p.end) + int64(p.offset(p.raw))
}

// closeRecord ends the goroutine that is being read, if any, as whole.
func (p *parser) closeRecord() {
	if !p.rec.open {
		return
	}
	p.commit(false)
}

// commit counts the record. The goroutine at a cut is counted and not grouped: its stack
// may lack frames.
func (p *parser) commit(cut bool) {
	r := &p.rec
	r.open = false
	if r.pending == pendingFunction && !cut {
		r.logged = true
	}
	if r.profile {
		p.cur.add(p, r, cut)
		return
	}
	if r.id != 0 { // goroutine 0 is a thread's scheduler
		if p.startsDump(r) {
			p.finishDump(p.abrupt, r.start)
		}
		if p.cur == nil {
			p.beginStacks(r)
		}
		p.cur.spaced = p.cur.spaced || r.blankBefore
		p.cur.ancestors = p.cur.ancestors || r.ancestors
		p.cur.add(p, r, cut)
	}
	if r.logged {
		p.sawLog()
	}
}

// startsDump reports whether the goroutine is the first of another dump. A dump of a
// stopped world begins with the one goroutine that runs, the one that takes it; a crash
// may list others as running.
func (p *parser) startsDump(r *record) bool {
	d := p.cur
	switch {
	case d == nil:
		return false
	case d.profile():
		return true
	case !r.state.running || r.unavailable || d.relay || d.total == 0:
		return false
	case d.crash:
		return d.spaced && !r.blankBefore
	default:
		return !p.leavesSyscall(r)
	}
}

// leavesSyscall reports a goroutine on its way out of a system call: the only one that a
// stopped world may list as running besides the one that took the dump.
func (p *parser) leavesSyscall(r *record) bool {
	if len(r.frames) == 0 {
		return true
	}
	name := p.sites[r.frames[0]].head
	for _, prefix := range []string{"syscall.", "internal/runtime/syscall", "golang.org/x/sys/", "runtime."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// outside handles a line between goroutines.
func (p *parser) outside(line []byte) {
	if line[0] == 'g' && p.tryOpen(line) {
		return
	}
	if p.beginProfile(line) {
		return
	}
	if p.cur != nil && p.cur.profile() {
		if n, ok := profileCount(line); ok {
			p.rec.reset()
			p.rec.open, p.rec.profile, p.rec.count = true, true, n
			p.rec.at.readAddresses(line)
			return
		}
	}
	if p.announced(line) || p.openPrefixed() || p.openWrapped() || p.openGlued(line) {
		return
	}
	if p.unfinished {
		p.trailing = p.raw
		return
	}
	p.logLine(line)
}

// beginProfile begins a debug=1 dump if the line is its header.
func (p *parser) beginProfile(line []byte) bool {
	kind, total, ok := profileTotal(line)
	if !ok {
		return false
	}
	cut := ""
	if p.rec.open {
		cut = p.recordCut()
		p.commit(cut != "")
	}
	p.finishDump(cut, p.lineOffset())
	d := p.newDump(formatDebug1)
	d.kind, d.declared = kind, total
	return true
}

// profileLine handles a line of a debug=1 group.
func (p *parser) profileLine(line []byte) {
	if line[0] != '#' {
		if line[0] != 'g' || !p.tryOpen(line) && !p.beginProfile(line) {
			p.closeRecord()
			p.outside(line)
		}
		return
	}
	if labels, ok := bytes.CutPrefix(line, []byte("# labels: {")); ok {
		if labels, ok = bytes.CutSuffix(labels, []byte("}")); !ok {
			p.openGlued(line)
		} else if len(p.rec.frames) == 0 {
			p.rec.labels = p.spanOf(labels)
		}
		return
	}
	function, pos, ok := profileFrame(line)
	if !ok {
		if !p.openGlued(line) {
			p.rec.at.n = 0 // a function without a name: nothing is hidden from here on
		}
		return
	}
	if len(p.rec.frames) == 0 && p.rec.at.n > 0 {
		p.rec.at.shown(line)
	}
	i := p.siteOf(siteProfile, function, pos, pos, function)
	if i == noSite {
		p.rec.noRoom = true
		return
	}
	p.rec.addFrame(i, p.sites[i].hash)
}

// finishDump turns the dump that is being read into a snapshot. cut says why it is not
// whole, empty when it is; end is where it ends in the input.
func (p *parser) finishDump(cut string, end int64) {
	d := p.cur
	if d == nil {
		return
	}
	p.cur = nil
	cut = d.missing(cut, end)
	if d.profile() {
		d.settleParked()
		if d.total > d.declared {
			p.surplus = addCapped(p.surplus, d.total-d.declared)
		}
	}
	if p.fault == "" {
		p.fault = cut
	}
	text := !d.profile()
	s := evidence.Snapshot{
		Position: p.at, Kind: d.kind, Format: d.format,
		Total: d.total, Declared: d.declared, Complete: cut == "", Dropped: d.dropped,
		HasIDs: text, HasStates: text, HasCreators: text,
	}
	for _, g := range d.groups {
		if g.Count > 0 {
			slices.Sort(g.IDs)
			s.Groups = append(s.Groups, g.Group)
		}
	}
	evidence.SortGroups(s.Groups)
	p.keep(s)
}

// keep adds a snapshot. The trace of a single running goroutine, as a recovered panic
// leaves it in a log, says nothing of the process when whole dumps stand beside it: as a
// snapshot it would look as if all the others had ended.
func (p *parser) keep(s evidence.Snapshot) {
	single := s.Format != formatDebug1 && s.Total == 1 && (len(s.Groups) == 0 || s.Groups[0].State == "running")
	if single && len(p.snapshots) > 0 && !p.singles {
		p.tracesDropped++
		return
	}
	if !single && p.singles {
		p.tracesDropped += len(p.snapshots) + p.dumpsDropped
		p.snapshots, p.dumpsDropped = nil, 0
	}
	p.singles = single
	if len(p.snapshots) >= maxDumps {
		p.dumpsDropped++
		return
	}
	s.Part = len(p.snapshots)
	p.snapshots = append(p.snapshots, s)
}
