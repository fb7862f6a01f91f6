// Package pprof decodes profile.proto, the format of every runtime profile, into
// evidence.
//
// Decoding has three steps. A scan walks the encoded messages as they stream in, strips
// labels and estimates what parsing will allocate, so that a hostile or oversized profile
// ends as a budget.Error before it costs anything. Then github.com/google/pprof parses
// what the scan let through. Then samples are folded into distinct stacks, which become a
// Snapshot (goroutine, goroutineleak) or a Profile (all others).
package pprof

import (
	"bufio"
	"bytes"
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
// says why there is none: a *budget.Error, or an *evidence.InputError for what is no valid
// profile. A stream that ends in an error after a whole profile yields both.
func Decode(ctx context.Context, r io.Reader, pos evidence.Position, declared evidence.Kind, b budget.Budget) (*evidence.Set, error) {
	b = b.WithDefaults()
	in := evidence.Input{Position: pos, Kind: known(declared), Format: Format}
	fail := func(err error) (*evidence.Set, error) {
		return &evidence.Set{Inputs: []evidence.Input{in}}, err
	}
	br := bufio.NewReaderSize(contextReader{ctx, r}, readChunk)
	if kind, ok := legacyText(br); ok {
		in.Kind = kind
		return fail(errLegacy)
	}
	s := newScan(b.Memory)
	readErr := s.read(br)
	if err := refuse(s, readErr); err != nil {
		return fail(err)
	}
	p, err := parse(s, b.Memory/4)
	if err != nil {
		if readErr != nil { // the cause of it
			return fail(cutShort(readErr))
		}
		return fail(malformed(err))
	}
	kind, guess := kindOf(p, declared, pos.Source)
	if pos.At.IsZero() && p.timeNanos > 0 {
		pos.At = time.Unix(0, p.timeNanos).UTC()
	}
	in.Position, in.Kind, in.Complete = pos, kind, readErr == nil
	set := &evidence.Set{}
	if kind == evidence.Goroutine || kind == evidence.GoroutineLeak {
		snap, err := toSnapshot(p, kind, pos, b.Stacks, b.Memory)
		if err != nil {
			in.Complete = false
			return fail(malformed(err))
		}
		snap.Complete = in.Complete
		set.Snapshots = append(set.Snapshots, snap)
	} else {
		set.Profiles = append(set.Profiles, toProfile(p, kind, pos, b.Stacks, b.Memory))
	}
	in.Notes = p.notes(kind, guess)
	set.Inputs = append(set.Inputs, in)
	if readErr != nil {
		return set, cutShort(readErr)
	}
	return set, nil
}

// refuse are the reasons not to parse at all.
func refuse(s *scan, readErr error) error {
	var over *budget.Error
	switch {
	case errors.As(readErr, &over):
		return &evidence.InputError{Err: readErr, Hint: "take a shorter profile or one with fewer labels"}
	case errors.Is(readErr, errWire):
		return malformed(readErr)
	case errors.Is(readErr, context.Canceled), errors.Is(readErr, context.DeadlineExceeded):
		return readErr
	case s.times > 1:
		return &evidence.InputError{Err: errors.New("malformed profile: several profiles in one file"),
			Hint: "pass each profile as a file of its own, or join them: go tool pprof -proto FILE1 FILE2 > joined.pb.gz"}
	case len(s.body) == 0 && readErr == nil:
		return malformed(errors.New("it is empty"))
	}
	return nil
}

func malformed(err error) error {
	if errors.Is(err, errWire) {
		err = fmt.Errorf("not a profile.proto: %w", err)
	} else {
		err = fmt.Errorf("malformed profile: %w", err)
	}
	return &evidence.InputError{Err: err, Hint: "take the profile again, for example: " + fetchExample}
}

// cutShort reports a stream that ended early. The string table stands at the end of Go's
// profiles, so most cut ones say nothing.
func cutShort(err error) error {
	return &evidence.InputError{Err: fmt.Errorf("profile is incomplete: %w", err),
		Hint: "take the profile again, for example: " + fetchExample}
}

const fetchExample = "go-debug capture http://localhost:6060"

// errLegacy refuses the text formats: profile.Parse reads them by address only and drops
// the function names that Go prints beside.
var errLegacy = &evidence.InputError{
	Err:  errors.New("this is a profile in the old text format, which holds no function names to go by"),
	Hint: "fetch it without ?debug=1, for example: curl -o heap.pb.gz http://localhost:6060/debug/pprof/heap",
}

// legacyHeads begin the debug=1 texts of the runtime's profiles.
var legacyHeads = []struct {
	head string
	kind evidence.Kind
}{
	{"heap profile: ", evidence.Heap},
	{"--- mutex:", evidence.Mutex},
	{"--- contention:", evidence.Block},
	{"--- contentionz", evidence.Block},
	{"threadcreate profile: total", evidence.ThreadCreate},
}

// legacyText reports whether the stream is a profile in text, and of what.
func legacyText(br *bufio.Reader) (evidence.Kind, bool) {
	head, _ := br.Peek(64)
	return LegacyText(head)
}

// LegacyText reports whether an input begins like the debug=1 text of a runtime profile
// that is not of goroutines.
func LegacyText(head []byte) (evidence.Kind, bool) {
	for _, l := range legacyHeads {
		if bytes.HasPrefix(head, []byte(l.head)) {
			return l.kind, true
		}
	}
	return evidence.Unknown, false
}

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
