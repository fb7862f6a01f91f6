package gostack

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// closeAtEnd closes what the end of the input leaves open. It returns why the last dump
// is not whole, or the first earlier one; empty when all are. faulted says that reading
// failed, so that nothing at the end can be whole.
func (p *parser) closeAtEnd(faulted bool) string {
	cut, inside := "", p.rec.open
	if inside {
		cut = p.recordCut()
		p.commit(cut != "" || faulted)
	}
	quiet := p.quiet
	if !inside && !faulted {
		cut = p.betweenCut()
	}
	if d := p.cur; d != nil {
		if cut == "" && d.signal && !d.registers && quiet {
			cut = "it ends before the registers that follow the goroutines"
		}
		if cut == "" && p.isLoneTaker() {
			cut = "it ends after the goroutine that took it"
		}
		if faulted && cut == "" {
			cut = "reading failed"
		}
		p.finishDump(cut, p.src.read)
	} else if p.fault == "" && cut != "" {
		p.fault = cut
	}
	return p.fault
}

// missing says what the dump lacks, with the count of what it has; empty when it is whole.
// cut is what is known already, end where the dump ends in the input.
func (d *dump) missing(cut string, end int64) string {
	if d.profile() {
		if d.total < d.declared {
			return fmt.Sprintf("%d of the %d goroutines that its header declares are in it", d.total, d.declared)
		}
		if cut != "" {
			cut = fmt.Sprintf("%s; all %d goroutines are in it", cut, d.total)
		}
		return cut
	}
	switch {
	case end-d.start == silentLimit, end == silentLimit:
		cut = "at exactly 64 MiB, where debug=2 stops without a word: the newest goroutines are lost"
	case d.headless && cut == "":
		cut = "it begins inside a goroutine"
	}
	if cut == "" {
		return ""
	}
	return fmt.Sprintf("%s; %d goroutines are in it", cut, d.total)
}

// isLoneTaker reports a dump of all goroutines in which the one that took it stands alone.
// The main goroutine comes second at the latest, and nearly every program has it.
func (p *parser) isLoneTaker() bool {
	if p.cur.total != 1 || p.cur.profile() || p.rec.id == 1 {
		return false
	}
	for _, i := range p.rec.frames {
		if p.sites[i].frame.Function == "runtime/pprof.writeGoroutineStacks" {
			return true
		}
	}
	return false
}

// isRemainder reports the last lines of a goroutine whose header is not there, as in the
// tail of a log: a position with its offset in the function, or the creator. A logger's own
// stack traces have neither.
func isRemainder(line []byte) bool {
	if tab := bytes.IndexByte(line, '\t'); tab >= 0 {
		_, ok := position(line[tab:])
		return ok && bytes.Contains(line[tab:], []byte(" +0x"))
	}
	_, parent, ok := bytes.Cut(line, []byte(createdBy))
	in := bytes.LastIndex(parent, []byte(" in goroutine "))
	return ok && in > 0 && inGoroutine(parent[in:])
}

// openGlued begins a dump whose first line stands behind the end of a cut one: two files
// that were joined.
func (p *parser) openGlued(line []byte) bool {
	if p.foreign || p.prefix > 0 || p.key != "" {
		return false
	}
	at := bytes.Index(line, []byte("goroutine profile: total "))
	if at < 0 {
		at = bytes.Index(line, []byte("goroutineleak profile: total "))
	}
	profile := at > 0
	var h header
	if !profile {
		if line[len(line)-1] != ':' {
			return false
		}
		at = bytes.LastIndex(line, []byte(goroutineWord))
		if at <= 0 || line[at-1] == '=' { // "stack=goroutine 9 [running]:" is a message
			return false
		}
		var ok bool
		if h, ok = parseHeader(line[at:], false); !ok || !p.stateOf(h.status).running {
			return false
		}
	}
	const cut = "it ends inside a line, where another dump follows"
	start := p.lineOffset() + int64(at)
	switch {
	case p.rec.open:
		p.commit(true)
		p.finishDump(cut, start)
	case p.cur != nil:
		p.finishDump(cut, start)
	case bytes.HasPrefix(line[:at], []byte("goroutine")), bytes.HasPrefix([]byte("goroutine"), line[:at]):
		p.fault = cut // inside its very first line
	default:
		return false
	}
	if profile {
		return p.beginProfile(line[at:])
	}
	p.open(h)
	p.rec.start = start
	return true
}

