package asleep

import (
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

func stack(functions ...string) evidence.Stack {
	var s evidence.Stack
	for i, f := range functions {
		s = append(s, evidence.Frame{Function: f, File: "main.go", Line: 10 + i})
	}
	return s
}

func inside(s evidence.Stack) bool { return s.Contains("main.section") }

func snapshot(groups ...evidence.Group) evidence.Snapshot {
	return evidence.Snapshot{Kind: evidence.Goroutine, Complete: true, Groups: groups}
}

var (
	sleeping = evidence.Group{Wait: evidence.WaitSleep, Stack: stack("time.Sleep", "main.read", "main.section"), Count: 1}
	running  = evidence.Group{Stack: stack("main.compute", "main.section"), Count: 1}
	outside  = evidence.Group{Wait: evidence.WaitSleep, Stack: stack("time.Sleep", "main.other"), Count: 9}
)

func traced(ns int64, functions ...string) *evidence.Trace {
	t := &evidence.Trace{Stacks: [][]int32{{}}, Windows: []evidence.TraceWindow{{DurationNS: 1000}}}
	var ids []int32
	for _, f := range stack(functions...) {
		ids = append(ids, int32(len(t.Frames)))
		t.Frames = append(t.Frames, f)
	}
	t.Stacks = append(t.Stacks, ids)
	b := evidence.BlockSite{Stack: 1, Wait: evidence.WaitSelect}
	b.Ended.Add(ns)
	t.Blocks = append(t.Blocks, b)
	return t
}

func TestWithin(t *testing.T) {
	for name, tt := range map[string]struct {
		set  evidence.Set
		want string
	}{
		"asleep in most snapshots": {evidence.Set{Snapshots: []evidence.Snapshot{snapshot(sleeping, outside), snapshot(sleeping), snapshot(running)}}, "asleep in time.Sleep at main.go:11"},
		"asleep in few":            {evidence.Set{Snapshots: []evidence.Snapshot{snapshot(sleeping), snapshot(running), snapshot(outside)}}, ""},
		"running":                  {evidence.Set{Snapshots: []evidence.Snapshot{snapshot(running)}}, ""},
		"a trace": {evidence.Set{Trace: traced(600, "runtime.selectgo", "net/http.(*persistConn).roundTrip", "net/http.(*Client).Do", "main.ask", "main.section")},
			"asleep in net/http.(*Client).Do at main.go:13 (60 % of the time)"},
		"two at once":         {evidence.Set{Trace: traced(2000, "runtime.chansend1", "main.section")}, "asleep in a channel send at main.go:11 (2 of them at a time)"},
		"a select of its own": {evidence.Set{Trace: traced(500, "runtime.selectgo", "main.section")}, "asleep in a select at main.go:11 (50 % of the time)"},
		"seldom":              {evidence.Set{Trace: traced(20, "runtime.selectgo", "main.section")}, ""},
		"elsewhere":           {evidence.Set{Trace: traced(900, "runtime.selectgo", "main.other")}, ""},
	} {
		if got := Within(&tt.set, inside).Words(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestSetsOfBothKinds: the time is the trace's, the count that of both.
func TestSetsOfBothKinds(t *testing.T) {
	set := evidence.Set{Trace: traced(600, "time.Sleep", "main.read", "main.section"), Snapshots: []evidence.Snapshot{snapshot(sleeping), snapshot(running)}}
	got := Within(&set, inside)
	if len(got.Places) != 1 || got.NS != 600 || got.N != 2 || got.Snapshots != 1 || got.Rate() != 0.6 || !strings.HasPrefix(got.Words(), "asleep in time.Sleep") {
		t.Errorf("%+v", got)
	}
}
