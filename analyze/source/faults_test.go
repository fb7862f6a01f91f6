package source

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

// atOnce is the warning about an answer that did not take its time.
const atOnce = "mutex.pb.gz: the target answered at once: totals since it started, not of the window"

func encoded(encoding string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", encoding)
		w.Write(data)
	}
}

// Every fault of one answer: what the manifest then says of it, and that the others are
// whole.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		name    string
		path    string
		fault   http.HandlerFunc
		file    string // what stands after the path in lines, for the kind's file
		skip    string
		warning string
	}{
		{name: "404", path: "/debug/pprof/mutex", fault: status(404, "Unknown profile"), skip: "the target has no /debug/pprof/mutex?seconds=10 (HTTP status 404)"},
		{name: "in use", path: "/debug/pprof/profile", fault: status(500, "Could not enable CPU profiling: cpu profiling already in use"),
			skip: "HTTP status 500 Internal Server Error: Could not enable CPU profiling: cpu profiling already in use"},
		{name: "HTML", path: "/debug/pprof/mutex", fault: text("\n<!DOCTYPE html><title>Login</title>"), file: " | this is HTML, did a proxy answer?"},
		{name: "cut", path: "/debug/pprof/mutex", fault: partOf([]byte("\x1f\x8bpart"), 100), file: " | the connection ended before the whole answer was there"},
		{name: "cut before the first byte", path: "/debug/pprof/mutex", fault: partOf(nil, 100), file: " | the connection ended before the whole answer was there"},
		{name: "redirect", path: "/debug/pprof/mutex", fault: redirect("http://elsewhere/x"), file: " | redirects to another host, http://elsewhere/x"},
		{name: "redirect to another scheme", path: "/debug/pprof/mutex", fault: redirect("https://app:6060/x"), file: " | redirects to another host, https://app:6060/x"},
		{name: "slow headers", path: "/debug/pprof/mutex", fault: hang, file: " | no answer within 40s"},
		{name: "stopped body", path: "/debug/pprof/mutex", fault: stall, file: " | the answer stopped for 40s"},
		{name: "slow body", path: "/debug/pprof/mutex", fault: trickle, file: " | the answer did not end within 3m10s"},
		{name: "empty", path: "/debug/pprof/mutex", fault: text(""), file: " | the answer is empty"},
		{name: "too long", path: "/debug/pprof/mutex", fault: fill(5000), file: " | over budget: bytes of an answer beyond the limit of 4096"},
		{name: "encoded", path: "/debug/pprof/mutex", fault: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, "x")
		}, file: ` | answers in content encoding "br", which was not asked for`},
		{name: "encoded with gzip", path: "/debug/pprof/mutex", fault: encoded("gzip", gz(t, []byte("\x1f\x8bprofile"))), file: "", warning: atOnce},
		{name: "encoded with zstd", path: "/debug/pprof/mutex", fault: encoded("zstd", zst(t, []byte("\x1f\x8bprofile"))), file: "", warning: atOnce},
		{name: "said to be encoded", path: "/debug/pprof/mutex", fault: encoded("gzip", []byte("profile")), file: "", warning: atOnce},
		{name: "encoded page", path: "/debug/pprof/mutex", fault: encoded("gzip", gz(t, []byte("<html>"))), file: " | this is HTML, did a proxy answer?"},
		{name: "encoded and cut", path: "/debug/pprof/mutex", fault: encoded("zstd", zst(t, []byte(noise(4000)))[:200]),
			file: " | the connection ended before the whole answer was there"},
		{name: "encoded bomb", path: "/debug/pprof/mutex", fault: encoded("zstd", zst(t, make([]byte, 1<<20))), file: " | over budget: bytes of an answer beyond the limit of 4096"},
		{name: "no delta", path: "/debug/pprof/mutex", fault: text("\x1f\x8bx"), file: "",
			warning: atOnce},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fakeTarget{faults: map[string]http.HandlerFunc{tc.path: tc.fault}}
			inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
				kinds := []evidence.Kind{evidence.Goroutine, evidence.Mutex, evidence.CPU, evidence.Block}
				m, dir, err := capture(t, client, CaptureOptions{Kinds: kinds, MaxBytes: 4096})
				must(t, err)
				if tc.skip != "" {
					if len(m.Skipped) != 1 || m.Skipped[0].Why != tc.skip {
						t.Errorf("skipped %+v", m.Skipped)
					}
				}
				if got := strings.Join(m.Warnings, "\n"); got != tc.warning {
					t.Errorf("warnings %q", got)
				}
				whole := 0
				for i, l := range lines(m) {
					_, after, _ := strings.Cut(l, m.Files[i].Path)
					if m.Files[i].Kind == evidence.Mutex && tc.path == "/debug/pprof/mutex" {
						if after != tc.file {
							t.Errorf("mutex%s, want%s", after, tc.file)
						}
					} else if after == "" {
						whole++
					} else {
						t.Errorf("disturbed: %s", l)
					}
				}
				if whole != 9 {
					t.Errorf("%d files are whole", whole)
				}
				checkMarked(t, dir, m)
			})
		})
	}
}

