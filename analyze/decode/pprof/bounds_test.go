package pprof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func decodeWith(t testing.TB, data []byte, b budget.Budget) (*evidence.Set, *evidence.Profile) {
	t.Helper()
	set, err := decodeErr(t, data, b)
	if err != nil {
		t.Fatal(err)
	}
	return set, set.Profiles[0]
}

// manyStacks is a profile of n samples on stacks of their own: some twenty frames over a few
// leaves, and one stack that every twentieth sample is on.
func manyStacks(n int) *profile.Profile {
	rng := rand.New(rand.NewPCG(3, 3))
	p := synthetic(0, 0, 400, 0)
	heavy := p.Location[200:230]
	for i := range n {
		s := &profile.Sample{Value: []int64{1, 10}}
		if i%20 == 7 {
			s.Location = heavy
		} else {
			s.Location = append(s.Location, p.Location[rng.IntN(40)])
			for range 10 + rng.IntN(40) {
				s.Location = append(s.Location, p.Location[rng.IntN(len(p.Location))])
			}
		}
		p.Sample = append(p.Sample, s)
	}
	return p
}

// flatOf sums a profile's column 1 by innermost function.
func flatOf(p *evidence.Profile) map[string]int64 {
	out := map[string]int64{}
	for i := range p.Stacks {
		out[p.Frames[p.Stacks[i].Frames[0]].Function] += p.Stacks[i].Values[1]
	}
	return out
}

// TestFlatIsExactBeyondTheBound: however few stacks are kept, the innermost functions keep
// their values, nothing is lost in sum, and what is cut is said.
func TestFlatIsExactBeyondTheBound(t *testing.T) {
	const n = 40_000
	data := encode(t, manyStacks(n))
	_, whole := decodeWith(t, data, budget.Default())
	if whole.Cut != nil || whole.Dropped != nil || len(whole.Stacks) < n*9/10 {
		t.Fatalf("%d stacks, cut %v, dropped %v: the profile is not what the test needs", len(whole.Stacks), whole.Cut, whole.Dropped)
	}
	want := flatOf(whole)
	for name, b := range map[string]budget.Budget{
		"at the end":         {Stacks: 1000},
		"few":                {Stacks: 100},
		"while it is read":   {Memory: 4 << 20},
		"by bytes of stacks": {Memory: 6 << 20, Stacks: 50_000},
	} {
		t.Run(name, func(t *testing.T) {
			set, p := decodeWith(t, data, b)
			if b.Stacks > 0 && len(p.Stacks) > b.Stacks {
				t.Errorf("%d stacks, want at most %d", len(p.Stacks), b.Stacks)
			}
			got := flatOf(p)
			for f, v := range want {
				if got[f] != v {
					t.Errorf("flat value of %s is %d, want %d", f, got[f], v)
				}
			}
			if !slices.Equal(p.Totals, whole.Totals) || p.Dropped != nil {
				t.Errorf("totals %v, dropped %v; want %v and nothing", p.Totals, p.Dropped, whole.Totals)
			}
			if p.Cut == nil || p.Cut[0] <= 0 || p.Cut[0] > n*96/100 || p.Cut[1] != 10*p.Cut[0] {
				t.Errorf("cut %v", p.Cut)
			}
			if !hasNote(set, fmt.Sprintf("%d samples of the rarest stacks stand by their innermost frames", p.Cut[0])) {
				t.Errorf("notes %q do not say what was cut", set.Inputs[0].Notes)
			}
			// Early samples of the heavy stack may be cut while it is not heavy yet.
			if s := p.Stacks[0]; len(s.Frames) != 30 || s.Values[0] < n/20*95/100 {
				t.Errorf("the heavy stack has %d frames and %d samples, want 30 and %d", len(s.Frames), s.Values[0], n/20)
			}
			checkOrder(t, p)
		})
	}
}

