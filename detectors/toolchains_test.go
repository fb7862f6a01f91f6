package detectors_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/detectors/detectortest"
	"go-debug/detectors/mutexwait"
	"go-debug/detectors/selectwait"
)

// TestToolchains: profiles of one program by toolchains from go1.20 on say the same, whatever each of them calls
// its functions. The program waits in turn for locks and channels; see its source.
func TestToolchains(t *testing.T) {
	dirs, err := filepath.Glob("detectortest/testdata/toolchains/go1.*")
	if err != nil || len(dirs) < 8 {
		t.Fatalf("%d folders of profiles: %v", len(dirs), err)
	}
	const want = "mutexwait/contended-mutex main.(*ledger).fight; mutexwait/contended-mutex main.(*store).save; " +
		"mutexwait/rwmutex-bounce main.(*table).read; selectwait/backpressure main.(*queue).fill; selectwait/busy-poll main.poll"
	for _, dir := range dirs {
		set := detectortest.Load(t, dir)
		if set == nil {
			continue
		}
		res, err := analyze.Run(t.Context(), set, []*analyze.Detector{mutexwait.Detector, selectwait.Detector}, analyze.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range res.Findings {
			got = append(got, f.Rule+" "+f.Location.Function)
			// Fourteen goroutines, one of which has the lock, for 1.3 of about 6.6 s. The mutex profile
			// counts all that wait from go1.22 on only.
			for _, m := range f.Measures {
				if m.Name == "waited_delay_rate" && f.Location.Function == "main.(*store).save" && (m.Value < 2.2 || m.Value > 3) {
					t.Errorf("%s: %s of %v, want about 13 · 1.3 s / 6.6 s", dir, m.Name, m.Value)
				}
			}
		}
		slices.Sort(got)
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%s: findings\n%s\nwant\n%s", dir, s, want)
		}
	}
}