// checkMarked resolves a bundle: what is cut is an item with a mark, what is missing a fatal
// problem.
func checkMarked(t *testing.T, dir string, m *Manifest) {
	t.Helper()
	items, problems := resolve(t, Options{}, dir)
	marked, missing := 0, 0
	for _, f := range m.Files {
		switch _, err := os.Stat(filepath.Join(dir, f.Name)); {
		case err != nil && f.Error == "":
			t.Errorf("%s is missing without a word", f.Name)
		case err != nil:
			missing++
		case f.Truncated != "":
			marked++
		}
	}
	for _, it := range items {
		if it.Truncated != "" {
			marked--
		}
	}
	for _, p := range problems {
		if p.Fatal {
			missing--
		}
	}
	if marked != 0 || missing != 0 {
		t.Errorf("%d cut and %d missing files pass as whole; problems %q", marked, missing, show(problems))
	}
}

func TestSixtyFourMebibytesOfStacksAreCut(t *testing.T) {
	faults := map[string]http.HandlerFunc{"/debug/pprof/goroutine?debug=2": fill(stackDumpLimit)}
	inVirtualTime(t, &fakeTarget{faults: faults}, func(t *testing.T, client *http.Client) {
		m, dir, err := capture(t, client, CaptureOptions{Kinds: []evidence.Kind{evidence.Goroutine}, For: time.Second, Every: time.Minute})
		must(t, err)
		if len(m.Files) != 2 || m.Files[1].Bytes != stackDumpLimit || m.Files[1].Truncated != stackDumpCut {
			t.Errorf("files %+v", m.Files)
		}
		items, _ := resolve(t, Options{}, dir)
		if items[0].Truncated != "" || items[1].Truncated != stackDumpCut {
			t.Errorf("items %+v", items)
		}
	})
}

// A dump of the same length that is streamed ends in an error; one byte less is whole.
func TestStreamedStacksAreCut(t *testing.T) {
	for n, cut := range map[int]bool{stackDumpLimit: true, stackDumpLimit - 1: false} {
		faults := map[string]http.HandlerFunc{"/debug/pprof/goroutine?debug=2": fill(n)}
		inVirtualTime(t, &fakeTarget{faults: faults}, func(t *testing.T, client *http.Client) {
			items, problems := resolve(t, Options{Capture: CaptureOptions{Client: client}}, "http://app/debug/pprof/goroutine?debug=2")
			if len(problems) != 0 {
				t.Fatalf("problems %q", show(problems))
			}
			r, err := items[0].Open(t.Context())
			must(t, err)
			defer r.Close()
			got, err := io.Copy(io.Discard, r)
			if got != int64(n) || (err != nil) != cut {
				t.Errorf("streamed %d of %d bytes, error %v", got, n, err)
			}
		})
	}
}

