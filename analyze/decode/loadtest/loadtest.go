// Package loadtest decodes what load generators write: vegeta, k6, ghz and hey request by
// request, and the summaries of vegeta, k6, hey, wrk, wrk2 and fortio.
//
// Where the single requests are there, throughput, arrivals and concurrency over time follow from them as
// the clients saw them, and latencies are exact to the histogram's buckets. A summary states a few
// percentiles of the whole test, and that is all it can be asked.
//
// Each format is a file and a line of the list. Inputs are read once, in pieces; what is kept is
// bounded however many requests there are.
package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// format is one kind of output of one tool.
type format struct {
	name string // as it stands in Input.Format
	// is reports whether an input begins so. head is cut anywhere.
	is     func(head []byte) bool
	decode func(*decoder) error
}

// formats are tried in order.
var formats = []format{
	{"vegeta-gob", isVegetaGob, vegetaGob},
	{"vegeta-json", isVegetaJSON, vegetaJSON},
	{"vegeta-csv", isVegetaCSV, vegetaCSV},
	{"vegeta-report-json", isVegetaReportJSON, vegetaReportJSON},
	{"vegeta-report", isVegetaReport, vegetaReport},
	{"k6-json", isK6JSON, k6JSON},
	{"k6-summary", isK6Summary, k6Summary},
	{"ghz-json", isGhzJSON, ghzJSON},
	{"hey-csv", isHeyCSV, heyCSV},
	{"hey", isHeySummary, heySummary},
	{"wrk", isWrk, wrkSummary},
	{"fortio-json", isFortioJSON, fortioJSON},
	{"fortio", isFortioText, fortioText},
}

// Sniff returns the name of the format in which the first bytes of an input are, or "".
func Sniff(head []byte) string {
	for _, f := range formats {
		if f.is(head) {
			return f.name
		}
	}
	return ""
}

// headSize is how much of an input tells its format.
const headSize = 64 << 10

// maxLine bounds a line. The longest hold a reply's body and headers in base64.
const maxLine = 16 << 20

// Decode reads one output. The load has the source "loadtest", the route "all" and the input's name as
// origin.
//
// The error is an *evidence.InputError when the input was cut or is damaged; the set then holds what was read
// until there.
func Decode(ctx context.Context, r io.Reader, pos evidence.Position, _ budget.Budget) (*evidence.Set, error) {
	br := bufio.NewReaderSize(r, headSize)
	head, err := br.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		return nil, err
	}
	d := &decoder{ctx: ctx, r: br, pos: pos, requests: newRequests(),
		load: evidence.Load{Source: "loadtest", Kind: evidence.LoadTest, Route: "all", Origin: pos.Source}}
	name := Sniff(head)
	for _, f := range formats {
		if f.name == name {
			err = f.decode(d)
			return d.set(name, err), d.failure(err)
		}
	}
	return nil, &evidence.InputError{Err: errors.New("no output of a load generator that is known"), Hint: again}
}

const again = "run the load test again and keep its output, for example: vegeta attack -rate 100 -duration 30s < targets | go-debug analyze"

// decoder is one input on its way to a load.
type decoder struct {
	ctx      context.Context
	r        *bufio.Reader
	pos      evidence.Position
	load     evidence.Load
	requests *requests
	notes    []string
	line     int
}

func (d *decoder) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// generator says who measured and how it was driven.
func (d *decoder) generator(name string, loop evidence.Loop, workers int) {
	d.load.Generator = &evidence.Generator{Name: name, Loop: loop, Workers: max(workers, 0)}
}

// lines calls f for every line without its end. A last line without an end is given too: the
// parser of a cut one will say so.
func (d *decoder) lines(f func(line []byte) error) error {
	var long []byte
	for {
		if d.line%1024 == 0 && d.ctx.Err() != nil {
			return d.ctx.Err()
		}
		part, err := d.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, part...); len(long) > maxLine {
				return fmt.Errorf("line %d is longer than %d bytes", d.line+1, maxLine)
			}
			continue
		}
		text := part
		if long != nil {
			text, long = append(long, part...), nil
		}
		if len(text) > 0 {
			d.line++
			if ferr := f(bytes.TrimRight(text, "\r\n")); ferr != nil {
				return fmt.Errorf("line %d: %w", d.line, ferr)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// set makes the evidence of what was read, an error or not.
func (d *decoder) set(name string, err error) *evidence.Set {
	in := evidence.Input{Position: d.pos, Kind: evidence.LoadTest, Format: name, Complete: err == nil, Notes: d.notes}
	set := &evidence.Set{}
	d.requests.fill(&d.load, d.pos)
	if len(d.load.Points) > 0 || d.load.Stated != nil {
		set.Loads = []evidence.Load{d.load}
		if g := d.load.Generator; g != nil {
			in.Notes = append(in.Notes, loopNote(g)...)
		}
	} else if err == nil {
		in.Notes = append(in.Notes, "no request: the load test sent none, or ended before a reply")
	}
	set.Inputs = []evidence.Input{in}
	return set
}

func (d *decoder) failure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("cut: %w", err)
	}
	return &evidence.InputError{Err: fmt.Errorf("load test: %w", err), Hint: again}
}

// loopNote warns of percentiles that leave out the requests which were never sent.
func loopNote(g *evidence.Generator) []string {
	const omission = "so a stall keeps back the requests that would have met it, and percentiles are too good (coordinated omission); " +
		"a generator that sends on schedule shows them: vegeta attack -rate, wrk2 -R, k6's arrival-rate executors"
	switch g.Loop {
	case evidence.ClosedLoop:
		return []string{fmt.Sprintf("closed loop: %s sends a request when the reply to the last one is there, %s", g.Name, omission)}
	case evidence.UnknownLoop:
		return []string{fmt.Sprintf("the output does not say whether %s sent on schedule; if it waited for replies, a stall kept back requests, and percentiles are too good (coordinated omission)", g.Name)}
	}
	return nil
}

// request adds one that was seen from its begin to its end.
func (d *decoder) request(start time.Time, took time.Duration, failed bool) {
	d.requests.add(start.UnixNano(), int64(took), failed)
}
