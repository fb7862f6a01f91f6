package hotpath

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/detectors/detectortest"
)

// TestVersions reads CPU profiles that programs of several Go versions wrote. Each of their lines has a
// share of about a twentieth, so thresholds are lowered: it is about names, not about shares.
func TestVersions(t *testing.T) {
	low := map[string]float64{}
	for _, p := range params {
		if strings.HasSuffix(p.Name, "-share") {
			low["hotpath."+p.Name] = 0.005
		}
	}
	wants, err := detectortest.Wants(filepath.Join("testdata", "costs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"go1.20", "go1.21", "go1.22", "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"} {
		for _, part := range []string{"lines", "timers"} {
			t.Run(version+" "+part, func(t *testing.T) {
				set := detectortest.Load(t, filepath.Join("testdata", version+"."+part+".pb.gz"))
				if set == nil {
					return
				}
				res, err := analyze.Run(context.Background(), set, []*analyze.Detector{Detector}, analyze.Options{Params: low})
				if err != nil {
					t.Fatal(err)
				}
				var got, want []string
				for _, f := range res.Findings {
					got = append(got, fmt.Sprintf("%s:%d %s", path.Base(f.Location.File), f.Location.Line, f.Rule))
				}
				for _, w := range wants {
					if (w.Rule == ruleTimerHeap) == (part == "timers") {
						want = append(want, fmt.Sprintf("%s:%d %s", w.File, w.Line, w.Rule))
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			})
		}
	}
}
