package leak

import (
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// One dump and two of a few goroutines say nothing by themselves. Where the source shows how they get stuck they are
// a hint.
func TestFewDumpsWithTheSource(t *testing.T) {
	stack := userStack("main.page.func2", 59)
	stuck := func(seq int, from, to uint64, minutes int) evidence.Snapshot {
		g := group(evidence.WaitChanRecv, stack, ids(from, to)...)
		g.MaxMinutes = minutes
		return dump(seq, g)
	}
	for name, tc := range map[string]struct {
		dumps   []evidence.Snapshot
		certain bool
		want    string
		says    string
	}{
		"two dumps":                       {[]evidence.Snapshot{stuck(0, 100, 118, 0), stuck(1, 100, 129, 0)}, true, "leak/chan-receive:59 low", "11 came and 0 left between two dumps"},
		"two dumps, nothing certain":      {[]evidence.Snapshot{stuck(0, 100, 118, 0), stuck(1, 100, 129, 0)}, false, "", ""},
		"two dumps, a third left":         {[]evidence.Snapshot{stuck(0, 100, 118, 0), stuck(1, 106, 135, 0)}, true, "", ""},
		"two dumps, some pass":            {[]evidence.Snapshot{stuck(0, 100, 118, 0), stuck(1, 102, 129, 0)}, true, "leak/chan-receive:59 low", "11 came and 2 left"},
		"two dumps, hardly any came":      {[]evidence.Snapshot{stuck(0, 100, 118, 0), stuck(1, 100, 122, 0)}, true, "", ""},
		"stuck for minutes":               {[]evidence.Snapshot{stuck(0, 100, 130, 3)}, true, "leak/chan-receive:59 low", "for up to 3 min"},
		"for minutes, nothing certain":    {[]evidence.Snapshot{stuck(0, 100, 130, 3)}, false, "", ""},
		"just come":                       {[]evidence.Snapshot{stuck(0, 100, 130, 0)}, true, "", ""},
		"a small pool, stuck for minutes": {[]evidence.Snapshot{stuck(0, 100, 110, 3)}, true, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			set := snapshots(tc.dumps...)
			set.Code = []evidence.CodeSite{{Function: stack[0].Function, File: stack[0].File, Line: stack[0].Line,
				Pattern: evidence.PatternRangeWithoutClose, Certain: tc.certain}}
			for _, f := range expect(t, set, tc.want).Findings {
				if !strings.Contains(f.Message, tc.says) {
					t.Errorf("message %q", f.Message)
				}
			}
		})
	}
}

// Two dumps that show few say less than counts that show many, be the source certain or not.
func TestCountsBesideFewDumps(t *testing.T) {
	stack := userStack("main.work", 7)
	for _, certain := range []bool{false, true} {
		set := snapshots(
			dump(0, group(evidence.WaitChanRecv, stack, ids(100, 120)...)), dump(1, group(evidence.WaitChanRecv, stack, ids(100, 135)...)),
			counted(2, number(evidence.WaitChanRecv, stack, 90)), counted(3, number(evidence.WaitChanRecv, stack, 150)),
			counted(4, number(evidence.WaitChanRecv, stack, 220)))
		set.Code = []evidence.CodeSite{{Function: stack[0].Function, File: stack[0].File, Line: stack[0].Line,
			Pattern: evidence.PatternRangeWithoutClose, Certain: certain}}
		f := expect(t, set, "leak/chan-receive:7 possible").Findings[0]
		if !strings.Contains(f.Message, "grow from 20 to 220 over 5 snapshots, 1") {
			t.Errorf("certain %v: message %q", certain, f.Message)
		}
		var names []string
		for _, m := range f.Measures {
			names = append(names, m.Name)
		}
		for _, want := range []string{"growth", "time_to_1gb", "survivors"} {
			if !slices.Contains(names, want) {
				t.Errorf("certain %v: no %s among %v", certain, want, names)
			}
		}
	}
}
