package gostack

import (
	"bytes"
	"strconv"

	"go-debug/analyze/evidence"
)

// site is one distinct frame of the input, as text and as evidence.
type site struct {
	kind siteKind
	// head is what the function line of every occurrence begins with, "main.f(" or
	// "created by main.f"; pos is "\tfile:line". Arguments, offsets and goroutine ids follow.
	head, pos string
	// line is the whole second line of the first occurrence, its end included. Most of the
	// others have the same, offset and all.
	line  string
	hash  uint64
	frame evidence.Frame
	// next are the sites that came after this one most lately. Stacks repeat, so a frame
	// is mostly recognised by two comparisons, without being parsed or hashed.
	next [2]int32
}

type siteKind uint8

const (
	siteCall    siteKind = iota // main.f(0x1, {0x2, 0x3})
	siteSymbol                  // x_cgo_start, without arguments
	siteCreator                 // created by main.f in goroutine 7
	siteProfile                 // a frame of a debug=1 dump
)

// siteBytes is what a site costs besides its text.
const siteBytes = 200

// noSite stands for a frame that the bound on memory has no room for.
const noSite = -1

// isHead reports whether a function line that begins with head is the site's; tail is
// what follows head in it.
func (s *site) isHead(tail []byte) bool {
	switch s.kind {
	case siteCall:
		return len(tail) == 0 || tail[0] != '*'
	case siteCreator:
		return len(tail) == 0 || inGoroutine(tail)
	default:
		return len(tail) == 0
	}
}

// knownFrames takes frames off the buffer as long as they are those that came after the
// last one before: comparing them finds their line ends at the same time.
func (p *parser) knownFrames() {
	r := &p.rec
	for r.creator == 0 {
		next := &p.sites[r.last].next
		n, ok := 0, false
		for way, i := range next {
			if i == 0 {
				return
			}
			if n, ok = p.sites[i].length(p.buf[p.pos:p.end]); ok {
				next[0], next[way] = i, next[0]
				break
			}
		}
		if !ok {
			return
		}
		p.pos += n
		if s := &p.sites[next[0]]; s.kind == siteCreator {
			r.creator = next[0]
			r.hash = mix(r.hash, s.hash)
		} else {
			r.addFrame(next[0], s.hash)
		}
	}
}

// length is the length of the two lines at the head of text if they are a frame of the
// site's. Whatever is not plainly so is left to the slower way.
func (s *site) length(text []byte) (n int, ok bool) {
	n = len(s.head)
	if len(text) < n+len(s.pos)+4 || string(text[:n]) != s.head {
		return 0, false
	}
	end := bytes.IndexByte(text[n:], '\n')
	if end < 0 || end > maxLine/2 || !s.isHead(text[n:n+end]) || s.kind == siteCall && text[n+end-1] != ')' {
		return 0, false
	}
	n += end + 1
	if m := len(s.line); len(text) >= n+m && string(text[n:n+m]) == s.line {
		return n + m, true
	}
	m := len(s.pos)
	if len(text) < n+m+1 || string(text[n:n+m]) != s.pos {
		return 0, false
	}
	n += m
	end = bytes.IndexByte(text[n:], '\n')
	if end < 0 || end > maxLine/2 || end > 0 && (text[n] != ' ' || !isHex(text[n+end-1]) || !isOffset(text[n+1:n+end])) {
		return 0, false
	}
	return n + end + 1, true
}

// frameSite finds or makes the site of a frame that knownFrames did not know, and remembers
// that it came after last.
func (p *parser) frameSite(last int32, name, line []byte, creator bool) (index int32, ok bool) {
	pos, ok := position(line)
	if !ok {
		return 0, false
	}
	kind, head := siteCall, name
	if creator {
		kind, head = siteCreator, name[:len(createdBy)+len(creatorName(name))]
	} else if n := nameEnd(name); n < len(name) {
		head = name[:n+1]
	} else {
		kind = siteSymbol
	}
	index = p.siteOf(kind, head, line[:1+len(pos)], line, name)
	if index != noSite {
		if next := &p.sites[last].next; next[0] != index {
			next[0], next[1] = index, next[0]
		}
	}
	return index, true
}

// siteOf finds a site by its text, or makes it. name is the whole first line, line the
// second.
func (p *parser) siteOf(kind siteKind, head, pos, line, name []byte) int32 {
	hash := mix(mix(uint64(kind)+1, p.hash(head)), p.hash(pos))
	if i, ok := p.siteIndex[hash]; ok {
		return i
	}
	switch kind {
	case siteCreator:
		name = creatorName(name)
	case siteCall, siteSymbol:
		name = functionName(name)
	}
	cost := int64(len(head)+len(line)+len(name)) + siteBytes
	if p.memory+cost > p.budget.Memory {
		return noSite
	}
	p.memory += cost
	s := site{kind: kind, head: string(head), line: string(line) + "\n", hash: hash}
	s.pos = s.line[:len(pos)]
	s.frame = newFrame(string(name), s.pos)
	if p.goVersion == "" {
		p.goVersion = toolchainVersion(s.frame.File)
	}
	i := int32(len(p.sites))
	p.sites = append(p.sites, s)
	p.siteIndex[hash] = i
	return i
}

// newFrame makes evidence of a function and a position, "\tfile:line".
func newFrame(function, pos string) evidence.Frame {
	f := evidence.Frame{Function: function}
	if function == "panic" {
		f.Function = "runtime.gopanic" // the runtime abbreviates it in tracebacks alone
	}
	pos = pos[1:]
	colon := bytes.LastIndexByte([]byte(pos), ':')
	f.File = pos[:colon]
	if n, err := strconv.Atoi(pos[colon+1:]); err == nil {
		f.Line = n
	}
	return f
}
