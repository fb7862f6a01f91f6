// Package metrics decodes Prometheus text exposition, classic and OpenMetrics, into load over
// time: one scrape, or a file of many, each after a line "# scrape <unix seconds>".
//
// Only lines of metrics with a role (goroutines, requests in flight, requests, latency; see
// the table of conventions) reach the parser, in batches of some lines that are summed up at
// once; the rest is read past. So the memory does not follow the length of a scrape, and what
// is kept of it is bounded in metrics, routes and buckets, and over time in scrapes.
package metrics

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// Format is what Input.Format says of both text formats, the classic one and OpenMetrics:
// the report's contract has one name for the family.
const Format = "openmetrics"

// Decoder reads metrics. The zero value knows the conventions alone.
type Decoder struct{ Roles Roles }

// Decode reads as a Decoder does that knows the conventions alone.
func Decode(ctx context.Context, r io.Reader, pos evidence.Position, b budget.Budget) (*evidence.Set, error) {
	return Decoder{}.Decode(ctx, r, pos, b)
}

// Decode reads one scrape or many. Loads have the source "metrics"; route "all" is the sum over
// all series, and where a label names routes there is one load for each of up to 32 of them.
//
// A scrape without a "# scrape" line has the time of its samples where the exposition states
// it, else that of pos when it is the only one, else none. A marked scrape without samples is one that the
// service did not answer: its point in "all" is empty.
//
// The error is an *evidence.InputError when a scrape was cut or is no exposition text; the set then
// holds the others, and of a cut last scrape the metrics that stand complete.
func (o Decoder) Decode(ctx context.Context, r io.Reader, pos evidence.Position, b budget.Budget) (*evidence.Set, error) {
	known := o.Roles.table()
	d := &decoder{pos: pos, notes: &notes{}, history: newHistory(known, memoryOf(b))}
	s := &splitter{
		r:     bufio.NewReaderSize(r, 64<<10),
		table: known, names: map[string]metric{}, fold: d.fold, emit: d.scrape, notes: d.notes,
	}
	err := s.run(ctx)
	d.flush(true)
	failure := d.failure(err)
	return d.set(failure), failure
}

func memoryOf(b budget.Budget) int64 {
	if b.Memory <= 0 {
		return budget.DefaultMemory
	}
	return b.Memory
}

// decoder takes scrapes one behind the splitter, so that it knows which one is the last.
type decoder struct {
	pos      evidence.Position
	notes    *notes
	history  *history
	pending  *scrape
	before   *scrape // the last whole one
	count    int
	lost     int // marked scrapes without samples
	golang   string
	settings settings
	procs    int    // GOMAXPROCS as stated last
	format   string // of the input; empty for text
	failed   []string
	broken   int
}

func (d *decoder) scrape(s *scrape) {
	d.flush(false)
	s.index = d.count
	d.count++
	d.pending = s
}

// flush records the pending scrape. The last one may have been cut by whoever wrote the file; an
// earlier one is followed by a whole line.
func (d *decoder) flush(last bool) {
	s := d.pending
	d.pending = nil
	if s == nil {
		return
	}
	if s.open && !s.eof || d.before != nil && d.before.eof && !s.eof && s.samples > 0 {
		s.cut = true
	}
	// A cut at the end of a line shows only beside the scrape before it.
	if p := d.before; last && p != nil && s.samples > 0 && s.series < p.series && s.samples < p.samples && s.lastName != p.lastName {
		s.cut = true
	}
	d.judge(s)
	err := s.failure()
	if err != nil {
		d.fail("scrape %d of the input is no exposition text: %v", s.index+1, err)
		s.cells = nil
	}
	if s.cut {
		maps.DeleteFunc(s.cells, func(k cellKey, _ *cell) bool { return k.name == s.lastName })
	}
	rec := &record{index: s.index, at: s.at, answered: s.samples > 0, cells: s.cells}
	if !s.marked {
		rec.at = s.latest.time(s.open)
	}
	d.history.add(rec)
	if err == nil && s.samples > 0 && !s.cut {
		d.before = &scrape{eof: s.eof, series: s.series, samples: s.samples, lastName: s.lastName}
	}
}

