package gostack

import (
	"bytes"
	"fmt"
	"strings"
)

// closeAtEnd closes what the end of the input leaves open. It returns why the last dump
// is not whole, or the first earlier one; empty when all are. faulted says that reading
// failed, so that nothing at the end can be whole.
func (p *parser) closeAtEnd(faulted bool) string {
	cut := ""
	if p.rec.open {
		cut = p.recordCut()
		p.commit(cut != "" || faulted)
	} else if !faulted {
		cut = p.betweenCut()
	}
	if d := p.cur; d != nil {
		if cut == "" && d.signal && !d.registers && p.quiet {
			cut = "it ends before the registers that follow the goroutines"
		}
		if !d.profile() && (p.src.read == silentLimit || p.src.read-d.start == silentLimit) {
			cut = "it has exactly 64 MiB, where runtime/pprof stops without a word"
		}
		if cut != "" && !d.profile() {
			cut = fmt.Sprintf("%s; %d goroutines are in it", cut, d.total)
		}
		if faulted && cut == "" {
			cut = "reading failed"
		}
		p.finishDump(cut)
	} else if p.fault == "" && cut != "" {
		p.fault = cut
	}
	return p.fault
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
	if r.id == 1 {
		if r.system {
			return last == "runtime.goexit"
		}
		return last == "main.main" || strings.HasPrefix(last, "runtime.") || strings.Contains(last, ".init")
	}
	switch last {
	case "runtime.runFinalizers", "runtime.runCleanups", "runtime.runfinq", "runtime.handleAsyncEvent":
		return true
	}
	return false
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
	if d == nil || d.profile() || !p.quiet || p.blanks != 1 {
		return ""
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
