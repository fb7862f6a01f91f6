package gostack

import (
	"context"
	"errors"
	"fmt"
	"io"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// The names of the text forms in Snapshot.Format and Input.Format.
const (
	formatDebug1 = "debug1"
	formatDebug2 = "debug2"
	formatCrash  = "crash"
)

// hintProtobuf is what to do about a dump that cannot be had whole as text.
const hintProtobuf = "take the profile without debug=2, which has no size limit: go-debug capture http://localhost:6060"

// Decode reads the goroutine dumps in r. Each becomes a snapshot of the one input, in
// the order of the file. The set always holds the input; a non-nil error says why not all
// of it could be read, and the set then holds what was.
func Decode(ctx context.Context, r io.Reader, pos evidence.Position, b budget.Budget) (*evidence.Set, error) {
	p := newParser(ctx, r, pos, b)
	buf := p.buf
	defer buffers.Put(&buf)
	p.run()
	err := p.finish()

	in := evidence.Input{
		Position: pos,
		Kind:     evidence.Goroutine,
		Format:   formatDebug2,
		Go:       p.goVersion,
		Complete: err == nil,
	}
	if len(p.snapshots) > 0 {
		in.Kind, in.Format = p.snapshots[0].Kind, p.snapshots[0].Format
	}
	in.Notes = p.notes()
	return &evidence.Set{Inputs: []evidence.Input{in}, Snapshots: p.snapshots}, err
}

// finish closes what the end of the input leaves open and says what is missing.
func (p *parser) finish() error {
	fault := p.src.err
	if errors.Is(fault, io.EOF) {
		fault = nil
	}
	why := p.closeAtEnd(fault != nil)
	total := p.goroutines()
	switch {
	case fault != nil:
		var over *budget.Error
		if errors.As(fault, &over) || errors.Is(fault, context.Canceled) || errors.Is(fault, context.DeadlineExceeded) {
			return fmt.Errorf("goroutine dump read in part, %d goroutines so far: %w", total, fault)
		}
		return &evidence.InputError{
			Err:  fmt.Errorf("goroutine dump cut after %d goroutines: %w", total, fault),
			Hint: "the file or transfer is damaged; take the dump again: go-debug capture http://localhost:6060",
		}
	case why != "":
		return &evidence.InputError{Err: fmt.Errorf("goroutine dump cut: %s", why), Hint: hintProtobuf}
	case p.dumpsDropped > 0:
		return fmt.Errorf("goroutine dump read in part: %w",
			&budget.Error{What: fmt.Sprintf("%d goroutine dumps in one input", len(p.snapshots)+p.dumpsDropped), Limit: maxDumps})
	case p.overBudget > 0:
		what := fmt.Sprintf("%d goroutines of the rarest stacks are counted and not looked at: distinct stacks", p.overBudget)
		over := budget.OverStacks(what, p.budget.Stacks)
		if len(p.shapes) < p.budget.Stacks {
			over = budget.OverMemory("memory for "+what, 2*p.budget.Memory)
		}
		return fmt.Errorf("goroutine dump read in part: %w", over)
	case len(p.snapshots) == 0:
		return &evidence.InputError{
			Err:  errors.New("no goroutine dump in it: neither a \"goroutine N [state]:\" line nor a \"goroutine profile: total N\" header"),
			Hint: "take one from the program: go-debug capture http://localhost:6060, or kill -QUIT PID and keep its stderr",
		}
	}
	return nil
}

// goroutines counts the goroutines of all snapshots of the input.
func (p *parser) goroutines() int {
	n := 0
	for i := range p.snapshots {
		n = addCapped(n, p.snapshots[i].Total)
	}
	return n
}

// notes are the remarks that are no errors, in a fixed order.
func (p *parser) notes() []string {
	var notes []string
	add := func(n int, format string, args ...any) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	for _, reason := range p.crashes {
		notes = append(notes, "the program crashed: "+reason)
	}
	add(p.crashesDropped, "%d crashes of other causes", p.crashesDropped)
	idsDropped := 0
	for i := range p.snapshots {
		for j := range p.snapshots[i].Groups {
			idsDropped += p.snapshots[i].Groups[j].IDsDropped
		}
	}
	if p.midway {
		notes = append(notes, "its first goroutine does not run, as that of a whole dump does: the beginning may be missing")
	}
	if n := len(p.snapshots); n > 1 {
		add(n, "%d goroutine dumps in this input: each is one snapshot, in the order of the file", n)
	}
	add(p.tracesDropped, "%d stack traces of a single goroutine (a recovered panic, debug.Stack) left out: they are no snapshot of the process", p.tracesDropped)
	add(idsDropped, "%d goroutine ids not kept", idsDropped)
	add(p.deep, "%d stacks deeper than %d frames kept to that depth", p.deep, maxFrames)
	add(p.longLines, "%d lines longer than %d bytes skipped", p.longLines, maxLine)
	add(p.surplus, "%d goroutines more than the dump's header declares", p.surplus)
	return notes
}