func TestStacksBeyondTheBound(t *testing.T) {
	// Every stack has a leaf of its own, so that cutting does not help.
	data := encode(t, synthetic(1000, 3, 5000, 0))
	set, p := decodeWith(t, data, budget.Budget{Stacks: 10})
	kept := int64(0)
	for _, s := range p.Stacks {
		kept += s.Values[1]
	}
	if len(p.Stacks) != 10 || p.Stacks[0].Values[1] != 999 || p.Stacks[9].Values[1] != 990 {
		t.Errorf("%d stacks, want the 10 heaviest", len(p.Stacks))
	}
	if kept+p.Dropped[1] != p.Totals[1] || p.Totals[1] != 999*1000/2 || p.Cut != nil {
		t.Errorf("kept %d + dropped %d is not the total %d, cut %v", kept, p.Dropped[1], p.Totals[1], p.Cut)
	}
	if !hasNote(set, "990 samples") {
		t.Errorf("notes = %q, want the number of dropped samples", set.Inputs[0].Notes)
	}
	if len(p.Frames) > 30 {
		t.Errorf("%d frames for 10 stacks of 3", len(p.Frames))
	}
}

func TestManyGoroutineStacks(t *testing.T) {
	p := manyStacks(3000)
	p.SampleType = []*profile.ValueType{{Type: "goroutine", Unit: "count"}}
	for i, s := range p.Sample {
		s.Value = s.Value[:1]
		s.Label = map[string][]string{"tenant": {"a"}, "request": {fmt.Sprint(i)}}
	}
	set, err := decodeErr(t, encode(t, p), budget.Budget{Stacks: 100})
	if err != nil {
		t.Fatal(err)
	}
	snap := set.Snapshots[0]
	sum := 0
	for _, g := range snap.Groups {
		sum += g.Count
	}
	if len(snap.Groups) > 100 || sum+snap.Dropped != 3000 || snap.Total != 3000 {
		t.Errorf("%d groups of %d goroutines, %d dropped, total %d", len(snap.Groups), sum, snap.Dropped, snap.Total)
	}
	if g := snap.Groups[0]; !slices.Equal(g.Labels, []string{"tenant=a"}) {
		t.Errorf("labels %q, want the one that all share", g.Labels)
	}
}

// requests is a CPU profile with a label of its own on each of n samples.
func requests(n int) *profile.Profile {
	p := synthetic(n, 3, 20, 0)
	for i, s := range p.Sample {
		s.Label = map[string][]string{"request": {fmt.Sprintf("%064d", i)}}
	}
	p.Comments = []string{"a comment"}
	p.DefaultSampleType = "cpu"
	return p
}

// TestStringsOfLabelsAreNotKept: most strings of a labelled profile are values of labels. The
// fields behind them still find theirs.
func TestStringsOfLabelsAreNotKept(t *testing.T) {
	data := encode(t, requests(50_000))
	var p *evidence.Profile
	var set *evidence.Set
	small := budget.Budget{Memory: 2 << 20}
	got := allocated(func() { set, p = decodeWith(t, data, small) })
	if got > 3<<20 {
		t.Errorf("%d KiB allocated for %d KiB of profile", got>>10, len(data)>>10)
	}
	if p.Labels["request"] != 50_000 || len(p.Labels) != 1 {
		t.Errorf("labels %v", p.Labels)
	}
	if p.Default != 1 || len(p.Comments) != 1 || p.Comments[0] != "a comment" || len(set.Inputs[0].Notes) != 0 {
		t.Errorf("default %d, comments %q, notes %q", p.Default, p.Comments, set.Inputs[0].Notes)
	}
	// Asked for, they must be kept, or the limit is named.
	if _, err := decodeErr(t, data, budget.Budget{Memory: 2 << 20, Labels: 1 << 20}); !isOver(err) {
		t.Errorf("error = %v, want one of the budget", err)
	}
	_, p = decodeWith(t, data, budget.Budget{Labels: 1 << 20})
	if len(p.Labels) != maxLabelKeep || p.Labels["request="+fmt.Sprintf("%064d", 1)] != 1 {
		t.Errorf("%d labels kept", len(p.Labels))
	}
}

