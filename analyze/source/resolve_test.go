package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// tree writes files (path to content; a trailing slash makes a directory) and makes their
// root the working directory, so that names in tests are short.
func tree(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(name, 0o700))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(name), 0o700))
		must(t, os.WriteFile(name, []byte(content), 0o600))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func resolve(t *testing.T, opt Options, args ...string) ([]Item, []Problem) {
	t.Helper()
	if opt.Scratch == nil {
		opt.Scratch = &Scratch{Parent: t.TempDir()}
	}
	t.Cleanup(func() { must(t, opt.Scratch.Close()) })
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	items, problems := Resolve(ctx, args, opt)
	for i, it := range items {
		if it.Seq != i {
			t.Errorf("%s has Seq %d, want %d", it.Source, it.Seq, i)
		}
	}
	for _, p := range problems {
		if p.Err == nil || p.Hint == "" {
			t.Errorf("problem without error or hint: %+v", p)
		}
	}
	return items, problems
}

// show lists problems as "!name: error" when fatal, "name: error" when not.
func show(problems []Problem) (out []string) {
	for _, p := range problems {
		mark := ""
		if p.Fatal {
			mark = "!"
		}
		out = append(out, fmt.Sprintf("%s%s: %v", mark, p.Name, p.Err))
	}
	slices.Sort(out)
	return out
}

func contents(t *testing.T, items []Item) (out []string) {
	t.Helper()
	for _, it := range items {
		r, err := it.Open(context.Background())
		must(t, err)
		data, err := io.ReadAll(r)
		must(t, errors.Join(err, r.Close()))
		out = append(out, string(data))
	}
	return out
}

const manifest = `{"schema": "go-debug/capture/v1", "target": "http://h:6060/debug/pprof/", "tool": "v1", "go": "go1.26.1",
 "files": [%s], "skipped": [%s]}`

