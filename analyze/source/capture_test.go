package source

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

const targetURL = "http://user:secret@app:6060"

func capture(t *testing.T, client *http.Client, opt CaptureOptions) (*Manifest, string, error) {
	t.Helper()
	opt.Client = client
	if opt.Output == "" {
		opt.Output = filepath.Join(t.TempDir(), "bundle")
	}
	m, err := Capture(t.Context(), targetURL, opt)
	return m, opt.Output, err
}

// lines shows a manifest: "offset name kind/format for path".
func lines(m *Manifest) (out []string) {
	for _, f := range m.Files {
		s := fmt.Sprintf("%s %s %s/%s %gs %s", f.CapturedAt.Sub(m.StartedAt), f.Name, f.Kind, f.Format, f.DurationS, f.Path)
		for _, why := range []string{f.Truncated, f.Error} {
			if why != "" {
				s += " | " + why
			}
		}
		out = append(out, s)
	}
	return out
}

func diff(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n %s\nwant:\n %s", what, strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

func TestCapturePlan(t *testing.T) {
	f := &fakeTarget{}
	inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
		var events []Event
		m, dir, err := capture(t, client, CaptureOptions{Tool: "v1.2", Progress: func(e Event) { events = append(events, e) }})
		must(t, err)
		diff(t, "files", lines(m), []string{
			"0s allocs.pb.gz allocs/pprof 10s /debug/pprof/allocs?seconds=10",
			"0s block.pb.gz block/pprof 10s /debug/pprof/block?seconds=10",
			"0s cpu.pb.gz cpu/pprof 10s /debug/pprof/profile?seconds=10",
			"0s goroutine.00.debug0.pb.gz goroutine/pprof 0s /debug/pprof/goroutine",
			"0s goroutine.01.debug2.txt.gz goroutine/debug2 0s /debug/pprof/goroutine?debug=2",
			"0s heap.00.pb.gz heap/pprof 0s /debug/pprof/heap",
			"0s metrics.prom metrics/openmetrics 10s /metrics",
			"0s mutex.pb.gz mutex/pprof 10s /debug/pprof/mutex?seconds=10",
			"2s goroutine.02.debug2.txt.gz goroutine/debug2 0s /debug/pprof/goroutine?debug=2",
			"2s heap.01.pb.gz heap/pprof 0s /debug/pprof/heap",
			"4s goroutine.03.debug2.txt.gz goroutine/debug2 0s /debug/pprof/goroutine?debug=2",
			"4s heap.02.pb.gz heap/pprof 0s /debug/pprof/heap",
			"4.5s trace.out trace/trace 1s /debug/pprof/trace?seconds=1",
			"6s goroutine.04.debug2.txt.gz goroutine/debug2 0s /debug/pprof/goroutine?debug=2",
			"6s heap.03.pb.gz heap/pprof 0s /debug/pprof/heap",
			"8s goroutine.05.debug2.txt.gz goroutine/debug2 0s /debug/pprof/goroutine?debug=2",
			"8s heap.04.pb.gz heap/pprof 0s /debug/pprof/heap",
			"10s goroutine.06.debug2.txt.gz goroutine/debug2 0s /debug/pprof/goroutine?debug=2",
			"10s heap.05.pb.gz heap/pprof 0s /debug/pprof/heap",
			"10s threadcreate.pb.gz threadcreate/pprof 0s /debug/pprof/threadcreate",
		})
		if m.Go != "go1.26.8" || m.Target != "http://app:6060/debug/pprof/" || m.DurationS != 10 || m.Tool != "v1.2" || len(m.Warnings) != 0 {
			t.Errorf("manifest %+v", m)
		}
		if want := []Skip{{evidence.GoroutineLeak, "the target has no /debug/pprof/goroutineleak (HTTP status 404)", true}}; !slices.Equal(m.Skipped, want) {
			t.Errorf("skipped %+v", m.Skipped)
		}
		asked := f.asked()
		if asked[0] != "0s /debug/pprof/goroutine" || asked[len(asked)-1] != "10s /debug/pprof/goroutineleak" {
			t.Errorf("first %s, last %s", asked[0], asked[len(asked)-1])
		}
		if len(events) != len(m.Files)+1 || events[0].Target != "http://app:6060/debug/pprof/" {
			t.Errorf("%d events, the first %+v", len(events), events[0])
		}
		checkStored(t, dir, m)
	})
}