// When the first request fails, the capture ends before any time is spent, with advice, and
// leaves nothing.
func TestFirstRequestFails(t *testing.T) {
	for _, tc := range []struct {
		name, want, hint string
		fault            http.HandlerFunc
	}{
		{"404", "HTTP status 404 Not Found: 404 page not found", "net/http/pprof", http.NotFound},
		{"401", "HTTP status 401 Unauthorized: no", "credentials", status(401, "no")},
		{"HTML", "this is HTML, did a proxy answer?", "curl", text("<html>")},
		{"an HTML error page", "HTTP status 502 Bad Gateway", "curl", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(502)
			io.WriteString(w, "<h1>oops")
		}},
		{"redirect", "redirects to another host, http://elsewhere/", "go-debug analyze http://elsewhere/", redirect("http://elsewhere/")},
		{"loop", "more than 5 redirects", "curl", redirect("/debug/pprof/goroutine")},
		{"cut", "the connection ended before", "curl", partOf(nil, 5)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fakeTarget{faults: map[string]http.HandlerFunc{"/debug/pprof/goroutine": tc.fault}}
			inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
				start := time.Now()
				_, out, err := capture(t, client, CaptureOptions{})
				var in *evidence.InputError
				if !errors.As(err, &in) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(in.Hint, tc.hint) {
					t.Fatalf("error %v, %+v", err, in)
				}
				if strings.Contains(err.Error()+in.Hint, "secret") {
					t.Errorf("the password is in %v, %s", err, in.Hint)
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("took %s", d)
				}
				left, err := os.ReadDir(filepath.Dir(out))
				if err != nil || len(left) != 0 {
					t.Errorf("left behind %v %v", left, err)
				}
			})
		})
	}
}

func TestConnectionRefused(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	url := srv.URL
	srv.Close()
	_, err := Capture(t.Context(), url, CaptureOptions{Output: filepath.Join(t.TempDir(), "b")})
	var in *evidence.InputError
	if !errors.As(err, &in) || err.Error() != "connection refused" || !strings.Contains(in.Hint, "is the program running") {
		t.Errorf("got %v, %+v", err, in)
	}
	_, problems := resolve(t, Options{}, url)
	if want := []string{"!" + url + ": connection refused"}; !slices.Equal(show(problems), want) {
		t.Errorf("problems %q, want %q", show(problems), want)
	}
}

func TestMetrics(t *testing.T) {
	n := 0
	for _, tc := range []struct {
		name    string
		fault   http.HandlerFunc
		skip    string
		warning string
		marks   int
	}{
		{name: "none", fault: status(404, "404 page not found"), skip: "/metrics: HTTP status 404 Not Found: 404 page not found"},
		{name: "a page", fault: text("<html>app"), skip: "/metrics: this is HTML, did a proxy answer?"},
		{name: "other text", fault: text("hello, world\n"), skip: "/metrics: the answer is no Prometheus exposition"},
		{name: "one fails", fault: func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 3 {
				partOf([]byte("go_goroutines"), 50)(w, r)
			}
			io.WriteString(w, exposition)
		}, marks: 5, warning: "metrics.prom: 1 of 5 scrapes failed, the last because: the connection ended before the whole answer was there"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fakeTarget{faults: map[string]http.HandlerFunc{"/metrics": tc.fault}}
			inVirtualTime(t, f, func(t *testing.T, client *http.Client) {
				m, dir, err := capture(t, client, CaptureOptions{For: 4 * time.Second, Kinds: []evidence.Kind{evidence.Metrics, evidence.Heap}})
				must(t, err)
				if tc.skip != "" && (len(m.Skipped) != 1 || m.Skipped[0] != Skip{evidence.Metrics, tc.skip, true}) {
					t.Errorf("skipped %+v", m.Skipped)
				}
				if got := strings.Join(m.Warnings, ""); got != tc.warning {
					t.Errorf("warning %q", got)
				}
				data, _ := os.ReadFile(filepath.Join(dir, metricsFile))
				if got := strings.Count(string(data), "# scrape"); got != tc.marks {
					t.Errorf("%d marks in %q", got, data)
				}
				if strings.Contains(string(data), "go_goroutines\n") {
					t.Error("half a scrape was stored")
				}
			})
		})
	}
}

// What a proxy compressed comes out as the program sent it, compressed or not.
func TestTransferEncodingIsUndone(t *testing.T) {
	profile := gz(t, []byte("profile"))
	for name, h := range map[string]http.HandlerFunc{
		"gzip": encoded("gzip", gz(t, profile)), "zstd": encoded("zstd", zst(t, profile)), "none": encoded("identity", profile),
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(h)
			defer srv.Close()
			items, problems := resolve(t, Options{}, srv.URL+"/debug/pprof/heap")
			if got := contents(t, items); len(problems) != 0 || len(got) != 1 || got[0] != string(profile) {
				t.Errorf("%q, problems %q", got, show(problems))
			}
		})
	}
}
