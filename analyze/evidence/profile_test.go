package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// profileAt is the i-th mutex profile of a series: two columns over three stacks.
func profileAt(i int, kind Kind, durationNS int64) *Profile {
	n := int64(i)
	return &Profile{
		Position: Position{Source: fmt.Sprintf("p%05d", i), Seq: i, At: time.Unix(int64(1000+i), 0).UTC()},
		Kind:     kind, SampleTypes: []ValueType{{"contentions", "count"}, {"delay", "nanoseconds"}}, Default: 1,
		Period: 1, DurationNS: durationNS, Records: 3, Build: "b",
		Frames: []Frame{{Function: fmt.Sprintf("main.f%d", i%7), File: "a.go", Line: 1}, {Function: "main.main", File: "a.go", Line: 9}, {Function: "sync.(*Mutex).Unlock", File: "mutex.go", Line: 3}},
		Stacks: []ValueStack{
			{Frames: []int32{2, 0, 1}, Values: []int64{1, 1000 + n}, Count: 1},
			{Frames: []int32{2, 1}, Values: []int64{2, 20}, Count: 1},
			{Frames: []int32{}, Values: []int64{3, 3}, Count: 1}},
		Totals: []int64{6, 1023 + n}, Labels: map[string]int64{"route": 3},
	}
}