// checkStored reads a bundle back.
func checkStored(t *testing.T, dir string, m *Manifest) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, ManifestName))
	must(t, err)
	if strings.Contains(string(raw), "secret") {
		t.Error("the password is in capture.json")
	}
	st, err := os.Stat(dir)
	must(t, err)
	if st.Mode().Perm() != 0o700 {
		t.Errorf("directory mode %v", st.Mode())
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != len(m.Files)+1 {
		t.Errorf("%d files, the manifest lists %d", len(entries), len(m.Files))
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
		}
	}
	items, problems := resolve(t, Options{}, dir)
	if len(problems) != 0 || len(items) != len(m.Files) {
		t.Errorf("resolved %v, problems %v", names(items), show(problems))
	}
	for i, it := range items {
		if it.Declared != m.Files[i].Kind || it.Go != m.Go {
			t.Errorf("%s: %+v", it.Source, it)
		}
	}
	dump, err := os.Open(filepath.Join(dir, "goroutine.01.debug2.txt.gz"))
	must(t, err)
	defer dump.Close()
	z, err := gzip.NewReader(dump)
	must(t, err)
	if got, err := io.ReadAll(z); err != nil || !strings.HasPrefix(string(got), "goroutine 1 [running]") {
		t.Errorf("dump %q %v", got, err)
	}
	metrics, err := os.ReadFile(filepath.Join(dir, metricsFile))
	must(t, err)
	if n := strings.Count(string(metrics), "# scrape "); n != 11 || !strings.HasPrefix(string(metrics), "# scrape 946684800\n# HELP") {
		t.Errorf("%d scrapes: %.60q", n, metrics)
	}
}

// debug=2 is never asked for at or above the limit, whether the target is there from the
// start or climbs past it, and again once it has fallen below.
func TestStackLimit(t *testing.T) {
	for _, tc := range []struct {
		name  string
		total func(time.Duration) int64
		want  []string
	}{
		{"above", func(time.Duration) int64 { return 30_000 },
			[]string{"00.debug0", "01.debug0", "02.debug0", "03.debug0", "04.debug0", "05.debug0"}},
		{"at", func(time.Duration) int64 { return DefaultStackLimit },
			[]string{"00.debug0", "01.debug0", "02.debug0", "03.debug0", "04.debug0", "05.debug0"}},
		{"just below", func(time.Duration) int64 { return DefaultStackLimit - 1 },
			[]string{"00.debug0", "01.debug2", "02.debug2", "03.debug2", "04.debug2", "05.debug2", "06.debug2"}},
		{"climbs and falls", func(d time.Duration) int64 {
			if d >= 4*time.Second && d < 8*time.Second {
				return 25_000
			}
			return 100
		}, []string{"00.debug0", "01.debug2", "02.debug2", "03.debug0", "04.debug0", "05.debug2", "06.debug2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fakeTarget{total: tc.total}
			inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
				m, _, err := capture(t, client, CaptureOptions{Kinds: []evidence.Kind{evidence.Goroutine}})
				must(t, err)
				var got []string
				stacks := 0
				for _, file := range m.Files {
					got = append(got, strings.Join(strings.Split(file.Name, ".")[1:3], "."))
					stacks += strings.Count(file.Path, "debug=2")
				}
				diff(t, "snapshots", got, tc.want)
				if n := strings.Count(strings.Join(f.asked(), "\n"), "debug=2"); n != stacks {
					t.Errorf("debug=2 was asked for %d times, stored %d times", n, stacks)
				}
				if said := len(m.Skipped) == 1 && strings.Contains(m.Skipped[0].Why, "the limit is 20000"); said != slices.Contains(got, "03.debug0") {
					t.Errorf("skipped %+v", m.Skipped)
				}
			})
		})
	}
}

