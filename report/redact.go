package report

import (
	"regexp"
	"strings"
	"unicode"
)

// Redacted stands where a secret stood.
const Redacted = "[redacted]"

// secretName matches names that say that their value is a secret, of labels, flags, variables and
// parameters of URLs.
const secretName = `(?:[A-Za-z0-9_.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|signature|session[_-]?id|authorization|auth[_-]?key)[A-Za-z0-9_.-]*|pwd|sig)`

// headerName matches the names of HTTP headers that hold credentials.
const headerName = `(?:(?:proxy-)?authorization|cookie|set-cookie|x-[a-z-]*(?:key|token|secret)): *`

// value is what a shell would join into one word: pieces in quotes and pieces without. A quote that
// nothing closes ends it.
const value = `(?:"[^"]*"|'[^']*'|[^\s&;,"'\x60]+)+`

var (
	userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s@]+@`)
	// named is NAME=VALUE. It is asked before header and scheme, which would take the name for a part
	// of their values and leave what stands in quotes behind it.
	named = regexp.MustCompile(`(?i)(^|[^A-Za-z0-9_.-])(` + secretName + `=)((?:bearer|basic) +)?` + value)
	// member is "NAME": VALUE of JSON, whose quotes may be escaped.
	member = regexp.MustCompile(`(?i)(["'])(` + secretName + `)(\\?["']\s*:\s*)(?:\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,}\]"'\\]+)`)
	// header ends with the quotes that it stands in, or else with its line.
	header = regexp.MustCompile(`(?i)("` + headerName + `)[^"\s][^"\n]*|('` + headerName + `)[^'\s][^'\n]*|\b(` + headerName + `)[^\s][^\n]*`)
	scheme = regexp.MustCompile(`(?i)\b(bearer|basic) +[A-Za-z0-9+/_=.~-]{8,}`)
	// known are tokens that tell by their form what they are: of JWT, cloud providers, forges, chats
	// and payment services.
	known = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?` +
		`|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35,}` +
		`|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}` +
		`|\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\b[sr]k[-_](?:live|test|proj|ant)[-_][A-Za-z0-9_-]{10,}|\bsk-[A-Za-z0-9]{20,}` +
		`|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?`)
	// valued is a label or flag whose value may be a token by its looks.
	valued     = regexp.MustCompile(`([A-Za-z0-9_.-]+=)([A-Za-z0-9+_-]{20,}={0,2})`)
	secretFlag = regexp.MustCompile(`(?i)^--?` + secretName + `$`)
)

// Redact is a copy of the report without what looks like a secret: user info of URLs, and labels and
// words of command lines that look like tokens or are named like secrets. Redacting twice changes
// nothing more.
func (r *Report) Redact() *Report {
	out := r.MapStrings(RedactText)
	if out.Gate != nil && out.Gate.Command != nil {
		redactArguments(out.Gate.Command.Args)
	}
	return out
}

// redactArguments hides what stands behind a flag whose name says that it is a secret.
func redactArguments(args []string) {
	for i := range args {
		if i > 0 && secretFlag.MatchString(args[i-1]) && !strings.HasPrefix(args[i], "-") {
			args[i] = Redacted
		}
	}
}

// passes is how often a text is redacted at most. What one rule leaves may be another's to hide; two
// or three passes find nothing more in any text that was not made to need them.
const passes = 8

// RedactText hides what looks like a secret in a text. A text in which every pass finds more is hidden
// as a whole, so that redacting again never changes anything.
func RedactText(s string) string {
	for range passes {
		next := redactOnce(s)
		if next == s {
			return s
		}
		s = next
	}
	return Redacted
}

func redactOnce(s string) string {
	s = userInfo.ReplaceAllString(s, "${1}"+Redacted+"@")
	s = known.ReplaceAllString(s, Redacted)
	s = named.ReplaceAllString(s, "${1}${2}"+Redacted)
	s = member.ReplaceAllString(s, "${1}${2}${3}"+Redacted)
	s = header.ReplaceAllString(s, "${1}${2}${3}"+Redacted)
	s = scheme.ReplaceAllString(s, "${1} "+Redacted)
	return valued.ReplaceAllStringFunc(s, func(m string) string {
		name, value, _ := strings.Cut(m, "=")
		if looksRandom(value) {
			return name + "=" + Redacted
		}
		return m
	})
}

// looksRandom tells a generated token from a name: it mixes capitals, small letters and digits, and
// changes between them often.
func looksRandom(s string) bool {
	var upper, lower, digit, changes int
	last := 0
	for _, c := range s {
		class := 0
		switch {
		case unicode.IsUpper(c):
			upper, class = upper+1, 1
		case unicode.IsLower(c):
			lower, class = lower+1, 2
		case unicode.IsDigit(c):
			digit, class = digit+1, 3
		}
		if class != last {
			changes++
		}
		last = class
	}
	return upper > 1 && lower > 1 && digit > 1 && changes*3 >= len(s)
}
