package source

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

func asks(f *fakeTarget, what string) int {
	return strings.Count(strings.Join(f.asked(), "\n")+"\n", what+"\n")
}

// goroutineleak is asked for once, last, and below its limit only; what the target does not
// know is noted and is no error.
func TestLeakProfile(t *testing.T) {
	const path = "/debug/pprof/goroutineleak"
	for name, tc := range map[string]struct {
		total  int64
		opt    CaptureOptions
		answer http.HandlerFunc
		asked  int
		file   bool
		skip   string
		absent bool
	}{
		"few":                 {total: 100, answer: text("\x1f\x8bleak"), asked: 1, file: true},
		"just below":          {total: DefaultLeakLimit - 1, answer: text("\x1f\x8bleak"), asked: 1, file: true},
		"at":                  {total: DefaultLeakLimit, asked: 0, skip: "50000 goroutines, the limit is 50000"},
		"above":               {total: 70_000, asked: 0, skip: "70000 goroutines, the limit is 50000"},
		"above, forced":       {total: 70_000, opt: CaptureOptions{LeakLimit: NoLimit}, answer: text("\x1f\x8bleak"), asked: 1, file: true},
		"404":                 {total: 100, asked: 1, skip: "the target has no " + path + " (HTTP status 404)", absent: true},
		"unknown profile":     {total: 100, answer: status(400, "Unknown profile"), asked: 1, skip: "the target has no " + path + " (HTTP status 400)", absent: true},
		"a page":              {total: 100, answer: text("<html>Not here"), asked: 1, skip: "the target has no " + path + " (it answers with a page)", absent: true},
		"another refusal":     {total: 100, answer: status(500, "no"), asked: 1, skip: "HTTP status 500 Internal Server Error: no"},
		"without goroutines":  {total: 70_000, opt: CaptureOptions{Kinds: []evidence.Kind{evidence.Heap, evidence.GoroutineLeak}}, asked: 0, skip: "70000 goroutines"},
		"the other kind only": {total: 10, opt: CaptureOptions{Kinds: []evidence.Kind{evidence.Heap, evidence.GoroutineLeak}}, answer: text("\x1f\x8bleak"), asked: 1, file: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeTarget{total: func(time.Duration) int64 { return tc.total }, faults: map[string]http.HandlerFunc{}}
			if tc.answer != nil {
				f.faults[path] = tc.answer
			}
			inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
				m, _, err := capture(t, client, tc.opt)
				must(t, err)
				if n := asks(f, path); n != tc.asked {
					t.Errorf("asked for %d times, want %d", n, tc.asked)
				}
				if asked := f.asked(); tc.asked > 0 && !strings.HasSuffix(asked[len(asked)-1], path) {
					t.Errorf("the last request is %s", asked[len(asked)-1])
				}
				has := slices.ContainsFunc(m.Files, func(f File) bool { return f.Kind == evidence.GoroutineLeak && f.Error == "" })
				if has != tc.file {
					t.Errorf("files %q", lines(m))
				}
				i := slices.IndexFunc(m.Skipped, func(s Skip) bool { return s.Kind == evidence.GoroutineLeak })
				switch {
				case (i >= 0) != (tc.skip != ""):
					t.Errorf("skipped %+v", m.Skipped)
				case i >= 0 && (!strings.HasPrefix(m.Skipped[i].Why, tc.skip) || m.Skipped[i].Absent != tc.absent):
					t.Errorf("skipped %+v, want %q, absent %v", m.Skipped[i], tc.skip, tc.absent)
				}
			})
		})
	}
}

// Above the limit of full dumps there is a series of debug=0 and a trace, and it is said.
func TestManyGoroutines(t *testing.T) {
	f := &fakeTarget{total: func(time.Duration) int64 { return 25_000 }}
	inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
		m, _, err := capture(t, client, CaptureOptions{})
		must(t, err)
		kinds := map[evidence.Kind]int{}
		for _, f := range m.Files {
			kinds[f.Kind]++
		}
		if kinds[evidence.Goroutine] != 6 || kinds[evidence.Execution] != 1 {
			t.Errorf("files %q", lines(m))
		}
		if i := slices.IndexFunc(m.Skipped, func(s Skip) bool { return s.Kind == evidence.Goroutine }); i < 0 || !strings.Contains(m.Skipped[i].Why, "25000 goroutines, the limit is 20000") ||
			!strings.HasSuffix(m.Skipped[i].Why, "beside the trace") {
			t.Errorf("skipped %+v", m.Skipped)
		}
		if m.Cost.Expected.Dumps != 0 || m.Cost.Measured.Dumps != 0 || *m.Cost.Goroutines != 25_000 {
			t.Errorf("cost %+v", m.Cost)
		}
	})
	inVirtualTime(t, &fakeTarget{total: f.total}, func(t *testing.T, client *http.Client) {
		m, _, err := capture(t, client, CaptureOptions{StackLimit: NoLimit})
		must(t, err)
		if len(m.Skipped) != 1 || m.Cost.Measured.Dumps != 6 || m.Cost.Expected.Dumps != 6 {
			t.Errorf("forced: skipped %+v, cost %+v", m.Skipped, m.Cost)
		}
	})
}

