package detectors_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go-debug/detectors"
	"go-debug/detectors/detectortest"
)

const fixturesDir = "../fixtures"

// TestFixtures runs every detector over the captures of every fixture. A folder of fixtures
// that holds a program is one; nothing else has to list it.
func TestFixtures(t *testing.T) {
	for _, name := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(fixturesDir, name)
			res := detectortest.Run(t, dir, detectors.All)
			if res == nil {
				return // it says why
			}
			wants, err := detectortest.Wants(dir)
			if err != nil {
				t.Fatal(err)
			}
			wants = slices.DeleteFunc(wants, func(w detectortest.Want) bool { return w.Low })
			// The planted line stands at the top: its want is the first in the source.
			if len(wants) > 0 && (len(res.Findings) == 0 || !wants[0].Matches(&res.Findings[0])) {
				t.Errorf("the first finding is not the planted %v", wants[0])
			}
			for _, w := range wants {
				if _, rule := detectors.Find(w.Rule); rule == nil {
					t.Errorf("%s:%d wants %s, which no detector reports", w.File, w.Line, w.Rule)
				}
			}
		})
	}
}

// TestFixturesHaveTwins holds that every fault is planted and has a program beside it that
// does the same work without the fault and expects nothing.
func TestFixturesHaveTwins(t *testing.T) {
	all := map[string]bool{}
	for _, name := range fixtures(t) {
		all[name] = true
	}
	for name := range all {
		wants, err := detectortest.Wants(filepath.Join(fixturesDir, name))
		if err != nil {
			t.Fatal(err)
		}
		planted := slices.DeleteFunc(wants, func(w detectortest.Want) bool { return w.Low })
		faulty, isTwin := strings.CutSuffix(name, "-healthy")
		switch {
		case isTwin && !all[faulty]:
			t.Errorf("%s is the twin of nothing", name)
		case isTwin && len(planted) > 0:
			t.Errorf("%s is healthy and expects %s", name, planted[0])
		case !isTwin && !all[name+"-healthy"]:
			t.Errorf("%s has no healthy twin", name)
		case !isTwin && len(planted) == 0:
			t.Errorf("%s expects no finding: say which with a want comment", name)
		case isTwin && !maps.Equal(params(t, name), params(t, faulty)):
			t.Errorf("%s is analysed by other parameters than %s", name, faulty)
		}
	}
}

// unplanted are the rules that unit tests alone hold.
var unplanted = []string{"inflight/queueing", "inflight/unexplained-goroutines", "leak/deadlock", "leak/io", "leak/iterator",
	"leak/other", "leak/sleep", "profilequality/difference", "profilequality/incomparable"}

// TestRulesHaveFixtures holds that a rule is met by a real program that has the fault, or as a finding that is surer than low.
func TestRulesHaveFixtures(t *testing.T) {
	planted := map[string]bool{}
	for _, name := range fixtures(t) {
		wants, err := detectortest.Wants(filepath.Join(fixturesDir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wants {
			planted[w.Rule] = planted[w.Rule] || !w.Low || !strings.HasSuffix(name, "-healthy")
		}
	}
	for _, d := range detectors.All {
		for _, r := range d.Rules {
			if !planted[r.ID] && !slices.Contains(unplanted, r.ID) {
				t.Errorf("%s is planted in no fixture", r.ID)
			}
		}
	}
	for _, rule := range unplanted {
		if _, r := detectors.Find(rule); r == nil {
			t.Errorf("%s is no rule", rule)
		}
	}
}

func params(t *testing.T, fixture string) map[string]float64 {
	t.Helper()
	p, err := detectortest.Params(filepath.Join(fixturesDir, fixture))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fixtures(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(fixturesDir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(fixturesDir, e.Name(), "main.go")); e.IsDir() && err == nil {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		t.Fatal("no fixtures")
	}
	return names
}
