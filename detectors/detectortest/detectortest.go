// Package detectortest runs detectors over a fixture's captures and compares what they
// find with the "// want" comments in the fixture's own source.
//
// A comment
//
//	r.resync <- key // want "leak/chan-send: goroutines? .* growing"
//
// says that one finding of the rule leak/chan-send names this line (base name of the file,
// line number) and that its message matches the regular expression. The expression and its
// colon may be left out; several quoted wants may follow one another in a comment, and each
// expects one finding. "// want nowhere" is for findings of the program as a whole, which name no line. The name of a pattern behind a want,
//
//	errc <- err // want "leak/chan-send" pattern premature-return
//
// is what analyze/code has to call the code at that line. A comment "// param DETECTOR.NAME=VALUE" sets a parameter for
// the captures of the fixture, of a rule that is off without it.
//
// Captures go through the pipeline that the command uses, from the directory to the
// findings, so that a fixture tests source, decode and detectors together.
package detectortest

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/budget"
	"go-debug/analyze/code"
	"go-debug/analyze/decode"
	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
)

// Run analyses the captures in dir with the detectors, without the program's source and with it. It
// fails the test for a finding that no want expects, for a want that no finding meets, for an input
// that was not wholly read, for a detector that failed, and for a directory without captures. Wants of
// detectors that are not run are left alone. It returns what was found with the source.
func Run(t testing.TB, dir string, detectors []*analyze.Detector) *analyze.Result {
	t.Helper()
	set := Load(t, dir)
	if set == nil {
		return nil
	}
	wants, err := Wants(dir)
	if err != nil {
		t.Errorf("%s: %v", dir, err)
		return nil
	}
	params, err := Params(dir)
	if err != nil {
		t.Errorf("%s: %v", dir, err)
		return nil
	}
	opt := analyze.Options{Params: params}
	read, err := code.Inspect(context.Background(), set, dir)
	if err != nil {
		t.Errorf("%s: %v", dir, err)
		return nil
	}
	wants = wantsOf(wants, detectors)
	res := run(t, dir, set, wants, detectors, opt)
	if len(read.Sites) == 0 {
		return res
	}
	asked := analyze.ReadsCode(set, detectors, opt)
	set.Code = read.Sites
	with := run(t, dir, set, wants, detectors, opt)
	if !asked && res != nil && with != nil && !reflect.DeepEqual(res.Findings, with.Findings) {
		t.Errorf("%s: no detector asks for the source, but it changes what they find:\n%+v\nwithout it:\n%+v", dir, with.Findings, res.Findings)
	}
	return with
}

func run(t testing.TB, dir string, set *evidence.Set, wants []Want, detectors []*analyze.Detector, opt analyze.Options) *analyze.Result {
	t.Helper()
	res, err := analyze.Run(context.Background(), set, detectors, opt)
	if err != nil {
		t.Errorf("%s: %v", dir, err)
		return nil
	}
	for _, o := range res.Outcomes {
		if o.State == analyze.Failed {
			t.Errorf("%s: detector %s failed: %s", dir, o.Detector, o.Why)
		}
	}
	compare(t, dir, wants, res.Findings, set.Code != nil)
	return res
}

// Load decodes the captures in dir. It fails the test and returns nil when there are none,
// and fails it when one was not wholly read.
func Load(t testing.TB, dir string) *evidence.Set {
	t.Helper()
	ctx := context.Background()
	items, problems := source.Resolve(ctx, []string{dir}, source.Options{})
	for _, p := range problems {
		if p.Fatal {
			t.Errorf("%s: %s: %v", dir, p.Name, p.Err)
		}
	}
	if len(items) == 0 {
		t.Errorf("%s: no captures; make them with: go run ./scripts/gen-fixtures %s", dir, filepath.Base(dir))
		return nil
	}
	set := decode.All(ctx, items, budget.Default())
	for _, in := range set.Inputs {
		if !in.Complete || in.Error != "" {
			t.Errorf("%s: input %s was not wholly read: %s", dir, in.Source, in.Error)
		}
	}
	return set
}

// wantsOf keeps the wants for rules of the given detectors.
func wantsOf(wants []Want, detectors []*analyze.Detector) []Want {
	return slices.DeleteFunc(slices.Clone(wants), func(w Want) bool {
		name, _, _ := strings.Cut(w.Rule, "/")
		return !slices.ContainsFunc(detectors, func(d *analyze.Detector) bool { return d.Name == name })
	})
}

// compare pairs findings with wants, one to one.
func compare(t testing.TB, dir string, wants []Want, findings []analyze.Finding, withSource bool) {
	t.Helper()
	met := make([]bool, len(wants))
	for i := range findings {
		f := &findings[i]
		j := -1
		for k, w := range wants {
			if !met[k] && w.Matches(f) {
				j = k
				break
			}
		}
		if j < 0 {
			t.Errorf("%s: unexpected finding at %s:%d: %s: %s", dir, f.Location.ShortFile(), f.Location.Line, f.Rule, f.Message)
			continue
		}
		met[j] = true
		if w := wants[j]; withSource && w.Pattern != "" && (f.Code == nil || f.Code.Pattern != w.Pattern) {
			t.Errorf("%s: the source at %s:%d is not called %s: %+v", dir, w.File, w.Line, w.Pattern, f.Code)
		}
	}
	for j, w := range wants {
		if !met[j] {
			t.Errorf("%s: no finding meets the want at %s:%d: %s", dir, w.File, w.Line, w)
		}
	}
}
