package profilequality

import (
	"path/filepath"
	"testing"

	"go-debug/analyze"
	"go-debug/detectors/detectortest"
)

// Samples that were lost are counted: with those that were kept they stand for the CPU time that the program has used
// since its start, by the kernel's account. At 100 samples a second profiles hold 0.85 to 0.98 of that.
func TestLostSamplesAreCounted(t *testing.T) {
	dir := filepath.Join("..", "..", "fixtures", "earlyprofile")
	used, _ := detectortest.Gauge(t, dir, "fixture_cpu_seconds")
	res := detectortest.Run(t, dir, []*analyze.Detector{Detector})
	for _, f := range res.Findings {
		m := f.Measures[0]
		if f.Rule != ruleLost || m.Name != "lost_share" {
			continue
		}
		if taken, truth := float64(m.N)/100, used[len(used)-1]; taken < 0.8*truth || taken > 1.05*truth {
			t.Errorf("samples of %.3g s, kept or lost, of %.3g s of CPU", taken, truth)
		}
		return
	}
	t.Errorf("no lost samples in %s", dir)
}
