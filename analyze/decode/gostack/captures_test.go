package gostack

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"go-debug/analyze/evidence"
)

// captured are the goroutines that testdata/parked parks, by the function that tells them:
// how many, and what they wait for with states and without.
var captured = map[string]struct {
	n           int
	wait, debug evidence.Wait // debug=2 and protobuf; debug=1
}{
	"main.send":             {3, evidence.WaitChanSend, evidence.WaitChan},
	"main.start.func1":      {2, evidence.WaitChanRecv, evidence.WaitChan},
	"main.start.func2.1":    {1, evidence.WaitChanSend, evidence.WaitChan},
	"main.sendNil":          {1, evidence.WaitNilChan, evidence.WaitChan},
	"main.recvNil":          {1, evidence.WaitNilChan, evidence.WaitChan},
	"main.noCases":          {1, evidence.WaitNoCases, evidence.WaitSelect},
	"main.choose":           {1, evidence.WaitSelect, evidence.WaitSelect},
	"main.lock":             {1, evidence.WaitMutex, evidence.WaitMutex},
	"main.rlock":            {1, evidence.WaitRWMutex, evidence.WaitRWMutex},
	"main.wlock":            {1, evidence.WaitRWMutex, evidence.WaitRWMutex},
	"main.waitGroup":        {1, evidence.WaitWaitGroup, evidence.WaitWaitGroup},
	"main.waitCond":         {1, evidence.WaitCond, evidence.WaitCond},
	"main.nap":              {1, evidence.WaitSleep, evidence.WaitSleep},
	"main.locked":           {1, evidence.WaitChanRecv, evidence.WaitChan},
	"main.accept":           {1, evidence.WaitIO, evidence.WaitIO},
	"main.read":             {1, evidence.WaitSyscall, evidence.WaitSyscall},
	"main.deep":             {1, evidence.WaitChanRecv, evidence.WaitChan},
	"main.(*box[...]).take": {1, evidence.WaitChanRecv, evidence.WaitChan},
	"main.drain[...]":       {1, evidence.WaitChanRecv, evidence.WaitChan},
	"main.(*server).run":    {1, evidence.WaitChanRecv, evidence.WaitChan},
	"main.labelled":         {1, evidence.WaitChanRecv, evidence.WaitChan},
	"main.leak":             {4, evidence.WaitChanRecv, evidence.WaitChan},
	"main.start.func4":      {1, evidence.WaitSelect, evidence.WaitSelect},
	"main.ranger":           {1, evidence.WaitChanSend, evidence.WaitChan},
	"main.pulled":           {1, evidence.WaitChanRecv, evidence.WaitChan},
	"iter.Pull[...].func1":  {1, evidence.WaitCoroutine, evidence.WaitNone},
}

// later are those of go1.23 and later.
var later = []string{"main.ranger", "main.pulled", "iter.Pull[...].func1"}

// leaked are those that the runtime can prove.
var leaked = map[string]int{"main.leak": 4, "main.start.func4": 1, "main.sendNil": 1, "main.recvNil": 1, "main.noCases": 1}