func isOver(err error) bool {
	var over *budget.Error
	return errors.As(err, &over) && over.Flag == budget.MemoryFlag
}

// TestStringsBeforeAndAfter moves the strings to where they are not expected.
func TestStringsBeforeAndAfter(t *testing.T) {
	var strs, functions, rest []byte
	data := encode(t, requests(50_000))
	for c := (cursor{b: data}); c.more(); {
		start := c.i
		tag := c.uvarint()
		c.skip(tag)
		switch tag >> 3 {
		case fieldString:
			strs = append(strs, data[start:c.i]...)
		case fieldFunction:
			functions = append(functions, data[start:c.i]...)
		default:
			rest = append(rest, data[start:c.i]...)
		}
	}
	first := slices.Concat(strs, functions, rest)
	last := slices.Concat(functions[:len(functions)/20], strs, functions[len(functions)/20:], rest)
	if _, p := decodeWith(t, first, budget.Budget{Memory: 64 << 20}); p.Labels["request"] != 50_000 || len(p.Stacks) == 0 {
		t.Errorf("strings first: labels %v, %d stacks", p.Labels, len(p.Stacks))
	}
	if _, err := decodeErr(t, first, budget.Budget{Memory: 2 << 20}); !isOver(err) {
		t.Errorf("strings first and too much of them: %v, want an error of the budget", err)
	}
	// With functions on both sides the strings of the later ones may be gone. Not by default.
	if !compare(t, last) {
		t.Error("not compared")
	}
}

func TestLongStringsAreCut(t *testing.T) {
	p := synthetic(1, 1, 1, 0)
	p.Function[0].Name = strings.Repeat("f", 3<<20)
	data := encode(t, p)
	set, prof := decodeWith(t, data, budget.Default())
	if n := len(prof.Frames[0].Function); n != maxName || !hasNote(set, "were cut") {
		t.Errorf("name of %d bytes, notes %q", n, set.Inputs[0].Notes)
	}
	if got := allocated(func() { decodeErr(t, data, budget.Default()) }); got > 1<<20 {
		t.Errorf("%d KiB allocated for a long name", got>>10)
	}
}

func TestDeepStackIsCut(t *testing.T) {
	p := synthetic(1, maxDepth+1000, 50, 0)
	set, prof := decodeWith(t, encode(t, p), budget.Default())
	if n := len(prof.Stacks[0].Frames); n != maxDepth || !hasNote(set, "were cut") {
		t.Errorf("%d frames, notes %q", n, set.Inputs[0].Notes)
	}
	// Inlined calls count as frames.
	p = synthetic(1, maxDepth, 50, 0)
	for _, l := range p.Location {
		l.Line = append(l.Line, l.Line[0])
	}
	if _, prof := decodeWith(t, encode(t, p), budget.Default()); len(prof.Stacks[0].Frames) != maxDepth {
		t.Errorf("%d frames", len(prof.Stacks[0].Frames))
	}
}

// TestMessageBeyondTheWindow: a message that spans many reads of a trickling stream.
func TestMessageBeyondTheWindow(t *testing.T) {
	p := synthetic(3, 40_000, 50, 0)
	data := encode(t, p)
	for _, chunk := range []int{1, 7, 5000} {
		set, err := Decode(context.Background(), trickle{bytes.NewReader(data), chunk}, evidence.Position{}, evidence.Unknown, budget.Default())
		if err != nil || set.Profiles[0].Records != 3 {
			t.Errorf("in pieces of %d: %v", chunk, err)
		}
	}
}

type trickle struct {
	r *bytes.Reader
	n int
}

func (t trickle) Read(p []byte) (int, error) { return t.r.Read(p[:min(len(p), t.n)]) }
