package gostack

import (
	"bytes"
	"slices"
	"strconv"
)

// eachLabel calls yield for the labels in the text between the braces, in all spellings:
//
//	"k": "v", "k2": "v2"    go1.26 headers
//	k: v, "a b": c          go1.27 headers, quoted only where needed
//	"k":"v", "k2":"v2"      debug=1
//
// It stops at the first thing that is none of them.
func eachLabel(text []byte, yield func(key, value []byte)) {
	for len(text) > 0 {
		key, rest, ok := labelToken(text, ':')
		if !ok || len(rest) == 0 || rest[0] != ':' {
			return
		}
		value, rest, ok := labelToken(bytes.TrimPrefix(rest[1:], []byte(" ")), ',')
		if !ok {
			return
		}
		yield(key, value)
		if len(rest) == 0 || rest[0] != ',' {
			return
		}
		text = bytes.TrimPrefix(rest[1:], []byte(" "))
	}
}

// labelToken takes a quoted string or a bare word that ends at stop from the head of text.
func labelToken(text []byte, stop byte) (token, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		end := bytes.IndexByte(text, stop)
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], true
	}
	escaped := false
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			if !escaped {
				return text[1:i], text[i+1:], true
			}
			s, err := strconv.Unquote(string(text[:i+1]))
			if err != nil {
				s = string(text[1:i]) // as it stands, rather than not at all
			}
			return []byte(s), text[i+1:], true
		}
	}
	return nil, nil, false
}

// parseLabels makes "k=v" strings, sorted.
func parseLabels(text []byte) []string {
	var out []string
	eachLabel(text, func(k, v []byte) { out = append(out, string(k)+"="+string(v)) })
	slices.Sort(out)
	return slices.Compact(out)
}

// sharedLabels keeps those of have that the text holds too. It does not allocate for
// labels without escapes: a request id makes every goroutine's labels differ.
func sharedLabels(have []string, text []byte) []string {
	kept := have[:0]
	for _, label := range have {
		found := false
		eachLabel(text, func(k, v []byte) {
			found = found || len(label) == len(k)+1+len(v) && label[:len(k)] == string(k) &&
				label[len(k)] == '=' && label[len(k)+1:] == string(v)
		})
		if found {
			kept = append(kept, label)
		}
	}
	clear(have[len(kept):])
	return kept
}
