package trace

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// Decode reads one execution trace, already decompressed. The set holds the input and,
// unless nothing could be read, a Trace with one window. An error means that the trace was
// not wholly read; the set then holds what was, and the input's LostBytes what was not.
func Decode(ctx context.Context, r io.Reader, pos evidence.Position, b budget.Budget) (*evidence.Set, error) {
	return decodeWith(ctx, r, pos, b, replayWith(runtime.GOMAXPROCS(0)))
}

// DecodeReference is Decode by way of x/exp/trace for all formats: slower, and with times that it
// moved. It is what Decode is compared with.
func DecodeReference(ctx context.Context, r io.Reader, pos evidence.Position, b budget.Budget) (*evidence.Set, error) {
	return decodeWith(ctx, r, pos, b, (*window).readEvents)
}

// reader feeds a trace of go1.22 or later to a window. The other one is x/exp/trace's, which
// also reads the older formats and which tests compare with.
type reader func(w *window, in *input, br *bufio.Reader, minor int) error

func decodeWith(ctx context.Context, r io.Reader, pos evidence.Position, b budget.Budget, read reader) (*evidence.Set, error) {
	b = b.WithDefaults()
	in := &input{ctx: ctx, r: r, limits: b, ahead: aheadOf(r)}
	set := &evidence.Set{Inputs: []evidence.Input{{Position: pos, Kind: evidence.Execution, Format: "trace"}}}
	br := bufio.NewReaderSize(in, 64<<10)
	version, minor, err := readHeader(br)
	if err != nil {
		in.drain()
		set.Inputs[0].LostBytes = in.n
		return set, err
	}
	if minor < firstGenerated {
		in.whole = true
		read = (*window).readEvents
	}

	w := newWindow(b)
	readErr := read(w, in, br, minor)
	if in.err != nil {
		readErr = in.err // the cause, where the reader made something else of it
	}
	if readErr == nil && w.syncs > 0 && w.generations == 0 {
		readErr = errNoGeneration
	}
	set.Inputs[0].Complete = readErr == nil
	var counted bool
	if readErr != nil {
		counted = in.drain()
		set.Inputs[0].LostBytes = in.n - w.analysed(in)
		if w.lostNS > 0 {
			lost := float64(w.lostNS) / 1e9
			set.Inputs[0].LostSeconds = &lost
		}
		readErr = describe(readErr, w, in, counted)
	}
	if w.generations > 0 {
		t := w.finish()
		tw := &t.Windows[0]
		tw.Version, tw.Bytes = version, in.n
		tw.Complete, tw.LostBytes = set.Inputs[0].Complete, set.Inputs[0].LostBytes
		if in.whole {
			tw.Warnings = append(tw.Warnings, "traces of go1.21 and older do not record how long a system call took that did not block")
		}
		if !w.wall.IsZero() {
			set.Inputs[0].OwnTime(w.wall)
		}
		tw.Position = set.Inputs[0].Position
		set.Trace = t.Canonical()
	}
	return set, readErr
}

// errNoGeneration is a header with nothing after it: what a process leaves that was killed
// before its tracer first flushed.
var errNoGeneration = errors.New("the trace is a header and nothing else: the program ended before the tracer wrote anything")

// describe says how much of the trace was lost to an error.
func describe(cause error, w *window, in *input, counted bool) error {
	lost, total := in.n-w.analysed(in), fmt.Sprint(in.n)
	if !counted {
		total = "more than " + total
	}
	hint := retakeHint
	var over *budget.Error
	switch {
	case errors.As(cause, &over):
		hint = "trace a shorter time (curl -o trace.out 'http://localhost:6060/debug/pprof/trace?seconds=1') or raise the limit"
	case errors.Is(cause, context.Canceled), errors.Is(cause, context.DeadlineExceeded):
		hint = ""
	}
	if errors.Is(cause, errNoGeneration) {
		return &evidence.InputError{Err: cause, Hint: hint}
	}
	what := fmt.Sprintf("trace read in part: %d whole generations, %d events in all, %d of %s bytes lost", w.completed, w.events, lost, total)
	if w.lostNS > 0 {
		what += fmt.Sprintf(" with the last %.3g s", float64(w.lostNS)/1e9)
	}
	if w.generations == 0 {
		what = fmt.Sprintf("trace not readable: %d of %s bytes lost", lost, total)
	}
	return &evidence.InputError{Err: fmt.Errorf("%s: %w", what, cause), Hint: hint}
}

// readEvents feeds every event of x/exp/trace to the window. Its accessors can panic on a corrupt
// trace after ReadEvent has returned without an error; a panic ends this trace.
func (w *window) readEvents(in *input, br *bufio.Reader, minor int) (err error) {
	if minor >= firstGenerated {
		// The header was read ahead with whatever followed it: let the scanner catch up.
		in.gens = newGenerations(minor >= firstEndMarked)
		ahead, _ := br.Peek(br.Buffered())
		in.gens.feed(ahead)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("corrupt trace: %s", firstLine(fmt.Sprint(p)))
		}
	}()
	r, err := xtrace.NewReader(br)
	if err != nil {
		return fmt.Errorf("%s", firstLine(err.Error()))
	}
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			// Its errors quote whole tables of state on further lines.
			return fmt.Errorf("%s", firstLine(err.Error()))
		}
		if w.events%cancelEvery == 0 && in.ctx.Err() != nil {
			return in.ctx.Err()
		}
		if err := w.event(&ev); err != nil {
			return err
		}
	}
}

// cancelEvery bounds the events between two looks at the context: a generation is read in
// one go and may then hold many.
const cancelEvery = 4096

func firstLine(s string) string {
	const maxLine = 200
	for i, c := range s {
		if c == '\n' || i >= maxLine {
			return s[:i]
		}
	}
	return s
}