// judge records what is wrong with a scrape.
func (d *decoder) judge(s *scrape) {
	switch {
	case s.cut && s.open && !s.eof:
		d.fail("scrape %d is cut: it lacks its \"# EOF\"", s.index+1)
	case s.cut:
		d.fail("scrape %d is cut: it ends within the metrics", s.index+1)
	}
	switch {
	case s.samples == 0 && s.marked:
		d.lost++
	case s.badLine > 0:
		d.fail("line %d is no exposition text (%s)", s.badLine, s.badText)
	}
}

// fail records that a scrape was not wholly read. The first is told, the rest counted.
func (d *decoder) fail(format string, args ...any) {
	d.broken++
	if len(d.failed) < 1 {
		d.failed = append(d.failed, fmt.Sprintf(format, args...))
	}
}

// failure says why the text of a scrape cannot be used: a line that the parser refused, or a
// timestamp of the other format.
func (s *scrape) failure() error {
	if s.failed == nil && !s.open && s.classic > 0 {
		return fmt.Errorf("line %d: the timestamp is no whole number of milliseconds", s.classic)
	}
	return s.failed
}

// fold adds a sample to its scrape.
func (d *decoder) fold(s *scrape, x sample) {
	switch d.history.table[x.metric.rank].role {
	case roleSetting:
		d.settings.take(x.name, x.labels, x.value)
		return
	case roleInfo:
		if v := x.labels["version"]; v != "" && len(v) < 64 {
			d.golang = v
		}
		return
	case roleProcs:
		d.procs = procsOf(x.value)
		return
	}
	if s.cells == nil {
		s.cells = map[cellKey]*cell{}
	}
	d.history.fold(s.cells, x)
}

// procsOf is GOMAXPROCS as a gauge states it; 0 for what no program can have.
func procsOf(v float64) int {
	const most = 1 << 20
	if v >= 1 && v <= most && v == math.Trunc(v) {
		return int(v)
	}
	return 0
}

func (d *decoder) set(err error) *evidence.Set {
	if d.history.recorded() == 1 && d.count == 1 {
		if rec := d.history.records[0]; rec.at.IsZero() {
			rec.at = d.pos.At
		}
	}
	loads := d.history.loads(d.pos, d.notes)
	if d.lost > 0 {
		d.notes.add("%d of %d scrapes hold no samples: the service did not answer", d.lost, d.count)
	}
	if len(loads) == 0 && err == nil {
		d.notes.add("no metric of a known role (go_goroutines, *_requests_in_flight, *_requests_total, *_request_duration_seconds)")
	}
	return &evidence.Set{
		Inputs: []evidence.Input{{
			Position: d.pos, Kind: evidence.Metrics, Format: cmp.Or(d.format, Format), Go: d.golang, MaxProcs: d.procs, Settings: d.settings.known(),
			Complete: err == nil, Notes: d.notes.list,
		}},
		Loads: loads,
	}
}

// failure is the error of Decode: that of the reader, or what was wrong with the scrapes.
func (d *decoder) failure(err error) error {
	const fetch = "fetch it again: curl -s http://localhost:6060/metrics | go-debug analyze"
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case err != nil:
		return &evidence.InputError{Err: fmt.Errorf("reading metrics: %w", err), Hint: fetch}
	case d.count == 0:
		return &evidence.InputError{Err: errors.New("no metrics: the input holds no sample line"), Hint: fetch}
	case d.broken == 0:
		return nil
	}
	text := d.failed[0]
	if d.broken > 1 {
		text += fmt.Sprintf(", and %d more", d.broken-1)
	}
	return &evidence.InputError{Err: errors.New("metrics: " + text), Hint: fetch}
}

// maxNotes bounds the remarks on one input.
const maxNotes = 20

// notes are remarks without repetition.
type notes struct{ list []string }

func (n *notes) add(format string, args ...any) {
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	if len(n.list) < maxNotes && !slices.Contains(n.list, text) {
		n.list = append(n.list, text)
	}
}