func mergedInOrder(rng *rand.Rand, sets []*Set) *Set {
	sets = slices.Clone(sets)
	rng.Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
	for len(sets) > 1 {
		i := rng.IntN(len(sets) - 1)
		sets = slices.Replace(sets, i, i+2, Merge(sets[i], sets[i+1]))
	}
	return sets[0]
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestManyProfilesFold(t *testing.T) {
	const n = 500
	var sets []*Set
	var total [2]int64
	for i := range n {
		p := profileAt(i, Mutex, 1e9)
		sets = append(sets, &Set{Profiles: []*Profile{p}}, &Set{Profiles: []*Profile{profileAt(i, Block, 0)}})
		total[0], total[1] = total[0]+p.Totals[0], total[1]+p.Totals[1]
	}
	var acc Accumulator
	for _, s := range sets {
		acc.Add(s)
	}
	whole := acc.Set()
	want := asJSON(t, whole)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 5 {
		if got := asJSON(t, mergedInOrder(rng, sets)); got != want {
			t.Fatal("the order of merges matters")
		}
	}
	if whole.Count(Mutex) != n || whole.Count(Block) != n || len(whole.Sums) != 2 {
		t.Errorf("%d and %d profiles, %d sums", whole.Count(Mutex), whole.Count(Block), len(whole.Sums))
	}
	kept := whole.ProfilesOf(Mutex)
	sum := kept[len(kept)-1]
	kept = kept[:len(kept)-1]
	if len(kept) > MaxProfiles || len(kept) < MaxProfiles/2 || kept[0].Seq != 0 || kept[len(kept)-1].Seq != n-1 {
		t.Fatalf("%d kept, from %d to %d", len(kept), kept[0].Seq, kept[len(kept)-1].Seq)
	}
	for i := 1; i < len(kept); i++ {
		if gap := kept[i].Seq - kept[i-1].Seq; gap > 2*n/MaxProfiles+1 {
			t.Errorf("a gap of %d after profile %d", gap, kept[i-1].Seq)
		}
	}
	if sum.Folded != n-len(kept) || sum.DurationNS != int64(sum.Folded)*1e9 || sum.Records != int64(3*sum.Folded) || sum.Labels["route"] != int64(3*sum.Folded) {
		t.Errorf("a sum of %d over %d ns, %d records, labels %v", sum.Folded, sum.DurationNS, sum.Records, sum.Labels)
	}
	got := slices.Clone(sum.Totals)
	for _, p := range kept {
		got[0], got[1] = got[0]+p.Totals[0], got[1]+p.Totals[1]
	}
	if got[0] != total[0] || got[1] != total[1] {
		t.Errorf("totals %v, want %v", got, total)
	}
	var inStacks int64
	for i := range sum.Stacks {
		inStacks += sum.Stacks[i].Values[1]
	}
	if len(sum.Stacks) != 9 || inStacks != sum.Totals[1] || !slices.IsSortedFunc(sum.Frames, compareFrames) {
		t.Errorf("%d stacks that hold %d of %d", len(sum.Stacks), inStacks, sum.Totals[1])
	}
	// Totals since the start of the program are not added up for detectors.
	for _, p := range whole.ProfilesOf(Block) {
		if p.Folded != 0 {
			t.Error("a sum of totals stands in the series")
		}
	}
}

// TestProfilesInTimeOrder: file names need not follow the time.
func TestProfilesInTimeOrder(t *testing.T) {
	var sets []*Set
	for i := range 300 {
		p := profileAt(i, Heap, 0)
		p.At = time.Unix(int64(1000+(i*7+100)%300), 0)
		sets = append(sets, &Set{Profiles: []*Profile{p}})
	}
	rng := rand.New(rand.NewPCG(3, 3))
	m := mergedInOrder(rng, sets)
	if asJSON(t, mergedInOrder(rng, sets)) != asJSON(t, m) {
		t.Error("the order of merges matters")
	}
	ps := m.ProfilesOf(Heap)
	if len(ps) > MaxProfiles || ps[0].At.Unix() != 1000 || ps[len(ps)-1].At.Unix() != 1299 {
		t.Errorf("%d profiles from %v to %v", len(ps), ps[0].At, ps[len(ps)-1].At)
	}
	if !slices.IsSortedFunc(ps, func(p, q *Profile) int { return p.At.Compare(q.At) }) {
		t.Error("not in time order")
	}
	ps[3].At = time.Time{} // one that does not know: by sequence
	if ps := m.ProfilesOf(Heap); !slices.IsSortedFunc(ps, func(p, q *Profile) int { return p.Seq - q.Seq }) {
		t.Error("not in sequence")
	}
}

func TestFoldLeavesItsArgumentsAlone(t *testing.T) {
	a, b := &Set{}, &Set{}
	for i := range 100 {
		a.Profiles = append(a.Profiles, profileAt(i, CPU, 1e9))
		b.Profiles = append(b.Profiles, profileAt(100+i, CPU, 1e9))
	}
	a, b = Merge(a, &Set{}), Merge(&Set{}, b)
	before := asJSON(t, []*Set{a, b})
	Merge(a, b)
	if asJSON(t, []*Set{a, b}) != before {
		t.Error("Merge changed an argument")
	}
}

// TestFoldsByBytes: few profiles, each of them large.
func TestFoldsByBytes(t *testing.T) {
	var sets []*Set
	for i := range 40 {
		p := profileAt(i, CPU, 1e9)
		p.Stacks = nil
		frames := make([]int32, 1<<10)
		for j := range 600 {
			frames[0] = int32(j % 3)
			p.Stacks = append(p.Stacks, ValueStack{Frames: slices.Clone(frames[:100+j]), Values: []int64{1, 1}, Count: 1})
		}
		sets = append(sets, &Set{Profiles: []*Profile{p}})
	}
	one := sets[0].Profiles[0].size()
	rng := rand.New(rand.NewPCG(2, 2))
	want := mergedInOrder(rng, sets)
	if n := int64(len(want.Profiles)); n < 4 || n > maxProfileBytes/one+2 || want.Count(CPU) != 40 {
		t.Errorf("%d of 40 kept, of %d bytes each", n, one)
	}
	if asJSON(t, mergedInOrder(rng, sets)) != asJSON(t, want) {
		t.Error("the order of merges matters")
	}
}

func TestSumsOfDifferentTypesStayApart(t *testing.T) {
	var acc Accumulator
	for i := range 200 {
		p := profileAt(i, Unknown, 0)
		if i%2 == 0 {
			p.SampleTypes = []ValueType{{"a", "b"}, {"c", "d"}}
		}
		p.Period, p.Build = int64(i), fmt.Sprint(i)
		acc.Add(&Set{Profiles: []*Profile{p}})
	}
	s := acc.Set()
	if len(s.Sums) != 2 || s.Count(Unknown) != 200 || s.Sums[0].Period != 0 || s.Sums[0].Build != "" {
		t.Errorf("%d sums of %d profiles", len(s.Sums), s.Count(Unknown))
	}
}

// wide is a profile of n stacks that no other has, the first of which are the heaviest.
func wide(seq, n int, kind Kind) *Set {
	p := profileAt(seq, kind, 1e9)
	p.Stacks, p.Frames, p.Labels, p.Totals = nil, nil, map[string]int64{}, []int64{0, 0}
	for i := range n {
		p.Frames = append(p.Frames, Frame{Function: fmt.Sprintf("p%d.f%07d", seq, i)})
		p.Stacks = append(p.Stacks, ValueStack{Frames: []int32{int32(i)}, Values: []int64{1, int64(n - i)}, Count: 1})
		p.Labels[fmt.Sprint("l", seq, i)] = int64(i)
		addValues(p.Totals, p.Stacks[i].Values)
	}
	return &Set{Inputs: []Input{{Position: p.Position, Kind: kind, Complete: true}}, Profiles: []*Profile{p}}
}

// However many profiles of however many stacks there are, what is kept of them fits, no value is lost, and
// every input that lost stacks says so. A sum keeps no frame that none of its stacks has.
func TestProfilesAreBounded(t *testing.T) {
	const limit, stacks = 256 << 10, 500
	var sets []*Set
	for i := range 70 {
		sets = append(sets, wide(i, stacks, []Kind{CPU, Mutex}[i%2]))
	}
	a, roomy := Accumulator{ProfileBytes: limit}, Accumulator{ProfileBytes: 1 << 30}
	for _, s := range sets {
		a.Add(s)
		roomy.Add(s)
	}
	bounded, whole := a.Set(), roomy.Set()
	if n := bounded.profilesSize(); n > limit || whole.profilesSize() < limit*10 {
		t.Errorf("holds %d bytes of %d, the limit is %d", n, whole.profilesSize(), limit)
	}
	for _, kind := range []Kind{CPU, Mutex} {
		if bounded.Count(kind) != 35 || whole.Count(kind) != 35 {
			t.Errorf("%d %s profiles, and %d with room", bounded.Count(kind), kind, whole.Count(kind))
		}
	}
	for _, p := range slices.Concat(bounded.Profiles, bounded.Sums) {
		sum := slices.Clone(p.Dropped)
		for _, st := range p.Stacks {
			sum = addTo(sum, st.Values)
		}
		if !slices.Equal(sum, p.Totals) {
			t.Errorf("%s: totals %v, of its stacks and the dropped ones %v", p.Source, p.Totals, sum)
		}
		if len(p.Frames) > len(p.Stacks) || len(p.Stacks) == 0 || p.Stack(&p.Stacks[0])[0].Function != fmt.Sprintf("p%d.f%07d", p.Seq, 0) {
			t.Errorf("%s: %d frames of %d stacks, the first is at %v", p.Source, len(p.Frames), len(p.Stacks), p.Stack(&p.Stacks[0]))
		}
	}
	for i, in := range bounded.Inputs {
		if in.Complete || !strings.Contains(in.Error, "over budget") || !strings.Contains(in.Hint, "--max-memory") {
			t.Errorf("input %d says nothing of it: %+v", i, in)
		}
		if in := whole.Inputs[i]; !in.Complete || in.Error != "" {
			t.Errorf("input %d, wholly kept: %+v", i, in)
		}
	}
	for i, s := range sets {
		if p := s.Profiles[0]; len(p.Stacks) != stacks || p.Coarsened != 0 || p.Dropped != nil {
			t.Fatalf("the argument %d was changed", i)
		}
	}
}

func TestLabelsOfSumsAreBounded(t *testing.T) {
	s := addUp([]*Profile{wide(0, maxSumLabels, CPU).Profiles[0], wide(1, maxSumLabels, CPU).Profiles[0]})[0]
	if len(s.Labels) != maxSumLabels {
		t.Errorf("%d labels", len(s.Labels))
	}
}

func TestSumsSaturate(t *testing.T) {
	for _, tt := range [][3]int64{{math.MaxInt64, 1, math.MaxInt64}, {math.MinInt64, -1, math.MinInt64}, {math.MaxInt64, math.MinInt64, -1}, {2, -3, -1}} {
		if got := addSaturating(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%d + %d = %d, want %d", tt[0], tt[1], got, tt[2])
		}
	}
}

// TestRetainedBytesAreBounded: another thousand profiles cost a few hundred bytes each.
func TestRetainedBytesAreBounded(t *testing.T) {
	retained := func(n int) int64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC() // what other tests had in pools
		runtime.ReadMemStats(&before)
		var acc Accumulator
		for i := range n {
			p := profileAt(i, Heap, 0)
			for j := range 100 {
				p.Stacks = append(p.Stacks, ValueStack{Frames: make([]int32, 10+j), Values: []int64{1, 1}})
			}
			acc.Add(&Set{Inputs: []Input{{Position: p.Position, Kind: Heap}}, Profiles: []*Profile{p}})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if s := acc.Set(); s.Count(Heap) != n || len(s.Inputs) != n {
			t.Errorf("%d profiles, %d inputs of %d", s.Count(Heap), len(s.Inputs), n)
		}
		return int64(after.HeapAlloc) - int64(before.HeapAlloc)
	}
	few, many := retained(1000), retained(3000)
	if per := (many - few) / 2000; per > 2000 {
		t.Errorf("%d bytes for 1000 profiles, %d for 3000: %d for each further one", few, many, per)
	}
}

func TestSince(t *testing.T) {
	first, last := profileAt(0, Mutex, 0), profileAt(7, Mutex, 0)
	last.Stacks[1].Values = []int64{2, 20} // stood still
	last.Frames = append(last.Frames, Frame{Function: "zz.new"})
	last.Stacks = append(last.Stacks, ValueStack{Frames: []int32{3}, Values: []int64{1, 100}, Count: 1})
	d, err := last.Since(first)
	if err != nil {
		t.Fatal(err)
	}
	if d.DurationNS != 7e9 || !slices.Equal(d.Totals, []int64{1, 107}) || d.SampleTypes[d.Default].Type != "delay" || d.Records != 2 {
		t.Errorf("difference %+v", d)
	}
	want := []struct {
		leaf   string
		values []int64
	}{{"zz.new", []int64{1, 100}}, {"sync.(*Mutex).Unlock", []int64{0, 7}}}
	for i, w := range want {
		if got := d.Stack(&d.Stacks[i])[0].Function; got != w.leaf || !slices.Equal(d.Stacks[i].Values, w.values) {
			t.Errorf("stack %d is at %s with %v, want %s with %v", i, got, d.Stacks[i].Values, w.leaf, w.values)
		}
	}
}

func TestSinceOfAllocations(t *testing.T) {
	types := []ValueType{{"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}}
	heap := func(i int, values ...int64) *Profile {
		return &Profile{Position: Position{Source: fmt.Sprint("heap", i), Seq: i}, Kind: Heap, SampleTypes: types, Default: 3,
			Frames: []Frame{{Function: "main.f"}}, Stacks: []ValueStack{{Frames: []int32{0}, Values: values, Count: 1}}, Totals: values}
	}
	d, err := heap(2, 5, 500, 1, 10).Since(heap(1, 3, 300, 2, 20))
	if err != nil {
		t.Fatal(err)
	}
	// What is in use fell, which is no restart, and has no rate.
	if !slices.Equal(d.SampleTypes, types[:2]) || !slices.Equal(d.Totals, []int64{2, 200}) || d.Default != 1 || d.DurationNS != 0 {
		t.Errorf("difference %+v", d)
	}
}

func TestSinceRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(first, last *Profile)
		want string
	}{
		"restart":     {func(_, last *Profile) { last.Stacks[0].Values[0] = 0 }, "contentions at main.f0: a total fell"},
		"gone":        {func(_, last *Profile) { last.Stacks = last.Stacks[1:] }, "contentions at main.f0: a total fell"},
		"kinds":       {func(first, _ *Profile) { first.Kind = Block }, "a mutex profile and a block profile"},
		"types":       {func(first, _ *Profile) { first.SampleTypes = first.SampleTypes[1:] }, "sample types differ"},
		"window":      {func(_, last *Profile) { last.DurationNS = 1 }, "changes over a time"},
		"negative":    {func(first, _ *Profile) { first.Stacks[2].Values[0] = -1 }, "changes over a time"},
		"period":      {func(first, _ *Profile) { first.Period = 5 }, "sampling periods differ: 1 and 5"},
		"build":       {func(first, _ *Profile) { first.Build = "c" }, "different builds"},
		"order":       {func(first, last *Profile) { first.At = last.At }, "not taken later"},
		"cut":         {func(first, _ *Profile) { first.Cut = []int64{1, 1} }, "more distinct stacks than are kept"},
		"no totals":   {func(first, last *Profile) { first.Kind, last.Kind = ThreadCreate, ThreadCreate }, "has no totals"},
		"CPU profile": {func(first, last *Profile) { first.Kind, last.Kind = CPU, CPU }, "changes over a time"},
	} {
		t.Run(name, func(t *testing.T) {
			first, last := profileAt(0, Mutex, 0), profileAt(7, Mutex, 0)
			tc.edit(first, last)
			d, err := last.Since(first)
			if d != nil || err == nil || !strings.Contains(err.Error(), "p00007 less p00000: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if fell := name == "restart" || name == "gone"; errors.Is(err, ErrFell) != fell {
				t.Errorf("%v is a fallen total: %v, want %v", err, !fell, fell)
			}
		})
	}
}
