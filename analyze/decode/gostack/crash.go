package gostack

import (
	"bytes"
	"slices"
)

// maxCrashes and maxReason bound what is kept of the causes of crashes, in lines and bytes.
const (
	maxCrashes = 3
	maxReason  = 256
)

// marker is what a crash writes before its goroutines.
type marker struct {
	crash  bool
	signal bool   // registers follow the goroutines
	reason string // the line itself, when the program ended by it; empty for signals
}

// announced handles the lines with which a crash begins. The crash before it, if any, has
// ended then.
func (p *parser) announced(line []byte) bool {
	m, ok := crashMarker(line)
	if !ok {
		return false
	}
	p.closeRecord()
	if p.cur != nil && p.cur.relay {
		return true
	}
	p.finishDump("", p.lineOffset())
	p.marker.crash = true
	p.marker.signal = p.marker.signal || m.signal
	if !m.signal && p.marker.reason == "" {
		p.marker.reason = reasonOf(line)
	}
	p.quiet = false
	return true
}

func reasonOf(line []byte) string { return string(line[:min(len(line), maxReason)]) }

// keepCrash remembers what the program died of. The first crashes tell the story; a log of
// restarts repeats them.
func (p *parser) keepCrash(reason string) {
	if reason == "" || slices.Contains(p.crashes, reason) {
		return
	}
	if len(p.crashes) == maxCrashes {
		p.crashesDropped++
		return
	}
	p.crashes = append(p.crashes, reason)
}

func crashMarker(line []byte) (m marker, ok bool) {
	switch line[0] {
	case 'p':
		return marker{crash: true}, bytes.HasPrefix(line, []byte("panic: "))
	case 'f':
		return marker{crash: true}, bytes.HasPrefix(line, []byte("fatal error: "))
	case 'S': // "SIGQUIT: quit"
		if len(line) < 6 || string(line[:3]) != "SIG" {
			return m, false
		}
		colon := bytes.IndexByte(line, ':')
		return marker{crash: true, signal: true}, colon > 3 && colon < 12 && bytes.IndexByte(line[:colon], ' ') < 0
	}
	return m, false
}

// logLine takes note of a line that is no part of a dump.
func (p *parser) logLine(line []byte) {
	p.sawLog()
	p.noteVersion(line)
	if p.cur == nil && len(p.snapshots) == 0 && !p.marker.crash {
		p.headless = p.headless || isRemainder(line)
		if p.prefix == 0 && p.key == "" {
			p.hear(line)
		}
	}
	if d := p.cur; d != nil {
		d.relay = d.relay || d.crash && string(line) == "-----"
		d.registers = d.registers || d.signal && isRegister(line)
	}
}

// noteVersion keeps the first Go version that the log names.
func (p *parser) noteVersion(line []byte) {
	if p.goVersion == "" {
		p.goVersion = versionIn(line)
	}
}

// sawLog marks what is around as a log.
func (p *parser) sawLog() {
	p.foreign, p.quiet = true, false
	if p.cur != nil && !p.cur.profile() {
		p.cur.format = formatCrash
	}
}

// isRegister reports a line of a register dump: "rip    0x47e5a1", "r0  0x0".
func isRegister(line []byte) bool {
	name, value, ok := bytes.Cut(line, []byte(" "))
	return ok && len(name) <= 8 && bytes.HasPrefix(bytes.TrimLeft(value, " "), []byte("0x"))
}
