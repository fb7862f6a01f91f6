package evidence

import (
	"math/rand"
	"slices"
	"testing"
	"time"
)

// TestUndatedSnapshots: the name of a file does not say when a dump was taken that has no time.
func TestUndatedSnapshots(t *testing.T) {
	base := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	type snap struct {
		second int // from 1; 0: no time
		total  int
	}
	for name, tt := range map[string]struct {
		snaps []snap
		want  []int // totals
	}{
		"growing, the dump is last":            {[]snap{{0, 1100}, {1, 105}, {2, 504}, {3, 1096}}, []int{105, 504, 1096, 1100}},
		"growing, the dump is in between":      {[]snap{{0, 500}, {1, 100}, {2, 900}}, []int{100, 500, 900}},
		"growing, the dump is first":           {[]snap{{1, 100}, {2, 900}, {0, 90}}, []int{90, 100, 900}},
		"falling":                              {[]snap{{0, 90}, {1, 900}, {2, 100}}, []int{900, 100, 90}},
		"two dumps":                            {[]snap{{0, 910}, {0, 920}, {1, 100}, {2, 900}}, []int{100, 900, 910, 920}},
		"the times are not those of names":     {[]snap{{3, 30}, {0, 21}, {1, 10}, {2, 20}}, []int{10, 20, 21, 30}},
		"one time says nothing of an order":    {[]snap{{0, 1100}, {1, 105}, {0, 700}}, []int{1100, 105, 700}},
		"three in a rise":                      {[]snap{{0, 400}, {0, 300}, {0, 200}, {1, 100}, {2, 500}}, []int{100, 200, 300, 400, 500}},
		"three in a fall":                      {[]snap{{0, 200}, {0, 300}, {0, 400}, {1, 500}, {2, 100}}, []int{500, 400, 300, 200, 100}},
		"several before and after a rise":      {[]snap{{0, 90}, {0, 80}, {0, 620}, {0, 610}, {1, 100}, {2, 500}}, []int{80, 90, 100, 500, 610, 620}},
		"several where nothing changes":        {[]snap{{0, 12}, {0, 11}, {1, 10}, {2, 10}}, []int{10, 10, 12, 11}},
		"no times, the order is that of names": {[]snap{{0, 3}, {0, 1}, {0, 2}}, []int{3, 1, 2}},
		"all have times":                       {[]snap{{1, 3}, {2, 1}, {3, 2}}, []int{3, 1, 2}},
	} {
		var set Set
		for i, s := range tt.snaps {
			in := Snapshot{Kind: Goroutine, Total: s.total, Position: Position{Seq: i}}
			if s.second > 0 {
				in.At = base.Add(time.Duration(s.second) * time.Second)
			}
			set.Snapshots = append(set.Snapshots, in)
		}
		var got []int
		for _, s := range set.SnapshotsOf(Goroutine) {
			got = append(got, s.Total)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestUndatedDumpsByID: goroutine ids rise in a process, whatever their number does.
func TestUndatedDumpsByID(t *testing.T) {
	dump := func(total int, ids ...uint64) *Snapshot {
		return &Snapshot{Kind: Goroutine, Total: total, HasIDs: true, Complete: true, Groups: []Group{{Count: total, IDs: ids}, {Count: 1, IDs: []uint64{1}}}}
	}
	dated := func(second, total int) *Snapshot {
		return &Snapshot{Kind: Goroutine, Total: total, Position: Position{At: time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC)}}
	}
	cut := dump(250, 4, 9000)
	cut.Complete = false // it may lack the newest
	var got []int
	for _, s := range InOrder([]*Snapshot{dump(200, 4, 900), dump(300, 4, 700), cut, dump(400, 4, 800), dated(1, 100), dated(2, 500)}) {
		got = append(got, s.Total)
	}
	if want := []int{100, 300, 250, 400, 200, 500}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestUndatedSnapshotsOfTargets: what one program shows says nothing of when another did.
func TestUndatedSnapshotsOfTargets(t *testing.T) {
	set := &Set{}
	add := func(source, target string, second, total int) {
		at := Position{Source: source, Seq: len(set.Snapshots)}
		if second > 0 {
			at.At = time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC)
		}
		set.Inputs = append(set.Inputs, Input{Position: at, Kind: Goroutine, Target: target})
		set.Snapshots = append(set.Snapshots, Snapshot{Kind: Goroutine, Total: total, Position: at})
	}
	add("a1", "a", 0, 1100)
	add("b1", "b", 0, 7)
	add("a2", "a", 3, 100)
	add("b2", "b", 1, 1000)
	add("a3", "a", 4, 1000)
	var a, b []int
	for _, s := range set.SnapshotsOf(Goroutine) {
		if s.Source[0] == 'a' {
			a = append(a, s.Total)
		} else {
			b = append(b, s.Total)
		}
	}
	if want := []int{100, 1000, 1100}; !slices.Equal(a, want) {
		t.Errorf("a: %v, want %v", a, want)
	}
	if want := []int{7, 1000}; !slices.Equal(b, want) { // one time says nothing of an order
		t.Errorf("b: %v, want %v", b, want)
	}
}

// TestUndatedSnapshotsGoWhereTheyChangeLeast compares the place that is found by search with what a look at every place
// finds.
func TestUndatedSnapshotsGoWhereTheyChangeLeast(t *testing.T) {
	distance := func(a, b int) int { return max(a-b, b-a) }
	detour := func(totals []int, gap, total int) int {
		switch gap {
		case 0:
			return distance(total, totals[0])
		case len(totals):
			return distance(total, totals[gap-1])
		}
		before, after := totals[gap-1], totals[gap]
		return distance(before, total) + distance(total, after) - distance(before, after)
	}
	rng := rand.New(rand.NewSource(1))
	for range 5000 {
		totals := make([]int, 2+rng.Intn(6))
		var snaps []*Snapshot
		for i := range totals {
			totals[i] = rng.Intn(12)
			snaps = append(snaps, &Snapshot{Total: totals[i], Position: Position{At: time.Unix(int64(i+1), 0)}})
		}
		total, want := rng.Intn(16)-2, 0
		for gap := range len(totals) + 1 {
			if detour(totals, gap, total) <= detour(totals, want, total) {
				want = gap
			}
		}
		undated := &Snapshot{Total: total}
		if got := slices.Index(InOrder(append(snaps, undated)), undated); got != want {
			t.Fatalf("%d among %v goes to %d, want %d", total, totals, got, want)
		}
	}
}

// mixedSet has dumps without a time beside dated profiles.
func mixedSet(undated, dated int) *Set {
	set := &Set{}
	for i := range undated + dated {
		s := Snapshot{Kind: Goroutine, Total: (i * 7919) % 1000}
		if i >= undated {
			s.At = time.Unix(int64(i), 0)
		}
		set.Snapshots = append(set.Snapshots, s)
	}
	return set
}

// TestCountOrdersNothing: detectors ask for the count of snapshots in loops.
func TestCountOrdersNothing(t *testing.T) {
	set := mixedSet(20, 20)
	if n := set.Count(Goroutine); n != 40 {
		t.Errorf("%d snapshots", n)
	}
	if n := testing.AllocsPerRun(10, func() { set.Count(Goroutine) }); n > 0 {
		t.Errorf("%v allocations to count snapshots", n)
	}
}

func BenchmarkSnapshotsWithoutTime(b *testing.B) {
	set := mixedSet(1024, 1000)
	for b.Loop() {
		set.SnapshotsOf(Goroutine)
	}
}
