package gostack

import "bytes"

// nameEnd is where the argument list of a function line begins, found from the left:
// the first '(' that opens no pointer receiver. It is exact but for the methods of
// unnamed types with function fields, and the position beside it tells those apart.
func nameEnd(line []byte) int {
	at := 0
	for {
		i := bytes.IndexByte(line[at:], '(')
		if i < 0 {
			return len(line)
		}
		at += i
		if at+1 >= len(line) || line[at+1] != '*' {
			return at
		}
		at++
	}
}

// functionName is the name in a function line, exactly. Argument lists hold no
// parenthesis, so the last one opens them; C symbols come without any.
func functionName(line []byte) []byte {
	if len(line) == 0 || line[len(line)-1] != ')' {
		return line
	}
	if i := bytes.LastIndexByte(line, '('); i > 0 {
		return line[:i]
	}
	return line
}

const createdBy = "created by "

// creatorName is the function of "created by F in goroutine N"; before go1.21 there was
// no goroutine in it.
func creatorName(line []byte) []byte {
	name := line[len(createdBy):]
	if i := bytes.LastIndex(name, []byte(" in ")); i > 0 && inGoroutine(name[i:]) {
		return name[:i]
	}
	return name
}

// inGoroutine reports " in goroutine N".
func inGoroutine(b []byte) bool {
	const in = " in goroutine "
	if len(b) <= len(in) || string(b[:len(in)]) != in {
		return false
	}
	_, digits := parseUint(b[len(in):])
	return digits > 0 && len(in)+digits == len(b)
}

// position finds "file:line" in the second line of a frame, a tab before it and
// " +0x1d", " fp=0x… sp=0x… pc=0x…" or (cgo) " pc=0x…" behind it. File names may hold
// spaces.
func position(line []byte) (pos []byte, ok bool) {
	end := len(line)
	for {
		digit := end
		for digit > 1 && line[digit-1]-'0' <= 9 {
			digit--
		}
		if digit < end && digit > 2 && line[digit-1] == ':' {
			return line[1:end], true
		}
		word := digit
		for word > 1 && line[word-1] != ' ' && digit-word < maxOffset {
			word--
		}
		if word <= 1 || line[word-1] != ' ' || !isOffset(line[word:end]) {
			return nil, false
		}
		end = word - 1
	}
}

func isHex(c byte) bool { return c-'0' <= 9 || c-'a' < 6 }

// maxOffset bounds what can be an offset: "pc=0x" and 16 digits, some of them counted before.
const maxOffset = 24

// isOffset reports "+0x1d", "fp=0x…", "sp=0x…" and "pc=0x…".
func isOffset(word []byte) bool {
	return len(word) > 3 && (word[0] == '+' || word[2] == '=' && (word[1] == 'p' || word[1] == 'c'))
}

// profileFrame finds function and "file:line" (the tab before it included) in a frame of a debug=1 dump,
// "#\t0x48e3f0\tmain.f+0x1d\t\t/src/main.go:12"; tabs pad the columns.
func profileFrame(line []byte) (function, pos []byte, ok bool) {
	rest, found := bytes.CutPrefix(line, []byte("#\t0x"))
	if !found {
		return nil, nil, false
	}
	_, rest, found = bytes.Cut(rest, []byte("\t"))
	if !found {
		return nil, nil, false // a bare address: the program has no symbol for it
	}
	function, rest, found = bytes.Cut(rest, []byte("\t"))
	if !found {
		return nil, nil, false
	}
	if plus := bytes.LastIndex(function, []byte("+0x")); plus > 0 {
		function = function[:plus]
	}
	pos = line[bytes.LastIndexByte(line, '\t'):]
	if colon := bytes.LastIndexByte(pos, ':'); len(function) == 0 || len(rest) == 0 || colon <= 1 || colon == len(pos)-1 {
		return nil, nil, false
	}
	return function, pos, true
}
