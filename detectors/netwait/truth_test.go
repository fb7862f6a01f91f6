package netwait

import (
	"math"
	"path/filepath"
	"testing"

	"go-debug/analyze"
	"go-debug/detectors/detectortest"
)

// measured is a measure of the only finding of a fixture.
func measured(t *testing.T, fixture, name string) float64 {
	t.Helper()
	res := detectortest.Run(t, filepath.Join("..", "..", "fixtures", fixture), []*analyze.Detector{Detector})
	if len(res.Findings) != 1 {
		t.Fatalf("%s: %d findings", fixture, len(res.Findings))
	}
	for _, m := range res.Findings[0].Measures {
		if m.Name == name {
			return m.Value
		}
	}
	t.Fatalf("%s: no measure %s", fixture, name)
	return 0
}

// What is measured is what the programs counted themselves.
func TestTruth(t *testing.T) {
	gauge := func(fixture, name string) (first, last, seconds float64) {
		values, at := detectortest.Gauge(t, filepath.Join("..", "..", "fixtures", fixture), name)
		n := len(values) - 1
		return values[0], values[n], at[n] - at[0]
	}
	perSecond := func(fixture, name string) float64 {
		first, last, seconds := gauge(fixture, name)
		return (last - first) / seconds
	}
	_, uploads, _ := gauge("slowclients", "fixture_uploads")
	for _, tt := range []struct {
		fixture, measure string
		truth, within    float64
	}{
		{"slowclients", "stalled_requests", uploads, 0},
		{"sqlopen", "pools_growth", perSecond("sqlopen", "fixture_pools"), 0.03},
		{"tlshandshakes", "dials", perSecond("tlshandshakes", "fixture_connections_total"), 0.1},
		// The trace is a second of ten, and three bursts of thirty.
		{"sqlpool", "waiting_goroutines", perSecond("sqlpool", "fixture_pool_wait_seconds_total"), 0.3},
	} {
		if got := measured(t, tt.fixture, tt.measure); math.Abs(got/tt.truth-1) > tt.within {
			t.Errorf("%s: %s is %g, in truth %g", tt.fixture, tt.measure, got, tt.truth)
		}
	}
}

// The line that polls waits once for each datagram that the program counts.
func TestPollingAgreesWithTheProgram(t *testing.T) {
	dir := filepath.Join("..", "..", "fixtures", "datagrams")
	res := detectortest.Run(t, dir, []*analyze.Detector{Detector})
	if res == nil || len(res.Findings) != 1 {
		t.Fatalf("%+v", res)
	}
	values, at := detectortest.Gauge(t, dir, "fixture_datagrams_total")
	n := len(values) - 1
	truth := (values[n] - values[0]) / (at[n] - at[0])
	for _, m := range res.Findings[0].Measures {
		if m.Name != "network_wait" {
			continue
		}
		if got := float64(m.N) / *m.WindowS; math.Abs(got/truth-1) > 0.1 {
			t.Errorf("the line waits %.0f times a second, %.0f datagrams came", got, truth)
		}
		return
	}
	t.Error("no measure of the waits")
}
