package evidence

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// dumpOf is a snapshot of n distinct stacks, the first of which most goroutines have.
func dumpOf(seq, n int) *Set {
	pos := Position{Source: fmt.Sprintf("dump.%d", seq), Seq: seq}
	s := Snapshot{Position: pos, Kind: Goroutine, Format: "debug2", Complete: true, HasIDs: true}
	for i := range n {
		g := Group{State: "chan send", Count: n - i, Stack: Stack{{Function: fmt.Sprintf("main.f%d", i), File: "main.go", Line: i}}}
		for id := range g.Count {
			g.IDs = append(g.IDs, uint64(id))
		}
		s.Groups = append(s.Groups, g)
		s.Total += g.Count
	}
	return &Set{Inputs: []Input{{Position: pos, Kind: Goroutine, Complete: true}}, Snapshots: []Snapshot{s}}
}

func accumulated(limit int64, sets []*Set) *Set {
	a := Accumulator{SnapshotBytes: limit}
	for _, s := range sets {
		a.Add(s)
	}
	return a.Set()
}

func TestSnapshotsAreBounded(t *testing.T) {
	var sets []*Set
	for i := range 40 {
		sets = append(sets, dumpOf(i, 100+i))
	}
	const limit = 300 << 10
	whole, bounded := accumulated(1<<30, sets), accumulated(limit, sets)
	if whole.Coarseness != 0 || bounded.Coarseness == 0 {
		t.Fatalf("coarseness %d with room and %d without", whole.Coarseness, bounded.Coarseness)
	}
	if n := snapshotsSize(bounded.Snapshots); n > limit {
		t.Errorf("holds %d bytes, the limit is %d", n, limit)
	}
	for i := range bounded.Snapshots {
		s, want := &bounded.Snapshots[i], &whole.Snapshots[i]
		kept := 0
		for _, g := range s.Groups {
			kept += g.Count
			if g.Count != len(g.IDs)+g.IDsDropped {
				t.Fatalf("%d goroutines, %d ids kept and %d not", g.Count, len(g.IDs), g.IDsDropped)
			}
		}
		if s.Total != want.Total || kept+s.Dropped != s.Total || s.Groups[0].Count != want.Groups[0].Count {
			t.Errorf("snapshot %d: total %d of %d, kept %d, dropped %d", i, s.Total, want.Total, kept, s.Dropped)
		}
		in := bounded.Inputs[i]
		if in.Complete || !strings.Contains(in.Error, "over budget") || !strings.Contains(in.Hint, "--max-memory") {
			t.Errorf("input %d says nothing of it: %+v", i, in)
		}
		if in := whole.Inputs[i]; !in.Complete || in.Error != "" {
			t.Errorf("input %d, wholly kept: %+v", i, in)
		}
	}
	for i, s := range sets {
		if s.Coarseness != 0 || s.Snapshots[0].Dropped != 0 || len(s.Snapshots[0].Groups) != 100+i {
			t.Fatalf("the argument %d was changed", i)
		}
	}
}

// What is left out does not depend on the order in which inputs were read.
func TestBoundedSnapshotsDoNotDependOnOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var sets []*Set
	for i := range 17 {
		sets = append(sets, dumpOf(i, 1+rng.IntN(150)))
	}
	want := accumulated(200<<10, sets)
	for range 5 {
		rng.Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
		if got := accumulated(200<<10, sets); !reflect.DeepEqual(got, want) {
			t.Fatalf("coarseness %d in one order and %d in another", want.Coarseness, got.Coarseness)
		}
	}
}
