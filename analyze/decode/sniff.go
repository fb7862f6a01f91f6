package decode

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"sync"
	"unicode/utf8"

	"go-debug/analyze/decode/loadtest"
	"go-debug/analyze/decode/metrics"
	"go-debug/analyze/decode/pprof"
	"go-debug/analyze/unpack"
)

// Format is what the first bytes of an input say it is.
type Format string

// The formats that Sniff tells apart.
const (
	Empty      Format = "empty"
	Gzip       Format = Format(unpack.Gzip)
	Zstd       Format = Format(unpack.Zstd)
	Zip        Format = "zip"
	Tar        Format = "tar"
	Executable Format = "executable"
	Trace      Format = "trace"      // execution trace of go1.22 and later
	TraceV1    Format = "trace-v1"   // execution trace of go1.21 and earlier
	Pprof      Format = "pprof"      // profile.proto
	PprofText  Format = "pprof-text" // debug=1 text of a profile that is not of goroutines
	Debug1     Format = "debug1"     // goroutine profile as text
	Debug2     Format = "debug2"     // goroutine dump
	Crash      Format = "crash"      // goroutine dump inside a crash or SIGQUIT log
	Metrics    Format = "openmetrics"
	LoadTest   Format = "loadtest"
	// MetricsProto is a scrape in protobuf, Query the answer of a Prometheus server.
	MetricsProto Format = metrics.ProtoFormat
	Query        Format = metrics.QueryFormat
	Symbol       Format = "symbol" // the answer of /debug/pprof/symbol
	Report       Format = "report" // go-debug's own JSON
	JSON         Format = "json"
	HTML         Format = "html"
	Text         Format = "text" // text of no known form so far
	Unknown      Format = "unknown"
)

// HeadSize is how many bytes Sniff wants to see, where there are so many.
const HeadSize = 64 << 10

// magics are the formats that begin with fixed bytes.
var magics = []struct {
	offset int
	magic  string
	format Format
}{
	{0, "PK\x03\x04", Zip},
	{0, "PK\x05\x06", Zip}, // an empty archive
	{257, "ustar", Tar},
	{0, "\x7fELF", Executable},
	{0, "\xcf\xfa\xed\xfe", Executable}, // Mach-O
	{0, "\xca\xfe\xba\xbe", Executable}, // Mach-O, several architectures
	{0, "MZ\x90\x00", Executable},       // Windows
}

var (
	traceHeader = pattern(`\Ago 1\.(\d{1,3}) trace\x00`)
	// A dump may stand in a log, behind a prefix that some collector put on each line.
	goroutineHeader = pattern(`(?m)^(.{0,200}?)\bgoroutine \d+ (gp=\S+ m=\S+ (mp=\S+ )?)?\[[^\]\n]+\]:`)
	symbolHeader    = pattern(`\Anum_symbols: \d+\s`)
	countHeader     = pattern(`\A(goroutine|goroutineleak) profile: total \d+`)
	metricsHeader   = pattern(`\A# (HELP|TYPE|UNIT|scrape) `)
	metricsLine     = pattern(`\A[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})?[ \t]+([-+]?[0-9.][0-9.eE+-]*|[-+]?Inf|NaN)([ \t]+-?[0-9.]+)?([ \t]+#.*)?\z`)
	htmlHeader      = pattern(`(?i)\A<(!doctype html|html|head|body|\?xml|!--)`)
	reportSchema    = pattern(`"schema"\s*:\s*"go-debug/report/`)
)

