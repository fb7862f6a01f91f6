package detectors

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/detectors/detectortest"
)

var update = flag.Bool("update", false, "rewrite the README.md of each detector")

func TestReadmesAreCurrent(t *testing.T) {
	for _, d := range All {
		file := filepath.Join(d.Name, "README.md")
		want := Page(d)
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what doc.go and the rules say: go test ./detectors -run Readmes -update", file)
		}
	}
}

// TestEveryDetectorIsWhole holds the habits that make a detector usable: sections in its
// documentation, a remedy for each rule, a reason for each threshold, a command for each need.
func TestEveryDetectorIsWhole(t *testing.T) {
	ids := map[string]bool{}
	for _, d := range All {
		for _, section := range []string{"What it finds", "Evidence", "How it decides", "Thresholds", "False positives", "Remedy"} {
			if !strings.Contains(d.Doc, "// # "+section+"\n") {
				t.Errorf("%s: doc.go lacks the section %q", d.Name, section)
			}
		}
		if len(d.Rules) == 0 || len(d.Needs) == 0 {
			t.Errorf("%s: no rules or no needs", d.Name)
		}
		for _, r := range d.Rules {
			if !regexp.MustCompile(`^`+d.Name+`/[a-z0-9-]+$`).MatchString(r.ID) || ids[r.ID] {
				t.Errorf("rule id %q is malformed or taken", r.ID)
			}
			ids[r.ID] = true
			if r.Title == "" || r.Remedy == "" || r.Doc == "" || r.Severity < analyze.Info || r.Severity > analyze.High {
				t.Errorf("%s: title, remedy, doc or severity is missing", r.ID)
			}
		}
		for _, n := range d.Needs {
			if !strings.HasPrefix(n.Try, "go-debug ") || n.Confidence < analyze.Weak || n.Confidence > analyze.Proven {
				t.Errorf("%s: need %s has no command to try (%q) or no confidence", d.Name, n.Kind, n.Try)
			}
		}
		for _, p := range d.Params {
			if p.Why == "" || p.Unit == "" {
				t.Errorf("%s: parameter %s has no reason or unit", d.Name, p.Name)
			}
		}
	}
}

func TestFind(t *testing.T) {
	for _, name := range Names() {
		d, r := Find(name)
		if d == nil || (r == nil) != (d.Name == name) {
			t.Errorf("Find(%q) = %v, %v", name, d, r)
		}
	}
	if d, r := Find("leak/nothing-of-the-kind"); d != nil || r != nil {
		t.Error("Find knows a rule that does not exist")
	}
}

// TestFunctionsExist compares the functions that detectors name with the toolchain at hand.
func TestFunctionsExist(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("*", "doc.go"))
	if err != nil || len(folders) < len(All) {
		t.Fatalf("folders %v: %v", folders, err)
	}
	for _, doc := range folders {
		detectortest.Named(t, filepath.Dir(doc))
	}
	detectortest.Named(t, filepath.Join("..", "analyze", "signature"))
}

// TestGoneFunctionsWere compares the functions that detectors know from older toolchains with those.
func TestGoneFunctionsWere(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("*", "doc.go"))
	if err != nil {
		t.Fatal(err)
	}
	dirs := []string{filepath.Join("..", "analyze", "signature")}
	for _, doc := range folders {
		dirs = append(dirs, filepath.Dir(doc))
	}
	detectortest.Gone(t, dirs, *update)
}