func TestCountThatCannotBeReadAllowsNoStacks(t *testing.T) {
	f := &fakeTarget{faults: map[string]http.HandlerFunc{"/debug/pprof/goroutine": text("\xff\xff no profile")}}
	inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
		m, _, err := capture(t, client, CaptureOptions{Kinds: []evidence.Kind{evidence.Goroutine}})
		must(t, err)
		if len(m.Files) != 6 || len(m.Skipped) != 1 || strings.Contains(strings.Join(f.asked(), ""), "debug=2") {
			t.Errorf("files %v, skipped %v", lines(m), m.Skipped)
		}
	})
}

func TestCancelLeavesNothing(t *testing.T) {
	for _, after := range []time.Duration{0, 3 * time.Second, 4600 * time.Millisecond} {
		inVirtualTime(t, &fakeTarget{}, func(t *testing.T, client *http.Client) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stop := time.AfterFunc(after, cancel)
			defer stop.Stop()
			dir := t.TempDir()
			start := time.Now()
			_, err := Capture(ctx, targetURL, CaptureOptions{Client: client, Output: filepath.Join(dir, "b.zip")})
			if !errors.Is(err, context.Canceled) || time.Since(start) != after {
				t.Errorf("got %v after %s, want cancelled after %s", err, time.Since(start), after)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind %v %v", left, err)
			}
		})
	}
}

// A directory and every archive hold the same capture.
func TestOutputs(t *testing.T) {
	var want []string
	for _, name := range []string{"b", "b.zip", "b.tar.gz", "b.tgz", "b.tar"} {
		inVirtualTime(t, &fakeTarget{}, func(t *testing.T, client *http.Client) {
			dir := t.TempDir()
			out := filepath.Join(dir, name)
			_, _, err := capture(t, client, CaptureOptions{Output: out, For: 2 * time.Second})
			must(t, err)
			items, problems := resolve(t, Options{}, out)
			if len(problems) != 0 {
				t.Errorf("%s: problems %q", name, show(problems))
			}
			var got []string
			for i, c := range contents(t, items) {
				got = append(got, filepath.Base(items[i].Source)+items[i].At.String()+c)
			}
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %d items differ from the directory's %d", name, len(got), len(want))
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 1 {
				t.Errorf("%s: left behind %v %v", name, left, err)
			}
			if st, _ := os.Stat(out); !st.IsDir() && st.Mode().Perm() != 0o600 {
				t.Errorf("%s: mode %v", name, st.Mode())
			}
			if _, _, err := capture(t, client, CaptureOptions{Output: out}); err == nil || !strings.Contains(err.Error(), "exists already") {
				t.Errorf("%s was written over: %v", name, err)
			}
		})
	}
}

func TestCaptureOptions(t *testing.T) {
	for _, tc := range []struct {
		target, want string
		opt          CaptureOptions
	}{
		{"http://h", "no kind that a live endpoint serves", CaptureOptions{Kinds: []evidence.Kind{evidence.LoadTest}}},
		{"http://h", "makes more than 1000", CaptureOptions{Every: time.Millisecond}},
		{"http://h", "is not above 0", CaptureOptions{Every: -1}},
		{"http://h", "does not fit", CaptureOptions{Trace: time.Minute}},
		{"http://h", "is not between", CaptureOptions{For: -1}},
		{"http://h", "is not between", CaptureOptions{For: 2 * time.Hour}},
		{"http://h/debug/pprof/heap", "names one profile", CaptureOptions{}},
		{"nothing", "is no URL and no host:port", CaptureOptions{}},
		{"ftp://h", `scheme "ftp"`, CaptureOptions{}},
		{"http://h", "no such file or directory", CaptureOptions{Output: "/nonexistent/b.zip"}},
		{"http://h", "no place for the bundle", CaptureOptions{}},
	} {
		if _, err := Capture(t.Context(), tc.target, tc.opt); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %+v: got %v, want %q", tc.target, tc.opt, err, tc.want)
		}
	}
}

