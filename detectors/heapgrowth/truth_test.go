package heapgrowth

import (
	"path/filepath"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/stats"
	"go-debug/detectors/detectortest"
)

// measured is the measure of the only finding of a fixture.
func measured(t *testing.T, fixture, name string) stats.Measure {
	t.Helper()
	res := detectortest.Run(t, fixture, []*analyze.Detector{Detector})
	if len(res.Findings) != 1 {
		t.Fatalf("%d findings", len(res.Findings))
	}
	for _, m := range res.Findings[0].Measures {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no measure %s", name)
	return stats.Measure{}
}

// What the programs counted themselves lies within the intervals of what was read off their heap profiles. An
// object takes up to an eighth more than was asked for: that is how large the allocator's classes are apart.
func TestTruth(t *testing.T) {
	// The line for reading has 512 of the 528 KiB of a connection.
	for fixture, part := range map[string]float64{"chanbuffers": 1, "connbuffers": 512.0 / 528} {
		dir := filepath.Join("..", "..", "fixtures", fixture)
		truth, _ := detectortest.Gauge(t, dir, "fixture_buffer_bytes")
		m, last := measured(t, dir, "in_use"), truth[len(truth)-1]*part
		if m.Interval[0] > 1.25*last || m.Interval[1] < last {
			t.Errorf("%s: %.4g to %.4g bytes, in truth %.4g", fixture, m.Interval[0], m.Interval[1], last)
		}
	}
	dir := filepath.Join("..", "..", "fixtures", "heapretention")
	kept, at := detectortest.Gauge(t, dir, "fixture_retained_bytes")
	n := len(kept) - 1
	truth := (kept[n] - kept[0]) / (at[n] - at[0])
	if m := measured(t, dir, "in_use_growth"); m.Interval[0] > 1.125*truth || m.Interval[1] < truth {
		t.Errorf("it grows by %.4g to %.4g a second, in truth %.4g", m.Interval[0], m.Interval[1], truth)
	}
}
