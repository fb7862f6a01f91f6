package signature

import (
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// The index finds what a look at every frame finds.
func TestNameIndexFindsWhatMatches(t *testing.T) {
	frames := []evidence.Frame{
		{Function: "runtime.selectgo"}, {Function: "main.work"}, {Function: "slices.Grow[go.shape.int]"}, {Function: "slices.Growth"},
		{Function: "runtime.mallocgc"}, {Function: "runtime.mallocgcSmallScanNoHeader"}, {Function: "runtime.mallocgc"}, {Function: "runtime.malloc"},
		{Function: "runtime.(*timers).run"}, {Function: ""}, {Function: "zz.last"}, {Function: "aa.first"},
		{Function: "sync.(*Pool[...]).Get"}, {Function: "runtime.mallocgc[x]"},
	}
	lists := [][]string{
		nil, {"runtime.selectgo"}, {"slices.Grow"}, {"runtime.mallocgc*"}, {"runtime.mallocgc"}, {"runtime.*", "main.work"}, {"none.at.all"},
		{"aa.first", "zz.last"}, {"*"}, {""}, {"sync.(*Pool).Get"}, {"zz.last2"},
	}
	sorted := slices.Clone(frames)
	slices.SortFunc(sorted, func(a, b evidence.Frame) int { return strings.Compare(a.Function, b.Function) })
	for _, table := range [][]evidence.Frame{frames, sorted, nil} {
		x := indexNames(table)
		for _, names := range lists {
			match, want := matcher(names), []bool(nil)
			for i, f := range table {
				if match(f) {
					if want == nil {
						want = make([]bool, len(table))
					}
					want[i] = true
				}
			}
			if got := x.mark(names); !slices.Equal(got, want) {
				t.Errorf("%q: %v, want %v", names, got, want)
			}
		}
	}
}
