package metrics

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// maxLine bounds a line. Exposition lines are some hundred bytes long.
	maxLine = 1 << 20
	// maxNames bounds the cache of resolved names, maxName the length of one of them.
	maxNames = 20_000
	maxName  = 256
	// batchBytes is how much text of kept lines is parsed at once. Parsed samples take some
	// 35 times the memory of their text, so this and not the length of a scrape is what parsing costs.
	batchBytes = 128 << 10
)

// scrape is one scrape: what was counted while it was read, the kept lines that are not
// parsed yet, and the samples that are, folded.
type scrape struct {
	index    int
	line     int       // of its first line
	at       time.Time // of the "# scrape" line
	marked   bool      // began with such a line
	batch    bytes.Buffer
	lines    []int // line numbers of the batch
	cells    map[cellKey]*cell
	failed   error     // the first line that the parser refused; what came after it was not parsed
	latest   timestamp // the latest of the kept samples
	classic  int       // first kept line whose timestamp is none of the classic format, which has whole milliseconds
	lastName string    // base name of the last sample line, kept or not
	samples  int       // sample lines, kept or not
	series   int       // sample lines kept
	eof      bool      // "# EOF" seen
	open     bool      // shows a feature that only OpenMetrics has
	cut      bool      // ends within a line, or lacks its "# EOF"
	badLine  int       // first line that is no exposition text; 0 when there is none
	badText  string
	typed    string // name of the last "# TYPE … counter"
}

// splitter cuts a stream into scrapes, line by line.
type splitter struct {
	r     *bufio.Reader
	line  int
	table table
	names map[string]metric
	cur   *scrape
	fold  func(*scrape, sample) // takes the samples of metrics with a role, in batches
	emit  func(*scrape)
	notes *notes
}