// A dump that the target's runtime cuts is kept beside the whole debug=0, and not asked for
// again: it would cost as much and show no more.
func TestCutDumpIsNotRepeated(t *testing.T) {
	f := &fakeTarget{total: func(time.Duration) int64 { return 19_000 },
		faults: map[string]http.HandlerFunc{"/debug/pprof/goroutine?debug=2": func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, io.LimitReader(zeros{}, stackDumpLimit))
		}}}
	inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
		m, _, err := capture(t, client, CaptureOptions{Kinds: []evidence.Kind{evidence.Goroutine}, For: 4 * time.Second, Every: 2 * time.Second})
		must(t, err)
		var got []string
		for _, f := range m.Files {
			got = append(got, strings.TrimSpace(f.Name+" "+f.Truncated))
		}
		diff(t, "files", got, []string{"goroutine.00.debug0.pb.gz", "goroutine.01.debug2.txt.gz " + stackDumpCut,
			"goroutine.02.debug0.pb.gz", "goroutine.03.debug0.pb.gz"})
		if len(m.Skipped) != 1 || !strings.Contains(m.Skipped[0].Why, "cuts it at 64 MiB") {
			t.Errorf("skipped %+v", m.Skipped)
		}
		if n := asks(f, "/debug/pprof/goroutine?debug=2"); n != 1 {
			t.Errorf("asked for %d cut dumps", n)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// The estimate comes before anything but the count; what was measured is in the manifest.
func TestCost(t *testing.T) {
	f := &fakeTarget{total: func(time.Duration) int64 { return 10_000 }, faults: map[string]http.HandlerFunc{
		"/debug/pprof/goroutine?debug=2": func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(500 * time.Millisecond)
			io.WriteString(w, "goroutine 1 [running]:\n")
		},
		"/debug/pprof/heap": func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			io.WriteString(w, "\x1f\x8bheap")
		},
	}}
	inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
		var before Cost
		asked := 0
		m, dir, err := capture(t, client, CaptureOptions{
			Kinds:     []evidence.Kind{evidence.Goroutine, evidence.Heap, evidence.CPU, evidence.Metrics},
			Estimated: func(c Cost) { before, asked = c, len(f.asked()) },
		})
		must(t, err)
		if asked != 1 || before.Goroutines == nil || *before.Goroutines != 10_000 {
			t.Errorf("after %d requests %+v", asked, before)
		}
		e := before.Expected
		if e.Dumps != 6 || e.LongestStallS < 0.289 || e.LongestStallS > 0.291 || e.Bytes != 6*10_000*dumpBytes {
			t.Errorf("expected %+v", e)
		}
		got := m.Cost.Measured
		// 6 debug=0, 6 debug=2, 6 heap, CPU, 11 scrapes.
		if got.Requests != 30 || got.Dumps != 6 || got.RequestS < 8.99 || got.RequestS > 9.01 {
			t.Errorf("measured %+v", got)
		}
		if got.LongestStallS < 0.289 || got.LongestStallS > 0.291 || got.StallS < 5.9*got.LongestStallS {
			t.Errorf("stalls %+v", got)
		}
		var bytes int64
		for _, f := range m.Files {
			bytes += f.Bytes
			if want := map[evidence.Kind]float64{evidence.Heap: 1}[f.Kind]; f.Format != "debug2" && f.RequestS != want {
				t.Errorf("%s took %g s, want %g", f.Name, f.RequestS, want)
			}
		}
		if got.Bytes < bytes {
			t.Errorf("%d bytes measured, the files have %d", got.Bytes, bytes)
		}
		stored := readManifestIn(t, dir)
		if stored.Cost == nil || stored.Cost.Measured != got || *stored.Cost.Goroutines != 10_000 {
			t.Errorf("stored %+v", stored.Cost)
		}
	})
}

