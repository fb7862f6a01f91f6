package profilequality

import (
	"path/filepath"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/signature"
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

// The profile has samples of more CPU time than the program used while it was taken, by the kernel's account, and the
// finding says so; its twin's has not.
func TestStaleSamplesExceedTheWindow(t *testing.T) {
	dir := filepath.Join("..", "..", "fixtures", "earlyprofile")
	for d, stale := range map[string]bool{dir: true, dir + "-healthy": false} {
		set := detectortest.Load(t, d)
		used, at := detectortest.Gauge(t, d, "fixture_cpu_seconds")
		n := len(used) - 1
		profile := signature.Read(set)
		sampled, truth := float64(profile.CPUNS)/1e9, (used[n]-used[0])/(at[n]-at[0])*12
		if (sampled > 1.5*truth) != stale || (profile.Cores() == 0) != stale {
			t.Errorf("%s: samples of %.3g s, the program used %.3g s; %.3g cores", d, sampled, truth, profile.Cores())
		}
	}
}
