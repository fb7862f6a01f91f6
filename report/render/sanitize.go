package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"go-debug/report"
)

// maxText bounds one text of a report, in characters. Real ones are far shorter; what
// exceeds it is cut in the middle, visibly.
const maxText = 2000

// maxMarks is how many combining marks may stand on one character.
const maxMarks = 2

// Sanitize makes untrusted text safe to show on one line of a terminal or a log: control
// characters (C0, C1, DEL, so also ESC and newlines), bidirectional controls, zero-width
// and other invisible characters and bytes that are not UTF-8 become visible escapes
// (\x1b, \u202e). What it returns passes it unchanged.
func Sanitize(s string) string {
	if printableASCII(s) && !strings.Contains(s, "##") && !strings.Contains(s, "::") {
		return s
	}
	var b strings.Builder
	marks := 0
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if unicode.In(c, unicode.Mn, unicode.Me) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case c == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case c == '#' && report.IsPipelineCommand(s[i:]), c == ':' && startsCommand(s, i):
			fmt.Fprintf(&b, `\x%02x`, c)
		case report.Invisible(c) || marks > maxMarks:
			b.WriteString(escape(c))
			marks = maxMarks // what stood on it now stands on its escape
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// startsCommand reports whether a word begins at i that GitHub's runner takes for a command when it
// stands at the beginning of a line, as any word may.
func startsCommand(s string, i int) bool {
	return strings.HasPrefix(s[i:], "::") && (i == 0 || s[i-1] <= ' ' || s[i-1] >= utf8.RuneSelf)
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func escape(c rune) string {
	switch {
	case c == '\n':
		return `\n`
	case c == '\r':
		return `\r`
	case c == '\t':
		return `\t`
	case c < 0x80:
		return fmt.Sprintf(`\x%02x`, c)
	case c <= 0xffff:
		return fmt.Sprintf(`\u%04x`, c)
	}
	return fmt.Sprintf(`\U%08x`, c)
}

// clean is a copy of the report that is safe to show. Every renderer for people starts
// with it, so that no text can pass by.
func clean(r *report.Report) *report.Report {
	return r.MapStrings(func(s string) string { return cutMiddle(Sanitize(indented(s)), maxText) })
}

// indented writes the tabs at the beginning of a line of source as spaces.
func indented(s string) string {
	text := strings.TrimLeft(s, "\t")
	return strings.Repeat("    ", min(len(s)-len(text), maxIndent)) + text
}

// maxIndent bounds the tabs that are written as spaces: no code is indented deeper.
const maxIndent = 20