func TestResolve(t *testing.T) {
	for _, tc := range []struct {
		name     string
		files    map[string]string
		args     []string
		items    []string
		problems []string
	}{
		{
			name:  "files in natural order of their names",
			files: map[string]string{"g.10.txt": "", "g.2.txt": "", "sub/g.3.txt": ""},
			args:  []string{"g.10.txt", "sub/g.3.txt", "./g.2.txt"},
			items: []string{"g.2.txt", "sub/g.3.txt", "g.10.txt"},
		},
		{
			name: "a directory without capture.json",
			files: map[string]string{"d/goroutine.1.txt": "", "d/goroutine.0.txt": "", "d/heap.pb.gz": "", "d/.hidden": "", "d/.git/x": "",
				"d/main.go": "", "d/README.md": "", "d/report.json": "", "d/app": "\x7fELF...", "d/app.test": "", "d/sub/x.txt": ""},
			args:  []string{"d"},
			items: []string{"d/goroutine.0.txt", "d/goroutine.1.txt", "d/heap.pb.gz"},
			problems: []string{"d/README.md: left out: a document", "d/app.test: left out: a program", "d/app: left out: a program",
				"d/main.go: left out: source code", "d/report.json: left out: a report or data file", "d/sub: left out: a sub-directory"},
		},
		{
			name:  "a file named as an argument is read whatever it is called",
			files: map[string]string{"d/main.go": ""}, args: []string{"d/main.go"}, items: []string{"d/main.go"},
		},
		{
			name: "capture.json: only what it lists, in its order",
			files: map[string]string{"d/b.txt": "", "d/a.txt": "", "d/main.go": "", "d/extra.txt": "", "d/sub/x": "",
				"d/capture.json": fmt.Sprintf(manifest, `{"name": "b.txt", "kind": "goroutine"}, {"name": "a.txt", "kind": "goroutine"}`, "")},
			args: []string{"d/"}, items: []string{"d/b.txt", "d/a.txt"},
		},
		{
			name: "capture.json: by captured_at when all have one",
			files: map[string]string{"d/b.txt": "", "d/a.txt": "",
				"d/capture.json": fmt.Sprintf(manifest, `{"name": "b.txt", "kind": "goroutine", "captured_at": "2026-01-02T00:00:02Z"},
					{"name": "a.txt", "kind": "goroutine", "captured_at": "2026-01-02T00:00:01Z"}`, "")},
			args: []string{"d"}, items: []string{"d/a.txt", "d/b.txt"},
		},
		{
			name: "capture.json: what is missing, failed or was skipped",
			files: map[string]string{"d/a.txt": "", "d/capture.json": fmt.Sprintf(manifest,
				`{"name": "a.txt"}, {"name": "gone.txt"}, {"name": "cpu.pb.gz", "kind": "cpu", "error": "no answer within 30s"}`,
				`{"kind": "goroutineleak", "why": "not there", "absent": true}, {"kind": "goroutine", "why": "debug=2 was not taken"}`)},
			args: []string{"d"}, items: []string{"d/a.txt"},
			problems: []string{"!d/cpu.pb.gz: the capture failed: no answer within 30s",
				"!d/gone.txt: listed in capture.json: no such file or directory", "d: goroutine was not captured: debug=2 was not taken"},
		},
		{
			name:  "capture.json that is none",
			files: map[string]string{"d/a.txt": "", "d/capture.json": `{"schema": "other"}`},
			args:  []string{"d"},
			problems: []string{
				`!d/capture.json: schema is "other", want "go-debug/capture/v1": not written by go-debug capture`},
		},
		{
			name: "two captures are one in time",
			files: map[string]string{"x/a": "", "x/b": "", "y/a": "",
				"x/capture.json": fmt.Sprintf(manifest, `{"name": "a", "captured_at": "2026-01-02T00:00:01Z"}, {"name": "b", "captured_at": "2026-01-02T00:00:03Z"}`, ""),
				"y/capture.json": fmt.Sprintf(manifest, `{"name": "a", "captured_at": "2026-01-02T00:00:02Z"}`, "")},
			args: []string{"x", "y"}, items: []string{"x/a", "y/a", "x/b"},
		},
		{
			name: "captures in sub-directories",
			files: map[string]string{"d/a/capture.json": fmt.Sprintf(manifest, `{"name": "x"}`, ""), "d/a/x": "",
				"d/top.txt": ""},
			args: []string{"d"}, items: []string{"d/top.txt"},
			problems: []string{"!d/a: a capture of its own in a sub-directory was not read"},
		},
		{
			name: "an empty directory", files: map[string]string{"d/": ""}, args: []string{"d"},
			problems: []string{"!d: holds no captures"},
		},
		{
			name: "a directory with nothing to read", files: map[string]string{"d/main.go": ""}, args: []string{"d"},
			problems: []string{"!d: holds no captures", "d/main.go: left out: source code"},
		},
		{
			name: "one missing file does not stop the others", files: map[string]string{"a.txt": ""}, args: []string{"gone.txt", "a.txt"},
			items: []string{"a.txt"}, problems: []string{"!gone.txt: no such file or directory"},
		},
		{
			name: "named twice", files: map[string]string{"d/a.txt": ""}, args: []string{"d/a.txt", "d", "./d/a.txt"},
			items: []string{"d/a.txt"}, problems: []string{"d/a.txt: named twice, read once", "d/a.txt: named twice, read once"},
		},
		{name: "a pattern that matched nothing", args: []string{"gor*.txt"}, problems: []string{"!gor*.txt: no file matches the pattern"}},
		{name: "a foreign scheme", args: []string{"s3://b/k"}, problems: []string{`!s3://b/k: the scheme "s3" is not read, only http and https`}},
		{name: "an empty argument", args: []string{""}, problems: []string{`!"": empty argument`}},
		{name: "no argument", problems: []string{"!: no input"}},
		{name: "no standard input", args: []string{"-"}, problems: []string{"!stdin: there is no standard input"}},
		{
			name: "a file that looks like host and port", files: map[string]string{"host:6060": ""},
			args: []string{"host:6060"}, items: []string{"host:6060"},
		},
		{
			name: "an archive in a directory", files: map[string]string{"d/a.txt": "", "d/x": "PK\x03\x04"}, args: []string{"d"},
			items: []string{"d/a.txt"}, problems: []string{"!d/x: an archive inside d is not opened"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree(t, tc.files)
			items, problems := resolve(t, Options{}, tc.args...)
			if !slices.Equal(names(items), tc.items) {
				t.Errorf("items %q, want %q", names(items), tc.items)
			}
			slices.Sort(tc.problems)
			if got := show(problems); !slices.Equal(got, tc.problems) {
				t.Errorf("problems\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(tc.problems, "\n "))
			}
		})
	}
}

func TestResolveCarriesWhatTheManifestSays(t *testing.T) {
	tree(t, map[string]string{"d/x.gz": "data", "d/capture.json": fmt.Sprintf(manifest,
		`{"name": "x.gz", "kind": "mutex", "captured_at": "2026-01-02T03:04:05Z", "truncated": "cut", "error": ""}`, "")})
	items, _ := resolve(t, Options{}, "d")
	it := items[0]
	if it.Declared != evidence.Mutex || it.Go != "go1.26.1" || it.Truncated != "cut" || it.At.Unix() != 1767323045 {
		t.Errorf("got %+v", it)
	}
	if got := contents(t, items); got[0] != "data" {
		t.Errorf("content %q", got)
	}
}

func TestStdin(t *testing.T) {
	long := strings.Repeat("goroutine 1 [running]:\n", 10_000)
	for name, in := range map[string]string{"long": long, "short": "x", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			items, problems := resolve(t, Options{Stdin: strings.NewReader(in)}, "-")
			if len(problems) != 0 || !slices.Equal(names(items), []string{"stdin"}) {
				t.Fatalf("items %v, problems %v", names(items), show(problems))
			}
			if got := contents(t, items); got[0] != in {
				t.Errorf("%d bytes, want %d", len(got[0]), len(in))
			}
		})
	}
}

