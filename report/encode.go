package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"go-debug/analyze/evidence"
)

// MaxBytes bounds a stored report: a report of hundreds of findings has some hundred
// kilobytes.
const MaxBytes = 64 << 20

// Write writes the report as JSON: UTF-8, two spaces of indentation, a newline at the end,
// the same bytes for the same report. Characters that are invisible or that steer a
// terminal are written as \u escapes, so the file is safe to print and reads back to the
// same text. Angle brackets and ampersands stay as they are: an HTML page that embeds a
// report escapes for itself.
func Write(w io.Writer, r *Report) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r.canonical()); err != nil {
		return fmt.Errorf("cannot write the report as JSON: %w", err)
	}
	_, err := w.Write(escapeInvisible(b.Bytes()))
	return err
}

// escapeInvisible turns invisible characters of a JSON text into \u escapes. They can
// only stand inside strings.
func escapeInvisible(doc []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(doc))
	for len(doc) > 0 {
		c, n := utf8.DecodeRune(doc)
		switch {
		case c == '#' && IsPipelineCommand(string(doc[:min(len(doc), maxPipelineCommand)])):
			out.WriteString(`\u0023`)
		case c == '\n' || !Invisible(c):
			out.Write(doc[:n])
		case c > 0xffff:
			c -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
		doc = doc[n:]
	}
	return out.Bytes()
}

// maxPipelineCommand is the length of the longest text that IsPipelineCommand looks for.
const maxPipelineCommand = len("##vso[")

// IsPipelineCommand reports whether a text begins with what Azure's and GitHub's runners take for a
// command to them wherever it stands in a log.
func IsPipelineCommand(s string) bool {
	return strings.HasPrefix(s, "##[") || len(s) >= maxPipelineCommand && strings.EqualFold(s[:maxPipelineCommand], "##vso[")
}

// Invisible reports whether a character has no visible form of its own or steers the
// display: controls (C0, C1, DEL), bidirectional controls, zero-width characters, line
// and paragraph separators, unusual spaces, variation selectors, unassigned ones.
func Invisible(c rune) bool {
	if c < utf8.RuneSelf {
		return c < ' ' || c == 0x7f
	}
	return !unicode.IsPrint(c) ||
		unicode.In(c, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		c == '\u034f' || c == '\u2800' // combining grapheme joiner, blank Braille
}

// Read reads a stored report. It refuses what is larger than [MaxBytes], what is not JSON
// or not a report, reports of another major version, and reports that lack a field that v1 had
// from the start. Fields that were added since may be missing, and fields that it does not
// know are ignored: both directions of "additive within v1".
// Errors are *evidence.InputError.
func Read(rd io.Reader) (*Report, error) {
	doc, err := io.ReadAll(io.LimitReader(rd, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the report: %w", err)
	}
	if len(doc) > MaxBytes {
		return nil, invalid(fmt.Errorf("report is larger than the limit of %d bytes", MaxBytes))
	}
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil, invalid(errors.New("report is empty"))
	}
	if err := countValues(doc); err != nil {
		return nil, invalid(err)
	}
	var raw any
	if err := json.Unmarshal(doc, &raw); err != nil {
		return nil, invalid(fmt.Errorf("not a JSON report: %w", err))
	}
	if err := checkVersion(raw); err != nil {
		return nil, err
	}
	if err := validate(raw); err != nil {
		return nil, invalid(fmt.Errorf("not a complete go-debug report: %w", err))
	}
	r := &Report{}
	if err := json.Unmarshal(doc, r); err != nil {
		return nil, invalid(fmt.Errorf("not a go-debug report: %w", err))
	}
	return r.canonical(), nil
}

// maxValues bounds the values of a stored report: in memory one takes up to a hundred times the two
// bytes that it takes in the file.
const maxValues = 1_000_000

// countValues refuses a document of too many values, before anything is built of it. Each but the
// first has a comma, a colon or a bracket before it, and strings hold few of those.
func countValues(doc []byte) error {
	n := 0
	for _, c := range doc {
		switch c {
		case ',', ':', '[', '{':
			n++
		}
	}
	if n > maxValues {
		return fmt.Errorf("report may hold %d values, more than the limit of %d", n, maxValues)
	}
	return nil
}

func invalid(err error) error {
	return &evidence.InputError{Err: err, Hint: "write one with go-debug analyze -o report.json INPUT"}
}

func checkVersion(raw any) error {
	object, _ := raw.(map[string]any)
	name, _ := object["schema"].(string)
	if name == SchemaName {
		return nil
	}
	if v, ok := strings.CutPrefix(name, "go-debug/report/"); ok {
		return &evidence.InputError{
			Err:  fmt.Errorf("report has schema version %.20q, this go-debug reads v1", v),
			Hint: "write it again with this go-debug: go-debug analyze -o report.json INPUT",
		}
	}
	return invalid(fmt.Errorf("not a go-debug report: its schema field is %.60q, not %q", name, SchemaName))
}
