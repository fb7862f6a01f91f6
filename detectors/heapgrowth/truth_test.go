package heapgrowth

import (
	"math"
	"path/filepath"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/stats"
	"go-debug/detectors/detectortest"
)

// measured is a measure of the only finding of a rule in a fixture.
func measured(t *testing.T, dir, rule, name string) stats.Measure {
	t.Helper()
	res := detectortest.Run(t, dir, []*analyze.Detector{Detector})
	var out []stats.Measure
	for _, f := range res.Findings {
		for _, m := range f.Measures {
			if f.Rule == rule && m.Name == name {
				out = append(out, m)
			}
		}
	}
	if len(out) != 1 {
		t.Fatalf("%s: %d measures %s of %s", dir, len(out), name, rule)
	}
	return out[0]
}

// What the programs counted themselves lies within the intervals of what was read off their heap profiles. An
// object takes up to an eighth more than was asked for: that is how large the allocator's classes are apart.
func TestTruth(t *testing.T) {
	for _, tt := range []struct {
		fixture, rule, gauge string
		part                 float64 // of the gauge that the line allocates
	}{
		{"chanbuffers", ruleChannels, "fixture_buffer_bytes", 1},
		{"connbuffers", ruleConnections, "fixture_buffer_bytes", 512.0 / 528}, // of a connection's: the line for reading
		{"heldbuffers", ruleGoroutines, "fixture_window_bytes", 1},
		{"heldbuffers", ruleMany, "fixture_page_bytes", 1},
		{"heldbuffers", ruleHuge, "fixture_archive_bytes", 1},
	} {
		dir := filepath.Join("..", "..", "fixtures", tt.fixture)
		truth, _ := detectortest.Gauge(t, dir, tt.gauge)
		m, last := measured(t, dir, tt.rule, "in_use"), truth[len(truth)-1]*tt.part
		if m.Interval[0] > 1.25*last || m.Interval[1] < last {
			t.Errorf("%s: %.4g to %.4g bytes, in truth %.4g", tt.rule, m.Interval[0], m.Interval[1], last)
		}
	}
}

// So does what they say of growth.
func TestTruthOfGrowth(t *testing.T) {
	for _, tt := range []struct{ fixture, rule, gauge string }{
		{"heapretention", ruleRetained, "fixture_retained_bytes"},
		{"heapleftovers", ruleGrowing, "fixture_kept_bytes"},
	} {
		dir := filepath.Join("..", "..", "fixtures", tt.fixture)
		kept, at := detectortest.Gauge(t, dir, tt.gauge)
		n := len(kept) - 1
		truth := (kept[n] - kept[0]) / (at[n] - at[0])
		if m := measured(t, dir, tt.rule, "in_use_growth"); m.Interval[0] > 1.125*truth || m.Interval[1] < truth {
			t.Errorf("%s: it grows by %.4g to %.4g a second, in truth %.4g", tt.fixture, m.Interval[0], m.Interval[1], truth)
		}
	}
	dir := filepath.Join("..", "..", "fixtures", "heapleftovers")
	shares, _ := detectortest.Gauge(t, dir, "fixture_kept_share")
	truth := shares[len(shares)-1]
	if m := measured(t, dir, ruleGrowing, "retained_share"); math.Abs(m.Value-truth) > 0.1*truth {
		t.Errorf("%.3g of the photos are kept, in truth %.3g", m.Value, truth)
	}
}
