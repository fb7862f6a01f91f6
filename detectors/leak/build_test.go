package leak

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

var (
	epoch   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	creator = evidence.Frame{Function: "main.start", File: "/src/app/main.go", Line: 10}
	parked  = evidence.Stack{{Function: "runtime.gopark"}, {Function: "runtime.chansend"}, {Function: "runtime.chansend1"}}
)

func userStack(function string, line int, outer ...string) evidence.Stack {
	s := evidence.Stack{{Function: function, File: "/src/app/main.go", Line: line}}
	for _, f := range outer {
		s = append(s, evidence.Frame{Function: f, File: "/go/src/x.go", Line: 1})
	}
	return s
}

// group makes a group of a debug=2 dump.
func group(wait evidence.Wait, stack evidence.Stack, ids ...uint64) evidence.Group {
	slices.Sort(ids)
	return evidence.Group{Wait: wait, State: string(wait), Stack: stack, CreatedBy: creator, Count: len(ids), IDs: ids}
}

func ids(from, to uint64) []uint64 {
	var out []uint64
	for id := from; id < to; id++ {
		out = append(out, id)
	}
	return out
}

// dump makes a debug=2 snapshot, five seconds after the one before.
func dump(seq int, groups ...evidence.Group) evidence.Snapshot {
	s := evidence.Snapshot{Kind: evidence.Goroutine, Format: "debug2", Complete: true,
		HasIDs: true, HasStates: true, HasCreators: true, Groups: groups}
	s.Seq, s.Source, s.At = seq, fmt.Sprintf("goroutine.%02d.debug2.txt", seq), epoch.Add(time.Duration(seq)*5*time.Second)
	for i := range groups {
		s.Total += groups[i].Count
	}
	evidence.SortGroups(s.Groups)
	return s
}

// counted makes a protobuf snapshot: no ids, states or creators.
func counted(seq int, groups ...evidence.Group) evidence.Snapshot {
	for i := range groups {
		groups[i].IDs, groups[i].State, groups[i].CreatedBy = nil, "", evidence.Frame{}
	}
	s := dump(seq, groups...)
	s.Format, s.HasIDs, s.HasStates, s.HasCreators = "pprof", false, false, false
	return s
}

func number(wait evidence.Wait, stack evidence.Stack, n int) evidence.Group {
	return evidence.Group{Wait: wait, Stack: stack, Count: n}
}

func analyzeSet(t *testing.T, set *evidence.Set) *analyze.Result {
	t.Helper()
	res, err := analyze.Run(context.Background(), set, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if st := res.Outcomes[0].State; st == analyze.Failed {
		t.Fatalf("detector failed: %s", res.Outcomes[0].Why)
	}
	return res
}

func snapshots(s ...evidence.Snapshot) *evidence.Set { return &evidence.Set{Snapshots: s} }

// summary is one line per finding: rule, line, confidence.
func summary(res *analyze.Result) string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s:%d %s", f.Rule, f.Location.Line, f.Confidence))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func expect(t *testing.T, set *evidence.Set, want string) *analyze.Result {
	t.Helper()
	res := analyzeSet(t, set)
	if got := summary(res); got != want {
		t.Errorf("findings %q, want %q", got, want)
	}
	return res
}

// growingDumps has n dumps in which per goroutines arrive at a stack per interval and stay.
func growingDumps(n, per int, wait evidence.Wait, stack evidence.Stack) []evidence.Snapshot {
	var out []evidence.Snapshot
	for i := range n {
		out = append(out, dump(i, group(wait, stack, ids(100, 100+uint64((i+1)*per))...)))
	}
	return out
}

// traceOf has one blocking site with the given open goroutines, of which so many were silent: the oldest.
func traceOf(wait evidence.Wait, stack evidence.Stack, open []uint64, silent int) *evidence.Trace {
	t := &evidence.Trace{Stacks: [][]int32{{}}, Windows: []evidence.TraceWindow{{DurationNS: 1e9}}}
	var s []int32
	for _, f := range stack {
		s = append(s, int32(len(t.Frames)))
		t.Frames = append(t.Frames, f)
	}
	t.Stacks = append(t.Stacks, s)
	b := evidence.BlockSite{Stack: 1, Wait: wait, Silent: int64(silent), OpenIDs: open, MovedIDs: slices.Clone(open[silent:])}
	b.Open.AddN(1e9, int64(len(open)))
	t.Blocks = append(t.Blocks, b)
	return t
}

// stir lets given goroutines of a trace of one site move, and no others.
func stir(t *evidence.Trace, moved []uint64) {
	b := &t.Blocks[0]
	b.MovedIDs, b.Silent = moved, b.Open.Count-int64(len(moved))
}

func decompress(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
