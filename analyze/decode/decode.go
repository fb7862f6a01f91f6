// Package decode turns byte streams into evidence: it sniffs what a stream is, undoes
// compression, bounds and hashes it, and hands it to the decoder of its format.
//
// Inputs stand alone: what one of them does, a panic of its decoder included, shows in its
// own entry of the set and nowhere else.
package decode

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go-debug/analyze/budget"
	"go-debug/analyze/decode/metrics"
	"go-debug/analyze/evidence"
	"go-debug/analyze/recovered"
	"go-debug/analyze/source"
)

// keptShare is the part of the memory that the goroutine snapshots of all inputs may take together, and as
// much again their profiles: detectors that follow stacks over time need several times as much.
const keptShare = 8

// All decodes the items one after another and merges their evidence as it goes, so that no
// more than one input is open at a time.
func All(ctx context.Context, items []source.Item, b budget.Budget) *evidence.Set {
	return AllNamed(ctx, items, nil, b)
}

// AllNamed is All with metrics that the user has given roles.
func AllNamed(ctx context.Context, items []source.Item, roles metrics.Roles, b budget.Budget) *evidence.Set {
	b = b.WithDefaults()
	all := evidence.Accumulator{SnapshotBytes: b.Memory / keptShare, ProfileBytes: b.Memory / keptShare}
	left := b.TotalBytes()
	for _, it := range items {
		own := b
		own.Bytes = min(b.Bytes, left)
		set, n := decodeOne(ctx, it, roles, own)
		left = max(left-n, 1)
		all.Add(set)
	}
	return all.Set()
}

// Item decodes one input. It never fails: the set holds exactly one Input, which says in
// Complete, Error and Hint what went wrong, beside whatever evidence could be had.
func Item(ctx context.Context, it source.Item, b budget.Budget) *evidence.Set {
	set, _ := decodeOne(ctx, it, nil, b.WithDefaults())
	return set
}

// decodeOne also returns how many decompressed bytes were read.
func decodeOne(ctx context.Context, it source.Item, roles metrics.Roles, b budget.Budget) (*evidence.Set, int64) {
	set, raw, err := decodeItem(ctx, it, roles, b)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		err = context.Cause(ctx) // names the flag
	}
	var unpacked int64
	if len(set.Inputs) != 1 {
		set.Inputs = []evidence.Input{blank(it)}
	}
	in := &set.Inputs[0]
	if raw != nil {
		in.Bytes, in.SHA256 = raw.bytes, raw.sum()
		unpacked = max(raw.bytes, raw.unpacked)
	}
	in.Go, in.Target = cmp.Or(in.Go, it.Go), it.Target
	in.Notes = append(in.Notes, misnamed(it, in)...)
	if err == nil && !in.Complete {
		err = errors.New("the capture ends early")
	}
	if it.Truncated != "" {
		err = errors.Join(err, fmt.Errorf("the capture is truncated: %s", it.Truncated))
	}
	if err == nil {
		return set, unpacked
	}
	in.Complete = false
	in.Error = strings.ReplaceAll(err.Error(), "\n", "; ")
	in.Hint = cmp.Or(hintOf(err, it.Source, b.Memory), in.Hint)
	for i := range set.Snapshots {
		set.Snapshots[i].Complete = false
	}
	if in.LostBytes == 0 && isBare(set) {
		in.LostBytes = in.Bytes
	}
	return set, unpacked
}

func blank(it source.Item) evidence.Input {
	return evidence.Input{Position: it.Position, Kind: cmp.Or(it.Declared, evidence.Unknown), Format: string(Unknown)}
}

func isBare(s *evidence.Set) bool {
	return len(s.Snapshots)+len(s.Profiles)+len(s.Loads) == 0 && s.Trace == nil
}

// decodeItem opens, unpacks and decodes. raw is nil when the input could not be opened. A
// panic on the way becomes an error; what was decoded until then is not trusted.
func decodeItem(ctx context.Context, it source.Item, roles metrics.Roles, b budget.Budget) (set *evidence.Set, raw *rawReader, err error) {
	set = &evidence.Set{Inputs: []evidence.Input{blank(it)}}
	format := Unknown
	defer func() {
		if p := recover(); p != nil {
			set = &evidence.Set{Inputs: []evidence.Input{blank(it)}}
			set.Inputs[0].Format = string(format)
			err = panicError(ctx, it.Source, format, raw, p)
		}
	}()
	rc, err := it.Open(ctx)
	if err != nil {
		return set, nil, err
	}
	defer rc.Close()
	raw = newRawReader(ctx, rc)
	c, err := open(raw, b)
	defer c.close()
	c.ahead = seekable(rc)
	format = c.format
	set.Inputs[0].Format = string(format)
	if err != nil {
		raw.drain(b.Bytes)
		return set, raw, err
	}
	e := formatOf(format)
	if e.decode == nil {
		raw.drain(b.Bytes)
		return set, raw, &evidence.InputError{Err: errors.New(e.why), Hint: e.hint}
	}
	got, err := e.decode(ctx, c, it.Position, told{cmp.Or(it.Declared, evidence.Unknown), roles}, b)
	if got != nil {
		set = got
	}
	if err == nil {
		err = c.rest()
	}
	raw.drain(b.Bytes)
	return set, raw, err
}

// panicError describes a panic in one line: the input, how far it had been read, the cause and its
// place.
func panicError(ctx context.Context, name string, format Format, raw *rawReader, p any) error {
	where := ""
	if raw != nil {
		where = fmt.Sprintf(" within its first %d bytes", raw.bytes)
	}
	return &evidence.InputError{
		Err:  fmt.Errorf("decoding %s as %s panicked%s: %s", name, format, where, recovered.Cause(ctx, p)),
		Hint: "the input is damaged, or this is a defect of go-debug: take the capture again, for example: " + captureExample,
	}
}

// hintOf finds the advice that an error carries, with the input's name in place of FILE
// where there is a file and a shell would take its name for one word.
func hintOf(err error, name string, memory int64) string {
	var input *evidence.InputError
	var over *budget.Error
	hint := "take the capture again, for example: " + captureExample
	switch {
	case errors.As(err, &over) && over.Flag != "":
		hint = fmt.Sprintf("raise the limit with %s: go-debug analyze %s %s FILE", over.Flag, over.Flag, over.Raise(memory))
	case errors.As(err, &input) && input.Hint != "":
		hint = input.Hint
	case errors.As(err, &over):
		hint = "take a shorter capture, for example: " + captureExample
	case errors.Is(err, context.Canceled):
		hint = "run it again and let it end"
	}
	if name == "" || name == source.StdinName || strings.ContainsFunc(name, needsQuoting) {
		return hint
	}
	return inputWord.ReplaceAllLiteralString(hint, name)
}

// inputWord stands for the input's name in hints. FILE1 and FILE2 are others.
var inputWord = regexp.MustCompile(`\bFILE\b`)

func needsQuoting(r rune) bool {
	return r > '~' || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,", r)
}
