package evidence

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ErrFell says that a value which can only rise has fallen between two profiles: the program
// was started anew in between, or they are not of one program.
var ErrFell = errors.New("a total fell, so the program was started anew in between, or the profiles are of different programs")

// cumulative are the sample types that count from the start of the program, by kind. What is
// in use is a state: its difference is growth and no rate.
var cumulative = map[Kind][]string{
	Mutex:  {"contentions", "delay"},
	Block:  {"contentions", "delay"},
	Heap:   {"alloc_objects", "alloc_space"},
	Allocs: {"alloc_objects", "alloc_space"},
}

// IsChange reports whether the values are what came about during a time: a CPU profile, or
// one taken with ?seconds=N, which says for how long; else one that has negative values, as
// the difference of two profiles may. All others are totals since the start of the program
// (mutex, block, what was allocated) or a state (what is in use, threads).
func (p *Profile) IsChange() bool {
	if p.DurationNS > 0 || p.Kind == CPU {
		return true
	}
	for i := range p.Stacks {
		if slices.ContainsFunc(p.Stacks[i].Values, func(v int64) bool { return v < 0 }) {
			return true
		}
	}
	return false
}

// Since is what was added to the totals of a profile after an earlier one of the same program:
// the columns that count from the program's start, and those stacks that rose. DurationNS is
// the time between the two, 0 when that is not known.
//
// It is an error if the two cannot be subtracted. ErrFell is among its causes: a difference
// that is negative is not cut to zero, since then the others mean nothing either.
func (p *Profile) Since(earlier *Profile) (*Profile, error) {
	columns, err := p.comparable(earlier)
	if err != nil {
		return nil, fmt.Errorf("%s less %s: %w", p.Source, earlier.Source, err)
	}
	out := &Profile{Position: p.Position, Kind: p.Kind, PeriodType: p.PeriodType, Period: p.Period, Build: p.Build,
		Frames: p.Frames, Totals: make([]int64, len(columns)), Default: len(columns) - 1}
	for i, c := range columns {
		out.SampleTypes = append(out.SampleTypes, p.SampleTypes[c])
		if c == p.Default {
			out.Default = i
		}
	}
	if !p.At.IsZero() && !earlier.At.IsZero() {
		out.DurationNS = p.At.Sub(earlier.At).Nanoseconds()
	}
	if err := out.subtract(p, earlier, columns); err != nil {
		return nil, fmt.Errorf("%s less %s: %w", p.Source, earlier.Source, err)
	}
	out.Records = int64(len(out.Stacks))
	out.SortStacks()
	return out, nil
}

// subtract fills in the stacks that rose, and their totals.
func (d *Profile) subtract(p, earlier *Profile, columns []int) error {
	keys := stackKeys{ids: map[Frame]uint32{}}
	before, now := keys.frames(earlier), keys.frames(p)
	was := make(map[string]*ValueStack, len(earlier.Stacks))
	for i := range earlier.Stacks {
		was[string(keys.of(&earlier.Stacks[i], before))] = &earlier.Stacks[i]
	}
	none := &ValueStack{}
	for i := range p.Stacks {
		s := &p.Stacks[i]
		key := keys.of(s, now)
		old := cmp.Or(was[string(key)], none)
		delete(was, string(key))
		values, rose := make([]int64, len(columns)), false
		for j, c := range columns {
			if values[j] = s.value(c) - old.value(c); values[j] < 0 {
				return p.fell(s, c)
			}
			rose = rose || values[j] > 0
		}
		if rose {
			addValues(d.Totals, values)
			d.Stacks = append(d.Stacks, ValueStack{Frames: s.Frames, Values: values, Count: 1})
		}
	}
	for i := range earlier.Stacks { // those that are gone; in order, for one and the same error
		s := &earlier.Stacks[i]
		if len(was) == 0 || was[string(keys.of(s, before))] != s {
			continue
		}
		for _, c := range columns {
			if s.value(c) > 0 {
				return earlier.fell(s, c)
			}
		}
	}
	return nil
}

func (p *Profile) fell(s *ValueStack, column int) error {
	stack := p.Stack(s)
	at, ok := stack.User()
	if !ok && len(stack) > 0 {
		at = stack[0]
	}
	return fmt.Errorf("%s at %s: %w", p.SampleTypes[column].Type, at.Function, ErrFell)
}

// stackKeys identifies stacks across profiles.
type stackKeys struct {
	ids map[Frame]uint32
	key []byte
}

// frames numbers the frames of a profile, each frame alike in all profiles.
func (k *stackKeys) frames(p *Profile) []uint32 {
	out := make([]uint32, len(p.Frames))
	for i, f := range p.Frames {
		id, ok := k.ids[f]
		if !ok {
			id = uint32(len(k.ids))
			k.ids[f] = id
		}
		out[i] = id
	}
	return out
}

// of is the key of a stack. It is valid until the next call.
func (k *stackKeys) of(s *ValueStack, frames []uint32) []byte {
	k.key = k.key[:0]
	for _, f := range s.Frames {
		k.key = binary.LittleEndian.AppendUint32(k.key, frames[f])
	}
	return k.key
}

// comparable returns the columns of p that can be subtracted, or why there is none.
func (p *Profile) comparable(earlier *Profile) (columns []int, err error) {
	switch {
	case p.Kind != earlier.Kind:
		return nil, fmt.Errorf("a %s profile and a %s profile have no difference", p.Kind, earlier.Kind)
	case !slices.Equal(p.SampleTypes, earlier.SampleTypes):
		return nil, errors.New("their sample types differ")
	case p.IsChange() || earlier.IsChange():
		return nil, errors.New("they hold changes over a time, which are added up, and no totals")
	case p.Period != earlier.Period:
		return nil, fmt.Errorf("their sampling periods differ: %d and %d", p.Period, earlier.Period)
	case p.Build != earlier.Build:
		return nil, errors.New("they are of different builds of the program")
	case !p.At.IsZero() && !earlier.At.IsZero() && !p.At.After(earlier.At):
		return nil, errors.New("the later one was not taken later")
	case len(p.Dropped)+len(p.Cut)+len(earlier.Dropped)+len(earlier.Cut) > 0:
		return nil, errors.New("they have more distinct stacks than are kept")
	}
	for i, t := range p.SampleTypes {
		if slices.Contains(cumulative[p.Kind], t.Type) {
			columns = append(columns, i)
		}
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("a %s profile has no totals", p.Kind)
	}
	return columns, nil
}