func readCapture(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func versions(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("testdata/go1.*")
	if err != nil || len(dirs) < 10 {
		t.Fatalf("captures of %d Go versions: %v", len(dirs), err)
	}
	return dirs
}

// checkCaptured compares a snapshot with what the program did.
func checkCaptured(t *testing.T, name string, s *evidence.Snapshot) {
	t.Helper()
	old := slices.Contains([]string{"18", "19", "20", "21", "22"}, strings.Split(filepath.Base(filepath.Dir(name)), ".")[1])
	for function, want := range captured {
		if old && slices.Contains(later, function) {
			continue
		}
		wait := want.wait
		if s.Format == formatDebug1 {
			wait = want.debug
		}
		if n, got := count(s, function); n != want.n || got != wait {
			t.Errorf("%s: %d goroutines in %s waiting for %q, want %d for %q", name, n, function, got, want.n, wait)
		}
	}
	for _, g := range s.Groups {
		for _, f := range append(g.Stack[:len(g.Stack):len(g.Stack)], g.CreatedBy) {
			if f != (evidence.Frame{}) && (f.Line <= 0 || f.File == "" || strings.ContainsAny(f.Function+f.File, " \t")) {
				t.Errorf("%s: frame %+v", name, f)
			}
		}
		if s.HasCreators && g.CreatedBy.IsZero() && g.IDs[0] != 1 {
			t.Errorf("%s: no creator: %+v", name, g)
		}
	}
}

func TestCaptures(t *testing.T) {
	for _, dir := range versions(t) {
		for _, base := range []string{"debug2.txt.gz", "debug1.txt.gz"} {
			name := filepath.Join(dir, base)
			text := readCapture(t, name)
			s := one(t, text)
			checkCaptured(t, name, s)
			// What stands around the lines changes nothing, and the slower way that such
			// lines take finds what the faster one does.
			for form, rewrite := range map[string]func(string) string{
				"prefix": prefixed("ts1%d F "), "json": wrapped(`{"log":%s,"stream":"stderr"}`, "\n"),
				"crlf": func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
			} {
				if got := one(t, []byte(rewrite(string(text)))); !reflect.DeepEqual(got.Groups, s.Groups) {
					t.Errorf("%s, %s: other groups: %+v", name, form, got.Groups)
				}
			}
			if headers := bytes.Count(text, []byte("\ngoroutine ")) + 1; s.HasIDs && s.Total != headers {
				t.Errorf("%s: %d goroutines, the text has %d headers", name, s.Total, headers)
			}
			for _, g := range s.Groups {
				if s.HasIDs && g.State != "running" && (g.MinMinutes != 1 || g.MaxMinutes != 1) {
					t.Errorf("%s: blocked for %d to %d minutes, want 1: %+v", name, g.MinMinutes, g.MaxMinutes, g)
				}
				tricky := slices.Contains(g.Labels, `tricky=a]: "b" {c}, d: }`) && slices.Contains(g.Labels, "route=/items/{id}") &&
					slices.Contains(g.Labels, "plain=v1.2/x_y") && slices.Contains(g.Labels, "empty=")
				labelled := s.Format == formatDebug1 || strings.HasSuffix(dir, ".26") || strings.HasSuffix(dir, ".27")
				if is := g.Stack.Contains("main.labelled"); tricky != (is && labelled) {
					t.Errorf("%s: labels %q of %v", name, g.Labels, g.Stack)
				}
			}
		}
	}
}

// The same goroutines have the same keys in every form and every Go version, as far as a
// form shows what the key is made of.
func TestKeysAgree(t *testing.T) {
	keys := func(s *evidence.Snapshot, key func(*evidence.Group) string) map[string]int {
		out := map[string]int{}
		for i := range s.Groups {
			g := &s.Groups[i]
			names := strings.Join(g.Stack.Functions(), " ")
			if g.State == "running" || strings.Contains(names, "runtime/pprof") || strings.Contains(names, "range") || strings.Contains(names, "iter.") || strings.Contains(names, "pulled") {
				continue // the dump's own, and what old versions lack
			}
			out[key(g)] += g.Count
		}
		return out
	}
	var first map[string]int
	for _, dir := range versions(t) {
		text := one(t, readCapture(t, filepath.Join(dir, "debug2.txt.gz")))
		byCreator := keys(text, (*evidence.Group).Key)
		if first == nil {
			first = byCreator
		}
		if !maps.Equal(first, byCreator) {
			t.Errorf("%s: keys\n%s\nwant\n%s", dir, lines(byCreator), lines(first))
		}
		want := keys(text, (*evidence.Group).StackKey)
		for form, s := range map[string]*evidence.Snapshot{
			"protobuf": protobuf(t, filepath.Join(dir, "debug0.pb.gz")), "debug=1": one(t, readCapture(t, filepath.Join(dir, "debug1.txt.gz"))),
		} {
			if got := keys(s, (*evidence.Group).StackKey); !maps.Equal(got, want) {
				t.Errorf("%s: the keys of the %s\n%s\nwant\n%s", dir, form, lines(got), lines(want))
			}
		}
	}
}

func lines(m map[string]int) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b.WriteString(strings.ReplaceAll(k, "\n", " < ") + "\n")
	}
	return b.String()
}

// protobuf makes groups of a goroutine profile, as the decoder of profiles does.
func protobuf(t *testing.T, name string) *evidence.Snapshot {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(data)
	if err != nil {
		t.Fatal(err)
	}
	s := &evidence.Snapshot{Format: "pprof"}
	for _, sample := range p.Sample {
		g := evidence.Group{Count: int(sample.Value[0])}
		for _, loc := range sample.Location {
			for _, line := range loc.Line {
				g.Stack = append(g.Stack, evidence.Frame{Function: line.Function.Name, File: line.Function.Filename, Line: int(line.Line)})
			}
		}
		g.Wait = evidence.WaitOf(g.Stack)
		s.Groups = append(s.Groups, g)
	}
	return s
}

// The leak profile lists what nothing can wake. Its mark stays in later dumps, in the
// minutes' place.
func TestLeakCaptures(t *testing.T) {
	for _, dir := range []string{"testdata/go1.26", "testdata/go1.27"} {
		profile := one(t, readCapture(t, filepath.Join(dir, "leak.debug1.txt.gz")))
		if profile.Kind != evidence.GoroutineLeak || profile.Total != 8 {
			t.Errorf("%s: a %s profile of %d goroutines", dir, profile.Kind, profile.Total)
		}
		after := one(t, readCapture(t, filepath.Join(dir, "afterleak.debug2.txt.gz")))
		if after.Kind != evidence.Goroutine {
			t.Errorf("%s: a dump of kind %s", dir, after.Kind)
		}
		checkCaptured(t, dir+"/after", after)
		for from, s := range map[string]*evidence.Snapshot{"profile": profile, "dump": after} {
			for _, g := range s.Groups {
				want := 0
				for function, n := range leaked {
					if g.Stack.Contains(function) {
						want = n
					}
				}
				minutes := 0
				if s == after && g.State != "running" && want == 0 {
					minutes = 1
				}
				if g.Leaked != want || g.MaxMinutes != minutes || s == profile && g.Wait == evidence.WaitNone {
					t.Errorf("%s, %s: %d leaked, want %d, %d minutes: %+v", dir, from, g.Leaked, want, g.MaxMinutes, g)
				}
			}
		}
	}
}

// What a crash writes, with GOTRACEBACK=system and with ancestors.
func TestCrashCaptures(t *testing.T) {
	for _, dir := range []string{"testdata/go1.18", "testdata/go1.22", "testdata/go1.27"} {
		for _, base := range []string{"quit.txt.gz", "panic.txt.gz"} {
			name := filepath.Join(dir, base)
			text := readCapture(t, name)
			if !bytes.Contains(text, []byte("[originating from goroutine 1]:")) && base == "panic.txt.gz" {
				t.Errorf("%s has no ancestors", name)
			}
			s := one(t, text)
			checkCaptured(t, name, s)
			if s.Format != formatCrash {
				t.Errorf("%s: format %s", name, s.Format)
			}
		}
	}
}
