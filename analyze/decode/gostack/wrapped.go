package gostack

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Collectors wrap every line into a JSON object of its own: {"log":"main.main()\n",
// "stream":"stderr",…} (Docker's json-file), "MESSAGE" (journalctl -o json), "textPayload",
// "message". The header of a goroutine shows the key; the string behind the same key is
// taken out of each line after it.

// bare takes off the line what a log driver or collector has put around it.
func (p *parser) bare(line []byte) []byte {
	if p.key == "" {
		return p.unprefixed(line)
	}
	if text, ok := p.unwrapped(line); ok {
		return text
	}
	if _, ok := parseHeader(line, false); ok {
		p.key = ""
	}
	return line
}

// openWrapped begins a goroutine or a debug=1 dump whose header stands in a JSON string.
func (p *parser) openWrapped() bool {
	line := p.raw
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	quote := bytes.Index(line, []byte(`"goroutine`))
	if quote < 0 {
		return false
	}
	name, colon := bytes.CutSuffix(bytes.TrimRight(line[:quote], " "), []byte(":"))
	name, ok := bytes.CutSuffix(bytes.TrimRight(name, " "), []byte(`"`))
	key := bytes.LastIndexByte(name, '"')
	if !colon || !ok || key < 0 {
		return false
	}
	before := p.key
	p.key = string(line[key : quote+1])
	// Only a header is worth changing the buffer, so a copy tells first.
	text, ok := p.unwrapped(bytes.Clone(line))
	if _, header := parseHeader(text, false); ok && header {
		text, _ = p.unwrapped(line)
		return p.tryOpen(text)
	}
	if _, _, header := profileTotal(text); ok && header {
		return p.beginProfile(text)
	}
	p.key = before
	return false
}

// unwrapped takes the string behind the key out of a line and undoes its escapes in place;
// a line end at its end is left out. It is false for lines that do not hold the key.
func (p *parser) unwrapped(line []byte) (text []byte, ok bool) {
	at := -1
	if len(line) > 0 && line[0] == '{' {
		at = bytes.Index(line, []byte(p.key))
	}
	if at < 0 {
		return line, false
	}
	text, ok = unescape(line[at+len(p.key):])
	if !ok {
		return line, false
	}
	return bytes.TrimRight(text, "\r\n"), true
}

// unescape undoes the escapes of a JSON string, in place, up to its closing quote; false
// when there is none.
func unescape(s []byte) (text []byte, ok bool) {
	w := 0
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '"':
			return s[:w], true
		case '\\':
			n, size := escaped(s[i:])
			if size == 0 {
				return nil, false
			}
			w += utf8.EncodeRune(s[w:w+utf8.RuneLen(n)], n)
			i += size
		default:
			s[w] = c
			w++
			i++
		}
	}
	return nil, false
}

// escaped reads the escape at the head of s. No escape is shorter than what it stands for.
func escaped(s []byte) (r rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	case 'r':
		return '\r', 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'u':
		if len(s) < 6 {
			return 0, 0
		}
		v, err := strconv.ParseUint(string(s[2:6]), 16, 16)
		if err != nil {
			return 0, 0
		}
		if r = rune(v); utf8.RuneLen(r) < 0 {
			r = utf8.RuneError // half of a surrogate pair
		}
		return r, 6
	}
	return 0, 0
}
