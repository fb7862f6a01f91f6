package evidence

import (
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