// A window without room for the trace between two snapshots has it afterwards.
func TestTraceKeepsClearOfSnapshots(t *testing.T) {
	for _, tc := range []struct {
		window, every, trace time.Duration
		want                 string
	}{
		{10 * time.Second, 2 * time.Second, time.Second, "4.5s"},
		{30 * time.Second, 6 * time.Second, 5 * time.Second, "12.5s"},
		{time.Second, 200 * time.Millisecond, time.Second, "1s"},
		{time.Second, 200 * time.Millisecond, 100 * time.Millisecond, "450ms"},
		{10 * time.Second, time.Minute, time.Second, "10s"},
	} {
		inVirtualTime(t, &fakeTarget{}, func(t *testing.T, client *http.Client) {
			m, _, err := capture(t, client, CaptureOptions{For: tc.window, Every: tc.every, Trace: tc.trace})
			must(t, err)
			for _, f := range m.Files {
				if f.Kind != evidence.Execution {
					continue
				}
				if got := f.CapturedAt.Sub(m.StartedAt).String(); got != tc.want {
					t.Errorf("%+v: trace at %s", tc, got)
				}
			}
		})
	}
}

// Heap profiles are spread over any window, their number does not grow with it, and none is taken while the
// trace runs.
func TestHeapProfiles(t *testing.T) {
	for _, tc := range []struct {
		window, every, trace time.Duration
		want                 []string
	}{
		{10 * time.Second, 2 * time.Second, time.Second, []string{"0s", "2s", "4s", "6s", "8s", "10s"}},
		{time.Hour, time.Minute, time.Second, []string{"0s", "12m0s", "24m0s", "36m0s", "48m0s", "1h0m0s"}},
		{10 * time.Second, 5 * time.Second, 4 * time.Second, []string{"0s", "4.5s", "6s", "8s", "10s"}},
	} {
		inVirtualTime(t, &fakeTarget{}, func(t *testing.T, client *http.Client) {
			m, _, err := capture(t, client, CaptureOptions{For: tc.window, Every: tc.every, Trace: tc.trace})
			must(t, err)
			var got []string
			for _, f := range m.Files {
				if f.Kind == evidence.Heap {
					got = append(got, f.CapturedAt.Sub(m.StartedAt).String())
				}
			}
			diff(t, tc.window.String(), got, tc.want)
		})
	}
	f := &fakeTarget{}
	inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
		_, _, err := capture(t, client, CaptureOptions{Collect: true})
		must(t, err)
		if all, collected := asks(f, "/debug/pprof/heap"), asks(f, "/debug/pprof/heap?gc=1"); all != 0 || collected != HeapProfiles {
			t.Errorf("%d heap profiles after a collection, %d without", collected, all)
		}
	})
}

// The real handlers, with the least window that they know. Nothing here depends on how long
// it takes.
func TestCaptureOfARealProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	srv := httptest.NewServer(mux)
	defer srv.Close()
	stop := make(chan struct{})
	defer close(stop)
	const parked = 500
	for range parked {
		go func() { <-stop }()
	}
	dir := filepath.Join(t.TempDir(), "b")
	m, err := Capture(t.Context(), srv.URL, CaptureOptions{Output: dir, For: time.Second, Every: time.Second, Trace: 100 * time.Millisecond})
	must(t, err)
	for _, k := range CaptureKinds {
		if k == evidence.Metrics || k == evidence.GoroutineLeak {
			continue
		}
		if !slices.ContainsFunc(m.Files, func(f File) bool { return f.Kind == k && f.Error == "" && f.Truncated == "" && f.Bytes > 0 }) {
			t.Errorf("no whole %s in %v, skipped %v", k, lines(m), m.Skipped)
		}
	}
	if !strings.HasPrefix(runtime.Version(), m.Go) || m.Go == "" {
		t.Errorf("the target runs %s, the manifest says %q", runtime.Version(), m.Go)
	}
	f, err := os.Open(filepath.Join(dir, "goroutine.00.debug0.pb.gz"))
	must(t, err)
	defer f.Close()
	if n, err := countGoroutines(f); err != nil || n < parked || n > parked+200 {
		t.Errorf("counted %d goroutines, %v", n, err)
	}
}
