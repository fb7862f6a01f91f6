package pprof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// sums is what a profile says, by stack and by function.
type sums struct {
	stacks    map[string][]int64 // whole stacks, with files and lines
	flat, cum map[string][]int64
	totals    []int64
}

func newSums(columns int) *sums {
	return &sums{map[string][]int64{}, map[string][]int64{}, map[string][]int64{}, make([]int64, columns)}
}

func (s *sums) add(stack evidence.Stack, values []int64) {
	into := func(m map[string][]int64, key string) {
		if m[key] == nil {
			m[key] = make([]int64, len(values))
		}
		for i, v := range values {
			m[key][i] += v
		}
	}
	for i, v := range values {
		s.totals[i] += v
	}
	into(s.stacks, fmt.Sprintf("%+v", stack))
	names := stack.Functions()
	if len(names) > 0 {
		into(s.flat, names[0])
	}
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		into(s.cum, n)
	}
}

// sumsByParse reads a profile with google/pprof alone, as go tool pprof does.
func sumsByParse(data []byte) (*sums, *profile.Profile, error) {
	p, err := profile.ParseUncompressed(data)
	if err != nil {
		return nil, nil, err
	}
	if err := p.CheckValid(); err != nil {
		return nil, nil, err
	}
	if err := p.RemoveUninteresting(); err != nil {
		return nil, nil, err
	}
	out := newSums(len(p.SampleType))
	for _, s := range p.Sample {
		var stack evidence.Stack
		for _, l := range s.Location {
			for _, line := range l.Line {
				stack = append(stack, evidence.Frame{Function: line.Function.Name, File: line.Function.Filename, Line: int(max(line.Line, 0))})
			}
			if len(l.Line) == 0 {
				name := "[unknown]"
				if l.Mapping != nil && l.Mapping.File != "" {
					name = "[" + strings.Trim(path.Base(strings.ReplaceAll(l.Mapping.File, `\`, "/")), "[]") + "]"
				}
				stack = append(stack, evidence.Frame{Function: name})
			}
		}
		out.add(stack, s.Value)
	}
	return out, p, nil
}

// compare decodes a profile both ways. It reports what differs, and whether google/pprof
// takes it for valid.
func compare(t testing.TB, data []byte) bool {
	t.Helper()
	want, parsed, parseErr := sumsByParse(data)
	set, err := Decode(context.Background(), bytes.NewReader(data), evidence.Position{Source: "x"}, evidence.Unknown, budget.Default())
	if parseErr != nil {
		return false
	}
	var over *budget.Error
	switch {
	case errors.As(err, &over): // more columns than anybody has
		return false
	case len(parsed.SampleType) == 0, err != nil && strings.Contains(err.Error(), "goroutines"):
		return false
	case err != nil:
		t.Fatalf("google/pprof reads it, Decode does not: %v", err)
	}
	got := newSums(len(want.totals))
	for _, s := range set.Snapshots {
		for _, g := range s.Groups {
			got.add(g.Stack, []int64{int64(g.Count)})
		}
		// A snapshot has one column, and no groups of 0 goroutines.
		column := defaultColumnOf(parsed)
		for _, m := range []map[string][]int64{want.stacks, want.flat, want.cum} {
			maps.DeleteFunc(m, func(_ string, v []int64) bool { return v[column] == 0 })
			for k, v := range m {
				m[k] = []int64{v[column]}
			}
		}
		want.totals, got.totals = []int64{want.totals[column]}, []int64{int64(s.Total)}
	}
	for _, p := range set.Profiles {
		checkOrder(t, p)
		var records int64
		for i := range p.Stacks {
			got.add(p.Stack(&p.Stacks[i]), p.Stacks[i].Values)
			records += p.Stacks[i].Count
		}
		if p.Records != int64(len(parsed.Sample)) || records != p.Records || p.Dropped != nil || p.Cut != nil {
			t.Fatalf("%d records, %d in the stacks, dropped %v, cut %v; want %d", p.Records, records, p.Dropped, p.Cut, len(parsed.Sample))
		}
		if !slices.Equal(p.Totals, got.totals) {
			t.Fatalf("totals %v, of the stacks %v", p.Totals, got.totals)
		}
		compareHeader(t, p, parsed)
	}
	for what, m := range map[string][2]map[string][]int64{
		"stacks": {got.stacks, want.stacks}, "flat": {got.flat, want.flat}, "cumulative": {got.cum, want.cum}} {
		if !maps.EqualFunc(m[0], m[1], slices.Equal) {
			t.Fatalf("%s differ:\n got %v\nwant %v", what, m[0], m[1])
		}
	}
	if !slices.Equal(got.totals, want.totals) {
		t.Fatalf("totals %v, want %v", got.totals, want.totals)
	}
	return true
}

func compareHeader(t testing.TB, p *evidence.Profile, parsed *profile.Profile) {
	t.Helper()
	if p.Period != max(parsed.Period, 0) || p.DurationNS != max(parsed.DurationNanos, 0) || p.Default != defaultColumnOf(parsed) {
		t.Fatalf("period %d, duration %d, default %d; want %d, %d, %d", p.Period, p.DurationNS, p.Default, parsed.Period, parsed.DurationNanos, defaultColumnOf(parsed))
	}
	if at := parsed.TimeNanos; at > 0 && p.At.UnixNano() != at {
		t.Fatalf("taken at %v, want %d", p.At, at)
	}
	if want := (evidence.ValueType{Type: parsed.PeriodType.Type, Unit: parsed.PeriodType.Unit}); p.PeriodType != want {
		t.Fatalf("period of %v, want %v", p.PeriodType, want)
	}
	if n := min(len(parsed.Comments), maxComments); !slices.Equal(p.Comments, parsed.Comments[:n]) {
		t.Fatalf("comments %q, want %q", p.Comments, parsed.Comments)
	}
}

func defaultColumnOf(p *profile.Profile) int {
	var of parsed
	for _, t := range p.SampleType {
		of.sampleTypes = append(of.sampleTypes, evidence.ValueType{Type: t.Type, Unit: t.Unit})
	}
	of.defaultType = p.DefaultSampleType
	return defaultColumn(&of)
}

func TestGeneratedAgainstParse(t *testing.T) {
	valid, n := 0, 1500
	for seed := range n {
		g := generator{Rand: rand.New(rand.NewPCG(uint64(seed), 1))}
		data := g.profile()
		if compare(t, data) {
			valid++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if valid < n*9/10 {
		t.Errorf("only %d of %d profiles were compared: the generator writes invalid ones", valid, n)
	}
}

// TestDamagedAgainstParse flips and cuts bytes: what google/pprof still reads must come out
// the same, and nothing may panic.
func TestDamagedAgainstParse(t *testing.T) {
	valid := 0
	for seed := range 3000 {
		g := generator{Rand: rand.New(rand.NewPCG(uint64(seed), 2))}
		data := g.profile()
		for range 1 + g.IntN(3) {
			data[g.IntN(len(data))] ^= 1 << g.IntN(8)
		}
		if g.IntN(4) == 0 {
			data = data[:g.IntN(len(data)+1)]
		}
		if compare(t, data) {
			valid++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if valid < 100 {
		t.Errorf("only %d damaged profiles were still valid", valid)
	}
}

func TestFixturesAgainstParse(t *testing.T) {
	files, err := filepath.Glob("../../../fixtures/*/*.pb.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !compare(t, gunzip(t, data)) {
			t.Errorf("%s was not compared", file)
		}
	}
}

func FuzzAgainstParse(f *testing.F) {
	for seed := range 8 {
		g := generator{Rand: rand.New(rand.NewPCG(uint64(seed), 3))}
		f.Add(g.profile())
	}
	f.Fuzz(func(t *testing.T, data []byte) { compare(t, data) })
}
