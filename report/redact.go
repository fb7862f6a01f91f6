package report

import (
	"regexp"
	"slices"
	"strings"
	"sync"
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
	userInfo = compiled(`([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s@]+@`)
	// named is NAME=VALUE. It is asked before header and scheme, which would take the name for a part
	// of their values and leave what stands in quotes behind it.
	named = compiled(`(?i)(^|[^A-Za-z0-9_.-])(` + secretName + `=)((?:bearer|basic) +)?` + value)
	// member is "NAME": VALUE of JSON, whose quotes may be escaped.
	member = compiled(`(?i)(["'])(` + secretName + `)(\\?["']\s*:\s*)(?:\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,}\]"'\\]+)`)
	// header ends with the quotes that it stands in, or else with its line.
	header = compiled(`(?i)("` + headerName + `)[^"\s][^"\n]*|('` + headerName + `)[^'\s][^'\n]*|\b(` + headerName + `)[^\s][^\n]*`)
	scheme = compiled(`(?i)\b(bearer|basic) +[A-Za-z0-9+/_=.~-]{8,}`)
	// known are tokens that tell by their form what they are: of JWT, cloud providers, forges, chats
	// and payment services.
	known = compiled(`\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?` +
		`|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35,}` +
		`|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}` +
		`|\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\b[sr]k[-_](?:live|test|proj|ant)[-_][A-Za-z0-9_-]{10,}|\bsk-[A-Za-z0-9]{20,}` +
		`|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?`)
	// valued is a label or flag whose value may be a token by its looks.
	valued     = compiled(`([A-Za-z0-9_.-]+=)([A-Za-z0-9+_-]{20,}={0,2})`)
	secretFlag = compiled(`(?i)^--?` + secretName + `$`)
)

// compiled compiles a pattern when it is first asked for, which most reports never do.
func compiled(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

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
		if i > 0 && secretFlag().MatchString(args[i-1]) && !strings.HasPrefix(args[i], "-") {
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

// secretKinds are hidden in this order. Most texts have none of the characters that a kind cannot do
// without, and need not be searched for it.
var secretKinds = []struct {
	pattern func() *regexp.Regexp
	needs   func(string) bool
	with    func(string) string // makes what a match is replaced with
	leave   string              // or the template of it
}{
	{pattern: userInfo, needs: contains("@"), leave: "${1}" + Redacted + "@"},
	{pattern: known, needs: mayBeToken, leave: Redacted},
	{pattern: named, needs: contains("="), leave: "${1}${2}" + Redacted},
	{pattern: member, needs: contains(":"), leave: "${1}${2}${3}" + Redacted},
	{pattern: header, needs: contains(":"), leave: "${1}${2}${3}" + Redacted},
	{pattern: scheme, needs: contains(" "), leave: "${1} " + Redacted},
	{pattern: valued, needs: contains("="), with: hideRandom},
}

func contains(part string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, part) }
}

// tokenParts are what the tokens that known matches begin with.
var tokenParts = []string{"eyJ", "AKIA", "ASIA", "AIza", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox",
	"sk-", "sk_", "rk-", "rk_", "-----BEGIN"}

func mayBeToken(s string) bool {
	return slices.ContainsFunc(tokenParts, func(part string) bool { return strings.Contains(s, part) })
}

func redactOnce(s string) string {
	for _, r := range secretKinds {
		switch {
		case !r.needs(s):
		case r.with != nil:
			s = r.pattern().ReplaceAllStringFunc(s, r.with)
		default:
			s = r.pattern().ReplaceAllString(s, r.leave)
		}
	}
	return s
}

// hideRandom hides the value of NAME=VALUE if it looks like a token.
func hideRandom(m string) string {
	name, value, _ := strings.Cut(m, "=")
	if looksRandom(value) {
		return name + "=" + Redacted
	}
	return m
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
