// Package pprof decodes profile.proto, the format of every runtime profile, into
// evidence, and the debug=1 texts that the same endpoints serve.
//
// Decoding is one pass over the stream. Samples are summed by stack as they come, with the
// encoded locations for a key; locations, functions and strings are kept in flat tables until
// the end, when the stacks are spread out into frames. What is held is bounded by the budget:
// samples by the bound on distinct stacks, all else by the memory, whose excess is a
// budget.Error. The result is a Snapshot (goroutine, goroutineleak) or a Profile (all others).
//
// github.com/google/pprof reads the text formats of other runtimes, and is what the tests
// compare with.
package pprof

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// Format is the name of the format in reports.
const Format = "pprof"

// Decode reads one uncompressed profile. The content decides its kind; declared (and
// after it pos.Source) settles only what content cannot, a mutex against a block profile.
//
// The set always holds one Input. It holds a Snapshot or a Profile too, unless the error
// says why there is none: an *evidence.InputError, around a *budget.Error for a profile that
// is too large. A stream that ends in an error after a whole profile yields both.
func Decode(ctx context.Context, r io.Reader, pos evidence.Position, declared evidence.Kind, b budget.Budget) (*evidence.Set, error) {
	b = b.WithDefaults()
	in := evidence.Input{Position: pos, Kind: known(declared), Format: Format}
	br := bufio.NewReaderSize(r, headSize)
	head, _ := br.Peek(headSize)
	if t := textOf(head); t != nil {
		return decodeText(ctx, br, t, in, declared, b)
	}
	m := newMessage(b)
	readErr := m.read(newInput(contextReader{ctx, br}, &m.mem))
	if err := refuse(m, readErr); err != nil {
		return only(in), err
	}
	p, err := m.resolve()
	if err != nil {
		if readErr != nil { // the cause of it
			err = readErr
		}
		return only(in), explain(err)
	}
	return deliver(p, in, declared, b, readErr)
}

// deliver makes the evidence. readErr is what ended the stream behind a whole profile.
func deliver(p *parsed, in evidence.Input, declared evidence.Kind, b budget.Budget, readErr error) (*evidence.Set, error) {
	kind, guess := kindOf(p, declared, in.Source)
	if p.timeNanos > 0 {
		in.OwnTime(time.Unix(0, p.timeNanos).UTC())
	}
	in.Kind, in.Complete = kind, readErr == nil
	set := &evidence.Set{}
	if kind == evidence.Goroutine || kind == evidence.GoroutineLeak {
		snap, err := toSnapshot(p, kind, in.Position, in.Format, b.Memory/8)
		if err != nil {
			in.Complete = false
			return only(in), explain(err)
		}
		snap.Complete = in.Complete
		set.Snapshots = append(set.Snapshots, snap)
	} else {
		set.Profiles = append(set.Profiles, toProfile(p, kind, in.Position))
	}
	in.BuildID, in.Empty = p.build, p.isEmpty(kind)
	in.Notes = append(in.Notes, p.notes(kind, guess)...)
	set.Inputs = append(set.Inputs, in)
	if readErr != nil {
		return set, explain(readErr)
	}
	return set, nil
}

func only(in evidence.Input) *evidence.Set { return &evidence.Set{Inputs: []evidence.Input{in}} }

// refuse are the reasons not to look at what was read: all but a stream that broke off.
func refuse(m *message, readErr error) error {
	var over *budget.Error
	var wrong invalid
	switch {
	case readErr == nil && m.empty:
		return explain(invalid("it is empty"))
	case errors.As(readErr, &over), errors.As(readErr, &wrong), stopped(readErr):
		return explain(readErr)
	}
	return nil
}

func stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// invalid says what makes a profile an invalid one.
type invalid string

func (e invalid) Error() string { return string(e) }

func invalidf(format string, args ...any) error { return invalid(fmt.Sprintf(format, args...)) }

// explain says what is wrong with an input, and what to do about it.
func explain(err error) error {
	var over *budget.Error
	var wrong invalid
	again := "take the profile again, for example: " + fetchExample
	switch {
	case stopped(err):
		return err
	case errors.As(err, &over):
		return &evidence.InputError{Err: err, Hint: "take a shorter profile or one with fewer labels"}
	case errors.Is(err, errSeveral):
		return &evidence.InputError{Err: fmt.Errorf("malformed profile: %w", err),
			Hint: "pass each profile as a file of its own, or join them: go tool pprof -proto FILE1 FILE2 > joined.pb.gz"}
	case errors.Is(err, errWire):
		return &evidence.InputError{Err: fmt.Errorf("not a profile.proto: %w", err), Hint: again}
	case errors.As(err, &wrong):
		return &evidence.InputError{Err: fmt.Errorf("malformed profile: %w", err), Hint: again}
	}
	// The string table stands at the end of Go's profiles, so most cut ones say nothing.
	return &evidence.InputError{Err: fmt.Errorf("profile is incomplete: %w", err), Hint: again}
}

const fetchExample = "go-debug capture http://localhost:6060"

func known(k evidence.Kind) evidence.Kind {
	kinds := []evidence.Kind{evidence.Goroutine, evidence.GoroutineLeak, evidence.Heap, evidence.Allocs,
		evidence.CPU, evidence.Mutex, evidence.Block, evidence.ThreadCreate}
	if slices.Contains(kinds, k) {
		return k
	}
	return evidence.Unknown
}

// contextReader ends a stream when the context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
