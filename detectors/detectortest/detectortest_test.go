package detectortest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

const dump = `goroutine 1 [running]:
main.main()
	example.com/app/main.go:7 +0x1d

goroutine 18 [chan send]:
main.send(...)
	example.com/app/main.go:12
created by main.main in goroutine 1
	example.com/app/main.go:6 +0x2a
`

// stuck reports every goroutine that sends on a channel.
var stuck = &analyze.Detector{
	Name:   "stuck",
	Rules:  []analyze.Rule{{ID: "stuck/send", Severity: analyze.High}, {ID: "stuck/receive", Severity: analyze.High}},
	Needs:  []analyze.Need{{Kind: evidence.Goroutine, Captures: 1, Confidence: analyze.Likely}},
	Params: []analyze.Param{{Name: "min-stuck", Default: 1, Unit: "goroutines"}},
	Run: func(_ context.Context, p *analyze.Pass) error {
		for _, s := range p.Evidence.SnapshotsOf(evidence.Goroutine) {
			for _, g := range s.Groups {
				if g.Wait == evidence.WaitChanSend && float64(g.Count) >= p.Param("min-stuck") {
					p.Report(analyze.Finding{Rule: "stuck/send", Message: fmt.Sprintf("%d cannot send", g.Count), Confidence: analyze.Likely, Location: g.Stack[0]})
				}
			}
		}
		return nil
	},
}

var broken = &analyze.Detector{
	Name:  "broken",
	Needs: stuck.Needs,
	Run:   func(context.Context, *analyze.Pass) error { return errors.New("out of order") },
}

// recorder is a testing.TB that keeps the failures instead of failing.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// sourceWithWant is a main.go whose line 12 carries the comment.
func sourceWithWant(comment string) string {
	return "package main\n" + strings.Repeat("\n", 10) + "var x = 1 " + comment + "\n"
}

func TestRun(t *testing.T) {
	cut := gzipped(t, strings.Repeat(dump, 50))
	cut = cut[:len(cut)-12]
	for _, c := range []struct {
		name      string
		source    string
		capture   string
		detectors []*analyze.Detector
		want      []string // a part of each failure
	}{
		{name: "rule and message meet", source: sourceWithWant(`// want "stuck/send: ^1 cannot"`), capture: dump},
		{name: "rule alone meets", source: sourceWithWant(`// want "stuck/send"`), capture: dump},
		{name: "no want", source: sourceWithWant(`// the queue`), capture: dump,
			want: []string{"unexpected finding at main.go:12: stuck/send: 1 cannot send"}},
		{name: "other rule", source: sourceWithWant(`// want "stuck/receive"`), capture: dump,
			want: []string{"unexpected finding at main.go:12", "no finding meets the want at main.go:12: stuck/receive"}},
		{name: "other message", source: sourceWithWant(`// want "stuck/send: ^7"`), capture: dump,
			want: []string{"unexpected finding", "no finding meets the want at main.go:12: stuck/send: ^7"}},
		{name: "surer than wanted", source: sourceWithWant(`// want low "stuck/send"`), capture: dump,
			want: []string{"unexpected finding", "no finding meets the want at main.go:12: low stuck/send"}},
		{name: "other line", source: "\n" + sourceWithWant(`// want "stuck/send"`), capture: dump,
			want: []string{"unexpected finding at main.go:12", "no finding meets the want at main.go:13"}},
		{name: "one finding meets one want", source: sourceWithWant(`// want "stuck/send" "stuck/send"`), capture: dump,
			want: []string{"no finding meets"}},
		{name: "want of a detector that is not run", source: sourceWithWant(`// want "stuck/send" "inflight/growing"`), capture: dump},
		{name: "of a line, wanted of none", source: sourceWithWant(`// want nowhere "stuck/send"`), capture: dump,
			want: []string{"unexpected finding", "no finding meets the want at main.go:12: nowhere stuck/send"}},
		{name: "off by a parameter", source: sourceWithWant(``) + "\n// param stuck.min-stuck=2\n", capture: dump},
		{name: "malformed parameter", source: sourceWithWant(``) + "\n// param stuck.min-stuck=few\n", capture: dump, want: []string{"main.go: param stuck.min-stuck"}},
		{name: "unknown parameter", source: sourceWithWant(``) + "\n// param stuck.max-stuck=2\n", capture: dump, want: []string{"unknown parameter"}},
		{name: "malformed want", source: sourceWithWant(`// want "stuck/send: ("`), capture: dump,
			want: []string{"main.go:12: want: message of stuck/send"}},
		{name: "detector fails", source: sourceWithWant(`// want "stuck/send"`), capture: dump, detectors: []*analyze.Detector{stuck, broken},
			want: []string{"detector broken failed: out of order"}},
		{name: "cut input", source: sourceWithWant(`// want "stuck/send"`), capture: string(cut), want: []string{"was not wholly read"}},
		{name: "no captures", source: sourceWithWant(``), want: []string{"holds no captures", "go run ./scripts/gen-fixtures"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "main.go", c.source)
			if c.capture != "" {
				write(t, dir, "goroutine.00.debug2.txt", c.capture)
			}
			if c.detectors == nil {
				c.detectors = []*analyze.Detector{stuck}
			}
			rec := &recorder{}
			Run(rec, dir, c.detectors)
			if len(rec.failures) != len(c.want) {
				t.Fatalf("failures %q, want %d", rec.failures, len(c.want))
			}
			for i, part := range c.want {
				if !strings.Contains(rec.failures[i], part) {
					t.Errorf("failure %q does not say %q", rec.failures[i], part)
				}
			}
		})
	}
}

func TestWants(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.go", "package main // want of a better name\n\nvar s = `// want \"x/y\"` // want \"leak/chan-send\" `mutexwait/hot: \\d+ s`\n")
	write(t, dir, "b.go", "package main\n// wants nothing\n")
	wants, err := Wants(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range wants {
		got = append(got, fmt.Sprintf("%s:%d %s", w.File, w.Line, w))
	}
	want := "a.go:3 leak/chan-send\na.go:3 mutexwait/hot: \\d+ s"
	if strings.Join(got, "\n") != want {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), want)
	}
	for _, bad := range []string{`// want "leak"`, `// want "leak/x" and more`, `// want "leak/x`} {
		if _, err := wantsInFile("c.go", []byte("package main "+bad+"\n")); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
