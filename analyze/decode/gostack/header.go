package gostack

import (
	"bytes"
	"strings"

	"go-debug/analyze/evidence"
)

const (
	goroutineWord = "goroutine "
	// maxStatus bounds the status in a header; the runtime's longest has 28 bytes.
	maxStatus = 64
)

// header is the first line of a goroutine in a debug=2 or crash dump:
//
//	goroutine 18 gp=0xc000102380 m=nil [chan receive, 2 minutes, locked to thread]:
//	goroutine 18 [select labels:{"route": "/x"}]:   (go1.26, GODEBUG=tracebacklabels=1)
//	goroutine 18 [select] {route: "/x y"}:          (go1.27)
type header struct {
	id      uint64
	status  []byte // "chan receive (leaked)"
	minutes int
	labels  []byte // between the braces
	locked  bool   // to its thread
	system  bool   // it shows gp=, and its stack every frame
}

// parseHeader reads a header line. Of an over-long line only the head is known: it has
// no end to check, and its labels are not read.
func parseHeader(line []byte, headOnly bool) (h header, ok bool) {
	if len(line) < len(goroutineWord)+4 || string(line[:len(goroutineWord)]) != goroutineWord {
		return h, false
	}
	id, n := parseUint(line[len(goroutineWord):])
	i := len(goroutineWord) + n
	if n == 0 || i+2 > len(line) {
		return h, false
	}
	h.id = id
	if bytes.HasPrefix(line[i:], []byte(" gp=")) {
		bracket := bytes.Index(line[i:], []byte(" ["))
		if bracket < 0 {
			return h, false
		}
		i += bracket
		h.system = true
	}
	if i+2 > len(line) || line[i] != ' ' || line[i+1] != '[' {
		return h, false
	}
	body := line[i+2:]
	plain := 0
	for plain < len(body) && plain <= maxStatus && !endsStatus[body[plain]] {
		plain++
	}
	if plain > 0 && plain <= maxStatus {
		h.status = body[:plain]
		rest := body[plain:]
		if string(rest) == "]:" {
			return h, true // most goroutines: a status and nothing else
		}
		if minutes, digits := parseUint(bytes.TrimPrefix(rest, []byte(", "))); digits > 0 && minutes < 1<<31 && string(rest[len(", ")+digits:]) == " minutes]:" {
			h.minutes = int(minutes)
			return h, true
		}
	}
	end := bytes.IndexByte(body, ']')
	inner, tail := body, []byte(nil)
	if end >= 0 {
		inner, tail = body[:end], body[end+1:]
	}
	if brace := bytes.Index(inner, []byte(" labels:{")); brace >= 0 {
		// The labels stand inside the brackets, and may hold a ']' of their own.
		if labels, whole := bytes.CutSuffix(body[brace+len(" labels:{"):], []byte("}]:")); whole {
			h.labels = labels
		} else if !headOnly {
			return h, false
		}
		inner = inner[:brace]
	} else if end < 0 {
		return h, false
	} else if string(tail) != ":" {
		labels, braced := bytes.CutPrefix(bytes.TrimPrefix(tail, []byte(" ")), []byte("{"))
		labels, whole := bytes.CutSuffix(labels, []byte("}:"))
		if !braced || !whole && !headOnly {
			return h, false
		}
		if whole {
			h.labels = labels
		}
	}
	return h, h.parseStatus(inner)
}

// endsStatus marks what no status holds. A '[' shows that another header begins in this one.
var endsStatus = [256]bool{']': true, '[': true, ',': true, '{': true}

// parseStatus reads "chan receive, 2 minutes, locked to thread, synctest bubble 3".
func (h *header) parseStatus(inner []byte) bool {
	status, rest, more := bytes.Cut(inner, []byte(", "))
	if len(status) == 0 || len(status) > maxStatus || bytes.IndexByte(inner, '[') >= 0 {
		return false
	}
	h.status = status
	for more {
		var part []byte
		part, rest, more = bytes.Cut(rest, []byte(", "))
		h.locked = h.locked || string(part) == "locked to thread"
		if n, digits := parseUint(part); digits > 0 && string(part[digits:]) == " minutes" && n < 1<<31 {
			h.minutes = int(n)
		}
	}
	return true
}

// profileTotal reads the header of a debug=1 dump.
func profileTotal(line []byte) (kind evidence.Kind, total int, ok bool) {
	rest, kind := line, evidence.Goroutine
	if r, found := bytes.CutPrefix(line, []byte("goroutineleak profile: total ")); found {
		rest, kind = r, evidence.GoroutineLeak
	} else if r, found := bytes.CutPrefix(line, []byte("goroutine profile: total ")); found {
		rest = r
	} else {
		return "", 0, false
	}
	n, digits := parseUint(rest)
	if digits == 0 || digits != len(rest) || n >= 1<<62 {
		return "", 0, false
	}
	return kind, int(n), true
}

// profileCount reads the "N @ 0x… 0x…" line of a debug=1 group.
func profileCount(line []byte) (count int, ok bool) {
	n, digits := parseUint(line)
	if digits == 0 || n == 0 || n >= 1<<62 || !bytes.HasPrefix(line[digits:], []byte(" @")) {
		return 0, false
	}
	for _, c := range line[digits+len(" @"):] {
		if c != ' ' && c != 'x' && !isHex(c) {
			return 0, false
		}
	}
	return int(n), true
}

// parseUint reads the digits at the head of b and says how many there are; 0 when there
// are none or the number does not fit.
func parseUint(b []byte) (v uint64, digits int) {
	for digits < len(b) && b[digits]-'0' <= 9 {
		if digits == 19 {
			return 0, 0
		}
		v = v*10 + uint64(b[digits]-'0')
		digits++
	}
	return v, digits
}

// state is one distinct status of the headers.
type state struct {
	status  string // as printed: "chan receive (leaked)"
	name    string // without marks, which do not split groups: "chan receive"
	leaked  bool
	running bool
	wait    evidence.Wait
	hash    uint64
	root    int32 // the site that stands before the stacks of this state
}

// maxStates bounds the states that are remembered; the runtime has about fifty.
const maxStates = 1024

// stateOf finds a status among those already met. Consecutive goroutines mostly share it.
func (p *parser) stateOf(status []byte) *state {
	if p.lastState != nil && string(status) == p.lastState.status {
		return p.lastState
	}
	s, ok := p.states[string(status)]
	if !ok {
		s = newState(string(status))
		s.hash = p.hash([]byte(s.name))
		if len(p.states) < maxStates {
			p.states[s.status] = s
			s.root = int32(len(p.sites))
			p.sites = append(p.sites, site{})
		}
	}
	p.lastState = s
	return s
}

func newState(status string) *state {
	name := evidence.TrimWait(status)
	return &state{
		status:  status,
		name:    name,
		leaked:  strings.Contains(status, "(leaked)"),
		running: name == "running",
		wait:    evidence.ParseWait(name),
	}
}
