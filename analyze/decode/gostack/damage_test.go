package gostack

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// cuttable are the captures that the tests below damage at every byte, or, where they are
// long, at every seventh.
func cuttable(t *testing.T, do func(name string, text []byte, step int)) {
	t.Helper()
	for _, name := range []string{
		"go1.18/debug2", "go1.18/panic", "go1.22/quit", "go1.26/leak.debug1", "go1.27/debug1", "go1.27/debug2", "go1.27/afterleak.debug2", "go1.27/panic",
	} {
		text := readCapture(t, filepath.Join("testdata", name+".txt.gz"))
		text = recursion.ReplaceAll(text, []byte("$1$1")) // two frames stand for a hundred
		step := 1
		if len(text) > 8_000 {
			step = 7
		}
		if raceDetector { // ten times slower, and there is one goroutine
			step *= 10
		}
		do(name, text, step)
	}
}

var recursion = regexp.MustCompile(`(main\.deep\(.*\n\t.*\n)(?:main\.deep\(.*\n\t.*\n)+`)

func isBlank(b []byte) bool { return len(bytes.TrimSpace(b)) == 0 }

// A dump without its end is said to be cut, with the count of what is in it. Only between
// two goroutines can nothing tell.
func TestCutCaptures(t *testing.T) {
	cuttable(t, func(name string, text []byte, step int) {
		passed, headers := 0, bytes.Count(text, []byte("\ngoroutine "))
		for i := 0; i < len(text); i += step {
			set, err := decode(t, text[:i])
			if err == nil {
				passed++
				between := bytes.HasPrefix(text[i:], []byte("\ngoroutine ")) || bytes.HasPrefix(text[i:], []byte("[originating"))
				registers := bytes.Contains(text[:i], []byte("\nrax "))
				if !between && !registers && !isBlank(text[i:]) {
					t.Errorf("%s: cut at %d passes as whole: …%q", name, i, text[max(0, i-60):i])
				}
				continue
			}
			if len(set.Snapshots) == 0 {
				continue
			}
			s := &set.Snapshots[len(set.Snapshots)-1]
			if count := fmt.Sprint(s.Total) + " "; !strings.Contains(err.Error(), " "+count) {
				t.Errorf("%s: cut at %d: %v does not say that %sgoroutines are left", name, i, err, count)
			}
		}
		if passed > headers+200 {
			t.Errorf("%s: %d cuts pass as whole", name, passed)
		}
	})
}

// A dump without its beginning, as the tail of a log holds it, is said to be in part.
func TestBeheadedCaptures(t *testing.T) {
	cuttable(t, func(name string, text []byte, step int) {
		first := bytes.Index(text, []byte("goroutine"))
		for i := first + 1; i < len(text); i += 3 * step {
			set, err := decode(t, text[i:])
			if err == nil && !slices.ContainsFunc(set.Inputs[0].Notes, func(n string) bool { return strings.Contains(n, "beginning") }) {
				t.Errorf("%s: without its first %d bytes it passes as whole: %q…", name, i, text[i:min(len(text), i+60)])
			}
		}
	})
}

// A cut dump does not take the dump that follows it along.
func TestCutBeforeAnother(t *testing.T) {
	next := readCapture(t, "testdata/go1.27/debug2.txt.gz")
	want := one(t, next).Groups
	cuttable(t, func(name string, text []byte, step int) {
		if strings.HasSuffix(name, "panic") || strings.HasSuffix(name, "quit") {
			return // a log, not a file that was cut
		}
		for i := 0; i < len(text); i += 5 * step {
			set, err := decode(t, append(text[:i:i], next...))
			last := set.Snapshots[len(set.Snapshots)-1]
			if len(set.Snapshots) > 2 || !reflect.DeepEqual(last.Groups, want) {
				t.Fatalf("%s: cut at %d, then another: %d snapshots, the last of %d goroutines in %d groups", name, i, len(set.Snapshots), last.Total, len(last.Groups))
			}
			between := i == 0 || bytes.HasPrefix(bytes.TrimPrefix(text[i:], []byte("\n")), []byte("goroutine "))
			if err == nil && !between && !isBlank(text[i:]) {
				t.Errorf("%s: cut at %d, then another, passes as whole: …%q", name, i, text[max(0, i-60):i])
			}
		}
	})
}

// The limit of debug=2 is told of every dump in a file, not of the last alone.
func TestSilentLimitBeforeAnother(t *testing.T) {
	next := readCapture(t, "testdata/go1.27/debug2.txt.gz")
	block := "\ngoroutine 999999999 [select]:\nmain.f(...)\n\t/src/m.go:1\ncreated by main.main\n\t/src/m.go:1 +0x1\n"
	first := []byte("goroutine 1 [running]:\nmain.main()\n\t/src/m.go:2 +0x1\n")
	body := append(first, strings.Repeat(block, (silentLimit-len(first))/len(block)+1)...)[:silentLimit]
	set, err := decode(t, append(body[:silentLimit:silentLimit], next...))
	if err == nil || !strings.Contains(err.Error(), "64 MiB") || len(set.Snapshots) != 2 || set.Snapshots[0].Complete || !set.Snapshots[1].Complete {
		t.Errorf("%d snapshots, %v", len(set.Snapshots), err)
	}
	var all []evidence.Group
	for _, s := range set.Snapshots {
		all = append(all, s.Groups...)
	}
	if len(all) < 10 {
		t.Errorf("%d groups", len(all))
	}
}
