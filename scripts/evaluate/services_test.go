package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const localServices = "leaks/services"

func TestMended(t *testing.T) {
	const src = `	out := make(chan int) // mend: out := make(chan int, 1)
	if err != nil {
		return err // mend: mu.Unlock(); return err
	}
	out <- 1     // want "leak/chan-send"
	<-timer.C // want "leak/chan-receive" // mend:
	select {} // want "leak/nil-chan" // mend: <-done
`
	const want = `	out := make(chan int, 1)
	if err != nil {
		mu.Unlock(); return err
	}
	out <- 1     // want "leak/chan-send"
	
	<-done
`
	if got := mended(src); got != want {
		t.Errorf("mended to\n%s\nwant\n%s", got, want)
	}
}

func TestMarksOf(t *testing.T) {
	got := marksOf("a.go", "package a\n\nx() // want \"leak/io\"\n// want is no mark\ny() // want \"leak/select: regexp\" // mend: z()\n")
	want := []mark{{"a.go", 3, "leak/io"}, {"a.go", 5, "leak/select"}}
	if !slices.Equal(got, want) {
		t.Errorf("marks %v, want %v", got, want)
	}
}

// TestServicesAreWhole holds that the list has every file with a mark, and that every faulty
// service says how it is mended.
func TestServicesAreWhole(t *testing.T) {
	all, err := readServices(localServices)
	if err != nil {
		t.Fatal(err)
	}
	faulty, healthy := 0, 0
	for _, s := range all {
		switch {
		case len(s.marks) > 0 && s.mends == 0:
			t.Errorf("%s has a fault and no mend", s.name)
		case len(s.marks) == 0 && s.mends > 0:
			t.Errorf("%s has a mend and no fault", s.name)
		case len(s.marks) > 0:
			faulty++
		default:
			healthy++
		}
	}
	if faulty < 34 || faulty+healthy < 40 {
		t.Errorf("%d faulty and %d healthy services: too few to say anything", faulty, healthy)
	}
	files, err := filepath.Glob(filepath.Join(localServices, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".go")
		listed := slices.ContainsFunc(all, func(s service) bool { return s.name == name })
		if marks := marksOf(f, string(src)); len(marks) > 0 && !listed {
			t.Errorf("%s has a fault and is not in services.go", f)
		}
	}
}

// TestMendedServicesCompile also holds that mending moves no line: a finding of one build
// names the same lines as of the other.
func TestMendedServicesCompile(t *testing.T) {
	for _, mend := range []bool{false, true} {
		dir := t.TempDir()
		if err := writeSources(localServices, dir, mend); err != nil {
			t.Fatal(err)
		}
		if err := goBuild(t.Context(), dir, ".", os.DevNull, build{}); err != nil {
			t.Errorf("mended %t: %v", mend, err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			copied, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			original, err := os.ReadFile(filepath.Join(localServices, filepath.Base(f)))
			if err != nil {
				t.Fatal(err)
			}
			if a, b := strings.Count(string(copied), "\n"), strings.Count(string(original), "\n"); a != b {
				t.Errorf("%s has %d lines mended and %d as it is", filepath.Base(f), a, b)
			}
			if mend && strings.Contains(string(copied), "// mend:") {
				t.Errorf("%s still has a mend comment", filepath.Base(f))
			}
		}
	}
}
