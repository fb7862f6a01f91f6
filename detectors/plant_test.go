package detectors

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
	"go-debug/detectors/detectortest"
)

// Every rule by which a gate may fail is one that a planting stands for, or the gate's self-test would not know
// whether it can. Detectors that judge the evidence and not the service have nothing to plant.
func TestEachRuleIsPlanted(t *testing.T) {
	off := map[string]bool{"selectwait/parked": true} // unless a parameter is set
	for _, d := range All {
		planted := map[string]int{}
		for _, p := range d.Plantings {
			if p.Most == 0 || p.Put == nil {
				t.Errorf("%s: planting of %v is not whole", d.Name, p.Rules)
			}
			for _, rule := range p.Rules {
				planted[rule]++
			}
		}
		for _, r := range d.Rules {
			if want := !d.Supporting && !off[r.ID]; (planted[r.ID] == 1) != want {
				t.Errorf("%s: %d plantings stand for it", r.ID, planted[r.ID])
			}
			delete(planted, r.ID)
		}
		for rule := range planted {
			t.Errorf("%s plants %s, which is no rule of it", d.Name, rule)
		}
	}
}

// surest is the confidence of the surest finding that a planting stands for.
func surest(t *testing.T, d *analyze.Detector, p *analyze.Planting, set *evidence.Set) analyze.Confidence {
	t.Helper()
	res, err := analyze.Run(t.Context(), set, []*analyze.Detector{d}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var best analyze.Confidence
	for _, f := range res.Findings {
		if slices.Contains(p.Rules, f.Rule) {
			best = max(best, f.Confidence)
		}
	}
	return best
}

// What is planted in a real capture of a healthy program is found, and the capture stays as it was. It is found
// for sure where the capture has what the detector asks for: dumps enough, a trace, a profile with samples,
// metrics, and memory that was in use for long.
func TestPlantedIsFound(t *testing.T) {
	whole := map[string]bool{"mutexconvoy-healthy": true, "resyncleak-healthy": true, "selectherd-healthy": true, "fanin-healthy": true}
	aged := map[string]bool{"heapretention-healthy": true}
	dirs, err := filepath.Glob("../fixtures/*-healthy")
	if err != nil || len(dirs) == 0 {
		t.Fatal(err)
	}
	sure, found := map[string]int{}, 0
	for _, dir := range dirs {
		name := filepath.Base(dir)
		set := detectortest.Load(t, dir)
		before := encoded(t, set)
		at := plant.Line(set)
		for _, d := range All {
			for i := range d.Plantings {
				p := &d.Plantings[i]
				c := plant.Copy(set)
				if _, err := p.Put(c, at); err != nil {
					if whole[name] && d.Name != "heapgrowth" {
						t.Errorf("%s: %s was not planted: %v", name, p.Rules[0], err)
					}
					continue
				}
				best := surest(t, d, p, c)
				if best == 0 {
					t.Errorf("%s: %s was planted and not found", name, p.Rules[0])
				}
				if found++; best >= min(p.Most, analyze.Likely) {
					sure[p.Rules[0]]++
				} else if whole[name] && d.Name != "heapgrowth" || aged[name] && d.Name == "heapgrowth" {
					t.Errorf("%s: %s is %s, want likely", name, p.Rules[0], best)
				}
			}
		}
		if encoded(t, set) != before {
			t.Errorf("%s: planting has changed the capture", name)
		}
	}
	for _, d := range All {
		for i := range d.Plantings {
			if p := &d.Plantings[i]; sure[p.Rules[0]] == 0 {
				t.Errorf("%s is sure in no capture", p.Rules[0])
			}
		}
	}
	t.Logf("%d plantings found", found)
}

func encoded(t *testing.T, set *evidence.Set) string {
	t.Helper()
	data, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The planted line is one of the program's own, so that acceptances of its package cover it.
func TestPlantedLine(t *testing.T) {
	set := detectortest.Load(t, "../fixtures/mutexconvoy-healthy")
	if at := plant.Line(set); at.Function != "main."+plant.Name || at.Std() {
		t.Errorf("%+v", at)
	}
}