// run reads to the end of the stream. The last scrape is emitted even if reading fails.
func (s *splitter) run(ctx context.Context) error {
	s.cur = &scrape{line: 1}
	for {
		if s.line%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		text, long, err := s.readLine()
		ended := bytes.HasSuffix(text, []byte("\n"))
		text = bytes.TrimRight(text, "\r\n")
		if len(text) > 0 || ended {
			s.line++
			s.take(text, ended, long)
		}
		if err != nil {
			if err != io.EOF {
				s.cur.cut = true
			}
			s.finish()
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// readLine returns a line with its end. long says that it was over maxLine and was shortened.
func (s *splitter) readLine() (line []byte, long bool, err error) {
	line, err = s.r.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return line, false, err
	}
	line = bytes.Clone(line)
	for err == bufio.ErrBufferFull {
		var more []byte
		if more, err = s.r.ReadSlice('\n'); len(line) <= maxLine {
			line = append(line, more...)
		}
	}
	if len(line) > maxLine {
		return append(line[:256:256], '\n'), true, err
	}
	return line, false, err
}

// take sorts one line into the current scrape.
func (s *splitter) take(text []byte, ended, long bool) {
	text = bytes.TrimLeft(text, " \t")
	c := s.cur
	switch {
	case len(text) == 0:
	case text[0] == '#':
		s.comment(string(text), ended)
	case !ended:
		c.cut = true // "12" may have been "12345"
	case long:
		s.bad(text, "a line over "+strconv.Itoa(maxLine)+" bytes")
	default:
		s.sample(text)
	}
}

func (s *splitter) comment(text string, ended bool) {
	c := s.cur
	f := strings.Fields(text)
	switch {
	case len(f) >= 3 && f[0] == "#" && f[1] == "scrape":
		at, ok := parseUnix(f[2])
		if !ok {
			s.notes.add("line %d: no unix seconds in %q, taken as a comment", s.line, short(text))
			return
		}
		s.finish()
		s.cur = &scrape{line: s.line, at: at, marked: true}
	case len(f) == 2 && f[1] == "EOF":
		c.eof, c.open = true, true
	case !ended:
		c.cut = true
	case len(f) >= 2 && f[1] == "UNIT":
		c.open = true
	case len(f) >= 4 && f[1] == "TYPE":
		name := strings.Trim(f[2], `"`)
		c.typed = ""
		if f[3] == "counter" {
			c.typed = name
		}
		if f[3] == "unknown" || f[3] == "info" || f[3] == "stateset" {
			c.open = true
		}
	}
}

func (s *splitter) sample(text []byte) {
	c := s.cur
	name, ok := sampleName(text)
	if !ok {
		s.bad(text, "no metric name")
		return
	}
	c.samples++
	m := s.resolve(name)
	base := name
	if m.rank >= 0 {
		base = m.base
	}
	c.lastName = base
	if c.typed != "" && name == c.typed+"_total" || bytes.Contains(text, []byte(" # {")) {
		c.open = true
	}
	if m.rank >= 0 {
		c.series++
		s.keep(text)
	}
}

func (s *splitter) bad(text []byte, why string) {
	if c := s.cur; c.badLine == 0 {
		c.badLine, c.badText = s.line, why+": "+short(string(text))
	}
}

// keep adds a line to the batch, as the classic parser reads it: the timestamp is taken off,
// because which unit it has may show only at the end of the scrape. Without "# TYPE" lines every
// sample stands for itself, so that a batch may end anywhere.
func (s *splitter) keep(text []byte) {
	c := s.cur
	if c.failed != nil {
		return
	}
	plain, at := cutTimestamp(text)
	if at.text != "" {
		c.latest = later(c.latest, at)
		if !at.whole && c.classic == 0 {
			c.classic = s.line
		}
	}
	c.batch.Write(plain)
	c.batch.WriteByte('\n')
	c.lines = append(c.lines, s.line)
	if c.batch.Len() >= batchBytes {
		s.parse()
	}
}

// parse folds the batch.
func (s *splitter) parse() {
	c := s.cur
	samples, err := parse(s.table, c.batch.Bytes(), c.lines)
	for _, x := range samples {
		s.fold(c, x)
	}
	c.failed = err
	c.batch.Reset()
	c.lines = c.lines[:0]
}

func (s *splitter) resolve(name string) metric {
	if m, ok := s.names[name]; ok {
		return m
	}
	m := s.table.resolve(name)
	if len(s.names) < maxNames && len(name) <= maxName {
		s.names[strings.Clone(name)] = m
	}
	return m
}

// finish hands over the current scrape. What stands before the first "# scrape" line is a scrape
// only if it has content.
func (s *splitter) finish() {
	c := s.cur
	if c == nil || !c.marked && c.samples == 0 && c.badLine == 0 && !c.cut && !c.eof {
		return
	}
	s.parse()
	c.batch, c.lines = bytes.Buffer{}, nil
	s.emit(c)
	s.cur = nil
}

// sampleName is the name at the head of a sample line: bare, or quoted inside the braces.
func sampleName(text []byte) (string, bool) {
	if text[0] == '{' {
		rest := bytes.TrimLeft(text[1:], " \t")
		if len(rest) < 2 || rest[0] != '"' {
			return "", false
		}
		end := bytes.IndexByte(rest[1:], '"')
		if end <= 0 {
			return "", false
		}
		return string(rest[1 : 1+end]), true
	}
	for i, b := range text {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == ':'
		switch {
		case letter || i > 0 && b >= '0' && b <= '9':
		case i > 0 && (b == '{' || b == ' ' || b == '\t'):
			return string(text[:i]), hasValue(text[i:])
		default:
			return "", false
		}
	}
	return "", false
}

// hasValue tells a sample from prose: its labels close, and a number follows.
func hasValue(rest []byte) bool {
	if rest[0] == '{' {
		return bytes.IndexByte(rest, '}') > 0 // the parser judges the rest of what is kept
	}
	f := bytes.Fields(rest)
	if len(f) == 0 {
		return false
	}
	_, err := strconv.ParseFloat(string(f[0]), 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

// parseUnix reads unix seconds, perhaps fractional, between 1970 and the year 5138.
func parseUnix(text string) (time.Time, bool) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0 && v < 1e11) {
		return time.Time{}, false
	}
	sec, frac := math.Modf(v)
	// A float64 of today's seconds resolves a quarter of a microsecond.
	return time.Unix(int64(sec), int64(math.Round(frac*1e6))*1000).UTC(), true
}

func short(text string) string {
	const limit = 60
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return fmt.Sprintf("%q", text)
}
