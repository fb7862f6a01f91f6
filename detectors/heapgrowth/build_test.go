package heapgrowth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// A heap is a profile in the making: sites by the names of their functions.
type heap struct {
	at    int // s
	sites []held
	edit  func(*evidence.Profile)
}

// held is what a stack holds and has ever allocated.
type held struct {
	functions      []string // innermost first; line 10 of a file each
	bytes, objects int64
	allocBytes     int64 // 0: bytes
	allocObjects   int64 // 0: objects
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (h heap) profile(seq int) *evidence.Profile {
	p := &evidence.Profile{Kind: evidence.Heap, Period: 512 << 10, Default: 3, Totals: make([]int64, 4), Build: "b",
		Position: evidence.Position{Source: fmt.Sprintf("heap.%02d.pb.gz", seq), Seq: seq, At: start.Add(time.Duration(h.at) * time.Second)}}
	for _, t := range []string{"alloc_objects", "alloc_space", "inuse_objects", "inuse_space"} {
		p.SampleTypes = append(p.SampleTypes, evidence.ValueType{Type: t})
	}
	for _, s := range h.sites {
		v := evidence.ValueStack{Count: 1, Values: []int64{max(s.allocObjects, s.objects), max(s.allocBytes, s.bytes), s.objects, s.bytes}}
		for _, f := range s.functions {
			v.Frames = append(v.Frames, int32(len(p.Frames)))
			p.Frames = append(p.Frames, evidence.Frame{Function: f, File: "app/main.go", Line: 10})
		}
		for i := range v.Values {
			p.Totals[i] += v.Values[i]
		}
		p.Stacks = append(p.Stacks, v)
	}
	if h.edit != nil {
		h.edit(p)
	}
	return p
}

func setOf(heaps ...heap) *evidence.Set {
	set := &evidence.Set{}
	for i, h := range heaps {
		p := h.profile(i)
		set.Profiles = append(set.Profiles, p)
		set.Inputs = append(set.Inputs, evidence.Input{Position: p.Position, Kind: evidence.Heap, Complete: true})
	}
	return set
}

const mib = 1 << 20

// growing is a service that has allocated a hundred times what main.keep holds, which takes the values in turn.
func growing(everyS int, keep ...float64) []heap {
	var out []heap
	for i, v := range keep {
		n := int64(v * mib)
		work := int64(1000+100*i) * mib
		out = append(out, heap{at: i * everyS, sites: []held{
			{functions: []string{"bytes.Clone", "main.keep", "main.handle"}, bytes: n, objects: n / 2048},
			{functions: []string{"main.work"}, bytes: 40 * mib, objects: 400, allocBytes: work, allocObjects: work / 1000},
		}})
	}
	return out
}

func judge(t *testing.T, set *evidence.Set) (*analyze.Result, analyze.Outcome) {
	t.Helper()
	res, err := analyze.Run(context.Background(), set, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcomes[0].State == analyze.Failed {
		t.Fatal(res.Outcomes[0].Why)
	}
	return res, res.Outcomes[0]
}

// shown is the findings as "confidence rule function".
func shown(res *analyze.Result) string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s %s %s", f.Confidence, f.Rule, f.Location.Function))
	}
	return strings.Join(out, ", ")
}

func unchecked(o analyze.Outcome) string {
	var out []string
	if o.State != analyze.Ran {
		out = append(out, string(o.State)+": "+o.Why)
	}
	for _, u := range o.Unchecked {
		out = append(out, u.What)
	}
	return strings.Join(out, "; ")
}

// dumps are goroutine snapshots of groups, each a count, a wait, and "creator function…".
func dumps(totals []int, groups ...evidence.Group) []evidence.Snapshot {
	var out []evidence.Snapshot
	for i, n := range totals {
		out = append(out, evidence.Snapshot{Kind: evidence.Goroutine, Format: "debug2", Complete: true, Total: n, Groups: slices.Clone(groups),
			Position: evidence.Position{Source: fmt.Sprintf("goroutine.%02d", i), Seq: 100 + i, At: start.Add(time.Duration(i) * time.Second)}})
	}
	return out
}

func group(n int, wait evidence.Wait, creator string, functions ...string) evidence.Group {
	g := evidence.Group{Count: n, Wait: wait, CreatedBy: evidence.Frame{Function: creator, File: "app/main.go", Line: 20}}
	for _, f := range functions {
		g.Stack = append(g.Stack, evidence.Frame{Function: f, File: "app/main.go", Line: 30})
	}
	return g
}