// recordCut says why the goroutine that is open at the end is not whole; empty when it is.
func (p *parser) recordCut() string {
	r := &p.rec
	if r.profile {
		return "it ends inside a group"
	}
	in := fmt.Sprintf("the stack of goroutine %d", r.id)
	var pending []byte
	if r.pending != pendingNone {
		pending = r.name.of(p.buf)
	}
	switch {
	case p.unfinished && !bytes.HasPrefix(pending, []byte("exit status ")):
		return "it ends inside a line in " + in
	case r.pending == pendingCreator, r.pending == pendingFunction && isCall(pending):
		return "it ends inside a frame in " + in
	case r.noRoom:
		return "" // over budget: what its last frame is was not kept
	case len(r.frames) == 0 && !r.unavailable && r.creator == 0:
		return "it ends before " + in
	case r.ancestors && !r.ancestorEnd, p.cur != nil && p.cur.ancestors && !r.ancestors && r.id != 1:
		return fmt.Sprintf("it ends inside the ancestors of goroutine %d", r.id)
	case r.creator != 0 || r.logged || r.pending == pendingFunction || p.endsWhole(r):
		return ""
	}
	return "it ends inside " + in
}

// isCall reports a line of the form "name(args)". Log lines have a space before any
// parenthesis.
func isCall(line []byte) bool {
	return len(line) > 2 && line[len(line)-1] == ')' && bytes.IndexByte(line[:nameEnd(line)], ' ') < 0
}

// endsWhole reports whether a stack without a "created by" line has its outermost frame:
// the main goroutine's, that of the runtime's own goroutines, or a call from C.
func (p *parser) endsWhole(r *record) bool {
	if len(r.frames) == 0 {
		return r.id == 1 && r.unavailable
	}
	for _, i := range r.frames[max(0, len(r.frames)-6):] {
		name := p.sites[i].frame.Function
		if strings.Contains(name, "_cgoexp_") || strings.HasPrefix(name, "runtime.cgocallback") {
			return true
		}
	}
	last := p.sites[r.frames[len(r.frames)-1]].frame.Function
	switch {
	case r.locked && !r.system && p.callsC():
		return true // called from a thread of C, which is all that dumps show of it
	case last == "runtime.goexit" && (r.id == 1 || len(r.frames) == 1):
		return true // the outermost frame of all, or a thread of C that runs no Go
	case r.id == 1:
		return !r.system && (isOutermost(last) || strings.HasPrefix(last, "runtime."))
	}
	switch last {
	case "runtime.runFinalizers", "runtime.runCleanups", "runtime.runfinq", "runtime.handleAsyncEvent":
		return true
	}
	return false
}

// callsC reports a program with C in it, as far as the stacks show.
func (p *parser) callsC() bool {
	return slices.ContainsFunc(p.sites, func(s site) bool { return strings.Contains(s.frame.Function, "._Cfunc_") })
}

// isOutermost reports the functions in which the main goroutine begins, as far as dumps show it.
func isOutermost(function string) bool {
	function = strings.TrimRight(function, "0123456789")
	return function == "main.main" || strings.HasSuffix(function, ".init") || strings.HasSuffix(function, ".init.")
}

// betweenCut says why a dump that ends outside of a goroutine is not whole; empty when it is.
func (p *parser) betweenCut() string {
	if p.trailing != nil && p.partialHeader(p.trailing) {
		return "it ends inside the first line of a goroutine"
	}
	if p.trailing != nil {
		p.logLine(p.trailing)
	}
	d := p.cur
	if d == nil || d.profile() || d.signal || !p.quiet || p.blanks != 1 {
		return "" // after a signal the registers decide
	}
	if d.format == formatDebug2 || d.crash || d.total > 1 {
		// The runtime writes an empty line before a goroutine, never after the last. A
		// logger may, after the trace of a single one.
		return "it ends in the empty line before another goroutine"
	}
	return ""
}

// partialHeader reports the beginning of a goroutine's first line. Behind a prefix
// nothing of it need be there yet: then the place, just after a goroutine, decides.
func (p *parser) partialHeader(line []byte) bool {
	if p.prefix > 0 {
		rest, ok := cutWords(line, p.prefix)
		if !ok || len(rest) == 0 {
			return p.quiet
		}
		line = rest
	}
	if len(line) <= len(goroutineWord) {
		return bytes.HasPrefix([]byte(goroutineWord), line)
	}
	if !bytes.HasPrefix(line, []byte(goroutineWord)) {
		return false
	}
	_, digits := parseUint(line[len(goroutineWord):])
	return digits > 0
}