// pattern is a regular expression that is compiled when it is first asked for: most inputs are told by a few bytes.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// Sniff tells the format of an input from its first bytes: as many as HeadSize, or all of
// a shorter input. It trusts no name.
func Sniff(head []byte) Format {
	if len(head) == 0 {
		return Empty
	}
	if packing := unpack.Sniff(head); packing != unpack.None {
		return Format(packing)
	}
	for _, m := range magics {
		if len(head) >= m.offset && bytes.HasPrefix(head[m.offset:], []byte(m.magic)) {
			return m.format
		}
	}
	if m := traceHeader().FindSubmatch(head[:min(len(head), 32)]); m != nil {
		// go1.22 began the second wire format.
		if v := m[1]; len(v) == 1 || len(v) == 2 && string(v) < "22" {
			return TraceV1
		}
		return Trace
	}
	if _, ok := pprof.LegacyText(head); ok {
		return PprofText
	}
	if loadtest.Sniff(head) != "" {
		return LoadTest
	}
	if metrics.IsQuery(head) {
		return Query
	}
	if metrics.IsProto(head) {
		return MetricsProto
	}
	if !isText(head) {
		if isProfile(head) {
			return Pprof
		}
		return Unknown
	}
	return sniffText(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n"))
}

func sniffText(text []byte) Format {
	if countHeader().Match(text) {
		return Debug1
	}
	if symbolHeader().Match(text) { // reads like a sample of a metric whose name ends in a colon
		return Symbol
	}
	if isJSON(text) && reportSchema().Match(text) {
		return Report
	}
	if loc := goroutineHeader().FindSubmatchIndex(text); loc != nil {
		if loc[0] == 0 && loc[2] == loc[3] {
			return Debug2
		}
		return Crash
	}
	switch {
	case isJSON(text):
		return JSON
	case htmlHeader().Match(text):
		return HTML
	case isMetrics(text):
		return Metrics
	}
	return Text
}

// isText reports whether the bytes are UTF-8 without control characters other than those
// of terminals and line ends. The last rune may be cut.
func isText(head []byte) bool {
	for i := 0; i < len(head); {
		r, n := utf8.DecodeRune(head[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			return len(head)-i < utf8.UTFMax && !utf8.FullRune(head[i:])
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != '\x1b':
			return false
		}
		i += n
	}
	return true
}

// isJSON reports whether text is one JSON value, as far as a look tells. A log of one
// object a line is none: a crash may follow it.
func isJSON(text []byte) bool {
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return false
	}
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	first, rest = bytes.TrimSpace(first), bytes.TrimSpace(rest)
	return len(rest) == 0 || !bytes.HasSuffix(first, []byte("}")) || rest[0] != '{'
}

// isMetrics reports whether the first lines are samples of the Prometheus text format.
func isMetrics(text []byte) bool {
	if metricsHeader().Match(text) {
		return true
	}
	const lines = 10
	samples := 0
	for range lines {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
		case metricsLine().Match(line):
			samples++
		case whole || samples == 0: // the last line of the head may be cut
			return false
		}
		if text = rest; len(text) == 0 {
			break
		}
	}
	return samples > 0
}

// profileFields are the wire types of profile.proto's top-level fields, by number.
var profileFields = [16]uint64{1: 2, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 0, 8: 0, 9: 0, 10: 0, 11: 2, 12: 0, 13: 0, 14: 0, 15: 0}

// isProfile reports whether binary data walks like a profile.proto: known fields with the
// right wire types up to the end of what is there, messages within messages included.
func isProfile(head []byte) bool {
	const enough = 64 // fields
	for n := 0; len(head) > 0 && n < enough; n++ {
		tag, w := binary.Uvarint(head)
		if w <= 0 {
			return n > 0 && w == 0
		}
		field, wire := tag>>3, tag&7
		packed := field == 13 && wire == 2
		if field == 0 || field >= uint64(len(profileFields)) || wire != profileFields[field] && !packed {
			return false
		}
		v, w2 := binary.Uvarint(head[w:])
		if w2 <= 0 {
			return n > 0 && w2 == 0
		}
		head = head[w+w2:]
		if wire != 2 {
			continue
		}
		body := head[:min(v, uint64(len(head)))]
		if (field < 6 || field == 11) && !walks(body) {
			return false
		}
		if v > uint64(len(head)) {
			return v < 1<<40
		}
		head = head[v:]
	}
	return true
}

// walks reports whether a message of profile.proto, perhaps cut, has sound field tags.
func walks(msg []byte) bool {
	for len(msg) > 0 {
		tag, w := binary.Uvarint(msg)
		if w <= 0 {
			return w == 0
		}
		if tag>>3 == 0 || tag>>3 > 15 || tag&7 != 0 && tag&7 != 2 {
			return false
		}
		v, w2 := binary.Uvarint(msg[w:])
		if w2 <= 0 {
			return w2 == 0
		}
		msg = msg[w+w2:]
		if tag&7 == 2 {
			if v > uint64(len(msg)) {
				return v < 1<<40
			}
			msg = msg[v:]
		}
	}
	return true
}
