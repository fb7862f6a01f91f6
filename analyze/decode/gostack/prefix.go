package gostack

import "bytes"

// Log drivers put words before every line: "2026-01-02T03:04:05.6Z stderr F " (CRI),
// "web-1  | " (compose), "Jan  2 03:04:05 host app[12]: " (syslog). Their lengths vary
// from line to line, their number of words does not. The header of a goroutine shows the
// number; every line after it loses as many.

const (
	maxPrefix      = 256 // bytes
	maxPrefixWords = 12
)

// openPrefixed begins a goroutine or a debug=1 dump whose header stands behind a prefix.
func (p *parser) openPrefixed() bool {
	line := p.raw
	at := bytes.Index(line[:min(len(line), maxPrefix)], []byte("goroutine"))
	if at <= 0 || line[at-1] != ' ' {
		return false
	}
	words := countWords(line[:at])
	if words > maxPrefixWords {
		return false
	}
	before := p.prefix
	p.prefix = words
	if p.heard.crash && p.heardWords == words && p.cur == nil {
		p.marker = p.heard // what announced the crash stood behind the same prefix
	}
	if p.tryOpen(line[at:]) || p.beginProfile(line[at:]) {
		return true
	}
	p.prefix = before
	return false
}

// hear keeps what may announce a crash behind a prefix that is not known yet: the header
// that follows shows whether it was one.
func (p *parser) hear(line []byte) {
	head := line[:min(len(line), maxPrefix)]
	for at := 0; ; at += len(": ") {
		colon := bytes.Index(head[at:], []byte(": "))
		if colon < 0 {
			return
		}
		at += colon
		word := bytes.LastIndexByte(head[:at], ' ') + 1
		if string(head[word:at]) == "error" {
			word = max(at-len("fatal error"), 0)
		}
		if word == 0 || head[word-1] != ' ' || bytes.HasSuffix(head[:word], []byte("[signal ")) {
			continue
		}
		if m, ok := crashMarker(line[word:]); ok {
			if !m.signal {
				m.reason = reasonOf(line[word:])
			}
			p.heard, p.heardWords = m, countWords(line[:word])
			return
		}
	}
}

// unprefixed takes the prefix off a line. A line that lacks it is returned as it stands,
// and where the line after a header lacks it, the header's words were no prefix but part
// of a message ("stack: goroutine 1 [running]:").
func (p *parser) unprefixed(line []byte) []byte {
	if p.prefix == 0 || len(line) == 0 {
		return line
	}
	if line[0] == 'g' {
		if _, ok := parseHeader(line, false); ok {
			p.prefix = 0
			return line
		}
	}
	rest, ok := cutWords(line, p.prefix)
	if !ok {
		rest = line
	}
	if p.rec.open && len(p.rec.frames) == 0 && p.rec.pending == pendingNone && isCall(line) {
		p.prefix = 0
		return line
	}
	return rest
}

func countWords(b []byte) int {
	n := 0
	for i := range b {
		if b[i] != ' ' && (i == 0 || b[i-1] == ' ') {
			n++
		}
	}
	return n
}

// cutWords takes n words and the spaces around them off the line.
func cutWords(line []byte, n int) (rest []byte, ok bool) {
	i := 0
	for ; n > 0; n-- {
		for i < len(line) && line[i] == ' ' {
			i++
		}
		if i == len(line) {
			return nil, false
		}
		for i < len(line) && line[i] != ' ' {
			i++
		}
	}
	for i < len(line) && line[i] == ' ' {
		i++
	}
	return line[i:], true
}
