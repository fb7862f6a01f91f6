package gc

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/stats"
	"go-debug/detectors/detectortest"
)

// The runtime counts its pauses itself. As large a share of the fixture's is long by that count as by the trace, within
// the trace's interval, and none of its twin's. A trace by itself shows them, too, and not why.
func TestPausesAgreeWithTheRuntime(t *testing.T) {
	dir := filepath.Join("..", "..", "fixtures", "stretchedpauses")
	long, all := longPauses(t, dir)
	if twin, _ := longPauses(t, dir+"-healthy"); twin > 0 {
		t.Errorf("%v pauses of the twin are longer than 5 ms", twin)
	}
	for from, rule := range map[string]string{dir: ruleStretched, filepath.Join(dir, "trace.out.gz"): rulePause} {
		res, err := analyze.Run(t.Context(), detectortest.Load(t, from), []*analyze.Detector{Detector}, analyze.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f := res.Findings[0]
		if f.Rule != rule || f.Confidence != analyze.Possible || !f.Location.IsZero() {
			t.Fatalf("%s: the first finding is %s (%s): %s", from, f.Rule, f.Confidence, f.Message)
		}
		// Assists last as long as their threads stand still. The CPU profile shows that they cost nothing.
		for _, other := range res.Findings[1:] {
			if other.Confidence > analyze.Weak {
				t.Errorf("%s: %s (%s): %s", from, other.Rule, other.Confidence, other.Message)
			}
		}
		var tracedLong, traced int64
		_, text, _ := strings.Cut(f.Message, " pauses a second, ")
		if _, err := fmt.Sscanf(text, "%d of %d above 5 ms", &tracedLong, &traced); err != nil {
			t.Fatalf("%q: %v", f.Message, err)
		}
		if lo, hi := stats.Wilson(tracedLong, traced, stats.DefaultConfidence); long/all < lo || long/all > hi {
			t.Errorf("%d of %d pauses are long by the trace, %v of %v by the runtime's count", tracedLong, traced, long, all)
		}
	}
}

// longPauses are the pauses of 5 ms and more, and all, between the first scrape and the last.
func longPauses(t *testing.T, dir string) (long, all float64) {
	t.Helper()
	between := func(name string) float64 {
		values, _ := detectortest.Gauge(t, dir, name)
		return values[len(values)-1] - values[0]
	}
	return between("fixture_pauses_above_5ms"), between("fixture_pauses")
}

// A trace alone does not say whether a line of the program stretches the pauses, as one does in this fixture.
func TestTraceAloneBlamesNobody(t *testing.T) {
	set := detectortest.Load(t, filepath.Join("..", "..", "fixtures", "gcpause", "trace.out.gz"))
	res, err := analyze.Run(t.Context(), set, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Findings) != 1 || res.Findings[0].Rule != rulePause || res.Findings[0].Confidence != analyze.Possible {
		t.Errorf("%+v", res.Findings)
	}
}