// A stall is no longer than its request, whatever the estimate says.
func TestStallIsBoundedByTheRequest(t *testing.T) {
	inVirtualTime(t, &fakeTarget{total: func(time.Duration) int64 { return 19_999 }}, func(t *testing.T, client *http.Client) {
		m, _, err := capture(t, client, CaptureOptions{Kinds: []evidence.Kind{evidence.Goroutine}})
		must(t, err)
		if m.Cost.Measured.Dumps != 6 || m.Cost.Measured.StallS != 0 {
			t.Errorf("measured %+v", m.Cost.Measured)
		}
	})
	for n, want := range map[int64]float64{0: 0, 1000: 0.029, 100_000: 2.9, 1_000_000: 57.8} {
		if got := dumpStallS(n); got < want*0.99 || got > want*1.01 {
			t.Errorf("%d goroutines: %g s, want %g", n, got, want)
		}
	}
}

// The load begins when the goroutines without it are known; the last snapshot comes when
// window, load and the wait are over, and is marked.
func TestLoadAndSettle(t *testing.T) {
	for name, tc := range map[string]struct {
		load    time.Duration
		settled time.Duration
		warning string
	}{
		"as long as the window":    {10 * time.Second, 15 * time.Second, ""},
		"longer than the window":   {14 * time.Second, 19 * time.Second, ""},
		"shorter than the window":  {3 * time.Second, 15 * time.Second, "the load ended 3.0 s into a window of 10.0 s"},
		"nearly as long, and fine": {9 * time.Second, 15 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeTarget{}
			inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
				before, settling := 0, false
				m, dir, err := capture(t, client, CaptureOptions{
					Settle: 5 * time.Second,
					Load: func(context.Context) {
						before = asks(f, "/debug/pprof/goroutine?debug=2")
						time.Sleep(tc.load)
					},
					Settling: func() { settling = true },
				})
				must(t, err)
				if before != 1 || !settling {
					t.Errorf("%d dumps before the load, settling %v", before, settling)
				}
				if got := strings.Join(m.Warnings, "\n"); got != tc.warning {
					t.Errorf("warnings %q, want %q", got, tc.warning)
				}
				var marked []string
				for _, f := range m.Files {
					if f.Phase == evidence.Settled {
						marked = append(marked, f.CapturedAt.Sub(m.StartedAt).String()+" "+f.Name)
					}
				}
				diff(t, "settled", marked, []string{tc.settled.String() + " goroutine.07.debug2.txt.gz"})
				items, _ := resolve(t, Options{}, dir)
				if last := items[len(items)-1]; last.Phase != evidence.Settled || items[0].Phase != "" {
					t.Errorf("phases %q to %q", items[0].Phase, last.Phase)
				}
			})
		})
	}
}

// Where somebody else drives the load, two snapshots show whether it goes on.
func TestSettleWithoutLoad(t *testing.T) {
	inVirtualTime(t, &fakeTarget{}, func(t *testing.T, client *http.Client) {
		m, _, err := capture(t, client, CaptureOptions{Settle: 5 * time.Second})
		must(t, err)
		var got []string
		for _, f := range m.Files {
			if f.Phase != "" {
				got = append(got, fmt.Sprintf("%s %s %s", f.CapturedAt.Sub(m.StartedAt), f.Phase, f.Name))
			}
		}
		diff(t, "after the load", got, []string{"15s unattended goroutine.07.debug2.txt.gz", "17s unattended goroutine.08.debug2.txt.gz"})
		if m.Cost.Expected.Dumps != 8 || m.Cost.Measured.Dumps != 8 {
			t.Errorf("cost %+v", m.Cost)
		}
	})
}

// An interrupt reaches the load.
func TestInterruptedLoad(t *testing.T) {
	inVirtualTime(t, &fakeTarget{}, func(t *testing.T, client *http.Client) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := false
		time.AfterFunc(2*time.Second, cancel)
		_, err := Capture(ctx, targetURL, CaptureOptions{Client: client, Output: t.TempDir() + "/b", Settle: time.Second,
			Load: func(ctx context.Context) { <-ctx.Done(); ended = true }})
		if err == nil || !ended {
			t.Errorf("error %v, load ended %v", err, ended)
		}
	})
}

func readManifestIn(t *testing.T, dir string) *Manifest {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, ManifestName))
	must(t, err)
	defer f.Close()
	m, err := ReadManifest(f)
	must(t, err)
	return m
}

func TestIsProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("app:6060", nil, 0o600))
	for arg, want := range map[string]bool{
		"http://localhost:6060": true, ":6060": true, "localhost:6060/debug/pprof/": true, "localhost:6060": true,
		"app:6060": false, "http://localhost:6060/debug/pprof/heap": false, "capture.zip": false, "-": false, "": false, "ftp://h": false,
	} {
		if got := IsProgram(arg); got != want {
			t.Errorf("%q: %v", arg, got)
		}
	}
}
