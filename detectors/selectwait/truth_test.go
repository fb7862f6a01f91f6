package selectwait

import (
	"path/filepath"
	"testing"

	"go-debug/analyze"
	"go-debug/detectors/detectortest"
)

// The crowd is as large as the program counts it, and nothing is said of it unless the share is asked for.
func TestParkedAgreesWithTheProgram(t *testing.T) {
	dir := filepath.Join("..", "..", "fixtures", "parkedcrowd")
	res := detectortest.Run(t, dir, []*analyze.Detector{Detector})
	if res == nil || len(res.Findings) != 1 {
		t.Fatalf("%+v", res)
	}
	counted, _ := detectortest.Gauge(t, dir, "fixture_deliverers")
	if n, truth := res.Findings[0].Measures[1].Value, counted[len(counted)-1]; n != truth {
		t.Errorf("%s is %g, the program counts %g", res.Findings[0].Measures[1].Name, n, truth)
	}
	asIs, err := analyze.Run(t.Context(), detectortest.Load(t, dir), []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil || len(asIs.Findings) > 0 {
		t.Errorf("by default: %+v, %v", asIs, err)
	}
}