func TestStdinEndsWithTheContext(t *testing.T) {
	silent, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	r := newInterruptible(ctx, silent)
	cancel()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDirectoryIsBounded(t *testing.T) {
	tree(t, map[string]string{"d/a": "", "d/b": "", "d/c": ""})
	items, problems := resolve(t, Options{MaxMembers: 2}, "d")
	if got := show(problems); len(items) != 0 || !slices.Equal(got, []string{"!d: over budget: files of a directory beyond the limit of 2"}) {
		t.Errorf("items %q, problems %q", names(items), got)
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{
		"a/b.txt": "a/b.txt", "a b": "'a b'", "": "''", "$(x)": "'$(x)'", "it's": `'it'\''s'`, "-rf": "-rf",
	} {
		if got := ShellQuote(in); got != want {
			t.Errorf("ShellQuote(%q) = %s, want %s", in, got, want)
		}
	}
}

// Without room for temporary files an archive is a problem, not a panic.
func TestNoScratch(t *testing.T) {
	tree(t, map[string]string{"z": string(zipOf(t, map[string]string{"a": ""})), "t": string(tarOf(t, file("a", "")))})
	items, problems := Resolve(context.Background(), []string{"z", "t", "localhost:1"}, Options{})
	if len(items) != 0 || len(problems) != 3 {
		t.Errorf("items %q, problems %q", names(items), show(problems))
	}
}

// Where nothing can be stored, the hint is about that and not about the archive.
func TestNoTemporaryDirectory(t *testing.T) {
	tree(t, map[string]string{"t": string(tarOf(t, file("a", "")))})
	scratch := &Scratch{Parent: "nowhere"}
	defer scratch.Close()
	_, problems := Resolve(context.Background(), []string{"t"}, Options{Scratch: scratch})
	if len(problems) != 1 || !strings.Contains(problems[0].Err.Error(), "no temporary directory") || !strings.Contains(problems[0].Hint, "TMPDIR") {
		t.Errorf("problems %q", show(problems))
	}
}
