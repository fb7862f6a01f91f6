package evidence

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
)

func setFor(i int) *Set {
	pos := Position{Source: fmt.Sprintf("in%d", i), Seq: i, At: time.Unix(int64(100+i), 0).UTC()}
	n := float64(i)
	return &Set{
		Inputs:    []Input{{Position: pos, Kind: Goroutine, Format: "debug2"}},
		Snapshots: []Snapshot{{Position: pos, Kind: Goroutine, Total: i}},
		Profiles:  []*Profile{{Position: pos, Kind: Mutex, Records: int64(i)}},
		Loads: []Load{{Kind: Metrics, Source: "metrics", Route: "all", Roles: map[string]string{"requests": fmt.Sprint("m", i)},
			Points: []LoadPoint{{At: pos.At, Seq: i, Goroutines: &n}}}},
		Code: []CodeSite{
			{Function: "main.shared", File: "main.go", Line: 7, Pattern: PatternTimeout},
			{Function: fmt.Sprint("main.f", i), File: "main.go", Line: i, Certain: i == 1},
		},
	}
}

func TestMergeIsAssociativeAndCommutative(t *testing.T) {
	a, b, c := setFor(1), setFor(2), setFor(3)
	want, _ := json.Marshal(Merge(Merge(a, b), c))
	for name, m := range map[string]*Set{
		"a(bc)": Merge(a, Merge(b, c)),
		"(cb)a": Merge(Merge(c, b), a),
		"b(ca)": Merge(b, Merge(c, a)),
	} {
		if got, _ := json.Marshal(m); string(got) != string(want) {
			t.Errorf("%s differs from (ab)c:\n%s\n%s", name, got, want)
		}
	}
}

func TestMergeMakesOneSeriesOfALoad(t *testing.T) {
	m := Merge(Merge(setFor(3), setFor(1)), setFor(2))
	if len(m.Loads) != 1 || len(m.Loads[0].Points) != 3 {
		t.Fatalf("loads: %+v", m.Loads)
	}
	for i, p := range m.Loads[0].Points {
		if p.Seq != i+1 {
			t.Errorf("point %d has seq %d: not in time order", i, p.Seq)
		}
	}
	if !m.Has(Metrics, 3) || m.Has(Metrics, 4) || !m.Has(Mutex, 3) || m.Has(Heap, 1) {
		t.Error("counts of captures are wrong")
	}
}

func TestMergeKeepsEachFactAboutSourceOnce(t *testing.T) {
	m := Merge(Merge(setFor(2), setFor(1)), setFor(2))
	var got []string
	for _, c := range m.Code {
		got = append(got, c.Function)
	}
	if want := []string{"main.f1", "main.f2", "main.shared"}; !slices.Equal(got, want) {
		t.Errorf("facts about %v, want %v", got, want)
	}
}

func TestMergeLeavesItsArgumentsAlone(t *testing.T) {
	a, b := setFor(2), setFor(1)
	before, _ := json.Marshal(a)
	Merge(a, b)
	if after, _ := json.Marshal(a); string(after) != string(before) {
		t.Error("Merge changed its first argument")
	}
}

// Several dumps in one log share a position; sorted by size they would look like growth.
func TestMergeKeepsTheDumpsOfOneInputInOrder(t *testing.T) {
	log := &Set{Snapshots: []Snapshot{{Part: 0, Kind: Goroutine, Total: 900}, {Part: 1, Kind: Goroutine, Total: 30}, {Part: 2, Kind: Goroutine, Total: 400}}}
	for _, m := range []*Set{Merge(log, &Set{}), Merge(&Set{}, log)} {
		for i, s := range m.Snapshots {
			if s.Part != i {
				t.Errorf("place %d holds dump %d of %d goroutines", i, s.Part, s.Total)
			}
		}
	}
}
